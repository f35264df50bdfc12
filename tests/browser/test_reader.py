"""What a reader does besides asking, with real models (the small one) and a real browser."""

import csv
import os
import re
import subprocess
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from xml.etree import ElementTree

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
    opened = Service(Settings(home=home, library=library, model="small", web="local")).start()
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
    page.wait_for_selector(f".turn:nth-child({asked + 1}) .under", timeout=300_000)


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


def saved(page: Page, selector: str, folder: Path) -> Path:
    with page.expect_download() as download:
        page.click(selector)
    path = folder / download.value.suggested_filename
    download.value.save_as(path)
    return path


def footnotes(path: Path) -> list[str]:
    """The text of a Word file's footnotes, its two separators apart."""
    with zipfile.ZipFile(path) as archive:
        root = ElementTree.fromstring(archive.read("word/footnotes.xml"))
    return ["".join(each.itertext()).strip() for each in root][2:]


def test_a_dossier_of_an_answer_a_sentence_a_passage_and_own_words(
    open_page: Opening, address: str, service: Service, tmp_path: Path
) -> None:
    page = open_page(address)
    expect(page.locator(".state")).to_be_hidden()
    ask(page, "Combien coûte l'entrée de la piscine de Kerlann ?")
    page.click("[data-key=dossier]")
    expect(page.locator(".note")).to_contain_text("Ajouté au dossier")
    page.locator(".turn .cite:not(.none)").first.focus()
    page.keyboard.press("d")  # the sentence
    page.locator(".turn .cite:not(.none)").first.click()
    page.wait_for_selector("mark.chosen")
    page.keyboard.press("d")  # the passage
    expect(page.locator(".cocorico [role=status]")).to_contain_text("Ajouté")
    page.click(".note button")
    items = page.locator(".dossier > li")
    expect(items).to_have_count(4)
    # Own words, in another order.
    page.get_by_role("button", name="Texte personnel").click()
    page.locator(".dossier > li textarea").fill("Je le vérifierai sur place.")
    page.locator(".dossier > li textarea").blur()
    items.last.get_by_role("button", name="Monter").click()
    expect(items.nth(3).locator("textarea")).to_have_value("Je le vérifierai sur place.")
    page.locator(".entitled input").fill("Piscines")
    page.locator(".entitled input").blur()
    assert violations(page) == []
    # A citation opens at its sentence, and closing goes back.
    items.nth(1).locator(".cite:not(.none)").first.click()
    page.wait_for_selector("mark.chosen")
    page.click(".close")
    expect(items).to_have_count(5)
    # Word with footnotes: document and sentence; what nobody verified says so.
    word = saved(page, "aside [aria-label$=Word]", tmp_path)
    assert word.name == "Piscines.docx"
    notes = footnotes(word)
    assert len(notes) >= 3
    assert all("piscine-kerlann.md" in note and "«" in note for note in notes)
    subprocess.run(
        ["soffice", "--headless", "--convert-to", "txt:Text", "--outdir", tmp_path, word],
        check=True, capture_output=True, timeout=120, env={**os.environ, "HOME": str(tmp_path)},
    )  # fmt: skip
    text = (tmp_path / "Piscines.txt").read_text(encoding="utf-8-sig")
    assert "Je le vérifierai sur place." in text
    assert "propos personnels, non vérifiés" in text
    for kind in ("Markdown", "HTML", "JSON"):
        assert (
            "Je le vérifierai" in saved(page, f"aside [aria-label$={kind}]", tmp_path).read_text()
        )
    # The source changes, then goes: the dossier says so.
    path = service.settings.library / "piscine-kerlann.md"
    before = path.read_text(encoding="utf-8")
    path.write_text("# Piscine de Kerlann\n\nLa piscine est fermée.\n", encoding="utf-8")
    changed(page, "a changé depuis")
    path.unlink()
    changed(page, "n’est plus là")
    path.write_text(before, encoding="utf-8")
    # One answer goes the same way.
    page.click("summary[data-key=saving]")
    assert footnotes(saved(page, "[data-key=asword]", tmp_path))


def changed(page: Page, words: str) -> None:
    """Wait until the dossier, opened anew, says so of its sources."""
    for _ in range(60):
        page.click("[data-do=library]")
        page.get_by_role("button", name="Dossier", exact=True).click()
        page.wait_for_selector(".dossier > li")
        if page.locator(".dossier .aside", has_text=words).count():
            return
        page.wait_for_timeout(500)
    raise AssertionError(words)


def test_a_web_page_is_added_by_its_address_and_refreshed(
    open_page: Opening, address: str, service: Service
) -> None:
    text = "<html><title>Le coq</title><body><p>Le coq chante à l'aube.</p></body></html>"
    with site() as pages:
        pages.texts["/coq"] = text
        page = open_page(address)
        expect(page.locator(".state")).to_be_hidden()
        page.fill(".web input", f"{pages.address}/absent")
        page.click(".web button")
        expect(page.locator(".note")).to_contain_text("404")
        page.fill(".web input", f"{pages.address}/coq")
        page.press(".web input", "Enter")
        line = page.locator(".library li", has=page.locator(".title", has_text="Le coq"))
        expect(line.locator(".page-of a")).to_have_attribute("href", f"{pages.address}/coq")
        assert violations(page) == []
        pages.texts["/coq"] = text.replace("à l'aube", "à midi")
        line.get_by_role("button", name="Actualiser").click()
        expect(page.locator(".changes del")).to_have_text("Le coq chante à l'aube.")
        expect(page.locator(".changes ins")).to_have_text("Le coq chante à midi.")
        assert violations(page) == []
    (service.settings.library / "web" / "127.0.0.1" / "coq.html").unlink()


@contextmanager
def site() -> Iterator[SimpleNamespace]:
    """A server of web pages: `address`, and `texts` by path."""
    texts: dict[str, str] = {}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = texts.get(self.path, "").encode()
            self.send_response(200 if body else 404)
            self.send_header("content-type", "text/html; charset=utf-8")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield SimpleNamespace(address=f"http://127.0.0.1:{server.server_port}", texts=texts)
    server.shutdown()


def test_documents_are_compared_by_what_both_say_and_by_named_aspects(
    open_page: Opening, address: str, tmp_path: Path
) -> None:
    page = open_page(address)
    expect(page.locator(".state")).to_be_hidden()
    page.get_by_role("button", name="Comparer", exact=True).click()
    for title in ("Northwick", "Southby"):
        page.get_by_label(title).uncheck()
    assert violations(page) == []
    page.locator(".checking .add").click()  # by what both speak of
    page.wait_for_selector(".turn .under", timeout=300_000)
    expect(page.locator(".answer table .cite:not(.none)").first).to_be_visible()
    expect(page.locator(".differs").first).to_contain_text("le chiffre")
    page.locator(".under summary").first.click()
    expect(page.locator(".under .used").first).to_be_visible()
    assert violations(page) == []
    page.click("summary[data-key=saving]")
    assert footnotes(saved(page, "[data-key=asword]", tmp_path))
    rows = list(csv.reader(
        saved(page, "[data-key=ascsv]", tmp_path).open(encoding="utf-8-sig"), delimiter=";"
    ))  # fmt: skip
    assert len(rows[0]) == 3
    assert "[1]" in " ".join(rows[1])
    assert any(row and row[0] == "[1]" for row in rows[2:])
    # By an aspect of the reader's own.
    page.click("[data-do=library]")
    page.get_by_role("button", name="Comparer", exact=True).click()
    page.fill(".checking textarea", "prix de l'entrée")
    page.locator(".checking .add").click()
    page.wait_for_selector(".turn:nth-child(2) .under", timeout=300_000)
    expect(page.locator(".turn:nth-child(2) tbody th")).to_have_text("Prix de l'entrée")
