"""A service without models, for what a real one seldom shows: what each question brings is written below."""

import re
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

from index.contract import DocumentInfo, StoredChunk
from index.documents import Document, make, walk
from index.errors import UserError
from index.reading.reader import Reader
from index.sync import SyncProgress
from rag.answerer import Answerer
from rag.check import Checked
from rag.confidence import Evidence
from rag.engine import Reading, State
from rag.events import Answer, Delta, Event, Finished, Found, Grounded, Searching, Timings
from rag.folder import Folder
from rag.retriever import Hit
from rag.settings import ROOT, Settings
from rag.verifier import Citation, Sentence

FIRST = "Microsoft a investi 15 millions d'euros dans Mistral AI."
SECOND = "Kai Zenner juge l'affaire ridicule : selon lui, Mistral a obtenu ce qu'il voulait 🐓."
ENGLISH = "The rooster crows at dawn and has done so for 8,000 years."
FILLER = "Un chercheur rappelle que les modèles ouverts étaient au cœur du projet européen. " * 4
REFUSAL = "Les documents ne répondent pas à cette question. Le plus proche est dans « L'accord »."
HOSTILE = (
    "<script>alert(1)</script><img src=x onerror=alert(2)> [lien](javascript:alert(3)) "
    '![i](http://example.invalid/a.png) <a href="javascript:alert(4)" onmouseover=alert(5)>ici</a> '
    "<iframe src=http://example.invalid></iframe> {{7*7}} ${alert(6)}"
)
_PARAGRAPH = f"{FILLER}\n\n"
TEXTS = {
    "mistral.md": (
        "Mistral et Microsoft : l'accord",
        f"# L'accord 🐓\n\n{_PARAGRAPH}{FIRST}\n\n{_PARAGRAPH}{SECOND}\n\n" + _PARAGRAPH * 30,
    ),
    f"{HOSTILE}.md": (HOSTILE, f"# {HOSTILE}\n\n{HOSTILE} Fin.\n\n{FILLER}"),
    "long.txt": ("Un long texte", _PARAGRAPH * 1500 + f"{FIRST}\n\n" + _PARAGRAPH * 1500),
    "english.md": (
        "The rooster",
        f"# The rooster\n\n{ENGLISH} It is the emblem of many a village.",
    ),
    "mot.txt": ("Anticonstitutionnellement" * 12, "x" * 4000 + f"\n\n{FIRST}"),
}


def cite(document: str, sentence: str) -> Citation:
    """A citation of this sentence of the document."""
    title, text = TEXTS[document]
    start = text.index(sentence)
    return Citation(document, title, 0, start, start + len(sentence), sentence)


def _hit(citation: Citation) -> Hit:
    span = (citation.start, citation.end)
    language = "en" if citation.document == "english.md" else "fr"
    passage = StoredChunk(
        0, citation.document, citation.title, language, 0, *span, citation.text, (span,)
    )
    return Hit(passage, 0.9, 0.9, 9.0, 0.8)


# What the model writes, sentence by sentence with what each rests on; by the first word of the question. What stands before § is
# no part of the sentence.
ANSWERS: dict[str, tuple[tuple[str, tuple[Citation, ...]], ...]] = {
    "investi": (
        ("Microsoft a **investi** 15 millions d'euros 🐓.", (cite("mistral.md", FIRST),)),
        (
            " Kai Zenner juge l'affaire ridicule.",
            (cite("mistral.md", SECOND), cite("mistral.md", FIRST)),
        ),
        (" L'avenir dira si le pari était bon.", ()),
    ),
    "hostile": ((HOSTILE, (cite(f"{HOSTILE}.md", f"{HOSTILE} Fin."),)),),
    "long": (("Microsoft a investi 15 millions d'euros.", (cite("long.txt", FIRST),)),),
    "mot": (("Hexakosioihexekontahexaphobie" * 20 + ".", (cite("mot.txt", FIRST),)),),
    "coq": (
        ("Le coq chante à l'aube.", (cite("english.md", ENGLISH),)),
        (" Il le fait depuis 9 000 ans.", ()),
        (" Zorglub le dit.", ()),
    ),
    "liste": (
        ("- §Microsoft a investi 15 millions d'euros.", (cite("mistral.md", FIRST),)),
        ("\n- §Kai Zenner juge l'affaire ridicule.", (cite("mistral.md", SECOND),)),
        ("\n- **aube** — §Le coq chante à l'aube.", (cite("english.md", ENGLISH),)),
    ),
    "compare": (
        (
            "| | L'accord | Le coq |\n| --- | --- | --- |\n| Montant | §15 millions d'euros.",
            (cite("mistral.md", FIRST),),
        ),
        (" | n’en dit rien |\n| Avis | §Une affaire ridicule.", (cite("mistral.md", SECOND),)),
        (" | §L'emblème de bien des villages.", (cite("english.md", ENGLISH),)),
    ),
    "lent": tuple(
        (f" Phrase numéro {number}.", (cite("mistral.md", FIRST),)) for number in range(60)
    ),
}


SURE, DOUBT = Evidence(0.9, 0.99), Evidence(0.1, 0.4)


class StandIn(Answerer):
    """Answers from `ANSWERS`; "refus" refuses, "erreur" fails as the user could mend, "panne" as a bug would."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, list[str]]] = []
        self.allowed: list[list[str] | None] = []
        self.slow = False  # "lent" is always
        self.knowing = True  # whether the documents answer what may be asked next

    def answers(self, question: str, language: str) -> bool:
        return self.knowing

    def ask(
        self, question, history=(), *, language=None, documents=None, stop=None
    ) -> Iterator[Event]:  # type: ignore[no-untyped-def]
        self.asked.append((question, [turn.question for turn in history]))
        self.allowed.append(documents)
        kind = question.split()[0].lower()
        yield Searching("fr")
        if kind == "erreur":
            raise UserError("model_absent", model="<b>absent</b>.gguf")
        if kind == "panne":
            raise ZeroDivisionError(HOSTILE)
        answer = ANSWERS.get(kind, ANSWERS["investi"])
        hits = tuple({_hit(citation): None for _, citations in answer for citation in citations})
        yield Found(hits)
        sentences: list[Sentence] = []
        text = REFUSAL if kind == "refus" else ""
        pause = 0.12 if self.slow or kind == "lent" else 0.01  # seconds before each word
        for written, citations in () if text else answer:
            lead, _, body = written.rpartition("§")  # the marks of a list or a table, a sentence
            for piece in re.findall(r"\s*\S+", lead + body):
                if stop.wait(pause):
                    break
                yield Delta(piece)
            if stop.is_set():
                break
            start = len(text + lead) + len(body) - len(body.lstrip())
            text += lead + body
            sentences.append(
                Sentence(
                    body.strip(),
                    start,
                    len(text),
                    0.9 if len(citations) < 2 and citations else 0.6 if citations else 0.1,
                    citations,
                )
            )
            yield Grounded(sentences[-1])
        timings = Timings(0.1, 0.2, 1.2, 40)
        known = DOUBT if kind == "coq" else SURE
        yield Finished(
            Answer(
                question, text, "fr", 0.9, kind == "refus", tuple(sentences), hits, timings, known
            )
        )


class _Shelf:
    """The part of a store that the page reads: `TEXTS`, and what lies in a folder."""

    def __init__(self, library: Path) -> None:
        self.generation = 1
        self.found: dict[str, Document] = {}
        self._library = library
        self.look()

    def look(self) -> None:
        given = [make(name, title, text) for name, (title, text) in TEXTS.items()]
        self.generation += 1
        self._sources = {
            path.name: (path.stat().st_size, path.stat().st_mtime_ns)
            for path in walk(self._library)
        }
        with Reader() as reader:
            put = [
                each
                for path in walk(self._library)
                for each in reader.read(path, self._library)
                if isinstance(each, Document)
            ]
        self.found = {document.name: document for document in [*given, *put]}

    def documents(self) -> list[DocumentInfo]:
        return [
            DocumentInfo(
                each.name,
                each.title,
                each.language,
                each.digest,
                each.name,
                8,
                len(each.text),
                len(each.pages),
            )
            for each in self.found.values()
        ]

    def document(self, name: str) -> Document:
        return self.found[name]

    def sources(self) -> dict[str, tuple[int, int]]:
        return self._sources


class StandInService:
    """What `rag.engine.Service` shows the page; `state` and `pause` (how long a reading takes) are the tests' to set."""

    def __init__(self) -> None:
        self.place = tempfile.TemporaryDirectory(prefix="cocorico-")
        home = Path(self.place.name)
        self.settings = Settings(home=home, library=ROOT / "seeds")
        self.library = home / "library"
        self.library.mkdir()
        self.folder = Folder(self.library, home / "aside")
        self.store = _Shelf(self.library)
        self.state = State("ready")
        self.reading = Reading()
        self.answering = StandIn()
        self.pause = threading.Event()
        self.hourly: list[object] = []

    def assistant(self, store: object = None) -> StandIn:
        if self.state.error:
            raise self.state.error
        return self.answering

    def check(self, text: str, documents: list[str] | None = None) -> Iterator[Checked]:
        """Lines are sentences: what has a figure is contradicted, what has "Microsoft" supported."""
        self.answering.allowed.append(documents)
        if not text.strip():
            raise UserError("no_text")
        source = (cite("mistral.md", FIRST),)
        for line in text.splitlines():
            if any(map(str.isdigit, line)):
                yield Checked(line, 0, 0, "contradicted", 0.8, source, ("figure",))
            elif "Microsoft" in line:
                yield Checked(line, 0, 0, "supported", 0.9, source)
            else:
                yield Checked(line, 0, 0, "not_found", 0.9)

    def document(self, name: str) -> Document:
        return self.store.found[name]

    def read(self, added: str = "", kept: str = "") -> None:
        """Read at once, or stay at it while `pause` is set."""
        if self.pause.is_set():
            self.reading = Reading(True, SyncProgress(added, 3, 12, 42.0))
        else:
            self.store.look()

    def cancel(self) -> None:
        self.reading = Reading()
