"""Stored experiments: to review, to describe, to delete."""

import math
from typing import Annotated

from fastapi import APIRouter, Depends, Query

from backend.dependencies import Cursor, ExperimentId, Limit, StoreDep
from backend.messages import bodies, schemas
from backend.messages.refusals import BODY, refusals
from backend.messages.requests import Storable
from backend.messages.uploads import ExperimentChangesDep
from backend.security import Requires
from imaml.store import Evaluation, Experiment, Point, State, Transaction
from imaml.store.repository.experiments import Conditions, Sort
from imaml.store.tables import NO_INNER_STEP

router = APIRouter(prefix="/v1", tags=["experiments"], dependencies=[Depends(Requires("review"))])

_ONE = ("unknown-experiment",)

Count = Annotated[int, Query(ge=0, le=2**31 - 1)]


@router.get("/experiments", responses=refusals("invalid-value"))
def list_experiments(
    store: StoreDep,
    status: Annotated[State | None, Query(description="How far they have come.")] = None,
    algorithm: Annotated[Storable | None, Query(description="By which they were trained.")] = None,
    dataset: Annotated[Storable | None, Query(description="On which they were trained.")] = None,
    tag: Annotated[Storable | None, Query(description="One of their tags.")] = None,
    ways: Annotated[Count | None, Query(description="Classes in each task.")] = None,
    shots: Annotated[Count | None, Query(description="Examples of each class.")] = None,
    q: Annotated[Storable | None, Query(description="Part of the name or of the notes.")] = None,
    archived: Annotated[bool, Query(description="Those that were put away, instead of the others.")] = False,
    sort: Annotated[Sort, Query(description="By what; - is for the other way round.")] = "-created",
    cursor: Cursor = None,
    limit: Limit = 50,
    sparkline: Annotated[
        int | None, Query(ge=2, le=200, description="With about so many points of each validation accuracy.")
    ] = None,
) -> schemas.ExperimentPage:
    """List the experiments that meet every condition given."""
    asked = Conditions(
        status=status,
        algorithm=algorithm,
        dataset=dataset,
        tag=tag,
        ways=ways,
        shots=shots,
        q=q,
        archived=archived,
    )
    with store.reading() as transaction:
        page = transaction.experiments.list(sort=sort, cursor=cursor, limit=limit, **asked)
        total = transaction.experiments.count(**asked)
        curves = transaction.metrics.sparklines(page.items, sparkline) if sparkline else {}
    items = [
        schemas.Experiment.model_validate({**_fields(experiment), "sparkline": curves.get(experiment.id)})
        for experiment in page.items
    ]
    return schemas.ExperimentPage(items=items, next_cursor=page.next_cursor, total=total)


@router.get("/experiment-facets", responses=refusals())
def list_facets(store: StoreDep) -> schemas.ExperimentFacets:
    """List what the experiments have, of what their list can be asked for."""
    with store.reading() as transaction:
        return schemas.ExperimentFacets.model_validate(transaction.experiments.facets(), from_attributes=True)


@router.get("/experiments/{experiment_id}", responses=refusals(*_ONE))
def show_experiment(experiment_id: ExperimentId, store: StoreDep) -> schemas.ExperimentDetail:
    """Show one experiment."""
    with store.reading() as transaction:
        return _detail(transaction, transaction.experiments.get(experiment_id))


@router.patch(
    "/experiments/{experiment_id}",
    responses=refusals(*_ONE, *BODY, "malformed-json", "unsupported-media-type", "invalid-value"),
    openapi_extra=bodies.EXPERIMENT_CHANGES,
)
def change_experiment(
    experiment_id: ExperimentId, changes: ExperimentChangesDep, store: StoreDep
) -> schemas.ExperimentDetail:
    """Change its name, tags or notes, or put it into the archive."""
    with store.transaction() as transaction:
        return _detail(transaction, transaction.experiments.update(experiment_id, **changes.model_dump()))


@router.delete("/experiments/{experiment_id}", status_code=204, responses=refusals(*_ONE))
def delete_experiment(experiment_id: ExperimentId, store: StoreDep) -> None:
    """Delete the experiment with its metrics and evaluations; its models live on."""
    with store.transaction() as transaction:
        transaction.experiments.delete(experiment_id)


@router.get("/experiments/{experiment_id}/metrics", responses=refusals(*_ONE))
def read_metrics(
    experiment_id: ExperimentId,
    store: StoreDep,
    names: Annotated[list[Storable] | None, Query(description="Which ones, also parted by commas.")] = None,
    points: Annotated[int, Query(ge=2, le=100_000, description="About how many of each.")] = 1000,
    first_step: Annotated[Count | None, Query(description="From this meta-step on.")] = None,
    last_step: Annotated[Count | None, Query(description="Up to this meta-step.")] = None,
) -> schemas.Metrics:
    """Read its curves, of which long ones are thinned out; their lowest and highest points stay.

    Of inner-loop curves, which have an `inner_step`, whole ones are left out.
    """
    wanted = None if names is None else [name for joined in names for name in joined.split(",")]
    with store.reading() as transaction:
        curves = transaction.metrics.read(
            experiment_id, wanted, points, first_step=first_step, last_step=last_step
        )
    return schemas.Metrics(metrics={name: [_point(p) for p in curve] for name, curve in curves.items()})


@router.get("/experiments/{experiment_id}/evaluations", responses=refusals(*_ONE))
def list_evaluations(
    experiment_id: ExperimentId,
    store: StoreDep,
    accuracies: Annotated[bool, Query(description="With the accuracy of each episode.")] = False,
) -> schemas.Page[schemas.Evaluation]:
    """List its evaluations, newest first."""
    with store.reading() as transaction:
        evaluations = transaction.evaluations.list(experiment_id=experiment_id)
    return schemas.Page(items=[_evaluation(evaluation, accuracies) for evaluation in evaluations])


def _fields(experiment: Experiment) -> dict[str, object]:
    return {
        **vars(experiment),
        "status": experiment.state(),
        "seconds_left": experiment.seconds_left(),
        "ways": experiment.config.get("ways"),
        "shots": experiment.config.get("shots"),
    }


def _detail(transaction: Transaction, experiment: Experiment) -> schemas.ExperimentDetail:
    size = transaction.experiments.checkpoint_bytes(experiment)
    return schemas.ExperimentDetail.model_validate({**_fields(experiment), "checkpoint_bytes": size})


def _point(point: Point) -> schemas.MetricPoint:
    return schemas.MetricPoint(
        step=point.step,
        inner_step=None if point.inner_step == NO_INNER_STEP else point.inner_step,
        value=point.value if math.isfinite(point.value) else None,
    )


def _evaluation(evaluation: Evaluation, accuracies: bool) -> schemas.Evaluation:
    shown = schemas.Evaluation.model_validate(evaluation, from_attributes=True)
    return shown if accuracies else shown.model_copy(update={"accuracies": None})
