"""The documents as a person changes them on the page, over the stand-in service and a real folder."""

from pathlib import Path
from urllib.parse import urljoin

import pytest
from conftest import Opening
from playwright.sync_api import Page, expect
from stand_in import ANSWERS, StandInService
from test_page import ask, begin

from rag.verifier import Citation

SAMPLES = Path(__file__).parents[1] / "samples"

DROP = """(files) => {
  const data = new DataTransfer();
  for (const [name, text] of files) data.items.add(new File([text], name));
  const area = document.querySelector('.cocorico');
  for (const kind of ['dragover', 'drop']) area.dispatchEvent(new DragEvent(kind, {dataTransfer: data, bubbles: true, cancelable: true}));
}"""


def add(page: Page, *files: Path) -> None:
    page.set_input_files(".adding input", list(files))


def write(folder: Path, name: str, text: str) -> Path:
    (folder / name).write_text(text, encoding="utf-8")
    return folder / name


def line(page: Page, title: str):
    return page.locator(".library li", has=page.locator(".title", has_text=title))


def test_documents_are_listed_with_language_and_passages(page: Page) -> None:
    expect(line(page, "Mistral et Microsoft").locator("> span")).to_have_text(
        "mistral.md · texte en français · 8 passages"
    )
    expect(line(page, "The rooster").locator("> span")).to_have_text(
        "english.md · texte en anglais · 8 passages"
    )


def test_a_chosen_file_is_added_and_can_be_read(
    page: Page, service: StandInService, tmp_path: Path
) -> None:
    add(page, write(tmp_path, "poules.md", "# Les poules\n\nElles pondent le matin."))
    line(page, "Les poules").locator(".title").click()
    expect(page.locator(".document")).to_contain_text("Elles pondent le matin.")
    assert (service.library / "poules.md").exists()


def test_a_citation_in_a_pdf_shows_its_page_with_the_words_marked(
    page: Page, service: StandInService, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(page, SAMPLES / "project-history.fr.pdf")
    expect(page.locator(".library li > span", has_text="26 pages")).to_be_visible()
    document = service.document("project-history.fr.pdf")
    start = document.text.index("Annexe A", document.pages[5][0])
    said = document.text[start : document.text.index(".", start + 40) + 1]
    cited = Citation(document.name, document.title, 0, start, start + len(said), said)
    monkeypatch.setitem(ANSWERS, "annexe", (("Elle est à la fin.", (cited,)),))
    ask(page, "annexe")
    page.locator(".turn .cite").first.click()
    picture = page.locator(".text figure img")
    expect(picture).to_have_js_property("complete", True)
    assert picture.evaluate("image => image.naturalWidth") > 800
    expect(page.locator(".text > .aside")).to_have_text("15 février 2023")
    number = document.page(start)
    expect(page.locator(".text figcaption")).to_have_text(f"Page {number} sur 26")
    assert f"page {number} " in (picture.get_attribute("alt") or "")
    (service.library / document.name).write_bytes(
        b"%PDF-1.4 another file"
    )  # not what was read: its text is all there is
    page.reload()
    page.locator(".turn .cite").first.click()
    expect(page.locator(".document mark.chosen").first).to_be_visible()
    expect(page.locator(".text figcaption")).to_have_count(0)
    expect(page.locator(".text > .aside").first).to_have_text(f"Page {number} sur 26")
    address = urljoin(page.url, "/cocorico/page.png")
    for name in (document.name, "../../etc/passwd", "mistral.md", "nothing.pdf"):
        answer = page.request.get(address, params={"name": name, "start": "0", "end": "9"})
        assert answer.status == 404


def test_dropped_files_are_added(page: Page, service: StandInService) -> None:
    page.evaluate(DROP, [["un.md", "# Premier\n"], ["deux.txt", "Second\n"]])
    expect(line(page, "Premier")).to_be_visible()
    expect(line(page, "Second")).to_be_visible()


def test_a_file_of_another_kind_is_refused_in_words(
    page: Page, service: StandInService, tmp_path: Path
) -> None:
    add(page, write(tmp_path, "photo.png", "x"), write(tmp_path, "bon.md", "# Bon\n"))
    expect(page.locator(".text .error")).to_contain_text("photo.png")
    expect(line(page, "Bon")).to_be_visible()
    page.click("[data-language=en]")
    expect(page.locator(".text .error")).to_contain_text("photo.png: files of this kind")


def test_a_hostile_name_lands_in_the_folder_as_text(page: Page, service: StandInService) -> None:
    page.evaluate(DROP, [["..\\..\\<img src=x onerror=alert(1)>.md", "# Nom\n"]])
    expect(line(page, "Nom")).to_be_visible()
    assert all(
        path.is_relative_to(service.library)
        for path in service.place and service.library.rglob("*.md")
    )
    assert not list(service.library.parent.glob("*.md"))


def test_reading_shows_what_time_is_left_and_does_not_block_asking(
    page: Page, service: StandInService, tmp_path: Path
) -> None:
    service.pause.set()
    add(page, write(tmp_path, "gros.md", "# Gros\n"))
    expect(page.locator(".reading p")).to_have_text("Lecture · gros.md · encore 42 secondes")
    ask(page, "investi")
    page.click(".reading button")
    expect(page.locator(".reading")).to_be_hidden()


def test_a_removed_document_can_be_put_back(
    page: Page, service: StandInService, tmp_path: Path
) -> None:
    add(page, write(tmp_path, "poules.md", "# Les poules\n"))
    line(page, "Les poules").locator("text=Retirer").click()
    expect(line(page, "Les poules")).to_have_count(0)
    assert not (service.library / "poules.md").exists()
    page.click(".note button")
    expect(line(page, "Les poules")).to_be_visible()


def test_a_replaced_document_can_be_had_back(
    page: Page, service: StandInService, tmp_path: Path
) -> None:
    add(page, write(tmp_path, "poules.md", "# Les poules\n"))
    line(page, "Les poules").locator("input[type=file]").set_input_files(
        write(tmp_path, "neuf.md", "# Les canards\n")
    )
    expect(line(page, "Les canards")).to_be_visible()
    page.click(".note button")
    expect(line(page, "Les poules")).to_be_visible()
    expect(line(page, "Les canards")).to_have_count(0)


def test_a_conversation_uses_the_documents_chosen_for_it(
    page: Page, service: StandInService
) -> None:
    line(page, "Un long texte").locator("[type=checkbox]").uncheck()
    expect(page.locator(".scope")).to_have_text("4 documents sur 5 pour cette conversation")
    ask(page, "investi")
    assert set(service.answering.allowed[-1] or ()) == set(service.store.found) - {"long.txt"}
    page.reload()
    expect(page.locator(".scope")).to_be_visible()
    page.click("text=Tous les utiliser")
    expect(page.locator(".scope")).to_be_hidden()
    ask(page, "investi")
    assert service.answering.allowed[-1] is None


def test_no_document_at_all_is_told(page: Page, service: StandInService) -> None:
    line(page, "The rooster").wait_for()
    for box in page.locator(".library [type=checkbox]").all():
        box.uncheck()
    begin(page, "investi")
    expect(page.locator(".error")).to_contain_text("Aucun document n’est choisi")
    assert service.answering.asked == []


@pytest.mark.parametrize("device", [{"size": (390, 844), "has_touch": True, "is_mobile": True}])
def test_on_a_phone_removing_can_be_undone_over_the_sheet(
    open_stand_in: Opening, service: StandInService, device: dict
) -> None:
    (service.library / "poules.md").write_text("# Les poules\n")
    service.store.look()
    page = open_stand_in(**device)
    page.tap("[data-do=library]")
    line(page, "Les poules").locator("text=Retirer").tap()
    page.tap(".note button")
    expect(line(page, "Les poules")).to_be_visible()


def test_the_app_can_be_installed(page: Page) -> None:
    manifest = page.request.get(page.url + "manifest.json").json()
    assert manifest["display"] == "standalone"
    for icon in manifest["icons"]:
        assert page.request.get(page.url + icon["src"][1:]).ok
    assert page.locator("link[rel=manifest]").get_attribute("href") == "/manifest.json"


def test_another_page_cannot_ask_through_this_browser(page: Page) -> None:
    for path in ("gradio_api/queue/join", "gradio_api/component_server", "cocorico/library/x.md"):
        method = "PUT" if "library" in path else "POST"
        answer = page.request.fetch(
            page.url + path, method=method, headers={"Origin": "http://evil.example"}, data="{}"
        )
        assert answer.status == 403


def test_documents_are_chosen_in_words(page: Page, service: StandInService) -> None:
    field = page.locator(".text > .search")
    field.fill("kind=txt")
    field.press("Enter")
    expect(page.locator(".scope")).to_contain_text("2 documents sur 5")
    ask(page, "investi")
    assert sorted(service.answering.allowed[-1] or []) == ["long.txt", "mot.txt"]
    field.fill("zorglub")
    field.press("Enter")
    expect(page.locator(".note")).to_contain_text("Aucun document ne répond")
