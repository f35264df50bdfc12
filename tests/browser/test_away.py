"""The page goes away in the middle of an answer and comes back: the answer went on on the server."""

from collections.abc import Iterator

import pytest
from conftest import PATIENCE
from playwright.sync_api import Browser, Page, expect
from stand_in import StandInService
from test_page import ask, begin

LAST = "pari était bon"  # in the last sentence of the answer to "investi"


@pytest.fixture
def page(
    browser: Browser, service: StandInService, _served: tuple[StandInService, str]
) -> Iterator[Page]:
    """A page of which only its own errors count: a browser also logs the streams that are cut."""
    service.answering.slow = True
    size = {"width": 1440, "height": 900}
    context, wrong = browser.new_context(locale="fr-FR", viewport=size), []
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.goto(_served[1])
    page.wait_for_selector(".cocorico textarea")
    yield page
    context.close()
    assert not wrong


@pytest.fixture
def writing(page: Page) -> Page:
    """A page whose answer has its first sentence."""
    begin(page, "investi combien ?")
    page.wait_for_selector(".cite")
    return page


@pytest.fixture
def slow(page: Page) -> Page:
    """A page whose answer takes its time."""
    begin(page, "lent")
    expect(page.locator(".prose")).to_contain_text("numéro 1.")
    return page


def test_a_reload_finds_the_answer_going_on(writing: Page, service: StandInService) -> None:
    writing.reload()
    writing.wait_for_selector(".under")
    expect(writing.locator(".prose")).to_contain_text(LAST)
    expect(writing.locator(".answer")).not_to_contain_text("interrompue")
    assert len(service.answering.asked) == 1


def test_an_answer_found_going_on_can_be_stopped(slow: Page) -> None:
    page = slow
    page.reload()
    expect(page.locator(".prose")).to_contain_text("numéro 1.")
    page.click(".send")
    expect(page.locator(".answer")).to_contain_text("Réponse interrompue.")
    expect(page.locator(".prose")).not_to_contain_text("numéro 59.")


def test_another_page_of_the_same_tab_and_back_shows_the_answer(writing: Page) -> None:
    address = writing.url
    writing.goto("about:blank")
    writing.go_back()
    assert writing.url == address
    writing.wait_for_selector(".under")
    expect(writing.locator(".prose")).to_contain_text(LAST)


def test_a_tab_that_was_closed_keeps_its_answer(writing: Page) -> None:
    context, address = writing.context, writing.url
    writing.close()
    later = context.new_page()
    later.goto(address)
    later.wait_for_selector(".under")
    expect(later.locator(".prose")).to_contain_text(LAST)


def test_a_second_tab_follows_the_same_answer(writing: Page) -> None:
    other = writing.context.new_page()
    other.goto(writing.url)
    for page in (writing, other):
        page.wait_for_selector(".under")
        expect(page.locator(".prose")).to_contain_text(LAST)


def test_two_tabs_that_ask_in_one_conversation_are_both_kept_in_order(
    page: Page, service: StandInService
) -> None:
    ask(page, "investi combien ?")
    other = page.context.new_page()
    other.goto(page.url)
    other.wait_for_selector(".under")
    begin(page, "investi un ?")
    ask(other, "investi deux ?")
    page.wait_for_selector(".turn:nth-child(2) .under")
    ask(page, "investi trois ?")
    page.reload()
    other.reload()
    for each in (page, other):
        expect(each.locator(".turn")).to_have_count(4)
        assert "trois" in each.locator(".question").last.inner_text()
    assert {"investi un ?", "investi deux ?"} <= set(service.answering.asked[-1][1])


def test_a_conversation_deleted_in_another_tab_is_told(slow: Page) -> None:
    other = slow.context.new_page()
    other.goto(slow.url)
    other.click("[data-do=conversations]")
    other.click(".kept >> nth=0 >> text=Supprimer")
    expect(other.locator(".note")).to_be_visible()
    slow.click(".send")
    slow.wait_for_selector(".under")
    expect(slow.locator(".answer")).to_contain_text("Conversation supprimée.")
    expect(slow.locator(".error")).to_have_count(0)


def test_a_page_that_was_offline_shows_the_answer(slow: Page, service: StandInService) -> None:
    page = slow
    page.context.set_offline(True)
    expect(page.locator(".state p")).to_contain_text("ne répond plus")
    expect(page.locator(".answer .error")).to_be_visible()  # what came isn't shown as the whole
    page.context.set_offline(False)
    expect(page.locator(".prose")).to_contain_text("numéro 59.")
    page.wait_for_selector(".under")
    expect(page.locator(".answer .error")).to_have_count(0)
    assert len(service.answering.asked) == 1
