"""What a visitor of the dashboard waits for, in a browser: with ten thousand experiments, and with forty."""

import sys
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright

from benchmarks.many_experiments import POINTS, fill
from benchmarks.report import Record, Report
from benchmarks.service import HOST, ServiceError, free_port, start
from benchmarks.setting import Setting
from benchmarks.timing import Side, in_turn, quotients, spread
from imaml.store import create_engine, upgrade

CHROMIUM = Path("/usr/bin/chromium")
MANY, FEW, WITH_CURVES = 10_000, 40, 200
SIZE = ViewportSize(width=1280, height=900)
DRAWN = ".stApp[data-test-script-state=notRunning]"
PAINTED = """() => new Promise(done =>
    requestAnimationFrame(() => requestAnimationFrame(() => done(performance.now()))))"""
WATCH = """() => { window.drawn = new Promise(done => {
    const app = document.querySelector('.stApp'); let began = 0, ran = false
    for (const event of ['pointerdown', 'keydown'])
        addEventListener(event, () => { if (!ran) began = performance.now() }, {capture: true})
    new MutationObserver((changes, observer) => {
        const state = app.dataset.testScriptState
        ran ||= state === 'running' || changes.some(change => change.oldValue === 'running')
        if (!ran || state !== 'notRunning') return
        observer.disconnect()
        requestAnimationFrame(() => requestAnimationFrame(() => done(performance.now() - began)))
    }).observe(app, {attributeFilter: ['data-test-script-state'], attributeOldValue: true})
}) }"""
"""Promises the milliseconds from what a visitor does last before a run until that is painted."""

Act = Callable[[Page], None]


@dataclass(frozen=True)
class Site:
    """A dashboard, and the newest experiments that it shows."""

    url: str
    newest: list[str]

    def address(self, page: str) -> str:
        """Return the address of a page; it names experiments where the page is of some."""
        return f"{self.url}/{page.format(one=self.newest[0], three=','.join(self.newest[:3]))}"


def run(setting: Setting) -> Report:
    """Time first paints and interactions, with many experiments and with few in turn."""
    if not CHROMIUM.exists():
        raise ServiceError(f"there is no browser at {CHROMIUM}")
    with sync_playwright() as playwright, _dashboard(MANY) as many, _dashboard(FEW) as few:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        sites = {"many": many, "few": few}
        rows = [*_first_paints(setting, browser, sites), *_interactions(setting, browser, sites)]
        browser.close()
    notes = [
        f"{MANY:,} experiments against {FEW}; the newest have seven metrics of {POINTS:,} points. SQLite, "
        f"one process of the service, headless Chromium on the same machine; {setting.rounds} rounds.",
        "A first paint is from the address until the page is drawn, by a browser that has nothing in its "
        "cache; an interaction is from the key or click until the page is drawn again.",
    ]
    return Report("What a visitor of the dashboard waits for", rows, notes)


@contextmanager
def _dashboard(experiments: int) -> Generator[Site, None, None]:
    with TemporaryDirectory() as folder:
        home = Path(folder)
        database = f"sqlite:///{home / 'imaml.db'}"
        upgrade(database)
        engine = create_engine(database)
        ids = fill(engine, experiments, min(WITH_CURVES, experiments))
        engine.dispose()
        api, port = free_port(), free_port()
        command = [sys.executable, "-m", "imaml", "up", "--api-port", str(api), "--dashboard-port", str(port)]
        with start(command, port, "/_stcore/health", home):
            yield Site(f"http://{HOST}:{port}", ids[::-1])


def _compared(setting: Setting, name: str, sides: Mapping[str, Side]) -> Record:
    setting.say(f"dashboard: {name}")
    seconds = in_turn(sides, setting.rounds)
    return {
        "benchmark": name,
        f"{MANY:,} (ms)": median(seconds["many"]) * 1e3,
        f"{FEW} (ms)": median(seconds["few"]) * 1e3,
        **spread("ratio", quotients(seconds["many"], seconds["few"])),
    }


def _first_paints(setting: Setting, browser: Browser, sites: Mapping[str, Site]) -> Iterator[Record]:
    """A visitor opens a page, and has opened none before."""
    for name, address in {
        "Teach": "",
        "Experiments": "experiments",
        "an experiment": "experiment?id={one}",
        "Compare, of three": "compare?ids={three}",
    }.items():
        sides = {side: partial(_paint, browser, site.address(address)) for side, site in sites.items()}
        yield _compared(setting, f"first paint of {name}", sides)


def _paint(browser: Browser, address: str) -> float:
    context = browser.new_context(viewport=SIZE)
    page = context.new_page()
    page.goto(address)
    page.locator(DRAWN).wait_for()
    milliseconds: float = page.evaluate(PAINTED)
    context.close()
    return milliseconds / 1e3


def _interactions(setting: Setting, browser: Browser, sites: Mapping[str, Site]) -> Iterator[Record]:
    """A visitor does something on a page that is open, and takes it back the next time."""
    for name, address, act in (
        ("Experiments: a letter in the search", "experiments", _search),
        ("Experiments: a status", "experiments", _status),
        ("Experiments: another page", "experiments", _turn),
        ("an experiment: smoothing", "experiment?id={one}", _smooth),
        ("an experiment: another part", "experiment?id={one}", _part),
        ("Compare, of three: smoothing", "compare?ids={three}", _smooth),
    ):
        pages = {side: browser.new_page(viewport=SIZE) for side in sites}
        for side, page in pages.items():
            page.goto(sites[side].address(address))
            page.locator(DRAWN).wait_for()
        yield _compared(setting, name, {side: partial(_wait, page, act) for side, page in pages.items()})
        for page in pages.values():
            page.close()


def _wait(page: Page, act: Act) -> float:
    page.evaluate(WATCH)
    act(page)
    milliseconds: float = page.evaluate("window.drawn")
    return milliseconds / 1e3


def _search(page: Page) -> None:
    field = page.get_by_role("textbox", name="Search")
    field.press("Backspace" if field.input_value() else "m")


def _status(page: Page) -> None:
    page.get_by_role("button", name="completed").or_(
        page.get_by_role("radio", name="completed")
    ).first.click()


def _turn(page: Page) -> None:
    back = page.get_by_role("button", name="Previous")
    (page.get_by_role("button", name="Next") if back.is_disabled() else back).click()


def _smooth(page: Page) -> None:
    slider = page.get_by_role("slider", name="Smoothing")
    slider.press("ArrowLeft" if float(slider.get_attribute("aria-valuenow") or 0) > 0 else "ArrowRight")


def _part(page: Page) -> None:
    curves, inner = (page.get_by_role("tab", name=name) for name in ("Curves", "Inner loop"))
    (inner if curves.get_attribute("aria-selected") == "true" else curves).click()
