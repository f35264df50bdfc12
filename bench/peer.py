"""Ask another program the questions of `bench.answers`, with the same models and documents.

    python -m bench.peer langchain article-core
    python -m bench.peer llamaindex piaf_en nomiracl-en --limit 60

A peer runs in an environment of its own, made at first use from
bench/peers/requirements-<peer>.txt; the generator serves it behind an OpenAI-compatible address on
loopback, the vector model from its folder. A peer has no word for declining: an answer counts as
declined where it says so, as `DECLINES` recognises it, and gives none of what was expected.
"""

import argparse
import json
import re
import statistics
import subprocess
import sys
import time
import venv
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from bench.answers import DATA, SETS, Question, Row, fold, lines, questions_of, right, share
from bench.report import RESULTS, heading, keep
from index.models.catalogue import GENERATOR
from index.models.convert import ensure_embedder
from index.models.fetch import ensure
from index.text.language import is_language
from rag.library import open_library
from rag.llm.base import Message
from rag.llm.llama_cpp import LlamaCpp
from rag.settings import ROOT, Settings, from_environment
from tests.chat_server import Handler, serving

PEERS = ("langchain", "llamaindex", "raglite")
SCRIPTS = Path(__file__).resolve().parent / "peers"
BUILD = ROOT / "build" / "peers"
DECLINES = re.compile(
    r"\b(?:don't|do not|doesn't|does not|cannot|can't|could not|couldn't|not possible|unable to) "
    r"(?:know|have|say|mention|contain|provide|specify|state|include|give|answer|find|determine"
    r"|tell|be determined)"
    r"|\b(?:no|not enough|insufficient) (?:specific |relevant |direct )?"
    r"(?:information|mention|answer|details?)\b"
    r"|\b(?:is|are|was) not (?:\w+ )?"
    r"(?:mentioned|specified|stated|provided|given|known|included|discussed|available)"
    r"|\b(?:ne|n')\s?(?:\w+ )?(?:sais|sait|mentionne|precise|dit|contient|fournit|donne|indique"
    r"|permet|parle|specifie|trouve|peux|puis|peut)\w* (?:pas|rien|aucun)"
    r"|\b(?:n'est|ne sont|n'a|n'ont|n'y a)\s?(?:pas|aucun)\w* (?:\w+ )?(?:mention|precise|indique"
    r"|specifie|disponible|fourni|donne|information|possible|connu)"
    r"|\b(?:pas|aucune|sans) (?:d')?information"
)


def main() -> int:
    """Ask, print the tables, keep the answers."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.peer", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("peer", choices=PEERS)
    parser.add_argument("sets", nargs="+", choices=SETS)
    parser.add_argument(
        "--limit",
        type=int,
        help="only so many questions a set, the same ones as bench.answers takes",
    )
    options = parser.parse_args()
    settings = from_environment()
    print(heading(), flush=True)
    python = _environment(options.peer)
    model = LlamaCpp(ensure(GENERATOR, settings.home), context_tokens=16384)
    with closing(model), serving(_answering(model)) as address:
        command = [
            python,
            SCRIPTS / f"with_{options.peer}.py",
            "--server",
            address,
            "--embedder",
            ensure_embedder(settings.home),
        ]
        for name in options.sets:
            if name.startswith("article") or DATA.is_dir():
                _run(options.peer, name, options.limit, [*map(str, command)], settings)
            else:
                print(
                    f"{DATA}: no such folder. The public sets aren't part of the repository; "
                    f"{name} was not measured."
                )
    return 0


def _run(peer: str, name: str, limit: int | None, command: list[str], settings: Settings) -> None:
    questions, corpus = questions_of(name, limit)
    questions = [
        question for question in questions if not question.history
    ]  # peers differ in how they take a conversation
    documents = BUILD / f"{name}.jsonl"
    listed = [
        json.dumps(document, ensure_ascii=False) + "\n" for document in _documents(corpus, settings)
    ]
    documents.write_text("".join(listed), encoding="utf-8")
    rows: list[Row] = []
    results = RESULTS / f"peer-{peer}-{name}.jsonl"
    with (
        subprocess.Popen(
            [*command, "--documents", str(documents)],
            cwd=BUILD,  # where it may leave files of its own
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        ) as running,
        results.open("w", encoding="utf-8") as kept,
    ):
        assert running.stdin and running.stdout
        began = time.perf_counter()
        _next(running.stdout, peer)
        print(
            f"{peer}, {name}: {len(questions)} questions; "
            f"indexed in {time.perf_counter() - began:.0f} s",
            flush=True,
        )
        for question in questions:
            running.stdin.write(
                json.dumps(
                    {"id": question.id, "text": question.text, "documents": question.documents}
                )
                + "\n"
            )
            running.stdin.flush()
            row = _scored(question, _next(running.stdout, peer))
            rows.append(row)
            kept.write(json.dumps(row, ensure_ascii=False) + "\n")
            print(
                f"{len(rows):3} {'ok   ' if row['right'] else 'WRONG'} {question.text}\n"
                f"          {row['answer']}",
                flush=True,
            )
        running.stdin.close()
    table, ours = _table(rows), _table(_ours(name, {row["_id"] for row in rows}))
    print(f"\n{name:34} {peer:24} Cocorico, as kept by bench.answers")
    print("\n".join(f"{line:34} {value:24} {ours.get(line, '-')}" for line, value in table.items()))
    print(
        "kept in",
        keep(f"peer-{peer}-{name}", {"table": table, "ours": ours}).relative_to(ROOT),
        flush=True,
    )


def _next(stream: Any, peer: str) -> Row:
    line = stream.readline()
    if not line:
        raise SystemExit(f"{peer} ended; what it said stands above.")
    row: Row = json.loads(line)
    return row


def _scored(question: Question, row: Row) -> Row:
    gold = bool(question.gold) and right(question, row["answer"], refused=False)
    refused = bool(DECLINES.search(fold(row["answer"]))) and not gold
    evidence = [fold(each) for each in question.evidence]
    found = any(each in fold(source) for each in evidence for source in row["sources"])
    return {
        "_id": question.id,
        "kind": question.kind,
        "language": question.language,
        "question": question.text,
        "refused": refused,
        "right": right(question, row["answer"], refused=refused),
        "right_language": is_language(row["answer"], question.language),
        "found": found if evidence else None,
        "answer": row["answer"],
        "seconds": row["seconds"],
    }


def _ours(name: str, ids: set[str]) -> list[Row]:
    """What `bench.answers` kept of the same questions."""
    kept = RESULTS / f"answers-{name}.jsonl"
    rows = [row for row in (lines(kept) if kept.exists() else ()) if row["_id"] in ids]
    return [row | {"found": None, "seconds": row["timings"]["total"]} for row in rows]


def _table(rows: list[Row]) -> dict[str, str]:
    table: dict[str, str] = {}
    if not rows:
        return table
    for kind in ("answerable", "unanswerable"):
        for language in ("fr", "en"):
            part = [row for row in rows if row["kind"] == kind and row["language"] == language]
            if part:
                table[f"{kind}: right, {language}"] = share(part, "right")
    table["in the right language"] = share(rows, "right_language")
    table["declined where it must not"] = share(
        [row for row in rows if row["kind"] != "unanswerable"], "refused"
    )
    others = [
        row | {"answered": not row["refused"]} for row in rows if row["kind"] == "unanswerable"
    ]
    table["answered where it must not"] = share(others, "answered")
    table["a passage holds the evidence"] = share(rows, "found")
    times = [row["seconds"] for row in rows]
    table["seconds an answer, median"] = (
        f"{statistics.median(times):.1f} ({min(times):.1f}-{max(times):.1f})"
    )
    return table


def _documents(corpus: Path | None, settings: Settings) -> Iterator[dict[str, str]]:
    if corpus:
        for row in lines(corpus):
            yield {"name": row["_id"], "title": row.get("title", ""), "text": row["text"]}
        return
    with open_library(settings, model=False) as library:
        for info in library.store.documents():
            yield {
                "name": info.name,
                "title": info.title,
                "text": library.store.document(info.name).text,
            }


def _environment(peer: str) -> Path:
    """The Python of the peer's own environment, made where it is missing or its requirements
    changed."""
    folder = BUILD / peer
    python = folder / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    wanted = (SCRIPTS / f"requirements-{peer}.txt").read_text(encoding="utf-8")
    made = folder / "made.txt"
    if not made.exists() or made.read_text(encoding="utf-8") != wanted:
        print(f"making the environment of {peer} in {folder}", flush=True)
        venv.create(folder, with_pip=True, clear=True)
        subprocess.run(
            [python, "-m", "pip", "install", "-q", "-r", SCRIPTS / f"requirements-{peer}.txt"],
            check=True,
        )
        made.write_text(wanted, encoding="utf-8")
    return python


def _answering(generator: LlamaCpp) -> type[Handler]:
    """A handler of chat completions: greedy, in one piece."""

    class Answering(Handler):
        def do_POST(self) -> None:
            asked = self.body()
            messages = [Message(one["role"], _plain(one["content"])) for one in asked["messages"]]
            message = {
                "role": "assistant",
                "content": "".join(
                    generator.stream(messages, max_tokens=asked.get("max_tokens") or 256)
                ),
            }
            about = {"id": "1", "created": 0, "model": "default"}
            choice = {"index": 0, "finish_reason": "stop"}
            if not asked.get("stream"):
                self.json(
                    {
                        **about,
                        "object": "chat.completion",
                        "choices": [{**choice, "message": message}],
                    }
                )
                return
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.end_headers()
            self.event(
                {
                    **about,
                    "object": "chat.completion.chunk",
                    "choices": [{**choice, "delta": message}],
                }
            )
            self.event("[DONE]")

    return Answering


def _plain(content: Any) -> str:
    return (
        content if isinstance(content, str) else "".join(part.get("text", "") for part in content)
    )


if __name__ == "__main__":
    sys.exit(main())
