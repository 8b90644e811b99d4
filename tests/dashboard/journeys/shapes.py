"""Shapes that a visitor draws with the mouse or has as files, and the cards that take them."""

import io
import random
import zipfile
from collections.abc import Iterable
from math import cos, pi, sin

from PIL import Image, ImageDraw
from playwright.sync_api import FilePayload, Locator, Page, expect

SHAPES = ("circle", "cross", "triangle")
STROKES = {
    "circle": [[(0.5 + 0.3 * cos(turn / 10 * pi), 0.5 + 0.3 * sin(turn / 10 * pi)) for turn in range(21)]],
    "cross": [[(0.2, 0.2), (0.8, 0.8)], [(0.8, 0.2), (0.2, 0.8)]],
    "triangle": [[(0.5, 0.15), (0.85, 0.85), (0.15, 0.85), (0.5, 0.15)]],
}
"""Of each shape, on a pad of side 1."""


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


def packed(hands: Iterable[int]) -> FilePayload:
    """A zip with a folder of drawings for each shape."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for shape in SHAPES:
            for hand in hands:
                archive.writestr(f"{shape}/{hand}.png", draw(shape, hand)["buffer"])
    return {"name": "shapes.zip", "mimeType": "application/zip", "buffer": file.getvalue()}


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
    for index, shape in enumerate(SHAPES):  # what takes images is called so once the page knows the name
        expect(cards.nth(index).locator(f"[aria-label^='Images of {shape}']")).to_be_attached()
    return cards.all()
