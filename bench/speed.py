"""How long people wait: to the first word of an answer, for the rest of it, after Stop, and when
several ask at once.

    python -m bench.speed                everything, against the same model reading all in full
    python -m bench.speed article piaf   parts: article, piaf, writing, stop, several, start

The model of the page, warm, on all cores of this machine; nothing else should run. `piaf` needs
../shared/data.
"""

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import islice
from typing import Any

import httpx
import numpy as np

from bench import report
from bench.answers import ARTICLE, DATA, lines, peak_memory_gb
from bench.retrieval import indexed
from rag.answerer import Answerer
from rag.events import Delta, Finished, Turn
from rag.library import Library, open_library
from rag.llm.base import Generator, Message
from rag.retriever import Retriever
from rag.settings import ROOT, from_environment

_TIMES = 7  # measurements of each kind
_APART = 40  # every so many of PIAF's passages are asked about: no two questions share an excerpt
_TASK = "You answer the question from the passages alone, in its language."


def main() -> int:
    """Measure, print the table, keep the results."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.speed", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument(
        "parts",
        nargs="*",
        choices=[[], *PARTS],
        help="all where none is named; the others' results stay",
    )
    parts = parser.parse_args().parts or PARTS
    print(report.heading(), flush=True)
    if {"article", "piaf"}.intersection(parts):
        shutil.rmtree(
            from_environment().home / "states", ignore_errors=True
        )  # else what is read here was read before
    kept = report.RESULTS / "speed.json"
    before = json.loads(kept.read_text(encoding="utf-8")) if kept.exists() else {}
    results: dict[str, Any] = {part: before[part] for part in PARTS if part in before}
    with open_library(from_environment()) as library:
        for part in parts:
            if part == "piaf" and not DATA.is_dir():
                print(
                    f"{DATA}: no such folder. The public sets aren't part of the repository; "
                    "piaf was not measured."
                )
            elif part != "start":
                results[part] = _WARM[part](library)
                show(part, results[part])
    if "start" in parts:
        results["start"] = start()
        show("start", results["start"])
    print("kept in", report.keep("speed", results).relative_to(ROOT))
    return 0


def show(part: str, found: dict[str, Any]) -> None:
    """One line a figure; lists as median and spread."""
    for name, value in found.items():
        if isinstance(value, list):
            print(
                f"{part:9} {name:44} {statistics.median(value):8.2f}  "
                f"({min(value):.2f}-{max(value):.2f}, {len(value)} times)"
            )
        else:
            print(
                f"{part:9} {name:44} {value:8.2f}"
                if isinstance(value, float)
                else f"{part:9} {name:44} {value}"
            )
    sys.stdout.flush()


def article(library: Library) -> dict[str, Any]:
    """New questions on the article once it was read ahead, a follow-up, and the same questions read
    in full by llama.cpp."""
    assistant = library.assistant()
    began = time.perf_counter()
    assistant.prepare(threading.Event())
    found: dict[str, Any] = {"reading ahead, s": time.perf_counter() - began}
    rows = [row for row in lines(ARTICLE) if row.get("core") and row["kind"] == "answerable"]
    assistant.answer("De quoi parle Marina Ferrari ?")
    asked = [_first(assistant, row["text"]) for row in rows]
    found["first word, s"] = asked
    found["first word, follow-up, s"] = [
        _first(assistant, text, [Turn(rows[0]["text"])])
        for text in (
            "Et dans OpenAI ?",
            "Et quand ?",
            "Et pour combien ?",
            "Et avec quelle part ?",
            "Pourquoi ?",
        )
    ]
    full = [
        in_full(assistant.generator, library.retriever, row["text"], row["language"])
        for row in rows[:_TIMES]
    ]
    found["first word, three passages in full, s"] = full
    found["times as fast"] = statistics.median(full) / statistics.median(asked)
    found["peak memory, GB"] = peak_memory_gb() or 0.0
    return found


def piaf(library: Library) -> dict[str, Any]:
    """Questions on passages that were never asked about, and other questions on the same passages
    afterwards."""
    rows = lines(DATA / "piaf" / "queries.fr.jsonl")
    of: dict[str, list[str]] = {}
    for row in rows:
        of.setdefault(row["passage"], []).append(row["text"])
    with indexed(DATA / "piaf" / "corpus.jsonl", library.embedder) as store:
        assistant, retriever = library.assistant(store), Retriever(store, library.embedder)
        pairs = list(
            islice(
                filter(
                    None, (_about_one(assistant, texts) for texts in list(of.values())[::_APART])
                ),
                _TIMES,
            )
        )
        first = [_first(assistant, texts[0]) for texts in pairs]
        again = [_first(assistant, texts[1]) for texts in pairs]
        full = [in_full(assistant.generator, retriever, texts[0], "fr") for texts in pairs]
    return {
        "first word, passages never read, s": first,
        "first word, after another question on the passage, s": again,
        "first word, three passages in full, s": full,
        "times as fast, never read": statistics.median(full) / statistics.median(first),
    }


def _about_one(assistant: Answerer, texts: Sequence[str]) -> tuple[str, str] | None:
    """Two of these questions for which the same excerpt is read first; None if there are none."""
    first: dict[str, str] = {}
    for text in texts:
        excerpt = assistant.find(text, "fr", None)[1][0].text
        if excerpt in first:
            return first[excerpt], text
        first[excerpt] = text
    return None


def writing(library: Library) -> dict[str, Any]:
    """Tokens a second, beside what reading the model's file once a token would allow."""
    generator = library.assistant().generator
    speeds = []
    for number in range(5):
        messages = [
            Message("user", f"Write a story of two hundred words about a rooster, number {number}.")
        ]
        times = [time.perf_counter() for _ in generator.stream(messages, max_tokens=80)]
        speeds.append((len(times) - 1) / (times[-1] - times[0]))
    size = (from_environment().home / "weights" / f"{generator.name}.gguf").stat().st_size
    bandwidth = [_bandwidth() for _ in range(5)]
    limit = statistics.median(bandwidth) / size
    return {
        "tokens a second": speeds,
        "memory, GB a second": [each / 1e9 for each in bandwidth],
        "limit, tokens a second": limit,
        "share of the limit": statistics.median(speeds) / limit,
    }


def stop(library: Library) -> dict[str, Any]:
    """Processor time used in the second that begins half a second after Stop, while the model was
    writing or reading."""
    assistant, used = library.assistant(), []
    for number in range(5):
        stopped = threading.Event()

        def ask(stopped: threading.Event = stopped, number: int = number) -> None:
            for _ in assistant.ask(
                f"Résume en détail ce que pense le chercheur, point {number}.", stop=stopped
            ):
                pass

        thread = threading.Thread(target=ask)
        thread.start()
        time.sleep(0.6 + 0.4 * number)
        stopped.set()
        time.sleep(0.5)
        before = time.process_time()
        time.sleep(1)
        used.append(time.process_time() - before)
        thread.join()
    return {"processor seconds in the second after, s": used}


def several(library: Library) -> dict[str, Any]:
    """Four people at once against the same four one after the other."""
    assistant = library.assistant()
    assistant.prepare(threading.Event())
    asked = [
        row["text"] for row in lines(ARTICLE) if row.get("core") and row["kind"] == "answerable"
    ][:4]
    together, apart = [], []
    for _ in range(3):
        began = time.perf_counter()
        for text in asked:
            assistant.answer(text)
        apart.append(time.perf_counter() - began)
        threads = [threading.Thread(target=assistant.answer, args=(text,)) for text in asked]
        began = time.perf_counter()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        together.append(time.perf_counter() - began)
    ratio = statistics.median(apart) / statistics.median(together)
    return {"one after the other, s": apart, "at once, s": together, "times as fast": ratio}


def start() -> dict[str, Any]:
    """A second start of the page: until it answers, until it is ready, until the first answer over
    the interface for programs; and the most memory that it took."""
    answers, ready, answered, memory = [], [], [], []
    for number in range(3):
        port = 8700 + number
        command = [sys.executable, "-m", "rag", "serve", "--no-browser", "--port", str(port)]
        began = time.perf_counter()
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, cwd=ROOT) as page:
            address = f"http://127.0.0.1:{port}"
            answers.append(_served(f"{address}/") - began)
            ready.append(_served(f"{address}/health") - began)
            messages = [
                {"role": "user", "content": "Combien Microsoft a-t-il investi dans Mistral AI ?"}
            ]
            httpx.post(
                f"{address}/v1/chat/completions", json={"messages": messages}, timeout=120
            ).raise_for_status()
            answered.append(time.perf_counter() - began)
            memory.append(peak_memory_gb(page.pid) or 0.0)
            page.terminate()
    return {
        "page answers, s": answers,
        "ready, s": ready,
        "first answer, s": answered,
        "peak memory, GB": memory,
    }


_WARM: dict[str, Callable[[Library], dict[str, Any]]] = {
    "article": article, "piaf": piaf, "writing": writing, "stop": stop, "several": several,
}  # fmt: skip
PARTS = (*_WARM, "start")


def in_full(generator: Generator, retriever: Retriever, question: str, language: str) -> float:
    """Seconds to the first word with the three best passages in one prompt. The question comes
    first, so nothing is read twice."""
    began = time.perf_counter()
    hits = retriever.search(question, language, k=3)
    passages = "\n\n".join(hit.chunk.text for hit in hits)
    messages = [
        Message("system", f"Question: {question}\n{_TASK}"),
        Message("user", f"{passages}\n\nQuestion: {question}"),
    ]
    next(generator.stream(messages, max_tokens=2), "")
    return time.perf_counter() - began


def _first(assistant: Answerer, question: str, history: Sequence[Turn] = ()) -> float:
    """Seconds until the first word that is shown: of an answer, or of a refusal."""
    began, first = time.perf_counter(), None
    for event in assistant.ask(question, history):
        if isinstance(event, Delta | Finished) and first is None:
            first = time.perf_counter() - began
    return first or 0.0


def _bandwidth() -> float:
    """Bytes a second that all cores together read from memory."""
    parts = [np.ones(400_000_000 // report.cores(), np.float64) for _ in range(report.cores())]
    threads = [threading.Thread(target=part.sum) for part in parts]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return 3.2e9 / (time.perf_counter() - began)


def _served(address: str) -> float:
    """When an address is served, asked again and again for two minutes."""
    end = time.perf_counter() + 120
    while time.perf_counter() < end:
        with suppress(httpx.HTTPError):
            if httpx.get(address).status_code == 200:
                return time.perf_counter()
        time.sleep(0.05)
    raise TimeoutError(address)


if __name__ == "__main__":
    sys.exit(main())
