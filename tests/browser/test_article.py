"""The whole product, once: real models, the real documents of seeds/, a real browser."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import Opening
from page_server import served
from playwright.sync_api import Page, expect

from rag.engine import Service
from rag.settings import Settings

PATIENCE = 300_000  # ms, for a machine without an accelerator that also runs other tests


@pytest.fixture(scope="module")
def address(home: Path) -> Iterator[str]:
    service = Service(Settings(home=home)).start()
    with served(service) as address:
        yield address
    service.close()


def ask(page: Page, question: str) -> None:
    asked = page.locator(".turn").count()
    page.fill("#question", question)
    page.press("#question", "Enter")
    page.wait_for_selector(f".turn:nth-child({asked + 1}) .under", timeout=PATIENCE)
    assert page.locator(".error").all_inner_texts() == []


@pytest.mark.timeout(1500)
def test_a_conversation_in_both_languages(open_page: Opening, address: str) -> None:
    page = open_page(address)
    # A question asked at once waits until the models are there.
    ask(page, "Combien Microsoft a-t-il investi dans Mistral AI ?")
    answer = page.locator(".turn:nth-child(1) .answer")
    expect(answer).to_contain_text("15")
    expect(answer).to_have_attribute("lang", "fr")

    _check_map(page)

    # Its citation opens the document at the sentence.
    answer.locator(".cite:not(.none)").first.click()
    mark, text = page.locator("mark.chosen"), page.locator(".text")
    expect(mark.first).to_contain_text("15 millions")
    inner, outer = mark.first.bounding_box(), text.bounding_box()
    assert inner and outer
    assert outer["y"] <= inner["y"] <= outer["y"] + outer["height"] - inner["height"]

    # A question that leans on it.
    ask(page, "Et dans OpenAI ?")
    expect(page.locator(".turn:nth-child(2) .answer")).to_contain_text("13 milliards")

    # One in English about the same French document, and one that no document answers.
    ask(page, "How much has Microsoft invested in OpenAI?")
    answer = page.locator(".turn:nth-child(3) .answer")
    expect(answer).to_contain_text("13 billion")
    expect(answer).to_have_attribute("lang", "en")
    expect(answer.locator(".cite:not(.none)").first).to_be_visible()
    ask(page, "Quel temps fera-t-il demain à Lisbonne ?")
    expect(page.locator(".turn:nth-child(4) .refused .badge")).to_be_visible()

    page.click("[data-do=fresh]")
    expect(page.locator(".turn")).to_have_count(0)
    expect(page.locator(".empty")).to_be_visible()


def _check_map(page: Page) -> None:
    """The map shows what was read for the last answer, and opens it."""
    page.click(".under summary")
    expect(page.locator(".why").first).to_be_visible()
    page.click("[data-do=library]")
    page.locator("aside .add").last.click()
    expect(page.locator(".map .point").first).to_be_visible()
    assert page.locator(".map .point.read").count() >= 1
    expect(page.locator(".map path.asked")).to_have_count(1)
    page.locator(".map .point.read").first.click()
    expect(page.locator("mark.chosen").first).to_be_visible()

    # The same by the keyboard.
    page.click("[data-do=library]")
    page.locator("aside .add").last.click()
    page.locator(".map").press("ArrowRight")
    expect(page.locator(".map .point.here")).to_have_count(1)
    page.locator(".map").press("Enter")
    expect(page.locator("mark.chosen").first).to_be_visible()
