"""The page over a stand-in service: what it shows, how it is used, and that no text from outside is ever active."""

import re
import time
from itertools import pairwise

import pytest
from conftest import Opening
from playwright.sync_api import Page, expect
from stand_in import FIRST, HOSTILE, SECOND, StandInService

from index.errors import UserError
from rag.engine import State

WIDTHS = [(1440, 900), (390, 844), (320, 600)]


def ask(page: Page, question: str) -> None:
    """Ask, and wait for the whole answer."""
    asked = page.locator(".turn").count()
    begin(page, question)
    page.wait_for_selector(f".turn:nth-child({asked + 1}) .under")


def begin(page: Page, question: str) -> None:
    page.fill("#question", question)
    page.press("#question", "Enter")


def in_view(page: Page, selector: str, area: str) -> bool:
    """Whether all of an element lies in the part of `area` that is seen."""
    inner, outer = page.locator(selector).first.bounding_box(), page.locator(area).bounding_box()
    return bool(
        inner
        and outer
        and outer["y"] <= inner["y"]
        and inner["y"] + inner["height"] <= outer["y"] + outer["height"]
    )


# --- language and looks ------------------------------------------------------


@pytest.mark.parametrize(("locale", "words"), [("fr-CA", "Posez"), ("de-DE", "Ask about")])
def test_the_language_follows_the_browser(open_stand_in: Opening, locale: str, words: str) -> None:
    page = open_stand_in(locale=locale)
    expect(page.locator(".empty h2")).to_contain_text(words)
    expect(page.locator(".cocorico")).to_have_attribute("lang", "fr" if locale == "fr-CA" else "en")


def test_the_language_can_be_switched_and_stays_so(page: Page) -> None:
    page.click("[data-language=en]")
    expect(page.locator("#question")).to_have_attribute(
        "placeholder", re.compile("Ask your question")
    )
    page.reload()
    expect(page.locator(".empty h2")).to_contain_text("Ask about")


def test_an_answer_and_its_error_follow_the_language_of_the_page(page: Page) -> None:
    ask(page, "erreur")
    expect(page.locator(".error")).to_contain_text("Modèle introuvable")
    page.click("[data-language=en]")
    expect(page.locator(".error")).to_contain_text("No such model")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_theme_follows_the_system_and_can_be_switched(
    open_stand_in: Opening, scheme: str
) -> None:
    def is_dark() -> bool:
        shown = page.evaluate(
            "getComputedStyle(document.querySelector('.cocorico')).backgroundColor"
        )
        return sum(map(int, re.findall(r"\d+", shown)[:3])) < 300

    page = open_stand_in(color_scheme=scheme)
    assert is_dark() == (scheme == "dark")
    page.click("[data-do=theme]")
    assert is_dark() == (scheme == "light")
    page.reload()
    page.wait_for_selector(".examples button")
    assert is_dark() == (scheme == "light")


@pytest.mark.parametrize("size", WIDTHS)
def test_nothing_is_cut_off_or_overlaps(open_stand_in: Opening, size: tuple[int, int]) -> None:
    page = open_stand_in(size=size)
    ask(page, "mot")
    ask(page, "hostile")
    overflowing = """[...document.querySelectorAll('.cocorico :is(header, main, .scroll, form, .answer, .question)')]
        .filter(each => each.scrollWidth > each.clientWidth + 1).map(each => each.tagName + '.' + each.className)"""
    assert page.evaluate(overflowing) == []
    boxes = [
        each.bounding_box()
        for each in page.locator("header h1, header .tools button:visible").all()
    ]
    edges = [(box["x"], box["x"] + box["width"]) for box in boxes if box]
    assert all(left[1] <= right[0] for left, right in pairwise(edges)), edges
    assert edges[-1][1] <= size[0]


def test_the_fonts_are_the_page_s_own(page: Page) -> None:
    ask(page, "investi")
    loaded = page.evaluate(
        "[...document.fonts].filter(each => each.status === 'loaded').map(each => each.family)"
    )
    assert {"Literata", "Source Sans 3"} <= {family.strip('"') for family in loaded}


# --- getting ready -----------------------------------------------------------


def test_the_page_is_usable_while_the_model_still_loads(
    open_stand_in: Opening, service: StandInService
) -> None:
    service.state = State("fetching", "qwen2.5-coder", 500_000_000, 1_117_000_000)
    page = open_stand_in()
    expect(page.locator(".state p")).to_have_text(
        re.compile(r"Téléchargement.*: qwen2\.5-coder, 500 Mo sur 1.117")
    )
    page.click(".library button >> nth=0")
    expect(page.locator(".document")).to_contain_text(FIRST)
    begin(page, "investi")
    expect(page.locator(".progress")).to_contain_text("dès que tout est prêt")
    service.state = State("loading")
    expect(page.locator(".state p")).to_have_text(re.compile("Chargement"))
    service.state = State("ready")
    expect(page.locator(".under")).to_be_visible()
    expect(page.locator(".state")).to_be_hidden()


def test_a_failed_preparation_is_said_in_words(
    open_stand_in: Opening, service: StandInService
) -> None:
    service.state = State("failed", error=UserError("model_absent", model="perdu.gguf"))
    page = open_stand_in()
    expect(page.locator(".state p")).to_contain_text(
        "Modèle introuvable : perdu.gguf".replace(" :", "\u00a0:")
    )
    ask(page, "investi")
    expect(page.locator(".error")).to_contain_text("perdu.gguf")


def test_a_waiting_question_can_be_stopped(open_stand_in: Opening, service: StandInService) -> None:
    service.state = State("loading")
    page = open_stand_in()
    begin(page, "investi")
    page.wait_for_selector(".progress")
    page.click(".send")
    expect(page.locator(".answer")).to_contain_text("interrompue")
    assert service.answering.asked == []


# --- the conversation --------------------------------------------------------


def test_an_example_question_is_asked_with_one_press(page: Page, service: StandInService) -> None:
    page.click(".examples button >> nth=0")
    page.wait_for_selector(".under")
    assert service.answering.asked[0][0].startswith("Combien Microsoft")
    expect(page.locator(".empty")).to_be_hidden()


def test_the_answer_appears_while_it_is_written(page: Page) -> None:
    begin(page, "lent")
    expect(page.locator(".prose")).to_contain_text("numéro 3.")
    assert page.locator(".under").count() == 0
    page.click(".send")
    page.wait_for_selector(".under")


def test_stop_keeps_what_was_written(page: Page) -> None:
    begin(page, "lent")
    expect(page.locator(".prose")).to_contain_text("numéro 3.")
    expect(page.locator(".send")).to_have_attribute("aria-label", "Arrêter")
    page.click(".send")
    expect(page.locator(".under")).to_be_visible()
    expect(page.locator(".answer")).to_contain_text("Réponse interrompue.")
    expect(page.locator(".prose")).to_contain_text("numéro 3.")
    expect(page.locator(".prose")).not_to_contain_text("numéro 59.")
    expect(page.locator(".send")).to_have_attribute("aria-label", "Envoyer")


def test_shift_enter_makes_a_line_and_enter_sends(page: Page, service: StandInService) -> None:
    page.fill("#question", "investi")
    page.press("#question", "Shift+Enter")
    page.keyboard.type("deux")
    page.press("#question", "Enter")
    page.wait_for_selector(".under")
    assert service.answering.asked == [("investi\ndeux", [])]


def test_nothing_is_sent_where_nothing_is_written(page: Page) -> None:
    begin(page, "   ")
    assert page.locator(".turn").count() == 0


def test_a_follow_up_carries_what_was_asked_before(page: Page, service: StandInService) -> None:
    ask(page, "investi")
    ask(page, "Et lui ?")
    assert service.answering.asked[1] == ("Et lui ?", ["investi"])


def test_an_edited_question_replaces_itself_and_what_follows(
    page: Page, service: StandInService
) -> None:
    ask(page, "investi")
    ask(page, "refus")
    page.hover(".turn >> nth=0")
    page.click("[data-key=edit] >> nth=0")
    expect(page.locator("#question")).to_have_value("investi")
    expect(page.locator(".note")).to_contain_text("remplacera")
    page.fill("#question", "investi encore")
    page.press("#question", "Enter")
    expect(page.locator(".question")).to_have_count(1)
    page.wait_for_selector(".under")
    assert service.answering.asked[2] == ("investi encore", [])


def test_an_edit_can_be_cancelled(page: Page) -> None:
    ask(page, "investi")
    page.hover(".turn")
    page.click("[data-key=edit]")
    page.click(".note button")
    expect(page.locator("#question")).to_have_value("")
    ask(page, "refus")
    expect(page.locator(".question")).to_have_count(2)


def test_retry_asks_the_last_question_again(page: Page, service: StandInService) -> None:
    ask(page, "erreur")
    page.click("[data-key=retry]")
    page.wait_for_selector(".error")
    page.wait_for_selector(".under")
    assert [question for question, _ in service.answering.asked] == ["erreur", "erreur"]
    expect(page.locator(".question")).to_have_count(1)


def test_copy_takes_the_answer_with_its_sources(page: Page) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    ask(page, "investi")
    page.click("[data-key=copy]")
    expect(page.locator("[data-key=copy]")).to_contain_text("Copié")
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied.startswith(
        "Microsoft a **investi** 15 millions d'euros 🐓. [1] Kai Zenner juge l'affaire ridicule. [1][2]"
    )
    assert f"[1] Mistral et Microsoft : l'accord — «\u202f{FIRST}\u202f»" in copied
    assert f"[2] Mistral et Microsoft : l'accord — «\u202f{SECOND}\u202f»" in copied


def test_a_new_conversation_begins_empty_and_knows_nothing_of_the_last(
    page: Page, service: StandInService
) -> None:
    ask(page, "investi")
    page.click("[data-do=fresh]")
    expect(page.locator(".empty")).to_be_visible()
    expect(page.locator("#question")).to_be_focused()
    ask(page, "refus")
    assert service.answering.asked[-1] == ("refus", [])


def test_a_new_conversation_stops_an_answer_being_written(page: Page) -> None:
    begin(page, "lent")
    expect(page.locator(".prose")).to_contain_text("numéro 2.")
    page.click("[data-do=fresh]")
    ask(page, "investi")
    page.click("[data-do=conversations]")
    page.click(".kept .title >> nth=1")
    expect(page.locator(".answer")).to_contain_text("Réponse interrompue.")


def test_the_conversation_outlives_a_reload(page: Page) -> None:
    ask(page, "investi")
    page.reload()
    expect(page.locator(".turn .cite")).to_have_count(4)


def test_a_refusal_looks_like_one_and_cites_nothing(page: Page) -> None:
    ask(page, "refus")
    expect(page.locator(".badge")).to_have_text("Pas dans les documents")
    assert page.locator(".cite").count() == 0


def test_a_sentence_without_support_says_so(page: Page) -> None:
    ask(page, "investi")
    expect(page.locator(".unsupported")).to_have_text("L'avenir dira si le pari était bon.")
    page.hover(".cite.none")
    expect(page.locator(".preview")).to_contain_text("Phrase sans appui")


def test_an_answer_that_is_likely_wrong_says_so_in_the_language_of_the_page(page: Page) -> None:
    ask(page, "coq")
    expect(page.locator(".answer .aside")).to_contain_text("Peu sûr")
    page.click("[data-language=en]")
    expect(page.locator(".answer .aside")).to_contain_text("Not sure")
    ask(page, "investi")
    expect(page.locator(".answer .aside")).to_have_count(1)


def test_a_bug_is_told_without_its_traceback(page: Page) -> None:
    ask(page, "panne")
    expect(page.locator(".error")).to_contain_text("mal passé")
    expect(page.locator(".error")).not_to_contain_text("alert")


def test_french_signs_never_begin_a_line(page: Page) -> None:
    ask(page, "refus !")
    assert "«\u202fL'accord\u202f»" in page.locator(".prose").inner_text()
    assert "refus\u202f!" in page.locator(".question p").inner_text()


# --- the source --------------------------------------------------------------


def test_a_citation_opens_the_source_at_the_sentence(page: Page) -> None:
    ask(page, "investi")
    page.click("[data-key=cite2]")
    expect(page.locator("mark.chosen")).to_have_text(SECOND)
    assert in_view(page, "mark.chosen", ".text")
    expect(page.locator("[data-key=cite2]")).to_have_attribute("aria-current", "true")
    expect(page.locator("mark:not(.chosen)")).to_have_text(FIRST)


def test_a_citation_shows_its_sentence_before_it_is_opened(page: Page) -> None:
    ask(page, "investi")
    page.hover("[data-key=cite1] >> nth=0")
    expect(page.locator(".preview")).to_contain_text(FIRST)
    page.keyboard.press("Escape")
    expect(page.locator(".preview")).to_be_hidden()


def test_previous_and_next_go_from_source_to_source(page: Page) -> None:
    ask(page, "investi")
    page.click("[data-key=cite1] >> nth=0")
    expect(page.locator(".steps span")).to_have_text("1 sur 2")
    expect(page.locator("[data-do=previous]")).to_be_disabled()
    page.click("[data-do=next]")
    expect(page.locator("mark.chosen")).to_have_text(SECOND)
    expect(page.locator("[data-do=next]")).to_be_disabled()
    page.keyboard.press("ArrowLeft")
    expect(page.locator("mark.chosen")).to_have_text(FIRST)


def test_a_megabyte_opens_at_once_at_the_sentence(page: Page) -> None:
    ask(page, "long")
    began = time.perf_counter()
    page.click("[data-key=cite1]")
    page.wait_for_selector("mark.chosen")
    page.evaluate("new Promise(done => requestAnimationFrame(() => setTimeout(done)))")
    assert time.perf_counter() - began < 5
    page.set_viewport_size({"width": 320, "height": 600})
    page.click("[data-do=close]")
    page.click("[data-key=cite1]")
    page.wait_for_timeout(300)  # the sheet slides in
    assert in_view(page, "mark.chosen", ".text")


def test_the_passages_that_were_read_can_be_opened(page: Page) -> None:
    ask(page, "refus")
    page.click("summary")
    page.click("[data-key=passage1]")
    expect(page.locator("mark.chosen")).to_have_text(SECOND)


def test_a_document_that_is_gone_leaves_the_sentence(page: Page, service: StandInService) -> None:
    ask(page, "investi")
    del service.store.found["mistral.md"]
    page.reload()
    page.click("[data-key=cite1] >> nth=0")
    expect(page.locator(".text")).to_contain_text("n’est plus dans la bibliothèque")
    expect(page.locator(".text blockquote")).to_have_text(FIRST)


def test_on_a_phone_the_source_slides_over_the_conversation(open_stand_in: Opening) -> None:
    page = open_stand_in(size=(390, 844), has_touch=True, is_mobile=True)
    expect(page.locator("aside")).to_be_hidden()
    ask(page, "investi")
    page.tap("[data-key=cite1] >> nth=0")
    assert in_view(page, "mark.chosen", ".text")
    expect(page.locator(".preview")).to_be_hidden()
    page.tap("[data-do=close]")
    expect(page.locator("aside")).to_be_hidden()


# --- keyboard and screen reader ----------------------------------------------


def test_all_works_from_the_keyboard(page: Page) -> None:
    expect(page.locator("#question")).to_be_focused()
    page.keyboard.type("investi")
    page.keyboard.press("Enter")
    page.wait_for_selector(".under")
    page.focus("[data-key=cite2]")
    page.keyboard.press("Enter")
    expect(page.locator(".bar h2")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator("[data-key=cite2]")).to_be_focused()


def test_the_keyboard_s_place_survives_the_stream(page: Page) -> None:
    begin(page, "lent")
    page.wait_for_selector("[data-key=cite1]")
    page.focus("[data-key=cite1]")
    expect(page.locator(".prose")).to_contain_text("numéro 8.")
    expect(page.locator("[data-key=cite1] >> nth=0")).to_be_focused()
    page.click(".send")
    page.wait_for_selector(".under")


def test_everything_pressed_has_a_name(page: Page) -> None:
    ask(page, "investi")
    page.click("[data-key=cite1] >> nth=0")
    for button in page.locator("button:visible").all():
        assert (button.get_attribute("aria-label") or button.inner_text()).strip()


def test_a_screen_reader_hears_the_answer(page: Page) -> None:
    begin(page, "investi")
    expect(page.locator(".cocorico [role=status]")).to_contain_text("Kai Zenner juge")
    named = "Source 2\u00a0: Mistral et Microsoft : l'accord. Appui moyen"
    expect(page.locator("[data-key=cite2]")).to_have_attribute("aria-label", named)
    expect(page.locator(".answer")).to_have_attribute("lang", "fr")


# --- text from outside is never active ---------------------------------------


def test_hostile_text_stays_text_everywhere(page: Page) -> None:
    # The page's fixture fails on a dialog, an error and any request elsewhere.
    expect(page.locator(".library")).to_contain_text(HOSTILE)
    ask(page, f"hostile {HOSTILE}")
    expect(page.locator(".prose")).to_contain_text(HOSTILE)
    page.hover("[data-key=cite1]")
    page.click("[data-key=cite1]")
    expect(page.locator("mark.chosen")).to_contain_text(HOSTILE)
    page.reload()
    page.wait_for_selector("[data-key=cite1]")
    own = ".cocorico :is(script, iframe, a:not(.skip), img:not(header img), [onerror], [onmouseover], [onclick])"
    assert page.locator(own).count() == 0


def test_hostile_names_in_errors_stay_text(page: Page) -> None:
    ask(page, "erreur")
    expect(page.locator(".error")).to_contain_text("<b>absent</b>.gguf")


def test_the_browser_itself_refuses_other_addresses(page: Page) -> None:
    policy = page.request.get(page.url).headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "http" not in policy.replace("https:", "http:")


def test_no_file_but_the_page_s_own_is_served(page: Page) -> None:
    for path in (
        "../app.py",
        "%2e%2e/app.py",
        "../gradio_api/file=/etc/passwd",
        "../gradio_api/file=ui/app.py",
    ):
        assert page.request.get(f"{page.url}cocorico/{path}").status in (403, 404)
