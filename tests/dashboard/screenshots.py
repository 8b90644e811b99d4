"""`make screenshots`: the pictures in the README, taken of the pages as they are, with runs that it trains.

The runs are small, and still take some minutes; with a folder as its argument, those in it are used again.
"""

import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import product
from os import environ
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.sync_api import Browser, Page, sync_playwright

from tests.browser import CHROMIUM, OPTIONS
from tests.dashboard.journeys.shapes import SHAPES, draw_on

PICTURES = Path(__file__).parents[2] / "dashboard" / "screens"
API, DASHBOARD = 18601, 18602
IMAML = sys.executable, "-m", "imaml"
RUN = (
    "--dataset glyphs --filters 16 --inner-steps 3 --cg-steps 3 --meta-steps 100 --meta-batch 4 "
    "--minimal-export --meta-lr 3e-3 --validate-every 10 --validation-episodes 20"
)
RUNS = {f"lam-{lam}-seed-{seed}": (lam, seed) for lam, seed in product(("0.1", "1"), ("0", "1"))}
Show = Callable[[Page], None]


def main() -> None:
    """Train what is not there yet, and take every picture."""
    with TemporaryDirectory() as fresh:
        home = Path(sys.argv[1] if len(sys.argv) > 1 else fresh)
        _train(home)
        with _services(home), sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=OPTIONS.split())
            for name, (show, width, height, scheme) in SCREENS.items():
                _take(browser, name, show, (width, height), scheme)
            browser.close()


def _train(home: Path) -> None:
    known = subprocess.run(
        [*IMAML, "experiments", "list"], env=_environment(home), capture_output=True, text=True
    )
    for name, (lam, seed) in RUNS.items():
        if name not in known.stdout:
            _imaml(home, "train", "--name", name, "--lam", lam, "--seed", seed, *RUN.split())
            for shots in ("1", "5"):
                _imaml(
                    home,
                    "evaluate",
                    name,
                    *f"--dataset glyphs --split test --shots {shots} --episodes 100".split(),
                )


def _imaml(home: Path, *arguments: str) -> None:
    print("imaml", *arguments, flush=True)
    subprocess.run([*IMAML, *arguments], env=_environment(home), check=True, stdout=subprocess.DEVNULL)


def _environment(home: Path) -> dict[str, str]:
    return {**environ, "IMAML_HOME": str(home)}


@contextmanager
def _services(home: Path) -> Iterator[None]:
    command = [*IMAML, "up", "--api-port", str(API), "--dashboard-port", str(DASHBOARD)]
    with subprocess.Popen(command, env=_environment(home), stderr=subprocess.DEVNULL) as process:
        while process.poll() is None:
            with suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{DASHBOARD}/_stcore/health"):
                break
            time.sleep(0.5)
        yield
        process.terminate()


def _take(browser: Browser, name: str, show: Show, size: tuple[int, int], scheme: str) -> None:
    page = browser.new_page(viewport={"width": size[0], "height": size[1]}, color_scheme=scheme)
    show(page)
    _settle(page)
    page.screenshot(path=PICTURES / f"{name}.png")
    print(name, flush=True)
    page.close()


def _settle(page: Page) -> None:
    page.locator(".stApp[data-test-script-state=notRunning]").wait_for()
    page.wait_for_timeout(1500)  # charts move into their place


def _open(page: Page, path: str) -> None:
    page.goto(f"http://127.0.0.1:{DASHBOARD}/{path}")
    _settle(page)


def _first(page: Page) -> None:
    _open(page, "")


def _teach(page: Page) -> None:
    _open(page, "")
    page.get_by_role("button", name="Add a class").click()
    cards = page.locator("[class*=st-key-class-]")
    cards.nth(2).wait_for()
    for number, shape in enumerate(SHAPES):
        cards.nth(number).get_by_role("textbox", name="Name of the class").fill(shape)
        draw_on(cards.nth(number).locator("canvas"), shape)
        cards.nth(number).get_by_role("button", name="Add the drawing").click()
        cards.nth(number).locator(".pair").wait_for()
        _settle(page)
    page.get_by_role("button", name="Teach", exact=True).click()
    for number, shape in enumerate(SHAPES[:2]):
        draw_on(page.locator(".st-key-query canvas"), shape, larger=0.8)
        page.get_by_role("button", name="What is it?").click()
        page.locator(".answer").nth(number).wait_for()
        _settle(page)
    cards.first.scroll_into_view_if_needed()


def _experiments(page: Page) -> None:
    _open(page, "experiments")


def _experiment(page: Page) -> None:
    _experiments(page)
    table = page.get_by_test_id("stDataFrame").bounding_box()
    assert table is not None
    page.mouse.click(table["x"] + 100, table["y"] + 52)
    page.get_by_role("tab", name="Curves").wait_for()


def _compare(page: Page) -> None:
    _experiments(page)
    table = page.get_by_test_id("stDataFrame").bounding_box()
    assert table is not None
    page.mouse.click(table["x"] + 16, table["y"] + 17)  # all of them
    page.get_by_role("button", name=f"Compare {len(RUNS)}").click()
    page.get_by_test_id("stVegaLiteChart").first.wait_for()


def _models(page: Page) -> None:
    _open(page, "models?model=starter:1")


def _adaptations(page: Page) -> None:
    _open(page, "adaptations")


SCREENS: dict[str, tuple[Show, int, int, str]] = {
    "first": (_first, 1280, 900, "light"),
    "teach": (_teach, 1280, 1700, "light"),
    "experiments": (_experiments, 1280, 900, "light"),
    "experiment": (_experiment, 1280, 900, "light"),
    "compare": (_compare, 1280, 900, "dark"),
    "model": (_models, 1280, 900, "light"),
    "adaptations": (_adaptations, 1280, 900, "dark"),
    "phone": (_first, 400, 900, "light"),
}

if __name__ == "__main__":
    main()
