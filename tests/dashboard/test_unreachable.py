"""Without the service every page says so, and how to start it."""

import pytest

from tests.dashboard.conftest import Open
from tests.dashboard.pages import text

NOWHERE = "http://127.0.0.1:9"  # the discard port: nothing listens


@pytest.mark.parametrize(
    ("page", "query"),
    [
        ("views/teach.py", {}),
        ("views/experiments.py", {}),
        ("views/experiment.py", {"id": "x"}),
        ("views/models.py", {}),
        ("views/adaptations.py", {}),
    ],
)
def test_page_says_so_and_how_to_start_it(open_page: Open, page: str, query: dict[str, str]) -> None:
    app = open_page(NOWHERE, page, query)
    assert not app.exception
    assert "The service does not answer" in text(app)
    assert NOWHERE in text(app)
    assert "`make up`" in text(app)
    assert [button.label for button in app.button] == ["Try again"]
