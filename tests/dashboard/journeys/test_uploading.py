"""In a real browser: teach from files, see the right answers."""

from pathlib import Path

from playwright.sync_api import Page, expect

from tests.dashboard.journeys.shapes import SHAPES, draw, named_cards, packed, settle


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


def test_zip_of_class_folders_is_taught_and_another_is_scored(dashboard_url: str, page: Page) -> None:
    page.goto(dashboard_url)
    page.get_by_text("Upload").first.click()
    expect(page.get_by_text("All classes at once")).to_be_visible()
    settle(page)
    page.locator(".st-key-folders input[type=file]").set_input_files(packed(range(2)))
    expect(page.locator("[class*=st-key-class-]")).to_have_count(len(SHAPES))
    page.get_by_role("button", name="Teach", exact=True).click()
    expect(page.get_by_text("Learned 3 classes from 6 examples in")).to_be_visible()

    page.locator(".st-key-query").get_by_text("Upload").first.click()
    settle(page)
    page.locator(".st-key-query input[type=file]").set_input_files(packed(range(10, 14)))
    expect(page.get_by_text("12 of 12 images right: 100 %")).to_be_visible()
    expect(page.get_by_text("Of 12 new images of known class it gets 12 right")).to_be_visible()
    page.get_by_text("Which classes it confuses").click()
    expect(page.locator("[data-testid=stVegaLiteChart][aria-label=Confusion]")).to_be_visible()
