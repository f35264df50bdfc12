"""Lists and tables of an answer: drawn as such, with their citations, on a phone and by a screen reader; copied as Markdown."""

import pytest
from conftest import Opening
from playwright.sync_api import Page, expect
from stand_in import FIRST, StandInService
from test_accessibility import SIZES, violations
from test_page import ask


def test_a_list_is_a_list_whose_items_are_cited(page: Page) -> None:
    ask(page, "liste")
    items = page.locator(".prose li")
    expect(items).to_have_count(3)
    expect(items.nth(0)).to_have_text("Microsoft a investi 15 millions d'euros.1")
    expect(items.nth(2).locator("strong")).to_have_text("aube")
    items.nth(0).locator(".cite").click()
    expect(page.locator("mark.chosen")).to_have_text(FIRST)


def test_a_comparison_is_a_table_with_names_and_cited_cells(page: Page) -> None:
    ask(page, "compare")
    table = page.get_by_role("table")
    assert table.get_by_role("columnheader").all_inner_texts() == ["L'accord", "Le coq"]
    assert table.get_by_role("rowheader").all_inner_texts() == ["Montant", "Avis"]
    expect(table.locator("tbody td")).to_have_count(4)
    assert table.locator("td.silent").all_inner_texts() == ["n’en dit rien"]
    table.locator(".cite").first.click()
    expect(page.locator("mark.chosen")).to_have_text(FIRST)


def test_a_table_is_copied_as_markdown(page: Page) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    ask(page, "compare")
    page.click("[data-key=copy]")
    expect(page.locator("[data-key=copy]")).to_contain_text("Copié")
    copied = page.evaluate("navigator.clipboard.readText()").splitlines()
    assert copied[:3] == [
        "| | L'accord | Le coq |",
        "| --- | --- | --- |",
        "| Montant | 15 millions d'euros. [1] | n’en dit rien |",
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("device", SIZES)
def test_lists_and_tables_are_read_on_each_screen(
    open_stand_in: Opening, device: str, scheme: str
) -> None:
    page = open_stand_in(color_scheme=scheme, reduced_motion="reduce", **SIZES[device])
    ask(page, "liste")
    ask(page, "compare")
    assert violations(page) == []
    wide = page.evaluate("document.querySelector('.scroll').scrollWidth - innerWidth")
    assert wide <= 0
    expect(page.get_by_role("table").get_by_role("columnheader")).to_have_count(2)


def test_what_the_documents_do_not_answer_is_not_suggested(
    page: Page, service: StandInService
) -> None:
    service.answering.knowing = False
    page.fill("#question", "long ?")
    page.press("#question", "Enter")
    page.wait_for_selector(".under")
    page.wait_for_timeout(500)
    expect(page.locator(".suggestions")).not_to_contain_text("Que disent")
    service.answering.knowing = True
