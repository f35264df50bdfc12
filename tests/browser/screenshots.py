"""Takes the pictures in docs/screenshots: `python -m tests.browser.screenshots`. Real models, a real answer."""

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]  # as pytest does for the tests

from page_server import served  # noqa: E402
from playwright.sync_api import Page, sync_playwright  # noqa: E402
from serving import CHROMIUM, launch  # noqa: E402

from rag.service import Service  # noqa: E402
from rag.settings import ROOT, from_environment  # noqa: E402
from ui.texts import EXAMPLES  # noqa: E402

FOLDER = ROOT / "docs" / "screenshots"
QUESTIONS = {language: [text for each, text in EXAMPLES if each == language] for language in ("fr", "en")}
SCREENS = {
    "desktop": {"viewport": {"width": 1440, "height": 900}},
    "phone": {"viewport": {"width": 390, "height": 844}, "device_scale_factor": 2, "is_mobile": True},
}


def main() -> None:
    """One conversation in each language, shown on each screen in each theme."""
    if CHROMIUM is None:
        sys.exit("The pictures need chromium, chromium-browser or google-chrome on the path.")
    FOLDER.mkdir(parents=True, exist_ok=True)
    service = Service(from_environment()).start()
    with served(service) as address, sync_playwright() as playwright:
        browser = launch(playwright)
        for language, questions in QUESTIONS.items():
            kept = None  # the address of the conversation, which is had once, then shown everywhere
            for screen, options in SCREENS.items():
                for theme in ("light", "dark"):
                    context = browser.new_context(locale=language, color_scheme=theme, **options)  # type: ignore[arg-type]
                    page = context.new_page()
                    page.goto(address)
                    page.wait_for_selector("#question")
                    if kept is None:
                        kept = _converse(page, questions)
                    page.goto(kept)
                    page.reload()
                    name = f"{screen}-{language}{'-dark' if theme == 'dark' else ''}.png"
                    _show(page)
                    page.screenshot(path=FOLDER / name)
                    print(FOLDER / name)
                    if theme == "light":
                        _show_map(page)
                        page.screenshot(path=FOLDER / f"{screen}-{language}-map.png")
                    context.close()
        browser.close()
    service.close()


def _converse(page: Page, questions: list[str]) -> str:
    for number, question in enumerate(questions, 1):
        page.fill("#question", question)
        page.press("#question", "Enter")
        page.wait_for_selector(f".turn:nth-child({number}) .under", timeout=300_000)
    return page.url


def _show(page: Page) -> None:
    page.wait_for_selector(".turn")
    page.wait_for_selector(".state", state="hidden")
    page.locator(".turn").last.locator(".cite:not(.none)").first.click()
    page.wait_for_selector("mark.chosen")
    page.mouse.move(0, 0)
    page.evaluate("document.fonts.ready")
    page.wait_for_timeout(500)


def _show_map(page: Page) -> None:
    page.click(".close")
    page.locator(".under summary").last.click()
    page.click("[data-do=library]")
    page.locator("aside .add").last.click()
    page.wait_for_selector(".map .point")
    page.wait_for_timeout(300)


if __name__ == "__main__":
    main()
