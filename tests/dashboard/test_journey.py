"""In a real browser: teach from uploaded files, see the right answers."""

import io
import os
import random
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from math import cos, pi, sin
from pathlib import Path

import pytest
from PIL import Image, ImageDraw
from playwright.sync_api import Browser, FilePayload, Locator, Page, expect

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


def settle(page: Page) -> None:
    """Wait for the run of the page that is under way: what is dropped on it meanwhile could be lost."""
    expect(page.locator(".stApp")).to_have_attribute("data-test-script-state", "notRunning")


def named_cards(page: Page) -> list[Locator]:
    """A card for each shape, with its name."""
    page.get_by_role("button", name="Add a class").click()
    cards = page.locator("[class*=st-key-class-]")
    expect(cards).to_have_count(len(SHAPES))
    for index, shape in enumerate(SHAPES):
        cards.nth(index).get_by_role("textbox", name="Name of the class").fill(shape)
    return cards.all()


STROKES = {
    "circle": [[(0.5 + 0.3 * cos(turn / 10 * pi), 0.5 + 0.3 * sin(turn / 10 * pi)) for turn in range(21)]],
    "cross": [[(0.2, 0.2), (0.8, 0.8)], [(0.8, 0.2), (0.2, 0.8)]],
    "triangle": [[(0.5, 0.15), (0.85, 0.85), (0.15, 0.85), (0.5, 0.15)]],
}
"""Of each shape, on a pad of side 1."""


def draw_on(pad: Locator, shape: str, larger: float = 1.0) -> None:
    """Draw the shape with the mouse."""
    pad.scroll_into_view_if_needed()
    box = pad.bounding_box()
    assert box is not None
    mouse = pad.page.mouse
    for stroke in STROKES[shape]:
        for number, (x, y) in enumerate(stroke):
            x, y = ((place - 0.5) * larger + 0.5 for place in (x, y))
            mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"], steps=5)
            if number == 0:
                mouse.down()
        mouse.up()


def test_visitor_draws_shapes_and_what_is_drawn_next_is_recognised(dashboard_url: str, page: Page) -> None:
    page.goto(dashboard_url)
    for card, shape in zip(named_cards(page), SHAPES, strict=True):
        pad = card.locator("canvas")
        draw_on(pad, shape)
        expect(pad).to_have_attribute("aria-label", re.compile("[12] strokes?$"))
        card.get_by_role("button", name="Add the drawing").click()
        expect(card.locator(".pair")).to_have_count(1)
        expect(pad).to_have_attribute("aria-label", re.compile("empty$"))
    page.get_by_role("button", name="Teach", exact=True).click()
    expect(page.get_by_text("Learned 3 classes from 3 examples in")).to_be_visible()

    pad = page.locator(".st-key-query canvas")
    for number, shape in enumerate(SHAPES, 1):
        draw_on(pad, shape, larger=0.8)
        page.get_by_role("button", name="What is it?").click()
        expect(page.locator(".answer strong")).to_have_count(number)
    expect(page.locator(".answer strong")).to_have_text([*SHAPES[::-1]])


def test_pad_undoes_and_clears(dashboard_url: str, page: Page) -> None:
    page.goto(dashboard_url)
    card = page.locator("[class*=st-key-class-]").first
    pad, undo, add = card.locator("canvas"), card.get_by_role("button", name="Undo"), "Add the drawing"
    expect(undo).to_be_disabled()
    draw_on(pad, "cross")
    expect(pad).to_have_attribute("aria-label", re.compile("2 strokes$"))
    undo.click()
    expect(pad).to_have_attribute("aria-label", re.compile("1 stroke$"))
    pad.press("Control+z")
    expect(pad).to_have_attribute("aria-label", re.compile("empty$"))
    expect(card.get_by_role("button", name=add)).to_be_disabled()
    draw_on(pad, "circle")
    card.get_by_role("button", name="Clear").click()
    expect(pad).to_have_attribute("aria-label", re.compile("empty$"))


def test_a_wrong_answer_is_put_right_and_learned(dashboard_url: str, page: Page) -> None:
    page.goto(dashboard_url)
    for card, shape in zip(named_cards(page), SHAPES, strict=True):
        draw_on(card.locator("canvas"), shape)
        card.get_by_role("button", name="Add the drawing").click()
        expect(card.locator(".pair")).to_have_count(1)
    page.get_by_role("button", name="Teach", exact=True).click()
    expect(page.get_by_text("Learned 3 classes from 3 examples in")).to_be_visible()
    draw_on(page.locator(".st-key-query canvas"), "circle")
    page.get_by_role("button", name="What is it?").click()
    page.get_by_role("combobox", name="Wrong? It is …").click()
    page.get_by_role("option", name="cross").click()
    expect(page.get_by_text("Learned 3 classes from 4 examples in")).to_be_visible()
    expect(page.get_by_text("Now one of the examples.")).to_be_visible()


def test_visitor_teaches_shapes_and_gets_the_right_answers(
    dashboard_url: str, page: Page, tmp_path: Path
) -> None:
    page.goto(dashboard_url)
    page.get_by_text("Upload").first.click()
    expect(page.get_by_text("All classes at once")).to_be_visible()
    for card, shape in zip(named_cards(page), SHAPES, strict=True):
        settle(page)
        card.locator("input[type=file]").set_input_files([draw(shape, hand) for hand in range(2)])
        expect(card.locator(".pair")).to_have_count(2)
    page.get_by_role("button", name="Teach", exact=True).click()
    expect(page.get_by_text("Learned 3 classes from 6 examples in")).to_be_visible()

    asked = [(shape, hand) for hand in range(10, 12) for shape in SHAPES]
    page.locator(".st-key-query").get_by_text("Upload").first.click()
    settle(page)
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
