"""How fast a library is read in, searched and opened, and how that grows from a thousand passages
to a million.

    python -m bench.index                      everything; takes up to 12 GB of disk for a while
    python -m bench.index growth --most N      one part: embedding, growth or whole; libraries up to
    N passages only

Passages, their words, vectors and token vectors are those of public sets in ../shared/data;
questions are PIAF's. A library larger than these is made of copies: a copy's vector is the real one
moved by half the difference of two others, so that copies differ in the directions in which
passages do; its text is half of one passage and half of another. Libraries that the whole search is
timed on hold real token vectors (70 kB a passage); the others hold two a passage in their place.
"""

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench import report
from bench.retrieval import DATA, indexed
from index.chunking import Chunk, split
from index.contract import Prepared
from index.documents import make
from index.embedder import Embedder, Encoded
from index.models.convert import ensure_embedder
from index.store import LocalStore
from index.text.words import terms
from index.token_codes import encode_tokens
from rag.retriever import Retriever
from rag.settings import ROOT, default_home

SIZES = [1_000, 10_000, 100_000, 1_000_000]
WHOLE = 100_000  # the library that whole searches are timed on
PARTS = ("embedding", "growth", "whole")
SETS = ["piaf", "retrieval/medqa_fr2fr", "retrieval/faq_fr2en"]
_A_DOCUMENT = 10  # passages
_TEXTS = 192
_QUESTIONS = 100

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Real:
    """Passages of the public sets: texts, index terms, vectors (n, d), coded token vectors, and
    their spans."""

    texts: list[str]
    terms: list[list[str]]
    vectors: Floats
    tokens: list[bytes]
    spans: list[bytes]


def main() -> int:
    """Measure, print the tables, keep the results."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "parts",
        nargs="*",
        choices=[[], *PARTS],
        help="all where none is named; the others' results stay",
    )
    parser.add_argument(
        "--most", type=int, default=SIZES[-1], help="passages of the largest library"
    )
    parser.add_argument("--open", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.open:
        _opened(options.open)
        return 0
    if not DATA.is_dir():
        print(
            f"{DATA}: no such folder. The public sets aren't part of the repository; "
            "nothing was measured."
        )
        return 0
    print(report.heading(), flush=True)
    embedder = Embedder(str(ensure_embedder(default_home())))
    before = report.RESULTS / "index.json"
    results: dict[str, Any] = (
        json.loads(before.read_text(encoding="utf-8")) if before.exists() else {}
    )
    results = {part: results[part] for part in PARTS if part in results}
    parts = options.parts or list(PARTS)
    if set(parts) != {"embedding"}:
        real = _real(embedder)
        rows = (DATA / "piaf" / "queries.fr.jsonl").read_text(encoding="utf-8").splitlines()
        questions = [json.loads(row)["text"] for row in random.Random(0).sample(rows, _QUESTIONS)]
        print(
            f"{len(real.texts)} real passages, {_QUESTIONS} questions; "
            "times of a search are medians in milliseconds"
        )
    for part in parts:
        load = os.getloadavg()[0]
        if part == "embedding":
            found = _throughput(embedder)
            print(
                f"\nembedding {_TEXTS} passages: {found['ours']:.1f} a second, "
                f"SentenceTransformer.encode {found['peer']:.1f}: "
                f"{found['ours'] / found['peer']:.2f} times "
                f"(processor time: {found['processor']:.2f} times); "
                f"least cosine {found['cosine']:.5f}"
            )
        elif part == "growth":
            print(
                f"\n{'passages':>9}{'filled s':>10}{'kind':>13}{'nearest':>9}{'exact':>8}"
                f"{'recall@10':>11}{'words':>8}{'open s':>8}{'GB memory':>11}{'GB disk':>9}"
                f"{'remove s':>10}{'replace s':>11}",
                flush=True,
            )
            found = {
                "sizes": [
                    _grown(size, real, questions, embedder)
                    for size in SIZES
                    if size <= options.most
                ]
            }
        else:
            found = _whole(min(WHOLE, options.most), real, questions, embedder)
            print(
                f"\na whole search of {found['passages']:,} passages: "
                f"{1000 * found['whole']:.1f} ms, of them {1000 * found['embedding']:.1f} ms "
                f"to embed the question: {found['whole'] / found['embedding']:.2f} times"
            )
        results[part] = {**found, "load": load}
        kept = report.keep("index", results)
    if "growth" in results:
        _plot(results["growth"]["sizes"], kept.with_suffix(".png"))
    print(f"kept in {kept.relative_to(ROOT)}")
    return 0


def _throughput(embedder: Embedder) -> dict[str, float]:
    """Texts a second, the better of two rounds each, turn by turn; the peer reads the same texts
    with the same prefix.

    `processor` compares processor time, which other work on the machine hardly changes.
    """
    from sentence_transformers import SentenceTransformer

    rows = [
        json.loads(line)
        for line in (DATA / "piaf" / "corpus.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    texts = [f"{row['title']}\n{row['text']}" for row in random.Random(1).sample(rows, _TEXTS)]
    peer = SentenceTransformer(str(ensure_embedder(default_home())), device="cpu")
    prefixed = [f"passage: {text}" for text in texts]
    peer.encode(prefixed[:8])
    embedder.embed_chunks(texts[:8])
    times: dict[str, list[float]] = {"ours": [], "peer": []}
    processor: dict[str, list[float]] = {"ours": [], "peer": []}
    vectors = {}
    for _ in range(2):
        for name, encode in (
            ("ours", lambda: np.stack([code.vector for code in embedder.embed_chunks(texts)])),
            ("peer", lambda: peer.encode(prefixed)),
        ):
            began = time.process_time()
            took, vectors[name] = _timed(encode)
            times[name].append(took)
            processor[name].append(time.process_time() - began)
    cosine = float(np.min(np.sum(vectors["ours"] * vectors["peer"], axis=1)))
    paces = {name: _TEXTS / min(took) for name, took in times.items()}
    return {**paces, "processor": min(processor["peer"]) / min(processor["ours"]), "cosine": cosine}


def _real(embedder: Embedder) -> Real:
    """The passages of the sets, embedded at the first run only."""
    found = Real([], [], np.zeros((0, embedder.dimension), np.float32), [], [])
    vectors = [found.vectors]
    for name in SETS:
        with indexed(DATA / name / "corpus.jsonl", embedder) as store:
            for info in store.documents():
                passages = store.chunks_of(info.name)
                numbers = [passage.id for passage in passages]
                found.texts.extend(passage.text for passage in passages)
                found.terms.extend(
                    terms(f"{passage.title}\n{passage.text}", passage.language)
                    for passage in passages
                )
                if numbers:
                    vectors.append(store.vectors(numbers))
                for tokens, spans in store.token_vectors(numbers):
                    found.tokens.append(encode_tokens(tokens))
                    found.spans.append(spans.tobytes())
    return Real(found.texts, found.terms, np.concatenate(vectors), found.tokens, found.spans)


def _grown(size: int, real: Real, questions: Sequence[str], embedder: Embedder) -> dict[str, Any]:
    """Fill a library of `size` passages and measure it; its row of the table is printed."""
    folder = _folder(size)
    try:
        filled, _ = _timed(lambda: _fill(folder, size, real, embedder, whole=False))
        opened = json.loads(
            subprocess.run(
                [sys.executable, "-m", "bench.index", "--open", str(folder)],
                check=True,
                capture_output=True,
            ).stdout
        )
        asked = embedder.embed_queries(questions)
        with LocalStore(folder, embedder.fingerprint, embedder.dimension) as store:
            exact, nearest, truth = _exactly(store, asked)
            times, recalls = [], []
            for question, right in zip(asked, truth, strict=True):
                took, found = _timed(
                    lambda question=question: store.search_vectors(question.vector, 10)
                )
                times.append(took)
                recalls.append(len({number for number, _ in found} & set(right.tolist())) / 10)
            words = [
                _timed(lambda text=text: store.search_words(terms(text, "fr"), 25))[0]
                for text in questions
            ]
            removed, _ = _timed(
                lambda: (
                    store.remove(["d5"]),
                    store.search_vectors(nearest, 10),
                    store.save_index(),
                )
            )
            replaced, _ = _timed(
                lambda: (
                    _replace(store, "d7", embedder),
                    store.search_vectors(nearest, 10),
                    store.save_index(),
                )
            )
        row = {
            "passages": size,
            "filled": filled,
            **opened,
            "nearest": float(np.median(times)),
            "exact": exact,
            "recall": float(np.mean(recalls)),
            "words": float(np.median(words)),
            "disk": sum(path.stat().st_size for path in folder.iterdir()),
            "removed": removed,
            "replaced": replaced,
        }
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(
        f"{size:9,}{filled:10.0f}{row['kind']:>13}{1000 * row['nearest']:9.1f}{1000 * exact:8.1f}"
        f"{row['recall']:11.3f}{1000 * row['words']:8.1f}{row['open']:8.1f}"
        f"{row['memory'] / 1e9:11.2f}{row['disk'] / 1e9:9.1f}{removed:10.1f}{replaced:11.1f}",
        flush=True,
    )
    return row


def _whole(size: int, real: Real, questions: Sequence[str], embedder: Embedder) -> dict[str, float]:
    """Seconds of a search, from the question's text to scored candidates, and of embedding the
    question alone."""
    folder = _folder(size)
    try:
        _fill(folder, size, real, embedder, whole=True)
        with LocalStore(folder, embedder.fingerprint, embedder.dimension) as store:
            search = Retriever(store, embedder)
            for question in questions[:5]:
                search.candidates(question, "fr")
            embedding, whole = [], []
            for question in questions:
                embedding.append(
                    _timed(lambda question=question: embedder.embed_queries([question]))[0]
                )
                whole.append(_timed(lambda question=question: search.candidates(question, "fr"))[0])
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return {
        "passages": size,
        "embedding": float(np.median(embedding)),
        "whole": float(np.median(whole)),
    }


def _fill(folder: Path, size: int, real: Real, embedder: Embedder, *, whole: bool) -> None:
    """A library of copies.

    Rows go straight into the database: no text is embedded, and all is one transaction.
    """
    with LocalStore(folder, embedder.fingerprint, embedder.dimension) as store:
        database = store._db
        with store._change() as generation:
            columns = "(id, name, title, text, language, digest, source)"
            for table, values, rows in (
                (f"documents {columns}", "?, ?, 'Titre', ?, 'fr', '', ''", _documents(size, real)),
                ("passages", "?, ?, ?, ?, ?, ?, ?, ?", _passages(size, real, generation)),
                ("vectors", "?, ?, ?, ?", _vectors(size, real, whole)),
                (
                    "words (rowid, terms)",
                    "?, ?",
                    ((n + 1, " ".join(words)) for n, (_, words) in enumerate(_copies(size, real))),
                ),
            ):
                database.run_many(f"INSERT INTO {table} VALUES ({values})", rows)
        store.save_index()


def _copies(size: int, real: Real) -> Iterator[tuple[str, list[str]]]:
    """Text and terms: the passage itself, then halves of two."""
    chance = random.Random(2)
    for number in range(size):
        if number < len(real.texts):
            yield real.texts[number], real.terms[number]
        else:
            one, other = chance.randrange(len(real.texts)), chance.randrange(len(real.texts))
            yield (
                real.texts[one][: len(real.texts[one]) // 2]
                + real.texts[other][len(real.texts[other]) // 2 :],
                real.terms[one][: len(real.terms[one]) // 2]
                + real.terms[other][len(real.terms[other]) // 2 :],
            )


def _documents(size: int, real: Real) -> Iterator[tuple[Any, ...]]:
    texts: list[str] = []
    for number, (text, _) in enumerate(_copies(size, real)):
        texts.append(text)
        if len(texts) == _A_DOCUMENT or number == size - 1:
            document = number // _A_DOCUMENT
            yield document + 1, f"d{document}", "\n\n".join(texts)
            texts.clear()


def _passages(size: int, real: Real, generation: int) -> Iterator[tuple[Any, ...]]:
    start = 0
    for number, (text, _) in enumerate(_copies(size, real)):
        ordinal = number % _A_DOCUMENT
        start = start if ordinal else 0
        end = start + len(text)
        sentences = np.array([[start, end]], "<i4").tobytes()
        yield (
            number + 1,
            number // _A_DOCUMENT + 1,
            ordinal,
            start,
            end,
            text,
            sentences,
            generation,
        )
        start = end + 2


def _vectors(size: int, real: Real, whole: bool) -> Iterator[tuple[Any, ...]]:
    chance = np.random.default_rng(3)
    count = len(real.vectors)
    stand_in = encode_tokens(real.vectors[:2]), np.zeros((2, 2), "<i4").tobytes()
    for first in range(0, size, 10_000):
        numbers = np.arange(first, min(first + 10_000, size))
        one, other = chance.integers(count, size=(2, len(numbers)))
        moved = real.vectors[numbers % count] + 0.5 * (numbers >= count)[:, None] * (
            real.vectors[one] - real.vectors[other]
        )
        moved /= np.linalg.norm(moved, axis=1, keepdims=True)
        for number, vector in zip(numbers.tolist(), moved, strict=True):
            tokens, spans = (
                (real.tokens[number % count], real.spans[number % count]) if whole else stand_in
            )
            yield number + 1, vector.astype("<f4").tobytes(), tokens, spans


def _exactly(
    store: LocalStore, asked: Sequence[Encoded]
) -> tuple[float, Floats, NDArray[np.int64]]:
    """Seconds that FAISS's exact index takes a question, the first question's vector, and the true
    ten (n, 10)."""
    import faiss

    index = faiss.IndexFlatIP(store.dimension)
    numbers: list[int] = []
    for rows in _in_blocks(store):
        index.add(
            np.frombuffer(b"".join(vector for _, vector in rows), "<f4").reshape(
                -1, store.dimension
            )
        )
        numbers.extend(number for number, _ in rows)
    times, truth = [], []
    for question in asked:
        took, (_, places) = _timed(
            lambda question=question: index.search(question.vector[None], 10)
        )
        times.append(took)
        truth.append(places[0])
    return float(np.median(times)), asked[0].vector, np.array(numbers)[np.array(truth)]


def _in_blocks(store: LocalStore) -> Iterator[list[tuple[int, bytes]]]:
    cursor = store._db._connection.execute("SELECT passage, vector FROM vectors")
    while rows := cursor.fetchmany(20_000):
        yield rows


def _replace(store: LocalStore, name: str, embedder: Embedder) -> None:
    """Put a document of one paragraph in the place of another, its embedding included."""
    document = make(name, "Titre", "Un texte tout neuf qui prend la place de l'ancien.")
    chunks: list[Chunk] = split(document.text, "fr", count=embedder.count)
    encoded = embedder.embed_chunks([document.text[c.start : c.end] for c in chunks])
    store.put([Prepared(document, chunks, encoded)])


def _opened(folder: Path) -> None:
    """In a process of its own: seconds until the first search is done, and the most memory that
    this took."""
    with_nothing = _most_memory()
    began = time.perf_counter()
    with LocalStore(folder, _fingerprint(folder), 384) as store:
        found = store.search_vectors(np.full(384, 384**-0.5, np.float32), 10)
        took = time.perf_counter() - began
        kind = type(store._index._index).__name__
    assert found
    print(
        json.dumps(
            {
                "open": took,
                "memory": _most_memory() - with_nothing,
                "kind": "4-bit codes" if "IVF" in kind else "exact",
            }
        )
    )


def _fingerprint(folder: Path) -> str:
    import sqlite3

    database = sqlite3.connect(folder / "library.sqlite")
    (made_by,) = database.execute("SELECT value FROM facts WHERE name = 'embedder'").fetchone()
    database.close()
    return str(made_by).rpartition("|")[0]


def _most_memory() -> int:
    """Bytes, the most that this process held at once (Linux)."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024


def _folder(size: int) -> Path:
    folder = default_home() / "bench" / f"grown-{size}"
    shutil.rmtree(folder, ignore_errors=True)
    return folder


def _timed(work: Callable[[], Any]) -> tuple[float, Any]:
    began = time.perf_counter()
    value = work()
    return time.perf_counter() - began, value


def _plot(grown: Sequence[dict[str, Any]], path: Path) -> None:
    """Time of a search and memory against the number of passages."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 4.5), layout="constrained")
    times, memory = figure.subplots(1, 2)
    sizes = [row["passages"] for row in grown]
    for name, label in (
        ("exact", "vectors, exact"),
        ("nearest", "vectors, as chosen"),
        ("words", "words"),
    ):
        times.plot(sizes, [1000 * row[name] for row in grown], marker="o", label=label)
    times.set(xscale="log", yscale="log", xlabel="passages", ylabel="milliseconds a search")
    for name, label in (
        ("memory", "memory after opening"),
        ("disk", "disk, without token vectors"),
    ):
        memory.plot(sizes, [row[name] / 1e9 for row in grown], marker="o", label=label)
    memory.plot(
        sizes,
        [size * 384 * 4 / 1e9 for size in sizes],
        linestyle="--",
        label="exact index, by arithmetic",
    )
    memory.set(xscale="log", yscale="log", xlabel="passages", ylabel="GB")
    for axes in (times, memory):
        axes.legend()
    figure.savefig(path, dpi=120)


if __name__ == "__main__":
    sys.exit(main())
