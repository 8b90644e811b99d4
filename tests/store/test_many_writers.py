"""Processes and threads that write to one SQLite file at once all come to write, and all of it is there."""

import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor, wait

import pytest
from sqlalchemy import Engine

from imaml.store import Adaptation, Metric, Store, create_engine, utc_now
from imaml.store.turns import Turns
from tests.store.conftest import MakeExperiment, count_blobs

PROCESSES, THREADS, ROUNDS = 4, 4, 3
BLOB_BYTES = 100_000


def write(url: str, model_id: str, experiment_id: str, process: int) -> list[str]:
    """Store adaptations and metrics from several threads; the ids of those that shall be left."""
    engine = create_engine(url)
    store = Store(engine)

    def work(thread: int) -> list[str]:
        kept: list[str] = []
        for step in range(ROUNDS):
            adaptation = Adaptation(
                model_id=model_id,
                name=None,
                classes=["a", "b"],
                recipe={},
                solution={},
                unknown_threshold=None,
                expires_at=utc_now() if step % 3 == 1 else None,
            )
            with store.transaction() as t:
                t.adaptations.add(adaptation, parameters=os.urandom(BLOB_BYTES))
                t.metrics.write(experiment_id, [Metric(f"{process}.{thread}", step, 0.5)])
            with store.transaction() as t:
                match step % 3:
                    case 0:
                        kept.append(adaptation.id)
                    case 1:
                        t.retention.sweep(utc_now())
                    case _:
                        t.adaptations.delete(adaptation.id)
        return kept

    with ThreadPoolExecutor(THREADS) as pool:
        kept = [adaptation_id for ids in pool.map(work, range(THREADS)) for adaptation_id in ids]
    engine.dispose()
    return kept


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_processes_and_threads_that_write_at_once_all_succeed(
    database_url: str, store: Store, engine: Engine, model_id: str, make_experiment: MakeExperiment
) -> None:
    with store.transaction() as t:
        experiment = t.experiments.add(make_experiment())
    with ProcessPoolExecutor(PROCESSES, multiprocessing.get_context("spawn")) as pool:
        arguments = database_url, model_id, experiment.id
        writing = [pool.submit(write, *arguments, process) for process in range(PROCESSES)]
        while wait(writing, timeout=0).not_done:
            with store.reading() as t:
                for row in t.adaptations.list(limit=3).items:
                    assert len(t.adaptations.parameters(row.id)) == BLOB_BYTES
        kept = {adaptation_id for each in writing for adaptation_id in each.result()}
    assert len(kept) == PROCESSES * THREADS * ROUNDS / 3
    with store.reading() as t:
        assert {row.id for row in t.adaptations.list(limit=1000).items} == kept
        metrics = t.metrics.read(experiment.id)
    assert {name: len(points) for name, points in metrics.items()} == {
        f"{process}.{thread}": ROUNDS for process in range(PROCESSES) for thread in range(THREADS)
    }
    assert count_blobs(engine) == len(kept) + 1  # and the model's


def test_threads_have_their_turns_in_the_order_in_which_they_asked() -> None:
    turns = Turns()
    order: list[int] = []

    def ask(number: int) -> None:
        with turns.take():
            order.append(number)

    with ThreadPoolExecutor(THREADS) as pool:
        with turns.take():
            for number in range(THREADS):
                pool.submit(ask, number)
                while len(turns._waiting) < number + 2:
                    pass
        ask(THREADS)  # whoever has just let go comes after them
    assert order == [*range(THREADS + 1)]
