"""Takes the pictures in docs/screenshots: `python -m tests.browser.screenshots`. Real models, a real answer."""

import shutil
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]  # as pytest does for the tests

from page_server import served
from playwright.sync_api import Browser, Page, sync_playwright
from serving import CHROMIUM, launch
from stand_in import ANSWERS, StandInService

from rag.engine import Service
from rag.i18n import EXAMPLES
from rag.settings import ROOT, Settings, from_environment
from rag.verifier import Citation

FOLDER = ROOT / "docs" / "screenshots"
QUESTIONS = {
    language: [text for each, text in EXAMPLES if each == language] for language in ("fr", "en")
}
# Answers over many excerpts, from tests/samples/pools: by what is shown, what is asked.
MANY = {
    "fr": {
        "comparison": "Compare les deux piscines : heures d'ouverture, entrées et prix.",
        "list": "Quels travaux sont prévus dans les piscines ?",
        "timeline": "Fais la chronologie des deux piscines.",
        "summary": "Résume le rapport sur la piscine de Kerlann en trois phrases.",
    },
    "en": {
        "comparison": "Compare the two harbours: opening hours, berths and visiting boats.",
        "list": "List the works that the harbours plan.",
        "timeline": "Make a timeline of the two harbours.",
        "summary": "Summarise the report on the harbour of Northwick in three sentences.",
    },
}
SCREENS = {
    "desktop": {"viewport": {"width": 1440, "height": 900}},
    "phone": {
        "viewport": {"width": 390, "height": 844},
        "device_scale_factor": 2,
        "is_mobile": True,
    },
}


def main() -> None:
    """One conversation in each language, and what else there is, on each screen in each theme."""
    if CHROMIUM is None:
        sys.exit("The pictures need chromium, chromium-browser or google-chrome on the path.")
    FOLDER.mkdir(parents=True, exist_ok=True)
    settings = from_environment()
    with tempfile.TemporaryDirectory(prefix="cocorico-") as home, sync_playwright() as playwright:
        for shared in ("weights", "states"):
            (settings.home / shared).mkdir(parents=True, exist_ok=True)
            Path(home, shared).symlink_to(settings.home / shared)
        browser = launch(playwright)
        service = Service(replace(settings, home=Path(home))).start()
        with served(service) as address:
            for language, questions in QUESTIONS.items():
                _everywhere(
                    browser,
                    address,
                    language,
                    lambda page, name, asked=questions: _conversation(page, name, asked),
                )
        service.close()
        _over_many(browser, replace(settings, home=Path(home)))
        _after_an_answer(browser, replace(settings, home=Path(home)))
        _with_a_pdf(browser)
        browser.close()


def _everywhere(
    browser: Browser, address: str, language: str, take: Callable[[Page, str], None]
) -> None:
    """Take pictures of the page at an address on each screen in each theme; the names end alike."""
    for screen, options in SCREENS.items():
        for theme in ("light", "dark"):
            context = browser.new_context(locale=language, color_scheme=theme, **options)  # type: ignore[arg-type]
            page = context.new_page()
            page.goto(address)
            page.wait_for_selector("#question")
            take(page, f"{screen}-{language}{'-dark' if theme == 'dark' else ''}")
            context.close()


_KEPT: dict[
    str, str
] = {}  # by language, the address of the conversation, which is had once, then shown everywhere


def _conversation(page: Page, name: str, questions: list[str]) -> None:
    page.wait_for_selector(".state", state="hidden", timeout=120_000)
    _take(page, f"{name}-empty")
    language = name.split("-")[1]
    if language not in _KEPT:
        _KEPT[language] = _converse(page, questions)
    page.goto(_KEPT[language])
    page.reload()
    _show(page)
    page.screenshot(path=FOLDER / f"{name}.png")
    page.click(".close")
    page.locator(".under summary").last.click()
    page.click("[data-do=conversations]")
    _take(page, f"{name}-conversations")
    page.click("[data-do=library]")
    _take(page, f"{name}-documents")
    page.locator("aside .add").last.click()
    page.wait_for_selector(".map .point")
    _take(page, f"{name}-map")


def _over_many(browser: Browser, settings: Settings) -> None:
    """A comparison, a list, a timeline and a summary; each is had once, then shown everywhere."""
    addresses: dict[str, str] = {}

    def show(page: Page, name: str) -> None:
        for kind, asked in MANY[name.split("-")[1]].items():
            if asked not in addresses:
                page.click("[data-do=fresh]") if page.locator(".turn").count() else None
                addresses[asked] = _converse(page, [asked])
            page.goto(addresses[asked])
            page.reload()
            page.wait_for_selector(".turn .under")
            _take(page, f"{name}-{kind}")

    library = HERE.parent / "samples" / "pools"
    service = Service(replace(settings, library=library)).start()
    with served(service) as address:
        for language in MANY:
            _everywhere(browser, address, language, show)
    service.close()


CONTRACT = {
    "fr": (
        "bail.md",
        "# Bail du local\n\nLe loyer est de 870 euros par mois.\n",
        "Quel est le loyer ?",
    ),
    "en": (
        "lease.md",
        "# Lease of the hall\n\nThe rent is 870 euros a month.\n",
        "What is the rent?",
    ),
}
NAMES = {"fr": ("Comparer", "Dossier", "Rapport 2023"), "en": ("Compare", "Dossier", "2023 report")}


def _after_an_answer(browser: Browser, settings: Settings) -> None:
    """A file of one conversation, a comparison made on the page, and the dossier of both."""
    made: dict[str, tuple[str, str]] = {}

    def show(page: Page, name: str) -> None:
        language = name.split("-")[1]
        page.wait_for_selector(".state", state="hidden", timeout=120_000)
        if language not in made:
            made[language] = _attach(page, language), _compare(page, language)
        for kind, address in zip(("attached", "compared"), made[language], strict=True):
            page.goto(address)
            page.reload()
            page.wait_for_selector(".turn .under")
            _take(page, f"{name}-{kind}")
        page.click("[data-do=library]")
        page.get_by_role("button", name=NAMES[language][1], exact=True).click()
        page.wait_for_selector(".dossier > li")
        _take(page, f"{name}-dossier")

    library = HERE.parent / "samples" / "pools"
    service = Service(replace(settings, library=library)).start()
    with served(service) as address:
        for language in NAMES:
            _everywhere(browser, address, language, show)
    service.close()


def _attach(page: Page, language: str) -> str:
    name, text, question = CONTRACT[language]
    with page.expect_file_chooser() as chooser:
        page.click("[data-do=attach]")
    file = {"name": name, "mimeType": "text/markdown", "buffer": text.encode()}
    chooser.value.set_files(file)  # type: ignore[arg-type]
    page.wait_for_selector(".attached li span")
    address = _converse(page, [question])
    _put_in(page)
    page.click("[data-do=fresh]")
    return address


def _compare(page: Page, language: str) -> str:
    compare, _, own = NAMES[language]
    page.click("[data-do=library]")
    page.get_by_role("button", name=compare, exact=True).click()
    for each in page.locator(".choosing label").all():
        each.locator("input").set_checked(own in each.inner_text())
    page.locator(".checking .add").click()
    page.wait_for_selector(".turn .under", timeout=300_000)
    _put_in(page)
    return page.url


def _put_in(page: Page) -> None:
    """Put the answer into the dossier."""
    page.click("[data-key=dossier]")
    page.wait_for_selector(".note button:visible")


def _with_a_pdf(browser: Browser) -> None:
    """A citation in a PDF on its page, over the stand-in service."""
    service = StandInService()
    shutil.copy(HERE.parent / "samples" / "project-history.fr.pdf", service.library)
    service.store.look()
    document = service.document("project-history.fr.pdf")
    start = document.text.index("Les distributions sont essentielles")
    said = document.text[start : document.text.index(".", start) + 1]
    cited = Citation(document.name, document.title, 0, start, start + len(said), said)
    ANSWERS["pourquoi"] = (
        ("Les distributions sont essentielles pour le futur de Linux.", (cited,)),
    )

    def show(page: Page, name: str) -> None:
        page.fill("#question", "Pourquoi Debian a-t-elle été conçue ?")
        page.press("#question", "Enter")
        page.wait_for_selector(".under")
        page.locator(".turn .cite").first.click()
        page.wait_for_function("document.querySelector('.text figure img')?.naturalWidth > 0")
        _take(page, f"{name}-pdf")

    with served(service) as address:
        _everywhere(browser, address, "fr", show)


def _take(page: Page, name: str) -> None:
    page.mouse.move(0, 0)
    page.evaluate("document.fonts.ready")
    page.wait_for_timeout(500)
    page.screenshot(path=FOLDER / f"{name}.jpeg", quality=85)
    print(FOLDER / f"{name}.jpeg", flush=True)


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


if __name__ == "__main__":
    main()
