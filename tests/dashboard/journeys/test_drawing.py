"""In a real browser: teach by drawing on the pad."""

import re

from playwright.sync_api import Page, expect

from tests.dashboard.journeys.shapes import SHAPES, draw_on, named_cards


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
