"""An adaptation that was asked for, made and stored: at once or by a job, in the same way."""

from dataclasses import dataclass
from typing import Self

from starlette.concurrency import run_in_threadpool

from backend.messages import schemas
from backend.messages.requests import MoreExamples, NewAdaptation
from backend.problems import Problem
from backend.settings import Settings
from backend.work import lessons
from backend.work.engine import Engine
from backend.work.lessons import Taught
from imaml.runtime.model import MetaModel
from imaml.store import Adaptation, Model, Store, Transaction


@dataclass(frozen=True)
class Order:
    """What to learn from: examples for a model, or more of them for the adaptation that is extended."""

    body: NewAdaptation | MoreExamples
    extends: str | None = None

    def sha256(self, later: bool) -> str:
        """Return a hash of what is asked for, which may be a job that makes it later."""
        return self.body.sha256({"extends": self.extends, "later": later})

    def to_bytes(self) -> bytes:
        """Return what `from_bytes` reads."""
        return self.body.to_json()

    @classmethod
    def from_bytes(cls, data: bytes, extends: str | None) -> Self:
        """Return the order that `to_bytes` wrote."""
        kind = NewAdaptation if extends is None else MoreExamples
        return cls(kind.model_validate_json(data), extends)


@dataclass(frozen=True)
class Basis:
    """What an order builds upon."""

    model: Model
    before: Adaptation | None = None
    examples: bytes = b""


def look_up(order: Order, store: Store) -> Basis:
    """Return what the order builds upon; raises NotFound, or Problem where no examples were stored."""
    with store.reading() as transaction:
        if isinstance(order.body, NewAdaptation):
            return Basis(transaction.models.resolve(order.body.model))
        before = transaction.adaptations.get(order.extends or "")
        return Basis(transaction.models.get(before.model_id), before, examples_of(transaction, before.id))


def examples_of(transaction: Transaction, adaptation_id: str) -> bytes:
    """Return the stored examples of an adaptation; raises Problem where there are none."""
    examples = transaction.adaptations.examples(adaptation_id)
    if examples is None:
        raise Problem(
            404, "no-examples", "The examples of this adaptation were not stored (store_examples was false)."
        )
    return examples


async def learn(order: Order, store: Store, engine: Engine, settings: Settings) -> Taught:
    """Solve for the parameters; raises Problem and the errors of the store and of the runtime."""
    basis = await run_in_threadpool(look_up, order, store)

    def work() -> Taught:
        with engine.metrics.stage("decode"):
            lesson = _prepare(order, basis, loaded.meta, settings)
        with engine.metrics.stage("adapt"):
            return lessons.teach(basis.model.id, lesson, order.body, settings)

    async with engine.model(store, basis.model.id) as loaded:
        return await engine.run(work)


def add(transaction: Transaction, taught: Taught, settings: Settings, created_by: str | None) -> Adaptation:
    """Store what was learned for whom has that key; raises QuotaExceeded, on a service with keys."""
    taught.adaptation.created_by = created_by
    return transaction.adaptations.add(
        taught.adaptation,
        parameters=taught.parameters,
        examples=taught.examples,
        most=quota(transaction, settings),
    )


def quota(transaction: Transaction, settings: Settings) -> int | None:
    """Return how many adaptations a tenant may have; None on a service without keys, which has no tenants."""
    return settings.max_adaptations if transaction.keys.exist() else None


def shown(adaptation: Adaptation, model: Model) -> schemas.Adaptation:
    """Return an adaptation as it is answered."""
    return schemas.Adaptation.model_validate(
        {
            **vars(adaptation),
            "model": model.name,
            "model_version": model.version,
            "examples_stored": adaptation.examples_sha256 is not None,
        }
    )


def _prepare(order: Order, basis: Basis, meta: MetaModel, settings: Settings) -> lessons.Lesson:
    if basis.before is None:
        return lessons.first_lesson(order.body, meta, settings)
    return lessons.next_lesson(order.body, meta, settings, basis.before, basis.examples)
