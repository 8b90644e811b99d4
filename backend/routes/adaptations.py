"""Adaptations: learn from examples, look at what was learned, forget it."""

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Header, Query
from starlette.concurrency import run_in_threadpool

from backend import bodies, schemas, stored, teaching
from backend.dependencies import (
    Cursor,
    EngineDep,
    KnownDep,
    Limit,
    SettingsDep,
    StoreDep,
    resolve_model,
)
from backend.engine import Engine
from backend.examining import examine, refine
from backend.problems import Problem
from backend.requests import MoreExamples
from backend.settings import Settings
from backend.teaching import Lesson, Taught
from backend.uploads import MoreExamplesDep, NewAdaptationDep
from imaml.runtime.model import MetaModel
from imaml.store import Adaptation, Model, Store
from imaml.store.values import MAX_NAME_LENGTH

router = APIRouter(prefix="/v1/adaptations", tags=["adaptations"])

IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=MAX_NAME_LENGTH,
        pattern="^[ -~]+$",
        description="Sent again with the same request, it is answered with the same adaptation.",
    ),
]


@router.post("", status_code=201, openapi_extra=bodies.NEW_ADAPTATION)
async def create_adaptation(
    body: NewAdaptationDep,
    store: StoreDep,
    engine: EngineDep,
    settings: SettingsDep,
    idempotency_key: IdempotencyKey = None,
) -> schemas.Adaptation:
    """Teach a model from labelled images or vectors, or from vectors with numbers."""
    request_hash = None
    if idempotency_key is not None:
        request_hash = await run_in_threadpool(body.sha256)
        if earlier := await run_in_threadpool(_answer_to, store, idempotency_key, request_hash):
            return earlier
    model = await run_in_threadpool(resolve_model, store, body.model)

    def prepare(meta: MetaModel) -> Lesson:
        return teaching.first_lesson(body, meta, settings)

    taught = await _teach(engine, model, body, settings, prepare)
    taught.adaptation.idempotency_key = idempotency_key
    taught.adaptation.request_hash = request_hash
    return await _keep(store, engine, taught)


@router.get("")
def list_adaptations(
    store: StoreDep, cursor: Cursor = None, limit: Limit = 50
) -> schemas.Page[schemas.Adaptation]:
    """List the adaptations, newest first."""
    with store.reading() as transaction:
        page = transaction.adaptations.list(cursor=cursor, limit=limit)
        ids = {adaptation.model_id for adaptation in page.items}
        models = {model_id: transaction.models.get(model_id) for model_id in ids}
    items = [_shown(adaptation, models[adaptation.model_id]) for adaptation in page.items]
    return schemas.Page(items=items, next_cursor=page.next_cursor)


@router.get("/{adaptation_id}")
def show_adaptation(known: KnownDep) -> schemas.Adaptation:
    """Show one adaptation."""
    return _shown(known.adaptation, known.model)


@router.delete("/{adaptation_id}", status_code=204)
async def delete_adaptation(adaptation_id: str, store: StoreDep, engine: EngineDep) -> None:
    """Forget an adaptation, its parameters and its examples."""
    await run_in_threadpool(_delete, store, adaptation_id)
    engine.forget(adaptation_id)


@router.get("/{adaptation_id}/examples")
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
        async with engine.model(model.id) as loaded:
            found = (await examine(engine, loaded, adaptation, examples, settings)).margins()
    return schemas.Page(items=await run_in_threadpool(stored.unpack_examples, examples, found))


@router.post("/{adaptation_id}/unknown-threshold")
async def refine_threshold(
    known: KnownDep, store: StoreDep, engine: EngineDep, settings: SettingsDep
) -> schemas.Adaptation:
    """Fit the threshold for unknown queries to these examples, of which each class must have two or more."""
    adaptation, model = known
    examples = await run_in_threadpool(_examples, store, adaptation.id)
    async with engine.model(model.id) as loaded:
        threshold = refine(loaded, await examine(engine, loaded, adaptation, examples, settings))
    return await run_in_threadpool(_set_threshold, store, adaptation.id, threshold)


@router.post("/{adaptation_id}/examples", status_code=201, openapi_extra=bodies.MORE_EXAMPLES)
async def add_examples(
    known: KnownDep, body: MoreExamplesDep, store: StoreDep, engine: EngineDep, settings: SettingsDep
) -> schemas.Adaptation:
    """Make a new adaptation from the examples of this one and more, by its recipe."""
    before, model = known
    examples = await run_in_threadpool(_examples, store, before.id)

    def prepare(meta: MetaModel) -> Lesson:
        return teaching.next_lesson(body, meta, settings, before, examples)

    return await _keep(store, engine, await _teach(engine, model, body, settings, prepare))


async def _teach(
    engine: Engine,
    model: Model,
    body: MoreExamples,
    settings: Settings,
    prepare: Callable[[MetaModel], Lesson],
) -> Taught:
    def learn() -> Taught:
        with engine.metrics.stage("decode"):
            lesson = prepare(loaded.meta)
        with engine.metrics.stage("adapt"):
            return teaching.teach(model.id, lesson, body, settings)

    async with engine.model(model.id) as loaded:
        return await engine.run(learn)


async def _keep(store: Store, engine: Engine, taught: Taught) -> schemas.Adaptation:
    with engine.metrics.stage("store"):
        kept = await run_in_threadpool(_add, store, taught)
    if kept.id == taught.adaptation.id:
        engine.remember(kept.id, taught.adapted)
    return kept


def _add(store: Store, taught: Taught) -> schemas.Adaptation:
    """Store it, unless the same request, sent twice at once, was the first to be stored."""
    with store.transaction() as transaction:
        adaptation = transaction.adaptations.add(
            taught.adaptation, parameters=taught.parameters, examples=taught.examples
        )
        return _shown(adaptation, transaction.models.get(adaptation.model_id))


def _delete(store: Store, adaptation_id: str) -> None:
    with store.transaction() as transaction:
        transaction.adaptations.delete(adaptation_id)


def _set_threshold(store: Store, adaptation_id: str, threshold: float) -> schemas.Adaptation:
    with store.transaction() as transaction:
        adaptation = transaction.adaptations.get(adaptation_id)
        adaptation.unknown_threshold = threshold
        return _shown(adaptation, transaction.models.get(adaptation.model_id))


def _answer_to(store: Store, idempotency_key: str, request_hash: str) -> schemas.Adaptation | None:
    with store.reading() as transaction:
        earlier = transaction.adaptations.answer_to(idempotency_key, request_hash)
        return earlier and _shown(earlier, transaction.models.get(earlier.model_id))


def _examples(store: Store, adaptation_id: str) -> bytes:
    with store.reading() as transaction:
        examples = transaction.adaptations.examples(adaptation_id)
    if examples is None:
        raise Problem(
            404, "no-examples", "The examples of this adaptation were not stored (store_examples was false)."
        )
    return examples


def _shown(adaptation: Adaptation, model: Model) -> schemas.Adaptation:
    return schemas.Adaptation.model_validate(
        {**vars(adaptation), "model": model.name, "model_version": model.version}
    )
