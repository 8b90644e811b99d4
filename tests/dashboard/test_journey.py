"""In a real browser: teach from uploaded files, see the right answers."""

import io
import os
import random
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image, ImageDraw
from playwright.sync_api import Browser, FilePayload, Page, expect

from backend.settings import Settings
from imaml import starter
from imaml.store import Store, create_engine
from tests.services import Serve

SHAPES = ("circle", "cross", "triangle")


@pytest.fixture(scope="module")
def dashboard_url(
    serve: Serve, sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """Address of a running dashboard; its service has the starter model."""
    url = f"sqlite:///{tmp_path_factory.mktemp('journey') / 'imaml.db'}"
    Path(url.removeprefix("sqlite:///")).write_bytes(sqlite_template.read_bytes())
    engine = create_engine(url)
    starter.load(Store(engine))
    engine.dispose()
    with serve(Settings(database_url=url)) as api_url:
        yield from _dashboard(api_url)


def _dashboard(api_url: str) -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "imaml", "dashboard", "--port", str(port)]
    environment = {**os.environ, "IMAML_API_URL": api_url, "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield next(line.split()[-1] for line in process.stdout if "URL:" in line)
        process.terminate()
        process.wait()  # before its output is closed, on which it reports that it stops


def draw(shape: str, hand: int) -> FilePayload:
    """A drawing of the shape, each hand with its own pen, size and shakiness."""
    chance = random.Random(f"{shape} {hand}")
    image = Image.new("RGB", (300, 300), "white")
    pen = ImageDraw.Draw(image)
    width = chance.choice([4, 7, 11])

    def point(x: int, y: int) -> tuple[int, int]:
        return x + chance.randint(-14, 14), y + chance.randint(-14, 14)

    if shape == "circle":
        pen.ellipse([point(60, 60), point(230, 230)], outline="black", width=width)
    elif shape == "cross":
        pen.line([point(60, 60), point(230, 230)], fill="black", width=width)
        pen.line([point(230, 60), point(60, 230)], fill="black", width=width)
    else:
        top, left, right = point(150, 50), point(50, 230), point(250, 230)
        pen.line([top, left, right, top], fill="black", width=width, joint="curve")
    file = io.BytesIO()
    image.save(file, "PNG")
    return {"name": f"{shape} {hand}.png", "mimeType": "image/png", "buffer": file.getvalue()}


@pytest.fixture
def lonely_dashboard_url() -> Iterator[str]:
    """Address of a dashboard that has just been started, without a service."""
    yield from _dashboard("http://127.0.0.1:9")


def test_address_within_the_dashboard_is_the_first_that_is_opened(
    lonely_dashboard_url: str, page: Page
) -> None:
    page.goto(f"{lonely_dashboard_url}/experiments")
    expect(page.get_by_text("The service does not answer")).to_be_visible()
    page.get_by_role("link", name="Teach").first.click()
    expect(page.get_by_role("heading", name="Teach a classifier from a handful")).to_be_visible()


def test_visitor_teaches_shapes_and_gets_the_right_answers(
    dashboard_url: str, page: Page, tmp_path: Path
) -> None:
    page.goto(dashboard_url)
    page.get_by_role("button", name="Add a class").click()
    cards = page.locator("[class*=st-key-class-]")
    expect(cards).to_have_count(len(SHAPES))
    for index, shape in enumerate(SHAPES):
        card = cards.nth(index)
        card.get_by_role("textbox", name="Name of the class").fill(shape)
        card.locator("input[type=file]").set_input_files([draw(shape, hand) for hand in range(2)])
        expect(card.locator(".pair")).to_have_count(2)
    page.get_by_role("button", name="Teach", exact=True).click()
    expect(page.get_by_text("Learned 3 classes from 6 examples in")).to_be_visible()

    asked = [(shape, hand) for hand in range(10, 12) for shape in SHAPES]
    page.locator(".st-key-queries-0 input[type=file]").set_input_files([draw(*each) for each in asked])
    expect(page.locator(".answer strong")).to_have_text([shape for shape, _ in asked])
    page.screenshot(path=tmp_path / "taught.png", full_page=True)

    page.get_by_role("link", name="Experiments").first.click()
    expect(page.get_by_text("No experiment yet")).to_be_visible()
    page.get_by_role("link", name="Teach").first.click()
    expect(page.locator(".answer strong")).to_have_text([shape for shape, _ in asked])


@pytest.mark.parametrize("width", [1280, 400])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_fit_the_screen_in_their_own_colours(
    dashboard_url: str, browser: Browser, width: int, scheme: str
) -> None:
    context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)
    page = context.new_page()
    page.goto(dashboard_url)
    page.get_by_role("button", name="Draw a sample task").click()
    expect(page.get_by_text("Learned 5 classes from 5 examples in")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    background = page.locator(".stApp").evaluate("element => getComputedStyle(element).backgroundColor")
    assert background == {"light": "rgb(251, 252, 253)", "dark": "rgb(18, 25, 28)"}[scheme]
    context.close()
