"""A run in the database: watched as it goes, interrupted without loss, resumed to the same result."""

import os
import socket
from collections.abc import Callable

import pytest
import torch

from imaml.runtime.model import MetaModel
from imaml.runtime.recipe import Recipe
from imaml.store import Experiment, Store, bundles
from imaml.tasks import glyphs
from imaml.tasks.dataset import DataError, Dataset
from imaml.training import run as runs
from imaml.training.errors import TrainingError
from imaml.training.run import Progress, Run
from tests.training.conftest import small_config


def ignore(progress: Progress) -> None:
    pass


def never() -> bool:
    return False


def stop_at(run: Run, step: int) -> Callable[[], bool]:
    return lambda: run.trainer.step >= step


def entry(store: Store, run: Run) -> Experiment:
    """The run as the database has it."""
    with store.reading() as transaction:
        return transaction.experiments.get(run.experiment_id)


def resumed(store: Store, experiment: Experiment, dataset: Dataset) -> Run:
    return runs.resume(store, experiment, small_config(), dataset)


def interrupted(store: Store, dataset: Dataset, step: int) -> Experiment:
    """A run that was stopped after `step` steps."""
    run = runs.start(store, small_config(), dataset)
    assert not run.train(ignore, stop_at(run, step))
    return entry(store, run)


def metrics_of(store: Store, experiment: Experiment) -> dict[str, list[tuple[int, int, float]]]:
    with store.reading() as transaction:
        metrics = transaction.metrics.read(experiment.id)
    return {name: [(p.step, p.inner_step, p.value) for p in points] for name, points in metrics.items()}


def test_an_interrupted_run_resumes_to_the_same_state_and_metrics(store: Store, dataset: Dataset) -> None:
    whole = runs.start(store, small_config(), dataset)
    whole.train(ignore, stop_at(whole, 7))
    broken = interrupted(store, dataset, step=4)
    assert broken.status == "interrupted"
    rest = resumed(store, broken, dataset)
    assert rest.trainer.step == 4
    rest.train(ignore, stop_at(rest, 7))
    assert whole.trainer.checkpoint() == rest.trainer.checkpoint()
    assert metrics_of(store, entry(store, whole)) == metrics_of(store, broken)


def test_what_a_killed_process_wrote_after_its_checkpoint_is_written_again(
    store: Store, dataset: Dataset
) -> None:
    """Kill -9 leaves the status "running", a checkpoint, and metrics of steps beyond it."""
    experiment = interrupted(store, dataset, step=3)
    with store.transaction() as transaction:
        transaction.experiments.resume(experiment.id)
        late = [runs.Metric("outer_loss", step, 99.0) for step in (4, 5, 100)]
        transaction.metrics.write(experiment.id, late)
    with store.reading() as transaction:
        found = transaction.experiments.find_resumable("small")
    assert found is not None
    assert found.id == experiment.id
    run = resumed(store, found, dataset)
    run.train(ignore, stop_at(run, 6))
    steps = {step: value for step, _, value in metrics_of(store, experiment)["outer_loss"]}
    assert sorted(steps) == [1, 2, 3, 4, 5, 6]
    assert 99.0 not in steps.values()


def test_a_completed_run_leaves_a_model_its_metrics_and_where_it_comes_from(
    store: Store, dataset: Dataset
) -> None:
    reports: list[Progress] = []
    run = runs.start(store, small_config(), dataset)
    experiment = entry(store, run)
    assert run.train(reports.append, never)
    model = run.publish()
    with store.reading() as transaction:
        done = transaction.experiments.get(experiment.id)
        evaluations = transaction.evaluations.list(model_id=model.id)
        bundle = bundles.read(transaction.models.bundle(model))
    assert (done.status, done.step, model.experiment_id) == ("completed", 8, experiment.id)
    assert [report.step for report in reports] == list(range(1, 9))
    assert reports[-1].seconds_left == 0
    assert done.provenance["dataset_fingerprint"] == dataset.fingerprint
    assert {"git_commit", "versions", "hardware", "wall_seconds"} <= done.provenance.keys()
    assert done.config["inner_steps"] == 2

    metrics = metrics_of(store, experiment)
    assert [step for step, _, _ in metrics["outer_loss"]] == list(range(1, 9))
    assert [step for step, _, _ in metrics["validation_accuracy"]] == [3, 6, 8]
    assert [(step, inner) for step, inner, _ in metrics["inner_loss"]] == [
        (step, inner) for step in (3, 6, 8) for inner in (0, 1, 2)
    ]
    assert {"meta_gradient_norm", "inner_residual", "linear_residual", "negative_curvature"} <= metrics.keys()

    assert {(evaluation.split, evaluation.transductive) for evaluation in evaluations} == {
        ("validation", False)
    }
    assert (3, 1) in {(evaluation.ways, evaluation.shots) for evaluation in evaluations}
    described = bundle.description
    assert described["recipe"]["lam"] == 1.0
    assert len(described["split"]["test"]) == len(experiment.split["test"])
    loaded = MetaModel.load(bundle.description, bundle.parameters, bundle.graphs, threads=1)
    assert loaded.calibration is not None
    assert (3, 1) in {(setting.ways, setting.shots) for setting in loaded.calibration.settings}
    # The trainer's recipe is compared with others, and the one that is stored lost nothing to it.
    trainers = described["recipes"][0]
    assert Recipe(**trainers["recipe"]) == run.trainer.best_recipe
    assert loaded.recipe in loaded.validated
    assert run.trainer.best_recipe in loaded.validated
    [chosen] = [row for row in described["recipes"] if row["recipe"] == described["recipe"]]
    for setting, own in zip(chosen["settings"], trainers["settings"], strict=True):
        assert setting["accuracy"] >= own["accuracy"]
        assert setting["episodes"] == 4


def test_other_data_are_refused_on_resume(store: Store, dataset: Dataset) -> None:
    experiment = interrupted(store, dataset, step=2)
    with pytest.raises(TrainingError, match="data of 'small' have changed"):
        resumed(store, experiment, glyphs.generate(classes=24, examples=7))


@pytest.mark.parametrize("where", ["here", "elsewhere"])
def test_a_run_that_goes_on_in_another_process_is_left_alone(
    store: Store, dataset: Dataset, where: str
) -> None:
    experiment = interrupted(store, dataset, step=2)
    with store.transaction() as transaction:
        living = transaction.experiments.resume(experiment.id)
        host = socket.gethostname() if where == "here" else "elsewhere"
        living.provenance = {**living.provenance, "host": host, "process": os.getppid()}
    with pytest.raises(TrainingError, match=rf"being trained by process {os.getppid()} on {host}"):
        resumed(store, living, dataset)


def test_a_run_that_cannot_start_leaves_nothing_behind(store: Store, dataset: Dataset) -> None:
    with pytest.raises(DataError):
        runs.start(store, small_config(ways=3000), dataset)
    with store.reading() as transaction:
        assert not transaction.experiments.list().items


def test_a_failed_run_says_why_and_keeps_its_metrics_and_checkpoint(store: Store, dataset: Dataset) -> None:
    interrupted(store, dataset, step=2)
    with store.reading() as transaction:
        found = transaction.experiments.find_resumable("small")
    assert found is not None
    run = resumed(store, found, dataset)

    def poison(progress: Progress) -> None:
        with torch.no_grad():
            run.trainer.theta.fill_(torch.nan)

    with pytest.raises(TrainingError, match="not finite at step 3"):
        run.train(poison, never)
    failed = entry(store, run)
    assert failed.status == "failed"
    assert failed.error is not None
    assert "not finite at step 3" in failed.error
    assert [step for step, _, _ in metrics_of(store, failed)["outer_loss"]] == [1, 2, 3]
    assert resumed(store, failed, dataset).trainer.step == 3


def test_a_run_is_seen_to_live_while_a_step_takes_long(
    store: Store, dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runs, "HEARTBEAT_SECONDS", 0.001)
    run = runs.start(store, small_config(), dataset)
    before = entry(store, run).heartbeat_at

    def wait_for_a_heartbeat() -> bool:
        while entry(store, run).heartbeat_at == before:
            pass
        return True

    assert not run.train(ignore, wait_for_a_heartbeat)
