"""What the benchmarks of recognition count."""

import numpy as np
import pytest

from benchmarks.detection import auroc, bootstrapped, lost, share_ci95

LOW, HIGH = np.linspace(0, 1, 101), np.linspace(2, 3, 51)


def test_auroc_of_what_is_parted_is_1_and_turned_round_0() -> None:
    assert auroc(HIGH, LOW) == 1
    assert auroc(LOW, HIGH) == 0


def test_auroc_of_the_same_scores_is_a_half_ties_included() -> None:
    assert auroc(LOW, LOW) == pytest.approx(0.5)
    assert auroc(np.ones(3), np.ones(5)) == 0.5


def test_auroc_is_the_share_of_pairs_in_order() -> None:
    assert auroc(np.array([1.0, 3.0]), np.array([0.0, 2.0])) == 0.75


def test_nothing_is_lost_where_the_scores_are_parted_and_all_where_they_tie() -> None:
    assert lost(HIGH, LOW) == 0
    assert lost(np.ones(3), np.ones(5)) == 1


def test_no_more_of_the_unknown_are_accepted_than_may_be() -> None:
    # Of 101 unknown scores 5 may be above the threshold, which is the 96th, 0.95: 96 of the known are lost.
    assert lost(LOW, LOW) == pytest.approx(96 / 101)


def test_tasks_that_are_alike_have_no_interval() -> None:
    assert bootstrapped(auroc, [HIGH] * 4, [LOW] * 4) == (1, 0)
    _, ci95 = bootstrapped(auroc, [HIGH, LOW], [LOW, HIGH])
    assert ci95 > 0.1


def test_interval_of_a_share_narrows_and_is_not_empty_where_all_are_right() -> None:
    assert share_ci95(0.5, 400) == pytest.approx(0.049, abs=1e-3)
    assert 0 < share_ci95(1.0, 400) < share_ci95(1.0, 100) < share_ci95(0.5, 100)
