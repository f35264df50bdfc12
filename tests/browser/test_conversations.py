"""Citations and kept conversations as a person meets them, over the stand-in service."""

import json
from pathlib import Path

from conftest import Opening
from playwright.sync_api import Page, expect
from stand_in import ENGLISH, FIRST, HOSTILE, TEXTS, StandInService
from test_page import ask, begin

from index.documents import make


def conversations(page: Page) -> None:
    page.click("[data-do=conversations]")
    page.wait_for_selector(".search")


# --- citations ---------------------------------------------------------------


def test_support_is_a_word_beside_its_colour(page: Page) -> None:
    ask(page, "investi")
    page.hover("[data-key=cite1] >> nth=0")
    expect(page.locator(".preview .support")).to_have_text("Appui solide")
    page.hover("[data-key=cite2]")
    expect(page.locator(".preview .support")).to_have_text("Appui moyen")
    page.click("[data-key=cite2]")
    expect(page.locator(".text .support.fair")).to_have_text("Appui moyen")


def test_a_sentence_without_support_says_why(page: Page) -> None:
    ask(page, "coq")
    for place, why in enumerate(("Un de ses chiffres", "Un de ses noms|Aucune phrase lue")):
        told = page.locator(".cite.none").nth(place).get_attribute("aria-label") or ""
        assert any(each in told for each in why.split("|")), told


def test_a_source_in_the_other_language_stays_so_and_is_marked(page: Page) -> None:
    ask(page, "coq")
    page.hover("[data-key=cite1]")
    expect(page.locator(".preview .support")).to_have_text("Appui solide · texte en anglais")
    expect(page.locator(".preview p[lang=en]")).to_have_text(ENGLISH)
    page.click("[data-key=cite1]")
    expect(page.locator(".text .support")).to_have_text("Appui solide · texte en anglais")
    expect(page.locator(".document")).to_have_attribute("lang", "en")


def test_what_was_found_can_be_opened_while_the_answer_is_written(page: Page) -> None:
    begin(page, "lent")
    page.click(".progress [data-key=passage0]")
    expect(page.locator("mark.chosen")).to_have_text(FIRST)
    page.click(".send")
    page.wait_for_selector(".under")


def test_a_changed_document_that_still_says_so_is_told_apart(
    page: Page, service: StandInService
) -> None:
    ask(page, "investi")
    title, text = TEXTS["mistral.md"]
    service.store.found["mistral.md"] = make("mistral.md", title, "Un nouveau début.\n\n" + text)
    page.reload()
    page.click("[data-key=cite1] >> nth=0")
    expect(page.locator("mark.chosen")).to_have_text(FIRST)
    expect(page.locator(".text")).to_contain_text("a changé depuis la réponse")


def test_a_renamed_document_is_still_found(page: Page, service: StandInService) -> None:
    ask(page, "investi")
    title, text = TEXTS["mistral.md"]
    del service.store.found["mistral.md"]
    service.store.found["autre.md"] = make("autre.md", title, text)
    page.reload()
    page.click("[data-key=cite1] >> nth=0")
    expect(page.locator("mark.chosen")).to_have_text(FIRST)


# --- kept conversations ------------------------------------------------------


def test_conversations_are_listed_and_opened_again(page: Page) -> None:
    ask(page, "investi combien")
    page.click("[data-do=fresh]")
    ask(page, "refus net")
    conversations(page)
    expect(page.locator(".kept .title >> nth=0")).to_have_text("refus net")
    page.click(".kept .title >> text=investi combien")
    expect(page.locator(".turn .cite")).to_have_count(4)
    ask(page, "Et lui ?")
    expect(page.locator(".turn")).to_have_count(2)


def test_an_address_opens_its_conversation(page: Page) -> None:
    ask(page, "investi")
    other = page.context.new_page()
    other.goto(page.url)
    expect(other.locator(".turn .cite")).to_have_count(4)


def test_a_conversation_is_found_by_its_words(page: Page) -> None:
    ask(page, "refus perlimpinpin")
    page.click("[data-do=fresh]")
    ask(page, "refus bidule")
    conversations(page)
    page.fill(".search", "PERLIMP")
    expect(page.locator(".kept .title")).to_have_text(["refus perlimpinpin"])
    page.fill(".search", "introuvable")
    expect(page.locator(".library")).to_have_text("Aucune conversation ne contient ces mots.")


def test_a_conversation_is_renamed_by_key(page: Page) -> None:
    ask(page, "investi")
    conversations(page)
    page.focus(".kept .title >> nth=0")
    page.click(".kept >> nth=0 >> text=Renommer")
    page.keyboard.type("Le pari de Microsoft")
    page.keyboard.press("Enter")
    expect(page.locator(".kept .title >> nth=0")).to_have_text("Le pari de Microsoft")
    page.reload()
    conversations(page)
    expect(page.locator(".kept .title >> nth=0")).to_have_text("Le pari de Microsoft")


def test_escape_leaves_a_title_as_it_was(page: Page) -> None:
    ask(page, "investi gardé")
    conversations(page)
    page.click(".kept >> nth=0 >> text=Renommer")
    page.keyboard.type("autre")
    page.keyboard.press("Escape")
    expect(page.locator(".kept .title >> nth=0")).to_have_text("investi gardé")


def test_a_deleted_conversation_can_be_had_back(page: Page) -> None:
    ask(page, "investi à garder")
    conversations(page)
    page.click(".kept >> nth=0 >> text=Supprimer")
    expect(page.locator(".kept .title >> text=investi à garder")).to_have_count(0)
    expect(page.locator(".empty")).to_be_visible()
    page.click(".note button")
    expect(page.locator(".kept .title >> text=investi à garder")).to_have_count(1)
    expect(page.locator(".turn")).to_have_count(1)


def test_a_rating_with_its_reason_outlives_a_reload_and_is_exported(
    page: Page, tmp_path: Path
) -> None:
    ask(page, "investi")
    page.click("[data-key=bad]")
    page.fill(".reason", "Le chiffre est faux")
    page.press(".reason", "Enter")
    expect(page.locator(".cocorico [role=status]")).to_have_text("Avis gardé.")
    page.reload()
    expect(page.locator("[data-key=bad]")).to_have_attribute("aria-pressed", "true")
    expect(page.locator(".reason")).to_have_value("Le chiffre est faux")
    file = download(page, "JSON", tmp_path)
    (turn,) = json.loads(file)["turns"]
    assert (turn["rating"], turn["reason"]) == ("bad", "Le chiffre est faux")


def test_a_conversation_is_saved_as_a_file_with_its_sources(page: Page, tmp_path: Path) -> None:
    ask(page, "investi")
    for kind, numbered in (("Markdown", "🐓. [1]"), ("HTML", "🐓.<sup>"), ("JSON", '"number": 1')):
        file = download(page, kind, tmp_path)
        assert numbered in file
        assert "15 millions d" in file


def download(page: Page, kind: str, folder: Path) -> str:
    conversations(page)
    with page.expect_download() as waiting:
        page.click(f".kept >> nth=0 >> text={kind}")
    waiting.value.save_as(folder / "file")
    return (folder / "file").read_text(encoding="utf-8")


def test_questions_that_were_not_asked_are_suggested(page: Page, service: StandInService) -> None:
    page.click(".examples button >> nth=0")
    page.wait_for_selector(".under")
    expect(page.locator(".suggestions button")).to_have_count(3)
    expect(page.locator(".suggestions")).not_to_contain_text("Combien Microsoft")
    page.click(".suggestions button >> nth=0")
    page.wait_for_selector(".turn:nth-child(2) .under")
    assert service.answering.asked[-1][0].startswith("Que pense Thierry Breton")


def test_what_the_passages_also_speak_of_is_suggested_first(
    page: Page, service: StandInService
) -> None:
    page.fill("#question", "long ?")
    page.press("#question", "Enter")
    page.click(".suggestions button >> text=Que disent")
    page.wait_for_selector(".turn:nth-child(2) .under")
    assert service.answering.asked[-1][0] == "Que disent les documents sur Mistral AI\u202f?"


def test_dates_are_written_as_the_language_asks(open_stand_in: Opening) -> None:
    page = open_stand_in(locale="en-GB")
    ask(page, "investi")
    conversations(page)
    english = page.locator(".kept > span >> nth=0").inner_text()
    page.click("[data-language=fr]")
    expect(page.locator(".kept > span >> nth=0")).not_to_have_text(english)
    expect(page.locator(".kept > span >> nth=0")).to_contain_text("question")


# --- text from outside is never active: see also test_page -------------------

ACTIVE = (
    "<img src=x onerror=alert(1)>",
    "<svg/onload=alert(1)>",
    '"><script>alert(1)</script>',
    "'-alert(1)-'",
    "javascript:alert(1)",
    "<iframe srcdoc='<script>parent.alert(1)</script>'>",
    "<math><mtext><table><mglyph><style><img src=x onerror=alert(1)>",
    "{{constructor.constructor('alert(1)')()}}",
    "${alert(1)}",
    "</textarea><script>alert(1)</script>",
    "<a href=java&#x0A;script:alert(1)>x</a>",
    "\u202e<script>alert(1)</script>\u0000",
)


def test_a_corpus_of_active_text_stays_text_in_titles_names_and_questions(
    page: Page, service: StandInService, tmp_path: Path
) -> None:
    # The page's fixture fails on a dialog, an error and any request elsewhere.
    for number, text in enumerate(ACTIVE):
        name = f"{number}{text}.md".replace("\u0000", "")
        service.store.found[name] = make(name, text, f"{text}\n\n{text}")
    page.reload()
    for text in ACTIVE:
        expect(page.locator(".library")).to_contain_text(text[:8].replace("\u0000", ""))
    ask(page, f"investi {' '.join(ACTIVE)}")
    conversations(page)
    page.click(".kept >> nth=0 >> text=Renommer")
    page.keyboard.type(HOSTILE)
    page.keyboard.press("Enter")
    expect(page.locator(".kept .title >> nth=0")).to_contain_text("<script>")
    file = download(page, "HTML", tmp_path)
    (tmp_path / "file.html").write_text(file, encoding="utf-8")
    own = ".cocorico :is(script, iframe, svg[onload], a:not(.skip), img:not(header img), [onerror], [onclick], math)"
    assert page.locator(own).count() == 0
    shared = page.context.new_page()
    opened: list[str] = []
    shared.on("dialog", lambda dialog: (opened.append(dialog.message), dialog.dismiss()))
    shared.goto((tmp_path / "file.html").as_uri())
    assert (
        shared.locator(":is(script, iframe, img, svg, math, [onerror], a:not([href^='#']))").count()
        == 0
    )
    assert opened == []
