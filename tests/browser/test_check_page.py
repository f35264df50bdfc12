"""A text checked on the page, over the stand-in service."""

from pathlib import Path

from conftest import Opening
from playwright.sync_api import Page, expect
from stand_in import FIRST, StandInService
from test_accessibility import SIZES, violations

TEXT = "Microsoft a investi.\nMistral a reçu 99 millions.\nLe coq dort."


def check(page: Page, text: str) -> None:
    """Open the place from the documents, write, and have it checked."""
    page.locator(".library + .doings button").first.click()
    page.locator(".checking textarea").fill(text)
    page.locator(".checking .add").click()


def test_each_sentence_shows_what_is_found_and_opens_its_source(
    page: Page, service: StandInService
) -> None:
    check(page, TEXT)
    found = page.locator(".checked .support")
    expect(found).to_have_text(["Confirmé", "Contredit · le chiffre", "Introuvable"])
    expect(page.locator(".checked blockquote")).to_have_count(2)
    page.locator(".checked blockquote button").first.click()
    expect(page.locator("mark.chosen")).to_have_text(FIRST)


def test_the_documents_of_the_conversation_are_used(page: Page, service: StandInService) -> None:
    page.uncheck(".library [type=checkbox] >> nth=0")
    check(page, TEXT)
    expect(page.locator(".checked li")).to_have_count(3)
    assert len(service.answering.allowed[-1] or []) == 4


def test_a_file_is_read_and_not_kept(page: Page, service: StandInService, tmp_path: Path) -> None:
    page.locator(".library + .doings button").first.click()
    given = tmp_path / "note.md"
    given.write_text("Microsoft a investi.", encoding="utf-8")
    page.set_input_files(".checking input", given)
    expect(page.locator(".checking textarea")).to_have_value("Microsoft a investi.")
    assert not list(service.library.rglob("note*"))
    wrong = tmp_path / "photo.png"
    wrong.write_bytes(b"x")
    page.set_input_files(".checking input", wrong)
    expect(page.locator(".text .error")).to_contain_text("photo.png")


def test_it_is_in_english_too_fits_a_phone_and_axe_finds_nothing(open_stand_in: Opening) -> None:
    page = open_stand_in(locale="en-GB", **SIZES["phone"])
    page.click("[data-do=library]")
    check(page, TEXT)
    expect(page.locator(".checked .support").last).to_have_text("Not found")
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
