"""Results put into words that do not say more than is true."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from dashboard import sentences
from imaml.client import AdaptationRecipe, Solution


@pytest.mark.parametrize(
    ("share", "expected"),
    [
        (1, "100 %"),
        (0.9999, ">99.9 %"),
        (0.994, "99.4 %"),
        (0.5, "50 %"),
        (0.0051, "0.5 %"),
        (0.0001, "<0.1 %"),
        (0, "0 %"),
    ],
)
def test_percentage_is_whole_only_where_it_is(share: float, expected: str) -> None:
    assert sentences.percent(share) == expected


def test_numbers_go_with_their_nouns() -> None:
    assert sentences.count(1, "class", "classes") == "1 class"
    assert sentences.count(2, "class", "classes") == "2 classes"
    assert sentences.count(1200, "example") == "1,200 examples"


@pytest.mark.parametrize(("milliseconds", "expected"), [(0.2, "1 ms"), (14.4, "14 ms"), (1440, "1.4 s")])
def test_duration_is_readable(milliseconds: float, expected: str) -> None:
    assert sentences.duration(milliseconds) == expected


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        (
            "tolerance",
            "Stopped after 3 steps: the residual came down to the tolerance 0.01, so it converged.",
        ),
        ("step_limit", "Stopped after 3 steps: that is as far as the model's recipe goes."),
        ("deadline", "Stopped after 3 steps: the deadline passed"),
    ],
)
def test_end_of_adaptation_is_explained(reason: str, expected: str) -> None:
    solution = Solution.model_validate(
        {
            "steps": 3,
            "converged": reason == "tolerance",
            "stop_reason": reason,
            "residual": 0.001,
            "support_loss": 0.1,
            "support_accuracy": 1,
            "distance": 1,
            "trace": [],
            "duration_ms": 3,
        }
    )
    recipe = AdaptationRecipe(
        solver="gradient_descent", max_steps=3, inner_lr=0.1, lam=0.1, tolerance=0.01, validated=True
    )
    assert sentences.stopped(solution, recipe).startswith(expected)


def test_moment_is_in_utc() -> None:
    time = datetime(2026, 3, 1, 1, 5, tzinfo=timezone(timedelta(hours=2)))
    assert sentences.moment(time) == "28 Feb 2026, 23:05 UTC"
    assert sentences.moment(time.astimezone(UTC)) == sentences.moment(time)


def test_accuracy_carries_its_interval() -> None:
    assert sentences.accuracy(0.9512, 0.0041) == "95.1 ± 0.4 %"
    assert sentences.accuracy(0.9512) == "95.1 %"


@pytest.mark.parametrize(
    ("right", "total", "interval"), [(10, 10, "72 to 100"), (0, 10, "0 to 28"), (8, 10, "49 to 94")]
)
def test_share_of_right_answers_has_wilson_s_interval(right: int, total: int, interval: str) -> None:
    assert sentences.share(right, total).endswith(f"95 % interval {interval} %.")


def test_many_names_are_cut_short_and_counted() -> None:
    assert sentences.some([]) == ""
    assert sentences.some(["cat", "dog", "owl"]) == "cat, dog, owl"
    assert sentences.some([f"class {k}" for k in range(20)]) == "class 0, class 1, class 2 and 17 more"


@pytest.mark.parametrize(
    ("name", "expected"),
    [("gradient_descent", "gradient descent"), ("newton_cg", "Newton-CG"), ("l_bfgs", "L-BFGS")],
)
def test_solvers_are_named_as_they_are_written(name: str, expected: str) -> None:
    assert sentences.solver(name) == expected
