"""What came of a lesson: curves where adaptation changed something, one sentence where it did not."""

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.teach.lesson import Lesson
from imaml.client import Client, TracePoint
from tests.dashboard.pages import text
from tests.services import Examples


def _draw(lesson: "Lesson") -> None:  # quoted: where its source is run, there is no such name
    from dashboard.teach.learned import learned

    learned(lesson)


@pytest.mark.parametrize(
    ("losses", "accuracy", "sentence", "charts"),
    [
        ((0.7, 0.2), 1.0, "Adaptation took the support loss from 0.7 to 0.2.", 2),
        ((0.7, 0.699), 1.0, "already tell your examples apart", 0),
        ((1.29e-6, 1e-9), 1.0, "already tell your examples apart", 0),
        ((0.7, 0.699), 0.5, "changed next to nothing: the support loss stayed at 0.699.", 0),
        ((1e-4, 1e-6), None, "Adaptation took the support loss from 0.0001 to 1e-06.", 2),
    ],
)
def test_curves_are_drawn_where_they_say_something(
    api: Client,
    two: Examples,
    losses: tuple[float, float],
    accuracy: float | None,
    sentence: str,
    charts: int,
) -> None:
    adaptation = api.adapt("small", two)
    trace = [TracePoint(step=step, loss=loss, residual=0.1) for step, loss in enumerate(losses)]
    solution = adaptation.solution.model_copy(update={"trace": trace, "support_accuracy": accuracy})
    lesson = Lesson(adaptation.model_copy(update={"solution": solution}), "", [])
    app = AppTest.from_function(_draw, args=(lesson,)).run()
    assert not app.exception
    assert sentence in text(app)
    assert len(app.get("vega_lite_chart")) == charts
    assert len(app.metric) == 4
