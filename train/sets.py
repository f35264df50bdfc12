"""Makes the training and validation sets: windows of text with questions, full answers and
refusals.

    python -m train.sets        writes train.jsonl and validation.jsonl into the work folder

A row is `{"title", "text", "language", "questions": [{"id", "text", "language", "answer", "words",
"kind"}]}`; `answer` is None where the text doesn't answer. Answers are, the first that there is:
written by hand (`data/*.jsonl`, by the question's id), written by the untrained model
(`train.distil`), made from the question's form (`train.statements`). Where there is none the
answer is empty: that the text answers is all that is learnt then, as bare words would teach to
write no sentence. Refusals are of five kinds: SQuAD's own (`squad`), what another window of the
passage answers (`window`), what another passage of the article answers (`article`), questions with
a name or year exchanged (`exchanged`), NoMIRACL's (`nomiracl`).
"""

import argparse
import json
import random
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from bench.split import share, validating
from index.text.words import LANGUAGES, terms
from train.settings import WORK, folder
from train.sources import Language, Question, Window, lines, nomiracl, passages
from train.statements import statement

WRITTEN = Path(__file__).parent / "data"
_QUESTIONS = 8  # of a row
_REFUSALS = 3  # of those, at most
_OF_EACH_LANGUAGE = 280  # rows, at most
_NOMIRACL_WINDOWS = 2  # of each question, the likest
_VALIDATION = 60  # rows
_TITLED = 0.5  # share of the texts to check that have their title above
_NAME = re.compile(r"(?<=[\w,'’] )[A-ZÀÉ][\w’-]+(?: [A-ZÀÉ][\w’-]+)*")
_YEAR = re.compile(r"\b1\d{3}\b|\b20\d\d\b")

Row = dict[str, Any]


def main(arguments: Sequence[str] | None = None) -> None:
    """Write both sets and say what is in them."""
    parser = argparse.ArgumentParser(prog="python -m train.sets")
    parser.add_argument("--work", type=Path, default=WORK)
    parser.add_argument(
        "--public", type=int, default=_OF_EACH_LANGUAGE, help="public rows of each language"
    )
    options = parser.parse_args(arguments)
    options.work.mkdir(parents=True, exist_ok=True)
    written = _written(options.work)
    for name, validation in (("train", False), ("validation", True)):
        most = _VALIDATION // 2 if validation else options.public
        rows = made(passages(validation=validation), written, most, validation=validation)
        _write(options.work / f"{name}.jsonl", rows)
        checks = [row for row in _checks() if validating(row["title"]) == validation]
        _write(folder(options.work, "check") / f"{name}.jsonl", checks)
        for language in LANGUAGES:
            rewrites = list(_rewrites(language, validation=validation))
            _write(folder(options.work, f"rewrite-{language}") / f"{name}.jsonl", rewrites)
        kinds = Counter(
            (each["language"], each["kind"]) for row in rows for each in row["questions"]
        )
        print(f"{name}: {len(rows)} rows; {dict(sorted(kinds.items()))}")


def _write(path: Path, rows: Sequence[Row]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    path.write_text(text, encoding="utf-8")


def _checks() -> list[Row]:
    """Texts with true and false statements on them, written for this: rows of the task "check".

    Half of them with the title above, as the program shows a source of the statement's language.
    """
    return [
        {
            **{name: row[name] for name in ("title", "language")},
            "text": f"{row['title']}\n{row['text']}" if share(row["id"]) < _TITLED else row["text"],
            "task": "check",
            "questions": [
                {
                    "id": f"{row['id']}-{number}",
                    "text": said["text"],
                    "language": said["language"],
                    "answer": "" if said["true"] else None,
                    "words": [],
                    "kind": said["kind"],
                }
                for number, said in enumerate(row["statements"])
            ],
        }
        for path in sorted((WRITTEN / "checks").glob("*.jsonl"))
        for row in lines(path)
    ]


def _rewrites(language: str, *, validation: bool) -> Iterator[Row]:
    """Messages with the turns before them and what they mean, written for this; those of a row are
    read together."""
    found = [
        {"text": row.pop("message"), "words": [], "kind": "rewrite", **row}
        for path in sorted((WRITTEN / "rewrites").glob("*.jsonl"))
        for row in lines(path)
        if row["language"] == language and validating(row["id"]) == validation
    ]
    for start in range(0, len(found), _QUESTIONS):
        questions = found[start : start + _QUESTIONS]
        yield {"title": "", "text": "", "language": language, "questions": questions}


def made(
    windows: Sequence[Window], written: dict[str, list[Row]], most: int, *, validation: bool
) -> list[Row]:
    """The rows of a set, in a fixed order: our own, and `most` public ones of each language."""
    names, forms = _names(windows), _forms(windows, written)
    by_article: dict[str, list[Window]] = defaultdict(list)
    for window in windows:
        by_article[window.title].append(window)
    rows: dict[Language, list[Row]] = {"fr": [], "en": []}
    for window in windows:
        chance = random.Random(f"{window.title} {window.text}")  # noqa: S311
        asked = [
            each
            for question in window.questions
            if question.words
            for each in _answers(question, window, written)
        ]
        answered = [each for each in asked if each["answer"] is not None]
        refused = [each for each in asked if each["answer"] is None]
        refused += [
            each
            for each in _refused(window, by_article[window.title], names, chance)
            if each["kind"] not in _NEAR or not _holds(window.text, forms[each["id"]])
        ]
        if row := _row(window, answered, refused, chance):
            rows[window.language].append(row)
    chosen = []
    for language, some in rows.items():
        some.sort(key=lambda row: (not _has_written(row), _sentences(row) < 2, share(row["text"])))
        chosen += some[:most]
        if not validation:
            chosen += _from_nomiracl(language)[:most]
    chosen += [row for row in _own() if validating(row["title"]) == validation]
    return sorted(chosen, key=lambda row: share(row["text"] + row["questions"][0]["id"]))


def _own() -> list[Row]:
    """Letters, contracts, minutes, tables and the like with their questions, written for this."""
    return [row for path in sorted((WRITTEN / "windows").glob("*.jsonl")) for row in lines(path)]


def _row(
    window: Window, answered: list[Row], refused: list[Row], chance: random.Random
) -> Row | None:
    """Some of the questions, the written answers first, and about half as many refusals."""
    chance.shuffle(answered)
    answered.sort(key=lambda each: _RANK[each["kind"]])
    answered = answered[: _QUESTIONS - min(len(refused), _REFUSALS - chance.randrange(2))]
    refused = refused[: min(_REFUSALS, max(1, (2 * len(answered) + 2) // 3))]
    if not answered and not refused:
        return None
    questions = answered + refused
    chance.shuffle(questions)
    return {
        "title": window.title,
        "text": window.text,
        "language": window.language,
        "questions": questions,
    }


_NEAR = ("window", "article")  # refusals that hold only if the words that answer aren't there
_RANK = {"written": 0, "distilled": 1, "form": 2, "words": 3}


def _has_written(row: Row) -> bool:
    return any(each["kind"] == "written" for each in row["questions"])


def _sentences(row: Row) -> int:
    return sum(bool(each["answer"]) for each in row["questions"])


def _answers(question: Question, window: Window, written: dict[str, list[Row]]) -> list[Row]:
    """The question with its answer; where answers were written, each of those."""
    shortest = min(question.words, key=len)
    rows = [
        {
            "id": question.id,
            "text": row.get("question", question.text),
            "language": row.get("language", question.language),
            "answer": row["answer"],
            "words": (row.get("words") or list(question.words)) if row["answer"] else [],
            "kind": row["kind"],
        }
        for row in written.get(question.id, ())
    ]
    if any(row["text"] == question.text for row in rows):
        return rows
    made = statement(question.text, shortest, window.text, window.language)
    return [*rows, _asked(question, made or "", "form" if made else "words")]


def _refused(
    window: Window,
    article: Sequence[Window],
    names: dict[Language, list[str]],
    chance: random.Random,
) -> list[Row]:
    """Questions that the window doesn't answer, of different kinds in turn."""
    own = [_asked(each, None, "squad") for each in window.questions if not each.words]
    near = [_asked(each, None, "window") for each in window.elsewhere]
    others = [
        _asked(question, None, "article")
        for other in article
        if other is not window
        for question in other.questions
        if question.words and question not in window.elsewhere
    ]
    changed = [
        _asked(question, None, "exchanged")
        for each in window.questions
        if each.words and (question := _exchanged(each, window, names, chance))
    ]
    kinds = [own, near, others[:40], changed]
    for kind in kinds:
        chance.shuffle(kind)
    chance.shuffle(kinds)
    turns = [kind[turn] for turn in range(_REFUSALS) for kind in kinds if len(kind) > turn]
    return turns[:_REFUSALS]


def _forms(windows: Sequence[Window], written: dict[str, list[Row]]) -> dict[str, set[str]]:
    """All the words that are known to answer each question."""
    forms: dict[str, set[str]] = defaultdict(set)
    for window in windows:
        for question in window.questions:
            forms[question.id].update(question.words)
    for identifier, rows in written.items():
        forms[identifier].update(words for row in rows for words in row.get("words") or ())
    return forms


def _holds(text: str, forms: set[str]) -> bool:
    """Whether some of the words are in the text, capitals or not."""
    folded = text.casefold()
    return any(words.casefold() in folded for words in forms)


def _exchanged(
    question: Question, window: Window, names: dict[Language, list[str]], chance: random.Random
) -> Question | None:
    """The question with one year or name of the text exchanged for another that isn't in it."""
    if (year := _YEAR.search(question.text)) and year[0] in window.text:
        other = str(int(year[0]) + chance.choice((-20, -7, -3, 4, 6, 11)))
        found, new = year, other
    else:
        known = [name for name in _NAME.finditer(question.text) if name[0] in window.text]
        if not known:
            return None
        found, new = chance.choice(known), chance.choice(names[window.language])
    if new in window.text:
        return None
    text = question.text[: found.start()] + new + question.text[found.end() :]
    return replace(question, id=f"{question.id}~", text=text, words=())


def _names(windows: Sequence[Window]) -> dict[Language, list[str]]:
    found: dict[Language, set[str]] = {"fr": set(), "en": set()}
    for window in windows:
        for question in window.questions:
            found[window.language].update(name[0] for name in _NAME.finditer(question.text))
    return {language: sorted(some) for language, some in found.items()}


def _from_nomiracl(language: Language) -> list[Row]:
    """Each question with the windows that have most of its words."""
    return [
        {
            "title": window.title,
            "text": window.text,
            "language": language,
            "questions": [_asked(question, None, "nomiracl")],
        }
        for answerable, question, windows in nomiracl(language, validation=False)
        if not answerable
        for window in likest(question, windows)[:_NOMIRACL_WINDOWS]
    ]


def likest(question: Question, windows: Sequence[Window]) -> list[Window]:
    """The windows, those with most of the question's words first."""
    asked = set(terms(question.text, question.language))

    def likeness(window: Window) -> int:
        return len(asked & set(terms(f"{window.title} {window.text}", window.language)))

    return sorted(windows, key=likeness, reverse=True)


def _asked(question: Question, answer: str | None, kind: str) -> Row:
    return {
        "id": question.id,
        "text": question.text,
        "language": question.language,
        "answer": answer,
        "words": list(question.words) if answer is not None else [],
        "kind": kind,
    }


def _written(work: Path) -> dict[str, list[Row]]:
    """What was written by hand and by the untrained model, by question."""
    found: dict[str, list[Row]] = defaultdict(list)
    for kind, paths in (
        ("written", sorted(WRITTEN.glob("answers*.jsonl"))),
        ("distilled", sorted(work.glob("distilled*.jsonl"))),
    ):
        for path in paths:
            for row in lines(path):
                if "answer" in row:
                    found[row["_id"]].append(row | {"kind": kind})
    return found


if __name__ == "__main__":
    main()
