"""What a reader does besides asking, with real models (the small one) and a real browser."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import Opening
from page_server import served
from playwright.sync_api import Page, expect
from test_accessibility import SIZES, violations

from rag.engine import Service
from rag.settings import Settings

LIBRARY = Path(__file__).parents[1] / "samples" / "pools"
CONTRACT = """# Contrat de location du local de Saint-Brévac

Le loyer mensuel est de 870 euros, payable le 5 de chaque mois.

Le préavis de départ est de trois mois. Le bail a été signé par Ivonne Kerbrat le 12 mars 2024.
"""
DROP = """([area, files]) => {
  const data = new DataTransfer();
  for (const [name, text] of files) data.items.add(new File([text], name));
  for (const kind of ['dragover', 'drop']) document.querySelector(area)
    .dispatchEvent(new DragEvent(kind, {dataTransfer: data, bubbles: true, cancelable: true}));
}"""


@pytest.fixture(scope="module")
def service(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    library = tmp_path_factory.mktemp("library")
    for path in LIBRARY.glob("*.md"):
        (library / path.name).write_bytes(path.read_bytes())
    opened = Service(Settings(home=home, library=library, model="small")).start()
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def address(service: Service) -> Iterator[str]:
    with served(service) as address:
        yield address


def ask(page: Page, question: str) -> None:
    asked = page.locator(".turn").count()
    page.fill("#question", question)
    page.press("#question", "Enter")
    page.wait_for_selector(f".turn:nth-child({asked + 1}) .under")


def fits(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth <= innerWidth"))


def test_a_file_dropped_on_the_chat_answers_there_alone(
    open_page: Opening, address: str, service: Service
) -> None:
    page = open_page(address)
    expect(page.locator(".state")).to_be_hidden()
    page.evaluate(DROP, ["main .scroll", [["bail.md", CONTRACT], ["photo.png", "x"]]])
    chips = page.locator(".attached li")
    expect(chips).to_contain_text(["Contrat de location"])
    expect(page.locator(".attached p")).to_contain_text("ce fichier seul")
    expect(page.locator(".note")).to_contain_text("photo.png")
    ask(page, "Quel est le loyer mensuel du local ?")
    expect(page.locator(".turn .answer")).to_contain_text("870")
    page.locator(".turn .cite:not(.none)").first.click()
    expect(page.locator("mark.chosen").first).to_contain_text("870 euros")
    assert service.store and "bail.md" not in {each.name for each in service.store.documents()}
    # It is there again after a reload, and nobody else's.
    page.reload()
    expect(chips).to_have_count(1)
    name = re.search(r"#c=([\w-]+)", page.url)[1]
    assert list((service.settings.attached / name / "files").iterdir())
    # A conversation beside it knows the library alone.
    page.click("[data-do=fresh]")
    expect(page.locator(".attached")).to_be_hidden()
    # Removed, it is gone from the disk, and the library answers again.
    page.goto(f"{address}#c={name}")
    page.reload()
    chips.locator("button").click()
    expect(page.locator(".attached")).to_be_hidden()
    assert not list((service.settings.attached / name / "files").iterdir())


def test_attaching_by_button_on_a_phone_in_english(
    open_page: Opening, address: str, tmp_path: Path
) -> None:
    page = open_page(address, locale="en-GB", **SIZES["phone"])
    expect(page.locator(".state")).to_be_hidden()
    (tmp_path / "bail.md").write_text(CONTRACT, encoding="utf-8")
    with page.expect_file_chooser() as chosen:
        page.click("[data-do=attach]")
    chosen.value.set_files(tmp_path / "bail.md")
    expect(page.locator(".attached p")).to_contain_text("this file alone")
    assert violations(page) == []
    assert fits(page)
