"""Answers as scripts and terminals see them."""

import json
from dataclasses import replace

from index.contract import StoredChunk
from rag.confidence import Evidence
from rag.events import Answer, Timings
from rag.results import answer_json, answer_text, hit_json
from rag.retriever import Hit
from rag.verifier import Citation, Sentence

FIRST = Citation("a.md", "Rapport", 0, 10, 20, "La source.")
SECOND = Citation("b.md", "Note", 2, 5, 14, "Une autre.")
PASSAGE = StoredChunk(
    7, "a.md", "Rapport", "fr", 0, 0, 30, "Bonjour. La source. Une suite.", ((0, 8), (9, 19))
)
HIT = Hit(PASSAGE, 0.91239, 0.8, 3.0, 0.7)


def _answer(*sentences: tuple[str, tuple[Citation, ...]]) -> Answer:
    text, written = "", []
    for words, citations in sentences:
        start = len(text) + bool(text)
        text = f"{text} {words}".strip()
        written.append(Sentence(words, start, start + len(words), 0.87654321, citations))
    return Answer(
        "Quoi ?",
        text,
        "fr",
        0.98765432,
        False,
        tuple(written),
        (HIT,),
        Timings(0.12345, 0.5, 1.5, 12),
    )


def test_citations_are_numbered_in_order_and_listed_below() -> None:
    shown = answer_text(_answer(("Un.", (FIRST,)), ("Deux.", (SECOND, FIRST))))
    assert shown.splitlines()[0] == "Un. [1] Deux. [2] [1]"
    assert shown.splitlines()[2:] == [
        "[1] Rapport (a.md): « La source. »",
        "[2] Note (b.md): « Une autre. »",
    ]


def test_a_sentence_without_a_source_is_marked() -> None:
    assert answer_text(_answer(("Un.", ()), ("Deux.", (FIRST,)))).startswith("Un. [?] Deux. [1]\n")


def test_an_answer_without_sentences_is_its_text_alone() -> None:
    answer = Answer(
        "?", "Les documents ne répondent pas.", "fr", 0.1, True, (), (), Timings(0, 0, 0, 0)
    )
    assert answer_text(answer) == "Les documents ne répondent pas."


def test_an_answer_that_is_likely_wrong_says_so() -> None:
    unlikely = Evidence(0.1, 0.4)
    answer = replace(_answer(("Un.", (FIRST,))), evidence=unlikely)
    assert "Un. [1]\n(Peu sûr" in answer_text(answer)
    assert answer_json(answer)["doubtful"]
    assert not replace(answer, refused=True).doubtful
    assert not replace(answer, evidence=Evidence(0.9, 0.99)).doubtful


def test_the_json_is_what_scripts_rely_on() -> None:
    line = answer_json(_answer(("Un.", (FIRST,))))
    assert json.loads(json.dumps(line)) == {
        "answer": "Un.",
        "language": "fr",
        "answerable": 0.9877,
        "refused": False,
        "doubtful": False,
        "sentences": [
            {
                "text": "Un.",
                "start": 0,
                "end": 3,
                "support": 0.8765,
                "citations": [
                    {"document": "a.md", "passage": 0, "start": 10, "end": 20, "text": "La source."}
                ],
            }
        ],
        "passages": [{"document": "a.md", "passage": 0, "start": 0, "end": 30, "score": 0.9124}],
        "timings": {"retrieval": 0.123, "first_token": 0.5, "total": 1.5, "tokens": 12},
        "tokens": 12,
    }


def test_a_hits_score_is_rounded() -> None:
    assert hit_json(HIT)["score"] == 0.9124
