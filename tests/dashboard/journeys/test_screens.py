"""In a real browser: what opens, what one click does, and that it fits the screen."""

import pytest
from playwright.sync_api import Browser, Page, expect


def test_address_within_the_dashboard_is_the_first_that_is_opened(
    lonely_dashboard_url: str, page: Page
) -> None:
    page.goto(f"{lonely_dashboard_url}/experiments")
    expect(page.get_by_text("The service does not answer")).to_be_visible()
    page.get_by_role("link", name="Teach").first.click()
    expect(page.get_by_role("heading", name="Teach a classifier from a handful")).to_be_visible()


def test_one_click_teaches_an_example_and_answers_what_it_asks(dashboard_url: str, page: Page) -> None:
    page.goto(dashboard_url)
    page.get_by_role("button", name="3 classes, 3 examples each").click()
    expect(page.get_by_text("Learned 3 classes from 9 examples in")).to_be_visible()
    expect(page.locator(".answer strong")).to_have_count(6)
    expect(page.get_by_text(" of 6 images right: ")).to_be_visible()


def test_two_visitors_do_not_see_each_other(dashboard_url: str, browser: Browser, page: Page) -> None:
    page.goto(dashboard_url)
    page.get_by_role("button", name="5 classes, 1 example each").click()
    expect(page.get_by_text("Learned 5 classes from 5 examples in")).to_be_visible()
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    other = context.new_page()
    other.goto(dashboard_url)
    expect(other.get_by_text("Nothing yet")).to_be_visible()
    expect(other.locator(".pair")).to_have_count(0)
    other.get_by_role("button", name="3 classes, 3 examples each").click()
    expect(other.get_by_text("Learned 3 classes from 9 examples in")).to_be_visible()

    page.get_by_role("button", name="Add a class").click()
    expect(page.locator("[class*=st-key-class-]")).to_have_count(6)
    expect(page.locator("[class*=st-key-class-] .pair")).to_have_count(5)
    expect(page.get_by_text("Learned 5 classes from 5 examples in")).to_be_visible()
    context.close()


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
