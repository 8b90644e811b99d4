"""A training run in the database: started, watched, interrupted, resumed, and ended with a model."""

import os
import socket
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

from imaml.store import Experiment, Metric, Model, Store, bundles
from imaml.tasks.dataset import Dataset
from imaml.tasks.split import Split
from imaml.tasks.split import split as make_split
from imaml.tasks.table import standardised
from imaml.training.config import TrainingConfig
from imaml.training.distributed import World
from imaml.training.errors import TrainingError
from imaml.training.evaluation import Scores
from imaml.training.provenance import provenance
from imaml.training.publish import bundle
from imaml.training.trainer import MetaStep, Trainer

WRITE_SECONDS = 2.0
CHECKPOINT_SECONDS = 60.0
HEARTBEAT_SECONDS = 15.0


@dataclass(frozen=True)
class Progress:
    """Where a run is, for whoever watches it."""

    step: int
    total: int
    seconds_per_step: float
    outer_loss: float
    validation_accuracy: float | None

    @property
    def seconds_left(self) -> float:
        """Time left at the present rate."""
        return (self.total - self.step) * self.seconds_per_step


def start(store: Store, config: TrainingConfig, dataset: Dataset, world: World | None = None) -> "Run":
    """Enter a new run into the database, once it is known that it can start.

    Raises TrainingError, DataError where the data are too few, and NotFound where the model to start from is
    not there.
    """
    parts = make_split(dataset, config.seed)
    dataset = _standardised(dataset, parts)
    trainer = Trainer(config, dataset, parts, world)
    if config.start_from:
        with store.reading() as transaction:
            model = transaction.models.resolve(config.start_from)
            trainer.start_from(bundles.read(transaction.models.bundle(model)))
    experiment = Experiment(
        name=config.name,
        algorithm=config.algorithm,
        dataset=dataset.name,
        config=config.model_dump(mode="json"),
        provenance={**provenance(dataset, trainer.device), "wall_seconds": 0.0},
        split={name: list(classes) for name, classes in asdict(parts).items()},
        total_steps=config.meta_steps,
    )
    with store.transaction() as transaction:
        experiment = transaction.experiments.add(experiment)
    return Run(store, experiment, trainer, dataset, parts)


def resume(
    store: Store,
    experiment: Experiment,
    config: TrainingConfig,
    dataset: Dataset,
    world: World | None = None,
) -> "Run":
    """Take up an unfinished run at its last checkpoint; metrics beyond it are forgotten.

    Raises TrainingError where the run goes on in another process, where the data are not those it was
    started with, or where its checkpoint cannot be used.
    """
    before = experiment.provenance
    if experiment.state() == "running" and _is_alive(before):
        raise TrainingError(
            f"{experiment.name!r} is being trained by process {before['process']} on {before['host']}; "
            "stop it first."
        )
    if before["dataset_fingerprint"] != dataset.fingerprint:
        raise TrainingError(
            f"The data of {experiment.name!r} have changed since it was started (fingerprint "
            f"{before['dataset_fingerprint'][:12]}, now {dataset.fingerprint[:12]}, from {dataset.source}); "
            "give the same --data, or start a new run."
        )
    parts = Split(**{name: tuple(classes) for name, classes in experiment.split.items()})
    dataset = _standardised(dataset, parts)
    trainer = Trainer(config, dataset, parts, world)
    with store.transaction() as transaction:
        if checkpoint := transaction.experiments.load_checkpoint(experiment.id):
            trainer.restore(checkpoint)
        transaction.metrics.truncate_after(experiment.id, trainer.step)
        entry = transaction.experiments.resume(experiment.id)
        entry.provenance = {**before, **provenance(dataset, trainer.device)}
    return Run(store, entry, trainer, dataset, parts)


def follow(config: TrainingConfig, dataset: Dataset, world: World, stop: Callable[[], bool]) -> None:
    """Take a share of the tasks of each meta-step of a run that another process leads."""
    parts = make_split(dataset, config.seed)
    trainer = Trainer(config, _standardised(dataset, parts), parts, world)
    if checkpoint := world.from_leader(None):
        trainer.restore(checkpoint)
    while trainer.step < config.meta_steps and not world.any(stop()):
        trainer.advance()


def _standardised(dataset: Dataset, parts: Split) -> Dataset:
    """Vectors by the means and scales of the training classes; anything else as it is."""
    return (
        standardised(dataset, parts.train)
        if dataset.input.kind == "vector" and dataset.class_names
        else dataset
    )


def _is_alive(source: dict[str, Any]) -> bool:
    """Whether the process that a run's provenance names may still be there."""
    if source["process"] == os.getpid():
        return False
    if source["host"] != socket.gethostname():
        return True
    try:
        os.kill(source["process"], 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


class Run:
    """One process's work on an experiment."""

    def __init__(
        self, store: Store, experiment: Experiment, trainer: Trainer, dataset: Dataset, parts: Split
    ) -> None:
        self.experiment_id = experiment.id
        self.trainer = trainer
        self._store = store
        self._dataset = dataset
        self._split = parts
        self._config = trainer.config
        self._metrics: list[Metric] = []
        self._seconds = float(experiment.provenance["wall_seconds"])

    def train(self, report: Callable[[Progress], None], stop: Callable[[], bool]) -> bool:
        """Take the steps that are left; False where `stop()` asked for a stop before the last.

        A stopped run is resumable; so is a failed one, from its last checkpoint.
        """
        with self._watched():
            if done := self._take_steps(report, stop):
                return done
            self._write(checkpoint=True)
            with self._store.transaction() as transaction:
                transaction.experiments.finish(self.experiment_id, "interrupted")
            return False

    def publish(self) -> Model:
        """Calibrate and export the best θ, and store it as a model: the end of the run."""
        with self._watched():
            with self._store.reading() as transaction:
                source = transaction.experiments.get(self.experiment_id).provenance
            exported, evaluations = bundle(self.trainer, self._dataset, self._split, source)
            with self._store.transaction() as transaction:
                model = transaction.models.add(
                    self._config.name, bundles.write(exported), experiment_id=self.experiment_id
                )
                for evaluation in evaluations:
                    evaluation.experiment_id, evaluation.model_id = self.experiment_id, model.id
                    transaction.evaluations.add(evaluation)
                transaction.experiments.finish(self.experiment_id, "completed")
            return model

    @contextmanager
    def _watched(self) -> Generator[None, None, None]:
        """Tell the database that the run is alive, and if it fails, why."""
        done = threading.Event()
        heart = threading.Thread(target=self._beat, args=(done,), daemon=True)
        heart.start()
        try:
            yield
        except BaseException as error:
            done.set()
            heart.join()
            # A step that fails leaves θ as it was, so what is kept is the last good one.
            self._write(checkpoint=bool(self.trainer.theta.isfinite().all()))
            with self._store.transaction() as transaction:
                if isinstance(error, Exception):
                    transaction.experiments.finish(self.experiment_id, "failed", str(error))
                else:
                    transaction.experiments.finish(self.experiment_id, "interrupted")
            raise
        finally:
            done.set()
            heart.join()

    def _beat(self, done: threading.Event) -> None:
        while not done.wait(HEARTBEAT_SECONDS):
            with self._store.transaction() as transaction:
                transaction.experiments.heartbeat(self.experiment_id, self.trainer.step)

    def _take_steps(self, report: Callable[[Progress], None], stop: Callable[[], bool]) -> bool:
        trainer, total = self.trainer, self._config.meta_steps
        started, first = time.perf_counter(), trainer.step
        written = saved = started
        earlier = self._seconds
        accuracy: float | None = None
        trainer.world.from_leader(trainer.checkpoint())
        while trainer.step < total:
            if trainer.world.any(stop()):
                return False
            taken = trainer.advance()
            self._metrics += _step_metrics(trainer.step, taken)
            validated = trainer.step % self._config.validate_every == 0 or trainer.step == total
            if validated:
                scores = trainer.validate()
                accuracy = scores.accuracy
                self._metrics += _validation_metrics(trainer.step, scores)
                self._metrics += _inner_metrics(trainer.step, taken, trainer.query_losses())
            now = time.perf_counter()
            self._seconds = earlier + now - started
            rate = (now - started) / (trainer.step - first)
            report(Progress(trainer.step, total, rate, taken.outer_loss, accuracy))
            checkpoint = validated or now - saved > CHECKPOINT_SECONDS
            if checkpoint or now - written > WRITE_SECONDS:
                self._write(checkpoint)
                written = now
                saved = now if checkpoint else saved
        return True

    def _write(self, checkpoint: bool) -> None:
        """Bring the database up to this step."""
        step = self.trainer.step
        with self._store.transaction() as transaction:
            transaction.metrics.write(self.experiment_id, self._metrics)
            transaction.experiments.heartbeat(self.experiment_id, step)
            if checkpoint:
                transaction.experiments.save_checkpoint(self.experiment_id, self.trainer.checkpoint(), step)
            entry = transaction.experiments.get(self.experiment_id)
            entry.provenance = {**entry.provenance, "wall_seconds": round(self._seconds, 1)}
        self._metrics = []


def _step_metrics(step: int, taken: MetaStep) -> list[Metric]:
    """What a meta-step tells: the outer loss, and how the solves went."""
    values = asdict(taken)
    return [Metric(name, step, value) for name, value in values.items() if isinstance(value, float)]


def _inner_metrics(step: int, taken: MetaStep, query_losses: dict[int, float]) -> list[Metric]:
    """The inner loop by inner step: of this meta-step, mean over its tasks, and what it does for queries."""
    curves = {
        "inner_loss": dict(enumerate(taken.inner_losses)),
        "inner_step_residual": dict(enumerate(taken.inner_residuals)),
        "inner_query_loss": query_losses,
    }
    return [
        Metric(name, step, value, inner_step)
        for name, curve in curves.items()
        for inner_step, value in curve.items()
    ]


def _validation_metrics(step: int, scores: Scores) -> list[Metric]:
    return [
        Metric("validation_accuracy", step, scores.accuracy),
        Metric("validation_ci95", step, scores.ci95),
        Metric("validation_accuracy_unadapted", step, scores.accuracy_unadapted),
    ]
