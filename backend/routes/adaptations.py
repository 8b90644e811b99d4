"""Adaptations: learn from examples, look at what was learned, forget it."""

from typing import Annotated

from fastapi import APIRouter, Header
from starlette.concurrency import run_in_threadpool

from backend import bodies, schemas, stored, teaching
from backend.dependencies import (
    AdaptationDep,
    Cursor,
    EngineDep,
    Limit,
    SettingsDep,
    StoreDep,
    resolve_model,
)
from backend.engine import Engine
from backend.problems import Problem
from backend.teaching import Taught
from backend.uploads import MoreExamplesDep, NewAdaptationDep
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
    meta = (await engine.model(store, model)).meta

    def learn() -> Taught:
        lesson = teaching.first_lesson(body, meta, settings)
        return teaching.teach(model.id, lesson, body, settings)

    taught = await engine.run(learn)
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
def show_adaptation(known: AdaptationDep) -> schemas.Adaptation:
    """Show one adaptation."""
    return _shown(known.adaptation, known.model)


@router.delete("/{adaptation_id}", status_code=204)
def delete_adaptation(adaptation_id: str, store: StoreDep, engine: EngineDep) -> None:
    """Forget an adaptation, its parameters and its examples."""
    with store.transaction() as transaction:
        transaction.adaptations.delete(adaptation_id)
    engine.forget(adaptation_id)


@router.get("/{adaptation_id}/examples")
def list_examples(adaptation_id: str, store: StoreDep) -> schemas.Page[schemas.LabelledExample]:
    """List the examples it learned from, as the model saw them."""
    return schemas.Page(items=stored.unpack_examples(_examples(store, adaptation_id)))


@router.post("/{adaptation_id}/examples", status_code=201, openapi_extra=bodies.MORE_EXAMPLES)
async def add_examples(
    known: AdaptationDep, body: MoreExamplesDep, store: StoreDep, engine: EngineDep, settings: SettingsDep
) -> schemas.Adaptation:
    """Make a new adaptation from the examples of this one and more, by its recipe."""
    before, model = known
    examples = await run_in_threadpool(_examples, store, before.id)
    meta = (await engine.model(store, model)).meta

    def learn() -> Taught:
        lesson = teaching.next_lesson(body, meta, settings, before, examples)
        return teaching.teach(model.id, lesson, body, settings)

    return await _keep(store, engine, await engine.run(learn))


async def _keep(store: Store, engine: Engine, taught: Taught) -> schemas.Adaptation:
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
