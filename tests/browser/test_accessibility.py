"""Every screen in both themes: no violation that axe-core knows of WCAG 2.2 A and AA; all by key; nothing moves unasked."""

from importlib.resources import files

import pytest
from conftest import Opening
from playwright.sync_api import Page, expect
from stand_in import FIRST, SECOND, StandInService
from test_page import ask, begin

from index.errors import UserError
from rag.engine import Reading, State

AXE = files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8")
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
SIZES = {
    "laptop": {"size": (1440, 900)},
    "phone": {"size": (390, 844), "has_touch": True, "is_mobile": True},
}


def violations(page: Page) -> list[str]:
    """What axe-core finds wrong with the page as it stands, each with the elements concerned."""
    page.evaluate(f"window.axe || (() => {{ {AXE}\n }})()")
    found = page.evaluate(
        "rules => axe.run(document, {runOnly: {type: 'tag', values: rules}})", RULES
    )
    return [
        f"{each['id']}: {[node['target'] for node in each['nodes']]}"
        for each in found["violations"]
    ]


@pytest.mark.parametrize(("scheme", "device"), [("light", "laptop"), ("dark", "phone")])
def test_axe_finds_nothing_on_any_screen(
    open_stand_in: Opening, service: StandInService, scheme: str, device: str
) -> None:
    page = open_stand_in(color_scheme=scheme, reduced_motion="reduce", **SIZES[device])
    wrong = {"empty": violations(page)}
    ask(page, "investi")
    ask(page, "refus")
    ask(page, "erreur")
    page.click("summary >> nth=0")
    page.click("[data-key=bad] >> nth=0")
    wrong["answers"] = violations(page)
    page.click("[data-key=cite2]")
    page.wait_for_selector("mark.chosen")
    wrong["source"] = violations(page)
    page.click("[data-do=close]") if device == "phone" else None
    page.focus("[data-key=cite1]")
    wrong["preview"] = violations(page)
    page.click("[data-do=conversations]")
    page.wait_for_selector(".kept")
    wrong["conversations"] = violations(page)
    page.click(".kept .doings button >> nth=0")
    wrong["rename"] = violations(page)
    service.reading = Reading(failed=(("x.md", UserError("document_binary", file="x.md")),))
    page.click("[data-do=close]") if device == "phone" else None
    page.click("[data-do=library]")
    page.wait_for_selector(".library [type=checkbox]")
    page.uncheck(".library [type=checkbox] >> nth=0")
    wrong["documents"] = violations(page)
    assert {screen: found for screen, found in wrong.items() if found} == {}


def test_axe_finds_nothing_while_it_gets_ready_and_works(
    open_stand_in: Opening, service: StandInService
) -> None:
    service.state = State("fetching", "model", 5, 10)
    page = open_stand_in(color_scheme="dark")
    wrong = {"fetching": violations(page)}
    service.state = State("failed", error=UserError("model_absent", model="x"))
    expect(page.locator(".state.failed")).to_be_visible()
    wrong["failed"] = violations(page)
    service.state = State("ready")
    expect(page.locator(".state")).to_be_hidden()
    begin(page, "lent")
    page.wait_for_selector("[data-key=cite1]")
    wrong["writing"] = violations(page)
    page.click(".send")
    assert {screen: found for screen, found in wrong.items() if found} == {}


def test_arrows_go_from_citation_to_citation(page: Page) -> None:
    ask(page, "investi")
    page.focus("[data-key=cite1]")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    expect(page.locator("[data-key=cite2]")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("ArrowLeft")
    expect(page.locator("mark.chosen")).to_have_text(FIRST)
    page.keyboard.press("ArrowRight")
    expect(page.locator("mark.chosen")).to_have_text(SECOND)


def test_a_step_to_another_source_is_announced(page: Page) -> None:
    ask(page, "investi")
    page.click("[data-key=cite1] >> nth=0")
    page.click("[data-do=next]")
    expect(page.locator(".cocorico [role=status]")).to_contain_text(f"2 sur 2: {SECOND}")


def test_every_screen_is_reached_by_tab(page: Page) -> None:
    ask(page, "investi")
    reached = set()
    for _ in range(60):
        page.keyboard.press("Shift+Tab")
        reached.add(
            page.evaluate(
                "(at => at.dataset.do ?? at.dataset.key ?? at.id ?? '')(document.activeElement)"
            )
        )
    assert {
        "fresh",
        "conversations",
        "library",
        "theme",
        "cite1",
        "cite2",
        "copy",
        "good",
        "bad",
        "edit",
    } <= reached


def test_nothing_moves_for_those_who_asked_for_stillness(open_stand_in: Opening) -> None:
    page = open_stand_in(reduced_motion="reduce", size=(390, 844))
    begin(page, "lent")
    page.wait_for_selector(".progress")
    assert page.evaluate("document.getAnimations().length") == 0
    page.click("[data-do=library]")
    assert page.evaluate("document.getAnimations().length") == 0
    page.keyboard.press("Escape")
    page.click(".send")
