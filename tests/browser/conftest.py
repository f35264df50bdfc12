"""Chromium and a page over the stand-in service; a test fails where the page throws, opens a dialog or asks afar."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from page_server import served
from playwright.sync_api import Browser, Page, expect, sync_playwright
from serving import CHROMIUM, launch
from stand_in import StandInService

from rag.engine import Reading, State

HERE = Path(__file__).resolve().parent
Opening = Callable[..., Page]
PATIENCE = 60_000  # ms: other tests compute meanwhile
OPENING = 300_000  # ms: models may be loading on the same processor
expect.set_options(timeout=PATIENCE)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what drives a browser; say why it is skipped where there is none."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker("browser")
            if CHROMIUM is None:
                item.add_marker(
                    pytest.mark.skip(
                        reason="no chromium, chromium-browser or google-chrome on the path"
                    )
                )


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = launch(playwright)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def _served() -> Iterator[tuple[StandInService, str]]:
    service = StandInService()
    with served(service) as address:
        yield service, address


@pytest.fixture
def service(_served: tuple[StandInService, str]) -> StandInService:
    """The stand-in behind the page, ready as at first."""
    service = _served[0]
    service.state = State("ready")
    service.reading = Reading()
    service.pause.clear()
    service.answering.asked.clear()
    service.answering.allowed.clear()
    service.answering.slow = False
    for path in service.library.rglob("*.*"):
        path.unlink()
    service.store.look()
    return service


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Opening]:
    """Opens an address in a context of its own, which must stay quiet and on this machine."""
    contexts, wrong = [], []

    def opening(
        address: str, *, locale: str = "fr-FR", size: tuple[int, int] = (1440, 900), **options
    ) -> Page:
        context = browser.new_context(
            locale=locale, viewport={"width": size[0], "height": size[1]}, **options
        )
        contexts.append(context)
        context.set_default_timeout(PATIENCE)
        page = context.new_page()
        page.on("pageerror", lambda error: wrong.append(f"error in the page: {error}"))
        page.on(
            "dialog", lambda dialog: (wrong.append(f"dialog: {dialog.message}"), dialog.dismiss())
        )
        page.on(
            "request",
            lambda request: (
                _allowed(request.url, address) or wrong.append(f"asked for {request.url}")
            ),
        )
        page.on(
            "console", lambda line: line.type == "error" and wrong.append(f"console: {line.text}")
        )
        page.goto(address, timeout=OPENING)
        page.wait_for_selector(".cocorico textarea", timeout=OPENING)
        return page

    yield opening
    for context in contexts:
        context.close()
    assert not wrong


def _allowed(url: str, address: str) -> bool:
    return url.startswith((address, "data:", "blob:"))


@pytest.fixture
def page(open_page: Opening, service: StandInService, _served: tuple[StandInService, str]) -> Page:
    """The French page on a wide screen."""
    return open_page(_served[1])


@pytest.fixture
def open_stand_in(
    open_page: Opening, service: StandInService, _served: tuple[StandInService, str]
) -> Opening:
    """The page over the stand-in, opened as the test asks."""
    return lambda **options: open_page(_served[1], **options)
