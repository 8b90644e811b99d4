"""Metrics are written once whatever is repeated, and thinned out without losing an outlier."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imaml.store import Metric, Point, Store
from imaml.store.repository.metrics import thin_out
from tests.store.conftest import MakeExperiment


@pytest.fixture
def run(store: Store, make_experiment: MakeExperiment) -> str:
    """Id of a stored experiment."""
    with store.transaction() as t:
        return t.experiments.add(make_experiment()).id


def test_values_come_back_by_name_in_order_of_steps(store: Store, run: str) -> None:
    with store.transaction() as t:
        t.metrics.write(run, [Metric("loss", 2, 0.2), Metric("loss", 1, 0.1)])
        t.metrics.write(run, [Metric("inner", 1, 5.0, 10), Metric("inner", 1, 4.0, 9), Metric("gap", 1, 0.0)])
    with store.reading() as t:
        assert t.metrics.read(run, ["loss", "inner"]) == {
            "inner": [Point(1, 9, 4.0), Point(1, 10, 5.0)],
            "loss": [Point(1, -1, 0.1), Point(2, -1, 0.2)],
        }
        assert set(t.metrics.read(run)) == {"loss", "inner", "gap"}


def test_writing_again_replaces(store: Store, run: str) -> None:
    for value in (1.0, 2.0):
        with store.transaction() as t:
            t.metrics.write(run, [Metric("loss", 1, value), Metric("loss", 2, 3.0)])
    with store.reading() as t:
        assert t.metrics.read(run)["loss"] == [Point(1, -1, 2.0), Point(2, -1, 3.0)]


def test_a_diverged_run_can_be_recorded(store: Store, run: str) -> None:
    with store.transaction() as t:
        t.metrics.write(run, [Metric("loss", 1, math.nan), Metric("loss", 2, math.inf)])
    with store.reading() as t:
        first, second = t.metrics.read(run)["loss"]
    assert math.isnan(first.value)
    assert second.value == math.inf


def test_a_resumed_run_forgets_what_came_after_its_checkpoint(store: Store, run: str) -> None:
    with store.transaction() as t:
        other = t.experiments.add(
            t.experiments.get(run).__class__(
                name="other", algorithm="a", dataset="d", config={}, provenance={}, split={}, total_steps=1
            )
        )
        for identifier in (run, other.id):
            t.metrics.write(identifier, [Metric("loss", step, 0.0) for step in range(5)])
        t.metrics.truncate_after(run, 2)
    with store.reading() as t:
        assert [point.step for point in t.metrics.read(run)["loss"]] == [0, 1, 2]
        assert len(t.metrics.read(other.id)["loss"]) == 5


def test_reading_thins_out_each_metric(store: Store, run: str) -> None:
    values = [0.0] * 300
    values[123] = 9.0
    with store.transaction() as t:
        t.metrics.write(run, [Metric("loss", step, value) for step, value in enumerate(values)])
    with store.reading() as t:
        loss = t.metrics.read(run, points=20)["loss"]
    assert len(loss) <= 22
    assert Point(123, -1, 9.0) in loss


@given(
    st.lists(st.floats(-1e9, 1e9) | st.just(math.nan), max_size=200),
    st.integers(min_value=1, max_value=50),
)
def test_a_thinned_curve_is_part_of_it_with_its_ends_and_extremes(values: list[float], points: int) -> None:
    curve = [Point(step, -1, value) for step, value in enumerate(values)]
    thinned = thin_out(curve, points)
    positions = [point.step for point in thinned]
    assert positions == sorted(set(positions))
    assert len(thinned) <= points + 3
    assert {*positions[:1], *positions[-1:]} == {*range(len(values))[:1], *range(len(values))[-1:]}
    if numbers := [value for value in values if not math.isnan(value)]:
        kept = [point.value for point in thinned if not math.isnan(point.value)]
        assert (min(kept), max(kept)) == (min(numbers), max(numbers))


@given(st.integers(2, 60), st.integers(2, 12), st.integers(2, 200))
def test_inner_loops_that_stay_are_whole(loops: int, steps: int, points: int) -> None:
    curve = [Point(loop, step, 1.0) for loop in range(loops) for step in range(steps)]
    thinned = thin_out(curve, points)
    kept = {point.step for point in thinned}
    assert thinned == [point for point in curve if point.step in kept]
    assert {0, loops - 1} <= kept
    assert len(thinned) <= max(points, 2 * steps)


def test_reading_keeps_to_a_range_of_steps(store: Store, run: str) -> None:
    with store.transaction() as t:
        t.metrics.write(run, [Metric("loss", step, 0.0) for step in range(10)])
    with store.reading() as t:
        loss = t.metrics.read(run, first_step=3, last_step=5)["loss"]
    assert [point.step for point in loss] == [3, 4, 5]


def _validated(accuracies: list[float]) -> list[Metric]:
    return [
        metric
        for step, accuracy in enumerate(accuracies, 1)
        for metric in (
            Metric("validation_accuracy", step, accuracy),
            Metric("validation_ci95", step, step / 100),
        )
    ]


def test_the_best_accuracy_follows_the_metrics(store: Store, run: str) -> None:
    def best() -> tuple[float | None, float | None]:
        with store.reading() as t:
            found = t.experiments.get(run)
        return found.best_accuracy, found.best_accuracy_ci95

    assert best() == (None, None)
    with store.transaction() as t:
        t.metrics.write(run, [Metric("loss", 1, 0.9), *_validated([math.nan])])
    assert best() == (None, None)
    with store.transaction() as t:
        t.metrics.write(run, _validated([0.5, math.nan, 0.75, 0.75]))
    assert best() == (0.75, 0.03)
    with store.transaction() as t:
        t.metrics.truncate_after(run, 2)
    assert best() == (0.5, 0.01)


def test_sparklines_of_several_runs(store: Store, run: str, make_experiment: MakeExperiment) -> None:
    with store.transaction() as t:
        other, empty = (t.experiments.add(make_experiment()).id for _ in range(2))
        t.metrics.write(run, _validated([0.5, math.nan, 0.75]))
        t.metrics.write(other, _validated([step / 100 for step in range(100)]))
    with store.reading() as t:
        runs = [t.experiments.get(identifier) for identifier in (run, other, empty)]
        sparklines = t.metrics.sparklines(runs, 10)
        assert t.metrics.sparklines([], 10) == {}
    assert sparklines[run] == [0.5, 0.75]
    assert sparklines[empty] == []
    assert len(sparklines[other]) <= 13
    assert (sparklines[other][0], sparklines[other][-1]) == (0.0, 0.99)


def test_a_stretch_of_nan_stays_visible() -> None:
    curve = [Point(step, -1, math.nan if 40 <= step < 60 else 1.0) for step in range(100)]
    assert any(math.isnan(point.value) for point in thin_out(curve, 10))
