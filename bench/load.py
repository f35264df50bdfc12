"""Many people at once at the HTTP interface, over a stand-in for a fast server of models.

    python -m bench.load                       50 askers, ten questions each
    python -m bench.load --askers 8 --each 20

The page runs as a process of its own. The stand-in answers at once in place of a model, so what
is measured is the page with its search and its checks. An asker whose question is refused as
one too many (429) waits as OpenAI's clients do and asks again. Any other status but 200 counts
as an error.
"""

import argparse
import random
import re
import statistics
import subprocess
import sys
import threading
import time
from collections import Counter
from math import log

import httpx

from bench import report
from bench.answers import ARTICLE, lines, peak_memory_gb
from rag.settings import ROOT
from tests.chat_server import Handler, serving

_LISTED = [{"token": "Oui", "logprob": log(0.97)}, {"token": "Non", "logprob": log(0.03)}]
_ANSWER = "Oui. Microsoft a investi 15 millions d'euros dans Mistral AI.".split(" ")
_MOST_WAIT = 8.0  # seconds between two tries of one question


class Fast(Handler):
    """Answers every question alike, at once."""

    def do_GET(self) -> None:
        self.json({"object": "list", "data": [{"id": "fast", "max_model_len": 8192}]})

    def do_POST(self) -> None:
        if self.body().get("logprobs"):
            self.json(
                {
                    "choices": [
                        {
                            "message": {"content": "Oui"},
                            "logprobs": {"content": [{"top_logprobs": _LISTED}]},
                        }
                    ]
                }
            )
            return
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        for place, word in enumerate(_ANSWER):
            self.event({"choices": [{"delta": {"content": word if place == 0 else f" {word}"}}]})
        self.event({"choices": [{"delta": {}, "finish_reason": "stop"}]})
        self.event("[DONE]")


def main() -> int:
    """Ask, print, keep; 1 where a question failed."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.load", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("--askers", type=int, default=50)
    parser.add_argument(
        "--each", type=int, default=10, help="questions of each asker, one after the other"
    )
    options = parser.parse_args()
    print(report.heading(), flush=True)
    with serving(Fast) as model:
        command = [
            sys.executable,
            "-m",
            "rag",
            "serve",
            "--model",
            f"{model}#fast",
            "--port",
            "0",
            "--no-browser",
        ]
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as page:
            try:
                assert page.stdout
                address = next(
                    found[0] for line in page.stdout if (found := re.search(r"http://\S+", line))
                )
                results = _load(address, page.pid, options.askers, options.each)
            finally:
                page.terminate()
    for name, value in results.items():
        print(f"{name:32} {value}")
    print("kept in", report.keep("load", results).relative_to(ROOT))
    return bool(results["errors"])


def _load(address: str, process: int, askers: int, each: int) -> dict[str, object]:
    texts = [
        row["text"]
        for row in lines(ARTICLE)
        if row["kind"] == "answerable" and row["language"] == "fr"
    ]
    waits: list[float] = []
    statuses: Counter[str] = Counter()

    def ask(number: int) -> None:
        chance = random.Random(number)
        with httpx.Client(base_url=address, timeout=120) as client:
            for turn in range(each):
                began, wait = time.perf_counter(), 0.5
                asked = {
                    "messages": [{"role": "user", "content": texts[(number + turn) % len(texts)]}]
                }
                while True:
                    try:
                        status = client.post("/v1/chat/completions", json=asked).status_code
                    except httpx.HTTPError as error:
                        statuses[type(error).__name__] += 1
                        break
                    statuses[str(status)] += 1
                    if status != 429:
                        waits.append(time.perf_counter() - began)
                        break
                    time.sleep(wait * (0.75 + chance.random() / 2))
                    wait = min(2 * wait, _MOST_WAIT)

    with httpx.Client(base_url=address) as client:
        until = time.monotonic() + 120
        while client.get("/health").status_code != 200 and time.monotonic() < until:
            time.sleep(0.3)
    ask(0)  # the first question warms what is loaded at first use
    waits.clear()
    statuses.clear()
    early = peak_memory_gb(process) or 0.0
    threads = [threading.Thread(target=ask, args=(number,)) for number in range(askers)]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds = time.perf_counter() - began
    first, late = peak_memory_gb(process) or 0.0, 0.0
    for number in range(
        askers, askers + 4
    ):  # and some more, one after the other: memory should not go on growing
        ask(number)
        late = peak_memory_gb(process) or 0.0
    return {
        "askers": askers,
        "questions": askers * each,
        "answered a second": round(askers * each / seconds, 1),
        "wait, median": round(statistics.median(waits), 2),
        "wait, longest": round(max(waits), 2),
        "asked again": statuses["429"],
        "answers by status": dict(statuses),
        "errors": sum(count for what, count in statuses.items() if what not in ("200", "429")),
        "peak memory before, with all, after": [round(each, 3) for each in (early, first, late)],
    }


if __name__ == "__main__":
    sys.exit(main())
