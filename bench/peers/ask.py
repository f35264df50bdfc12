"""What every peer's script does besides its own retrieval chain: read the documents and the
questions, write the answers.

Each script runs in its own environment and speaks JSON lines: documents come from a file ({"name",
    "title", "text"}), questions
from standard input ({"id", "text", "documents"}, the last null or the names that it may use),
answers go to standard output ({"id", "answer", "sources", "seconds"}). The model is behind an
OpenAI-compatible address, the vector model in a folder.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

Document = dict[str, str]
# question and allowed documents to answer and passages used
Ask = Callable[[str, "list[str] | None"], tuple[str, list[str]]]


def run(make: Callable[[list[Document], str, str], Ask]) -> None:
    """Let `make(documents, server, embedder)` index, then answer question after question."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--documents", type=Path, required=True)
    parser.add_argument("--server", required=True, help="address of the OpenAI-compatible server, with /v1")
    parser.add_argument("--embedder", required=True, help="folder of a sentence-transformers model")
    options = parser.parse_args()
    answers, sys.stdout = sys.stdout, sys.stderr  # libraries print as they please
    documents = [json.loads(line) for line in options.documents.read_text(encoding="utf-8").splitlines()]
    ask = make(documents, options.server, options.embedder)
    _write(answers, {"ready": len(documents)})
    for line in sys.stdin:
        question = json.loads(line)
        began = time.perf_counter()
        answer, sources = ask(question["text"], question["documents"])
        row = {"id": question["id"], "answer": answer, "sources": sources, "seconds": time.perf_counter() - began}
        _write(answers, row)


def _write(stream: Any, row: dict[str, Any]) -> None:
    stream.write(json.dumps(row, ensure_ascii=False) + "\n")
    stream.flush()
