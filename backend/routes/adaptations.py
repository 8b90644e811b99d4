"""Adaptations: learn from examples, look at what was learned, forget it."""

from typing import Annotated

from fastapi import APIRouter, Depends, Header, Query, Response
from starlette.concurrency import run_in_threadpool

from backend.dependencies import (
    AdaptationId,
    Cursor,
    EngineDep,
    KnownDep,
    LaterDep,
    Limit,
    OrdersDep,
    SettingsDep,
    StoreDep,
)
from backend.messages import bodies, schemas
from backend.messages.downloads import zip_file
from backend.messages.refusals import BINARY, LEARNING, WORKING, Responses, refusals
from backend.messages.requests import Storable
from backend.messages.uploads import MoreExamplesDep, NewAdaptationDep
from backend.security import Requires
from backend.work import stored
from backend.work.export import export
from backend.work.margins import examine, refine
from backend.work.orders import Order, examples_of, shown
from imaml.store import Store
from imaml.store.values import MAX_NAME_LENGTH

router = APIRouter(
    prefix="/v1/adaptations", tags=["adaptations"], dependencies=[Depends(Requires("adapt", "predict"))]
)

_ONE = ("unknown-adaptation",)
_MADE: Responses = {
    201: {
        "links": {
            name: {"operationId": name, "parameters": {"adaptation_id": "$response.body#/id"}}
            for name in ("show_adaptation", "predict_answers", "add_examples", "delete_adaptation")
        }
    },
    202: {
        "model": schemas.Job,
        "description": "A job, with `Prefer: respond-async`.",
        "links": {"show_job": {"operationId": "show_job", "parameters": {"job_id": "$response.body#/id"}}},
    },
}
_EXPORT: Responses = {
    200: {"content": {"application/zip": BINARY}, "description": "The adapted model and what it needs."}
}

IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=MAX_NAME_LENGTH,
        pattern="^[ -~]+$",
        description="Sent again with the same request within a day, it is answered as it was the first time.",
    ),
]
_LEARNERS = [Depends(Requires("adapt"))]


@router.post(
    "",
    status_code=201,
    response_model=schemas.Adaptation,
    responses=_MADE | refusals(*LEARNING, "unknown-model"),
    dependencies=_LEARNERS,
    openapi_extra=bodies.NEW_ADAPTATION,
)
async def create_adaptation(
    body: NewAdaptationDep,
    orders: OrdersDep,
    later: LaterDep,
    idempotency_key: IdempotencyKey = None,
) -> schemas.Adaptation | Response:
    """Teach a model from labelled images or vectors, or from vectors with numbers.

    A form has one of `labels` for each file in `examples`, in the same order. In the answer `solution` says
    how well the examples were learned, `warnings` what makes it doubtful, and `id` what to ask and extend.
    """
    return await orders.answer(Order(body), idempotency_key, later=later)


@router.post(
    "/{adaptation_id}/examples",
    status_code=201,
    response_model=schemas.Adaptation,
    responses=_MADE | refusals(*LEARNING, *_ONE, "no-examples"),
    dependencies=_LEARNERS,
    openapi_extra=bodies.MORE_EXAMPLES,
)
async def add_examples(
    adaptation_id: AdaptationId,
    body: MoreExamplesDep,
    orders: OrdersDep,
    later: LaterDep,
    idempotency_key: IdempotencyKey = None,
) -> schemas.Adaptation | Response:
    """Make a new adaptation from the examples of this one and more, by its recipe.

    They may be of classes that it does not know yet. This one stays as it is, and can still be asked.
    """
    return await orders.answer(Order(body, adaptation_id), idempotency_key, later=later)


@router.get("", responses=refusals("invalid-value", "unknown-model"))
def list_adaptations(
    store: StoreDep,
    model: Annotated[Storable | None, Query(description="An id, a name, name@alias or name:version.")] = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> schemas.Page[schemas.Adaptation]:
    """List the adaptations, of a version of a model or all, newest first."""
    with store.reading() as transaction:
        model_id = None if model is None else transaction.models.resolve(model).id
        page = transaction.adaptations.list(model_id=model_id, cursor=cursor, limit=limit)
        ids = {adaptation.model_id for adaptation in page.items}
        models = {model_id: transaction.models.get(model_id) for model_id in ids}
    items = [shown(adaptation, models[adaptation.model_id]) for adaptation in page.items]
    return schemas.Page(items=items, next_cursor=page.next_cursor)


@router.get("/{adaptation_id}", responses=refusals(*_ONE))
def show_adaptation(known: KnownDep) -> schemas.Adaptation:
    """Show one adaptation."""
    return shown(known.adaptation, known.model)


@router.get(
    "/{adaptation_id}/export",
    response_class=Response,
    dependencies=_LEARNERS,
    responses=_EXPORT | refusals(*_ONE, *WORKING),
)
async def export_adaptation(known: KnownDep, store: StoreDep, engine: EngineDep) -> Response:
    """Take away the adapted model: it answers as here, without the service.

    The zip holds `model.onnx`, with its weights inside, for ONNX Runtime; `labels.json`, the classes in the
    order of its probabilities; `input.json`, what it takes; and `example.py`, which asks it about files.
    """
    adaptation, model = known
    async with engine.model(store, model.id) as loaded, engine.adapted(store, adaptation) as adapted:
        data = await engine.run(export, store, adaptation, model, loaded.meta, adapted)
    return zip_file(data, f"{adaptation.name or adaptation.id}.zip")


@router.delete("/{adaptation_id}", status_code=204, dependencies=_LEARNERS, responses=refusals(*_ONE))
async def delete_adaptation(adaptation_id: AdaptationId, store: StoreDep, engine: EngineDep) -> None:
    """Forget an adaptation, its parameters and its examples."""
    await run_in_threadpool(_delete, store, adaptation_id)
    engine.forget(adaptation_id)


@router.get(
    "/{adaptation_id}/examples",
    dependencies=_LEARNERS,
    responses=refusals(*_ONE, *WORKING, "no-examples", "no-classes", "diverged"),
)
async def list_examples(
    known: KnownDep,
    store: StoreDep,
    engine: EngineDep,
    settings: SettingsDep,
    margins: Annotated[bool, Query(description="Learn anew without each, to see which look wrong.")] = False,
) -> schemas.Page[schemas.LabelledExample]:
    """List the examples it learned from, as the model saw them.

    A margin is the log odds of an example's label against the likeliest other one, as learned from the other
    examples: one below 0 looks mislabelled. There is none for an example that is alone in its class, nor for
    those that time did not suffice for.
    """
    adaptation, model = known
    examples = await run_in_threadpool(_examples, store, adaptation.id)
    found = None
    if margins:
        async with engine.model(store, model.id) as loaded:
            found = (await examine(engine, loaded, adaptation, examples, settings)).margins()
    return schemas.Page(items=await run_in_threadpool(stored.unpack_examples, examples, found))


@router.post(
    "/{adaptation_id}/unknown-threshold",
    dependencies=_LEARNERS,
    responses=refusals(*_ONE, *WORKING, "no-examples", "no-classes", "too-few-examples", "diverged"),
)
async def refine_threshold(
    known: KnownDep, store: StoreDep, engine: EngineDep, settings: SettingsDep
) -> schemas.Adaptation:
    """Fit the threshold for unknown queries to these examples, of which each class must have two or more."""
    adaptation, model = known
    examples = await run_in_threadpool(_examples, store, adaptation.id)
    async with engine.model(store, model.id) as loaded:
        threshold = refine(loaded, await examine(engine, loaded, adaptation, examples, settings))
    return await run_in_threadpool(_set_threshold, store, adaptation.id, threshold)


def _delete(store: Store, adaptation_id: str) -> None:
    with store.transaction() as transaction:
        transaction.adaptations.delete(adaptation_id)


def _set_threshold(store: Store, adaptation_id: str, threshold: float) -> schemas.Adaptation:
    with store.transaction() as transaction:
        adaptation = transaction.adaptations.set_unknown_threshold(adaptation_id, threshold)
        return shown(adaptation, transaction.models.get(adaptation.model_id))


def _examples(store: Store, adaptation_id: str) -> bytes:
    with store.reading() as transaction:
        return examples_of(transaction, adaptation_id)
