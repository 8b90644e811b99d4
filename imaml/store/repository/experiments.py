"""Experiments: one training run each."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, TypedDict, Unpack

from sqlalchemy import ColumnElement, TableValuedAlias, cast, delete, func, inspect, or_, select, true, update
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session

from imaml.store.errors import NotFound
from imaml.store.repository.blobs import Blobs
from imaml.store.repository.portable import Page, is_postgresql, read_page
from imaml.store.tables import DEAD_AFTER, Blob, Experiment, State, Status
from imaml.store.values import check_name, check_text, utc_now

Sort = Literal["created", "-created", "name", "-name", "accuracy", "-accuracy"]


class Conditions(TypedDict, total=False):
    """What a listing asks of experiments; None asks nothing.

    `status` is a state as `Experiment.state` reports it; `q` a substring of name or notes, whatever the case
    of its ASCII letters. Those in the archive are left out, or with `archived` listed alone (None: both).
    """

    status: State | None
    algorithm: str | None
    dataset: str | None
    tag: str | None
    ways: int | None
    shots: int | None
    q: str | None
    archived: bool | None


@dataclass(frozen=True)
class Facets:
    """Every value that a tenant's experiments have, of what a listing can ask for; sorted."""

    algorithms: list[str] = field(default_factory=list[str])
    datasets: list[str] = field(default_factory=list[str])
    ways: list[int] = field(default_factory=list[int])
    shots: list[int] = field(default_factory=list[int])
    tags: list[str] = field(default_factory=list[str])


class Experiments:
    """A tenant's experiments; those that others share may be read, not changed."""

    def __init__(self, session: Session, tenant: str, blobs: Blobs) -> None:
        self._session = session
        self._tenant = tenant
        self._blobs = blobs

    def add(self, experiment: Experiment) -> Experiment:
        """Store a new experiment; raises `InvalidValue` for its name or a tag."""
        check_name(experiment.name)
        _check_tags(experiment.tags)
        experiment.tenant = self._tenant
        self._session.add(experiment)
        self._session.flush()
        return experiment

    def get(self, experiment_id: str) -> Experiment:
        """Return the experiment, own or shared, or raise `NotFound`."""
        return self._one(experiment_id, self._visible)

    def own(self, experiment_id: str) -> Experiment:
        """Return the experiment for a change, or raise `NotFound`."""
        return self._one(experiment_id, Experiment.tenant == self._tenant)

    def find_resumable(self, name: str) -> Experiment | None:
        """Return the tenant's latest experiment of that name that has not completed, if there is one."""
        return self._session.scalar(
            select(Experiment)
            .where(
                Experiment.tenant == self._tenant, Experiment.name == name, Experiment.status != "completed"
            )
            .order_by(Experiment.id.desc())
            .limit(1)
        )

    def list(
        self,
        *,
        sort: Sort = "-created",
        cursor: str | None = None,
        limit: int = 50,
        **conditions: Unpack[Conditions],
    ) -> Page[Experiment]:
        """Return own and shared experiments that meet every condition; those without accuracy sort lowest."""
        keys: dict[str, list[ColumnElement[Any]]] = {
            "name": [func.lower(Experiment.name)],
            "accuracy": [func.coalesce(Experiment.best_accuracy, -1.0)],
        }
        return read_page(
            self._session,
            select(Experiment).where(*self._meets(conditions)),
            [*keys.get(sort.removeprefix("-"), []), Experiment.id.expression],
            descending=sort.startswith("-"),
            cursor=cursor,
            limit=limit,
        )

    def count(self, **conditions: Unpack[Conditions]) -> int:
        """Return how many experiments `list` has on all its pages."""
        counted = select(func.count()).select_from(Experiment).where(*self._meets(conditions))
        return self._session.scalar(counted) or 0

    def facets(self) -> Facets:
        """Return what can be asked of a listing."""
        columns = (Experiment.algorithm, Experiment.dataset, _setting("ways"), _setting("shots"))
        kinds = self._session.execute(select(*columns).where(self._visible).distinct()).all()
        tags = self._tags()
        tagged = select(tags.c.value).select_from(inspect(Experiment).local_table.join(tags, true()))
        return Facets(
            *(
                sorted({value for value in values if value is not None})
                for values in zip(*kinds, strict=True)
            ),
            tags=sorted(self._session.scalars(tagged.where(self._visible).distinct())),
        )

    def update(
        self,
        experiment_id: str,
        *,
        name: str | None = None,
        tags: Sequence[str] | None = None,
        notes: str | None = None,
        archived: bool | None = None,
    ) -> Experiment:
        """Change what is given; raises `NotFound`, or `InvalidValue` for the name or a tag."""
        experiment = self.own(experiment_id)
        if name is not None:
            check_name(name)
            experiment.name = name
        if tags is not None:
            _check_tags(tags)
            experiment.tags = [*tags]
        if notes is not None:
            experiment.notes = notes
        if archived is not None:
            experiment.archived = archived
        self._session.flush()
        return experiment

    def delete(self, experiment_id: str) -> None:
        """Delete the experiment with its metrics, evaluations and checkpoint; its models live on."""
        own = delete(Experiment).where(Experiment.id == experiment_id, Experiment.tenant == self._tenant)
        deleted = self._session.execute(own.returning(Experiment.checkpoint_sha256)).one_or_none()
        if deleted is None:
            raise NotFound("experiment", experiment_id)
        self._blobs.remove_unreferenced(deleted.checkpoint_sha256)

    def heartbeat(self, experiment_id: str, step: int) -> None:
        """Record that the run is alive and at `step`."""
        self._set(experiment_id, step=step, heartbeat_at=utc_now())

    def resume(self, experiment_id: str) -> Experiment:
        """Set a run that had stopped to running again."""
        self._set(experiment_id, status="running", error=None, finished_at=None, heartbeat_at=utc_now())
        return self.own(experiment_id)

    def finish(self, experiment_id: str, status: Status, error: str | None = None) -> None:
        """Record how the run ended."""
        self._set(experiment_id, status=status, error=error, finished_at=utc_now())

    def save_checkpoint(self, experiment_id: str, data: bytes, step: int) -> None:
        """Store what the run needs to go on from `step`, in place of the checkpoint before."""
        before = self.own(experiment_id).checkpoint_sha256
        now = utc_now()
        self._set(experiment_id, checkpoint_sha256=self._blobs.put(data), step=step, heartbeat_at=now)
        self._blobs.remove_unreferenced(before)

    def load_checkpoint(self, experiment_id: str) -> bytes | None:
        """Return the latest checkpoint, or None if none was saved; raises `NotFound`, `CorruptBlob`."""
        sha256 = self.get(experiment_id).checkpoint_sha256
        return None if sha256 is None else self._blobs.get(sha256)

    def checkpoint_bytes(self, experiment: Experiment) -> int | None:
        """Return the size of the latest checkpoint, or None if there is none."""
        return self._session.scalar(select(Blob.size).where(Blob.sha256 == experiment.checkpoint_sha256))

    @property
    def _visible(self) -> ColumnElement[bool]:
        return or_(Experiment.tenant == self._tenant, Experiment.shared)

    def _one(self, experiment_id: str, condition: ColumnElement[bool]) -> Experiment:
        experiment = self._session.scalar(select(Experiment).where(Experiment.id == experiment_id, condition))
        if experiment is None:
            raise NotFound("experiment", experiment_id)
        return experiment

    def _set(self, experiment_id: str, **values: str | int | datetime | None) -> None:
        own = update(Experiment).where(Experiment.id == experiment_id, Experiment.tenant == self._tenant)
        if self._session.scalar(own.values(**values).returning(Experiment.id)) is None:
            raise NotFound("experiment", experiment_id)

    def _meets(self, asked: Conditions) -> Sequence[ColumnElement[bool]]:
        conditions = [self._visible]
        for name, column in {
            "algorithm": Experiment.algorithm,
            "dataset": Experiment.dataset,
            "ways": _setting("ways"),
            "shots": _setting("shots"),
        }.items():
            if (value := asked.get(name)) is not None:
                conditions.append(column == value)
        if (state := asked.get("status")) is not None:
            conditions.append(_has_state(state))
        if (tag := asked.get("tag")) is not None:
            tags = self._tags()
            conditions.append(select(tags).where(tags.c.value == tag).correlate(Experiment).exists())
        if (q := asked.get("q")) is not None:
            texts = (Experiment.name, Experiment.notes)
            conditions.append(or_(*(text.icontains(q, autoescape=True) for text in texts)))
        if (archived := asked.get("archived", False)) is not None:
            conditions.append(Experiment.archived == archived)
        return conditions

    def _tags(self) -> TableValuedAlias:
        """The tags of an experiment, a row each."""
        if is_postgresql(self._session):
            return func.jsonb_array_elements_text(cast(Experiment.tags, JSONB)).table_valued("value")
        return func.json_each(Experiment.tags).table_valued("value")


def _setting(name: str) -> ColumnElement[int]:
    return Experiment.config[name].as_integer()


def _has_state(state: State) -> ColumnElement[bool]:
    if state not in ("running", "dead"):
        return Experiment.status == state
    alive = Experiment.heartbeat_at >= utc_now() - DEAD_AFTER
    return (Experiment.status == "running") & (alive if state == "running" else ~alive)


def _check_tags(tags: Sequence[str]) -> None:
    for tag in tags:
        check_text("tag", tag)
