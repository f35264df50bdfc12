"""Ask whole sets of questions and count what a reader would: right, in the right language, refused
where it must be, each citation on a sentence that holds the answer.

    python -m bench.answers                      our questions on the article in seeds/
    python -m bench.answers piaf_fr nomiracl-en  other sets, of ../shared/data

Answers are kept as they come, so a run that was cut off goes on where it stopped, as long as the
program is the same. `--threshold 0` writes an answer even where the program would decline.
"""

import argparse
import hashlib
import json
import re
import statistics
import sys
import unicodedata
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from bench.report import RESULTS, heading, keep
from bench.retrieval import indexed
from index.contract import Store
from index.text.language import is_language, unquoted
from rag.answerer import Answerer
from rag.events import Answer, Turn
from rag.library import Library, open_library
from rag.results import answer_json
from rag.settings import ROOT, from_environment

DATA = ROOT.parent / "shared" / "data"
ARTICLE = Path(__file__).resolve().parent / "questions" / "article.jsonl"
SETS = ("article", "article-core", "piaf_fr", "piaf_en", "nomiracl-fr", "nomiracl-en")
PIAF_SAMPLE = 300

Row = dict[str, Any]


@dataclass(frozen=True)
class Question:
    """A question; `gold` groups forms of which an answer needs one each, `documents` are those it
    may use (all if None).

    `kind` is "answerable", "followup" or "unanswerable"; `evidence` is text that a citation should
    touch.
    """

    id: str
    text: str
    language: str
    kind: str
    gold: tuple[tuple[str, ...], ...] = ()
    wrong: tuple[str, ...] = ()
    evidence: tuple[str, ...] = ()
    history: tuple[str, ...] = ()
    documents: tuple[str, ...] | None = None


def fold(text: str) -> str:
    """Lower case, no accents, plain spaces, apostrophes and hyphens: how answers are compared with
    what is expected."""
    decomposed = unicodedata.normalize("NFKD", text.casefold().replace("’", "'"))
    return re.sub(r"\s+", " ", "".join(c for c in decomposed if not unicodedata.combining(c)))


def right(question: Question, answer: str, *, refused: bool) -> bool:
    """An answerable question needs one form of each gold group and no wrong one; an unanswerable
    one a refusal."""
    if question.kind == "unanswerable":
        return refused
    text = fold(answer)
    groups = all(any(re.search(form, text) for form in group) for group in question.gold)
    return not refused and groups and not any(re.search(form, text) for form in question.wrong)


def cited(question: Question, answer: Answer, store: Store) -> bool | None:
    """Whether some citation lies on the evidence; None where there is none to lie on."""
    if not question.evidence or answer.refused:
        return None
    for sentence in answer.sentences:
        for citation in sentence.citations:
            text = store.document(citation.document).text
            for evidence in question.evidence:
                for found in re.finditer(re.escape(evidence), text):
                    if found.start() < citation.end and citation.start < found.end():
                        return True
    return False


def main(arguments: Sequence[str] | None = None) -> int:
    """Run, print the tables, keep the answers."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.answers", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("sets", nargs="*", choices=[*SETS, []], help=f"of {', '.join(SETS)}")
    parser.add_argument(
        "--limit", type=int, help="only so many questions a set, chosen by the SHA-1 of their ids"
    )
    parser.add_argument(
        "--model", default="", help="another generator, as `python -m rag ask --model`"
    )
    parser.add_argument("--threshold", type=float, help="the least probability to answer at")
    options = parser.parse_args(arguments)
    print(heading(), flush=True)
    with open_library(replace(from_environment(), model=options.model)) as library:
        for name in options.sets or ["article"]:
            if not name.startswith("article") and not DATA.is_dir():
                print(
                    f"{DATA}: no such folder. The public sets aren't part of the repository; "
                    f"{name} was not measured."
                )
                continue
            _run(name, library, options)
    return 0


def _run(name: str, library: Library, options: argparse.Namespace) -> None:
    questions, corpus = questions_of(name, options.limit)
    label = "-".join(
        [
            "answers",
            name,
            *([re.sub(r"[^a-z0-9.]+", "-", options.model.lower())] if options.model else []),
        ]
    )
    label += "-all" if options.threshold == 0 else ""
    begun = RESULTS / f"{label}.jsonl"
    current = program()
    done = (
        {row["_id"]: row for row in lines(begun) if row["program"] == current}
        if begun.exists()
        else {}
    )
    begun.parent.mkdir(exist_ok=True)
    with ExitStack() as stack:
        store = stack.enter_context(indexed(corpus, library.embedder)) if corpus else library.store
        assistant = library.assistant(store)
        if options.threshold is not None:
            assistant.thresholds = replace(assistant.thresholds, answerable=options.threshold)
        kept = stack.enter_context(begun.open("w", encoding="utf-8"))
        for number, question in enumerate(questions, 1):
            row = done.get(question.id) or {"program": current, **_ask(question, assistant, store)}
            kept.write(json.dumps(row, ensure_ascii=False) + "\n")
            kept.flush()
            done.setdefault(question.id, row)
            mark = "ok   " if row["right"] else "WRONG"
            print(
                f"{number:3} {mark} {row['answerable']:.2f} {question.text}\n"
                f"          {row['answer']}",
                flush=True,
            )
    rows = [done[question.id] for question in questions]
    table = summary(rows)
    _plot(rows, RESULTS / f"{label}.png")
    print(f"\n{label}\n" + "\n".join(f"{line:44} {value}" for line, value in table.items()))
    print(
        "kept in",
        keep(label, {"table": table}).relative_to(ROOT),
        "and",
        begun.relative_to(ROOT),
        flush=True,
    )


def _ask(question: Question, assistant: Answerer, store: Store) -> Row:
    history = [Turn(text) for text in question.history]
    answer = assistant.answer(question.text, history, documents=question.documents)
    return {
        "_id": question.id,
        "kind": question.kind,
        "language": question.language,
        "question": question.text,
        "right": right(question, answer.answer, refused=answer.refused),
        "right_language": answer.language == question.language
        and is_language(answer.answer, answer.language),
        "quoted": len(unquoted(answer.answer)) < len(answer.answer) / 2,
        "cited": cited(question, answer, store),
        "evidence": asdict(answer.evidence),
        **answer_json(answer),
    }


def questions_of(name: str, limit: int | None = None) -> tuple[list[Question], Path | None]:
    """A set's questions, all or the `limit` first by the SHA-1 of their ids, and its documents
    (None: those in seeds/)."""
    questions, corpus = (
        _article(name)
        if name.startswith("article")
        else _piaf(name)
        if "piaf" in name
        else _nomiracl(name)
    )
    if limit:
        questions = sorted(
            questions, key=lambda question: hashlib.sha1(question.id.encode()).hexdigest()
        )[:limit]
    return questions, corpus


def _article(name: str) -> tuple[list[Question], None]:
    return [
        Question(
            row["_id"],
            row["text"],
            row["language"],
            row["kind"],
            tuple(tuple(map(fold, group)) for group in row["gold"]),
            tuple(map(fold, row.get("wrong", ()))),
            tuple(row["evidence"]),
            tuple(row.get("history", ())),
        )
        for row in lines(ARTICLE)
        if name == "article" or row.get("core")
    ], None


def _piaf(name: str) -> tuple[list[Question], Path]:
    """Of the passages that nothing was trained on."""
    corpus = DATA / "piaf" / "corpus.jsonl"
    trained = {row["text"] for row in lines(DATA / "training" / "piaf.fr.jsonl")}
    known = {row["_id"] for row in lines(corpus) if row["text"] in trained}
    rows = lines(DATA / "piaf" / f"queries.{name[-2:]}.jsonl")
    rows = [row for row in rows if row["passage"] not in known]
    rows.sort(key=lambda row: hashlib.sha1(row["_id"].encode()).hexdigest())
    return [
        Question(
            row["_id"],
            row["text"],
            row["lang"],
            "answerable",
            (tuple(re.escape(fold(answer)) for answer in row["answers"]),),
            evidence=tuple(row["answers"]),
        )
        for row in rows[:PIAF_SAMPLE]
    ], corpus


def _nomiracl(name: str) -> tuple[list[Question], Path]:
    """Each question may use its own ten passages only; they lie in one index together."""
    rows = lines(DATA / name / "questions.jsonl")
    passages = {passage["_id"]: passage for row in rows for passage in row["passages"]}
    corpus = from_environment().home / "bench" / f"{name}.jsonl"
    corpus.parent.mkdir(parents=True, exist_ok=True)
    corpus.write_text(
        "".join(json.dumps(passage, ensure_ascii=False) + "\n" for passage in passages.values()),
        encoding="utf-8",
    )
    return [
        Question(
            row["_id"],
            row["text"],
            row["lang"],
            "answerable" if row["answerable"] else "unanswerable",
            documents=tuple(passage["_id"] for passage in row["passages"]),
        )
        for row in rows
    ], corpus


def lines(path: Path) -> list[Row]:
    """The JSON objects of a file, one a line."""
    return [
        json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()
    ]


def program() -> str:
    """A digest of the sources that an answer depends on."""
    packages = (ROOT / "rag", ROOT / "index")
    kinds = (".py", ".toml", ".tsv", ".txt", ".npz")
    sources = sorted(
        path for package in packages for path in package.rglob("*") if path.suffix in kinds
    )
    return hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()[:12]


def share(part: list[Row], key: str) -> str:
    """How many of the rows have it, of those for which it is known."""
    known = [row[key] for row in part if row[key] is not None]
    return f"{sum(known)}/{len(known)} ({100 * sum(known) / len(known):.0f} %)" if known else "-"


def summary(rows: list[Row]) -> dict[str, str]:
    """The table: shares of the questions that each line speaks of."""
    table = {}
    for kind in ("answerable", "followup", "unanswerable"):
        for language in ("fr", "en"):
            part = [row for row in rows if row["kind"] == kind and row["language"] == language]
            if part:
                table[f"{kind}: right, {language}"] = share(part, "right")
    answerable_rows = [row for row in rows if row["kind"] != "unanswerable"]
    others = [
        row | {"answered": not row["refused"]} for row in rows if row["kind"] == "unanswerable"
    ]
    sentences = [s for row in answerable_rows if not row["refused"] for s in row["sentences"]]
    table["in the right language, quotations apart"] = share(rows, "right_language")
    table["of the answers, quotations"] = share(
        [row for row in rows if not row["refused"]], "quoted"
    )
    table["refused where it must not"] = share(answerable_rows, "refused")
    table["answered where it must not"] = share(others, "answered")
    table["a citation on the evidence"] = share(answerable_rows, "cited")
    table["sentences with a citation"] = (
        f"{sum(bool(s['citations']) for s in sentences)}/{len(sentences)}"
    )
    written = [row for row in rows if row["tokens"] > 1 and not row["refused"]]
    if written:
        firsts = [row["timings"]["first_token"] for row in written]
        speeds = [
            row["tokens"] / max(row["timings"]["total"] - row["timings"]["first_token"], 1e-9)
            for row in written
        ]
        table["seconds to the first word, median"] = (
            f"{statistics.median(firsts):.2f} ({min(firsts):.2f}-{max(firsts):.2f})"
        )
        table["tokens a second, median"] = (
            f"{statistics.median(speeds):.1f} ({min(speeds):.1f}-{max(speeds):.1f})"
        )
    peak = peak_memory_gb()
    if peak:
        table["peak memory, GB"] = f"{peak:.2f}"
    return table


def _plot(rows: list[Row], path: Path) -> None:
    """What became of each kind of question, and when the first word came; where some have no
    answer, what other thresholds give."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12, 4), layout="constrained")
    bars, curve = figure.subplots(1, 2)
    kinds = sorted({(row["kind"], row["language"]) for row in rows})
    for number, (kind, language) in enumerate(kinds):
        part = [row for row in rows if (row["kind"], row["language"]) == (kind, language)]
        shares = [
            sum(row["right"] for row in part),
            sum(row["refused"] and not row["right"] for row in part),
        ]
        shares.append(len(part) - sum(shares))
        left = 0.0
        for share_of, colour in zip(shares, ("tab:green", "tab:gray", "tab:red"), strict=True):
            bars.barh(number, share_of / len(part), left=left, color=colour)
            left += share_of / len(part)
    bars.set_yticks(range(len(kinds)), [f"{kind}, {language}" for kind, language in kinds])
    bars.set_title("right (green), declined (gray), other (red)")
    without = [row["answerable"] for row in rows if row["kind"] == "unanswerable"]
    having = [row["answerable"] for row in rows if row["kind"] != "unanswerable"]
    if without:
        thresholds = [step / 100 for step in range(101)]
        answered = [
            sum(each >= threshold for each in without) / len(without) for threshold in thresholds
        ]
        declined = [
            sum(each < threshold for each in having) / len(having) for threshold in thresholds
        ]
        curve.plot(answered, declined, label="the probability alone")
        now = [
            sum(not row["refused"] for row in rows if row["kind"] == "unanswerable") / len(without)
        ]
        now.append(
            sum(row["refused"] for row in rows if row["kind"] != "unanswerable") / len(having)
        )
        curve.plot(*now, "o", label="the program")
        curve.set_xlabel("answered where it must not")
        curve.set_ylabel("declined where it must not")
        curve.legend()
    else:
        curve.hist([row["timings"]["first_token"] for row in rows], bins=30)
        curve.set_xlabel("seconds to the first word")
    figure.savefig(path, dpi=110)


def peak_memory_gb(process: int | None = None) -> float | None:
    """The most memory that a process ever had, this one where none is named; None where the system
    doesn't tell."""
    if process is not None:
        status = Path(f"/proc/{process}/status")
        found = (
            re.search(r"VmHWM:\s*(\d+) kB", status.read_text(encoding="utf-8"))
            if status.exists()
            else None
        )
        return int(found[1]) * 1024 / 1e9 if found else None
    if sys.platform == "win32":
        return None
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e9 if sys.platform == "darwin" else peak * 1024 / 1e9


if __name__ == "__main__":
    sys.exit(main())
