"""Experiments: one training run each."""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

from sqlalchemy import ColumnElement, cast, delete, func, or_, select, update
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session

from imaml.store.errors import NotFound
from imaml.store.repository.blobs import Blobs
from imaml.store.repository.portable import Page, is_postgresql, read_page
from imaml.store.tables import DEAD_AFTER, Experiment, State, Status
from imaml.store.values import check_name, check_text, utc_now

Sort = Literal["created", "-created", "name", "-name"]


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
        status: State | None = None,
        algorithm: str | None = None,
        dataset: str | None = None,
        tag: str | None = None,
        q: str | None = None,
        archived: bool | None = False,
        sort: Sort = "-created",
        cursor: str | None = None,
        limit: int = 50,
    ) -> Page[Experiment]:
        """Return own and shared experiments that meet every condition given (`archived=None`: both kinds).

        `status` is a state as `Experiment.state` reports it; `q` a substring of name or notes, whatever the
        case of its ASCII letters.
        """
        statement = select(Experiment).where(self._visible)
        if status is not None:
            statement = statement.where(_has_state(status))
        if algorithm is not None:
            statement = statement.where(Experiment.algorithm == algorithm)
        if dataset is not None:
            statement = statement.where(Experiment.dataset == dataset)
        if tag is not None:
            statement = statement.where(self._has_tag(tag))
        if q is not None:
            found = (text.icontains(q, autoescape=True) for text in (Experiment.name, Experiment.notes))
            statement = statement.where(or_(*found))
        if archived is not None:
            statement = statement.where(Experiment.archived == archived)
        by_name = sort.removeprefix("-") == "name"
        keys: list[ColumnElement[str]] = [func.lower(Experiment.name)] if by_name else []
        return read_page(
            self._session,
            statement,
            [*keys, Experiment.id.expression],
            descending=sort.startswith("-"),
            cursor=cursor,
            limit=limit,
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

    def _has_tag(self, tag: str) -> ColumnElement[bool]:
        if is_postgresql(self._session):
            return cast(Experiment.tags, JSONB).contains([tag])
        tags = func.json_each(Experiment.tags).table_valued("value")
        return select(tags).where(tags.c.value == tag).exists()


def _has_state(state: State) -> ColumnElement[bool]:
    if state not in ("running", "dead"):
        return Experiment.status == state
    alive = Experiment.heartbeat_at >= utc_now() - DEAD_AFTER
    return (Experiment.status == "running") & (alive if state == "running" else ~alive)


def _check_tags(tags: Sequence[str]) -> None:
    for tag in tags:
        check_text("tag", tag)
