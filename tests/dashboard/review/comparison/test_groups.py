"""Runs that differ in their seed alone are one group, whatever their order; their curves have a mean."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.review.comparison.groups import by_seed, group_labels, mean_curve
from dashboard.review.comparison.interval import interval
from tests.dashboard.review.comparison.runs import curve, run

SETTINGS = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 3)), min_size=1, max_size=12)
CURVES = st.lists(st.lists(st.floats(-10, 10) | st.none(), max_size=8), min_size=1, max_size=4)


@given(SETTINGS, st.randoms(use_true_random=False))
def test_groups_do_not_depend_on_the_order(pairs: list[tuple[int, int]], order: random.Random) -> None:
    runs = [run(f"{index:02}", lam=lam, seed=seed) for index, (lam, seed) in enumerate(pairs)]
    shuffled = order.sample(runs, len(runs))

    def ids(groups: object) -> object:
        return {frozenset(each.id for each in group.runs) for group in groups}

    assert ids(by_seed(runs)) == ids(by_seed(shuffled))


@given(SETTINGS)
def test_a_group_has_one_run_of_each_seed_and_one_setting(pairs: list[tuple[int, int]]) -> None:
    groups = by_seed([run(f"{index:02}", lam=lam, seed=seed) for index, (lam, seed) in enumerate(pairs)])
    found = sorted((each.settings["λ"], each.settings["seed"]) for group in groups for each in group.runs)
    assert found == sorted(set(pairs))
    assert len(groups) == len({lam for lam, _ in pairs})


def test_of_two_runs_with_one_seed_the_newer_counts() -> None:
    older, newer = run("1", seed=0, name="older"), run("2", seed=0, name="newer")
    assert [group.runs for group in by_seed([newer, older])] == [(newer,)]


def test_labels_say_what_the_names_share_and_how_many_seeds() -> None:
    runs = [
        run("1", name="imaml-seed0", seed=0),
        run("2", name="imaml-seed1", seed=1),
        run("3", name="x", lam=1),
    ]
    assert group_labels(by_seed(runs)) == ["imaml, 2 seeds", "x"]
    short = [run("1", name="lam0.1-s0", seed=0), run("2", name="lam0.1-s1", seed=1)]
    assert group_labels(by_seed(short)) == ["lam0.1, 2 seeds"]
    whole = [run("1", name="maml 2", seed=0), run("2", name="maml", seed=1)]
    assert group_labels(by_seed(whole)) == ["maml, 2 seeds"]
    unlike = [run("1", name="first", seed=0), run("2", name="other", seed=1)]
    assert group_labels(by_seed(unlike)) == ["first, 2 seeds"]


@given(CURVES)
def test_mean_is_over_the_curves_that_have_a_value(values: list[list[float | None]]) -> None:
    found = dict(mean_curve([curve(each) for each in values]))
    for step in range(max(map(len, values))):
        there = [each[step] for each in values if step < len(each) and each[step] is not None]
        assert (step in found) is bool(there)
        if there:
            assert found[step] == interval([value for value in there if value is not None])


def test_curves_with_other_steps_are_met_on_the_line_between_their_points() -> None:
    found = dict(mean_curve([curve([0.0, 1.0, 2.0], every=10), curve([1.0, 3.0], first=5, every=10)]))
    assert {step: (at.mean, at.n) for step, at in found.items()} == {
        0: (0.0, 1), 5: (0.75, 2), 10: (1.5, 2), 15: (2.25, 2), 20: (2.0, 1)
    }  # fmt: skip


def test_gap_is_not_bridged() -> None:
    found = dict(mean_curve([curve([0.0, None, 2.0], every=10), curve([1.0, 1.0], first=5, every=10)]))
    assert {step: at.n for step, at in found.items()} == {0: 1, 5: 1, 10: 1, 15: 1, 20: 1}
    assert found[20].mean == pytest.approx(2)
