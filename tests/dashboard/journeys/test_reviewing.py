"""In a real browser: find experiments, compare them, share the address; lose the service and get it back."""

import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from backend.settings import Settings
from imaml.store import Store, create_engine
from tests.dashboard.journeys.conftest import run_dashboard
from tests.dashboard.review.runs import add, measure
from tests.services import Serve

ROW = 35  # height of a row of a table, and of its head, in pixels
NAMES = ("slow", "quick", "steady")


@pytest.fixture(scope="module")
def database_url(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A database with three experiments to compare, and others."""
    path = shutil.copy(sqlite_template, tmp_path_factory.mktemp("review") / "imaml.db")
    engine = create_engine(f"sqlite:///{path}")
    store = Store(engine)
    for index in range(5):
        add(store, f"other-{index}", "completed")
    for index, name in enumerate(NAMES):
        measure(store, add(store, f"tuned-{name}", "completed", config={"lam": 10.0**-index, "seed": 0}))
    engine.dispose()
    return f"sqlite:///{path}"


@pytest.fixture(scope="module")
def api_url(serve: Serve, database_url: str) -> Iterator[str]:
    """Address of a service on it."""
    with serve(Settings(database_url=database_url)) as url:
        yield url


@pytest.fixture(scope="module")
def review_url(api_url: str) -> Iterator[str]:
    """Address of a dashboard over that."""
    with run_dashboard(api_url) as url:
        yield url


def click_cell(page: Page, row: int, x: int) -> None:
    """Click on a row of the table, which is a picture to the browser; its head is row 0."""
    expect(page.locator(".stApp")).to_have_attribute("data-test-script-state", "notRunning")
    table = page.get_by_test_id("stDataFrame").first
    table.scroll_into_view_if_needed()
    box = table.bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + x, box["y"] + ROW * (row + 0.5))


def find(page: Page, url: str) -> None:
    """Search for the three experiments."""
    page.goto(f"{url}/experiments")
    expect(page.get_by_text("8 experiments")).to_be_visible()
    page.get_by_role("textbox", name="Search").fill("tuned")
    expect(page.get_by_text("3 experiments")).to_be_visible()


def test_reviewer_finds_three_compares_them_and_shares_the_address(
    review_url: str, page: Page, browser: Browser
) -> None:
    find(page, review_url)
    for row in (1, 2, 3):
        click_cell(page, row, x=16)
        expect(page.get_by_role("button", name=f"Compare {row}")).to_be_enabled()
    page.get_by_role("button", name="Compare 3").click()
    expect(page.get_by_role("heading", name="Compare", exact=True)).to_be_visible()
    for name in NAMES:
        expect(page.get_by_text(f"tuned-{name}").first).to_be_visible()
    chart = page.get_by_test_id("stVegaLiteChart").first
    expect(chart).to_be_visible()

    other = browser.new_context().new_page()
    other.goto(page.url)
    for name in NAMES:
        expect(other.get_by_text(f"tuned-{name}").first).to_be_visible()
    expect(other.get_by_test_id("stVegaLiteChart").first).to_be_visible()
    other.context.close()


def test_reviewer_opens_an_experiment_and_returns_to_what_was_found(review_url: str, page: Page) -> None:
    find(page, review_url)
    click_cell(page, 1, x=100)
    expect(page.get_by_role("heading", name="tuned-steady")).to_be_visible()
    page.get_by_role("tab", name="Settings").click()
    expect(page.get_by_text("0.01", exact=True)).to_be_visible()
    address = page.url
    page.get_by_role("link", name="All experiments").click()
    expect(page.get_by_text("3 experiments")).to_be_visible()
    page.goto(address)
    expect(page.get_by_text("0.01", exact=True)).to_be_visible()


def test_the_service_goes_and_comes_back(serve: Serve, database_url: str, page: Page) -> None:
    settings = Settings(database_url=database_url)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with run_dashboard(f"http://127.0.0.1:{port}") as url:
        with serve(settings, port):
            find(page, url)
        page.get_by_role("textbox", name="Search").fill("other")
        expect(page.get_by_text("The service does not answer")).to_be_visible()
        with serve(settings, port):
            page.get_by_role("button", name="Try again").click()
            expect(page.get_by_text("5 experiments")).to_be_visible()
