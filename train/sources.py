"""The public sets as windows of text with questions: what the program would show the model, and
whether it answers.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from bench.split import reporting, share, validating
from index.contract import StoredChunk
from index.text.sentences import split_sentences
from rag.excerpts import windows
from rag.settings import ROOT

DATA = ROOT.parent / "shared" / "data"
_NOMIRACL_TRAINED = (
    0.38  # the share of all its questions that may be trained on, of the 0.5 that may be looked at
)
_TAG = re.compile(r"<[^>]*>")
Language = Literal["fr", "en"]


@dataclass(frozen=True)
class Question:
    """A question on a text. `words` are the forms of the words that answer it, none where the text
    doesn't answer.
    """

    id: str
    text: str
    language: Language
    words: tuple[str, ...] = ()


@dataclass(frozen=True)
class Window:
    """What the model reads at once, with what is asked of it.

    `elsewhere` are questions that other windows of the passage answer and this one doesn't.
    """

    title: str
    text: str
    language: Language
    questions: tuple[Question, ...] = field(default=())
    elsewhere: tuple[Question, ...] = field(default=())


def passages(*, validation: bool) -> list[Window]:
    """The windows of PIAF's and SQuAD's passages, in the order of the files.

    Args:
        validation: those left out of training instead of the others.
    """
    found: list[Window] = []
    files: tuple[tuple[str, Language], ...] = (("piaf.fr", "fr"), ("squad.en", "en"))
    for name, language in files:
        for row in lines(DATA / "training" / f"{name}.jsonl"):
            if validating(row["title"]) == validation:
                found += list(_windows(row, language))
    return found


def nomiracl(language: Language, *, validation: bool) -> list[tuple[bool, Question, list[Window]]]:
    """NoMIRACL's questions of the working half: whether one of its passages answers, and their
    windows.

    Args:
        language: of the questions and passages.
        validation: those left out of training instead of the others.
    """
    return [
        (
            row["answerable"],
            Question(row["_id"], row["text"], language),
            [
                Window(passage["title"], text, language)
                for passage in row["passages"]
                for text in _texts(passage["title"], passage["text"], language)
            ],
        )
        for row in lines(DATA / f"nomiracl-{language}" / "questions.jsonl")
        if not reporting(row["_id"]) and (share(row["_id"]) >= _NOMIRACL_TRAINED) == validation
    ]


def lines(path: Path) -> list[Any]:
    """The JSON objects of a file, one a line."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line]


def _windows(row: dict[str, Any], language: Language) -> Iterator[Window]:
    title = _TAG.sub("", row["title"])  # PIAF's have markup
    texts = _texts(title, row["text"], language)
    asked = [
        Question(each["_id"], each["text"].strip(), language, tuple(each["answers"]))
        for each in row["questions"]
    ]
    for number, text in enumerate(texts):
        here, elsewhere = [], []
        for place, question in enumerate(asked):
            if not question.words:
                # The whole passage doesn't answer: each of its windows gets some of these.
                if place % len(texts) == number:
                    here.append(question)
            elif max(question.words, key=len) in text:
                here.append(question)
            elif not any(words in text for words in question.words):
                elsewhere.append(question)
        yield Window(title, text, language, tuple(here), tuple(elsewhere))


def _texts(title: str, text: str, language: Language) -> list[str]:
    sentences = tuple(split_sentences(text, language))
    chunk = StoredChunk(0, title, title, language, 0, 0, len(text), text, sentences)
    return [window.text for window in windows(chunk)] if sentences else []
