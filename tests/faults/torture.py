"""Kill the writers of a library at random moments, again and again; each time look whether anything is lost or half done.

    python -m tests.faults.torture --kills 1000 --seed 7

Each round changes files of a folder (new, replaced, removed, renamed, several documents in one, dates in the past and the future),
lets two processes bring the store up to it while a third searches, and kills all three after a random time. Some rounds limit how
large a file may grow, as a full disk does, or spoil the FAISS file. Every round ends with these questions, put to the store as a
restart finds it: does SQLite find its pages sound, is each document whole and one that its file had, is each unchanged one still
there, does a search find what the vectors and the words say? Every so often the folder is read to its end, and the store compared
with one filled afresh. Vectors are those of the real model, made before the round, so that a kill meets the store at work.
"""

import argparse
import json
import os
import random
import resource
import shutil
import signal
import sqlite3
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

import index.writer
from index.chunking import split
from index.embedder import Embedder, Encoded
from index.errors import UserError
from index.models.convert import ensure_embedder
from index.reading.reader import read_text
from index.store import LocalStore
from index.sync import sync
from index.text.words import terms
from index.writer import embedded_text
from rag.settings import ROOT, default_home
from tests.faults.test_kill_indexing import check_whole, close, content

_COMPLETE_EVERY = 50  # rounds
_VERSIONS = 24  # texts that a file may have


class Remembering:
    """The real embedder's vectors of texts that it was given before: a process that is to be killed loads no model."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self._known: dict[str, Encoded] = {}
        self.fingerprint, self.dimension, self.count = (
            embedder.fingerprint,
            embedder.dimension,
            embedder.count,
        )

    def learn(self, texts: Sequence[str]) -> None:
        """Let the model read what it hasn't yet."""
        new = [text for text in dict.fromkeys(texts) if text not in self._known]
        self._known.update(zip(new, self._embedder.embed_chunks(new), strict=True))

    def embed_chunks(
        self, texts: Sequence[str], *, progress: Callable[[int, int], None] | None = None
    ) -> list[Encoded]:
        """See `Embedder.embed_chunks`; a text that wasn't learnt is a KeyError."""
        found = []
        for text in texts:
            found.append(self._known[text])
            time.sleep(0.001)  # so that a kill may fall between two passages
        if progress:
            progress(len(texts), len(texts))
        return found


@dataclass
class Tally:
    """What happened: rounds, kills, and what went wrong, which must stay empty."""

    rounds: int = 0
    kills: int = 0
    full_disks: int = 0
    spoilt: int = 0
    complete: int = 0
    ends: Counter[str] = field(default_factory=Counter)
    findings: list[str] = field(default_factory=list)


class Torture:
    """One folder, one store in it, one seed."""

    def __init__(self, work: Path, embedder: Embedder, seed: int) -> None:
        self.tally = Tally()
        self._random = random.Random(seed)
        self._embedder = Remembering(embedder)
        self._documents, self._folder, self._reports = (
            work / "documents",
            work / "store",
            work / "reports",
        )
        self._documents.mkdir()
        self._reports.mkdir()
        paragraphs = [text for text in _seed_text().split("\n\n") if len(text) > 80]
        self._versions = [
            "\n\n".join(self._random.sample(paragraphs, self._random.randint(1, 5)))
            + f"\n\nVersion {number}."
            for number in range(_VERSIONS)
        ]
        self._had: dict[str, set[str]] = {}  # every text that a document of this name ever had
        self._span = 0.4  # seconds within which a kill falls

    def round(self) -> None:
        """Change, fill, kill, look."""
        self.tally.rounds += 1
        before = self._shown()
        self._change()
        self._spoil()
        began = time.monotonic()
        children = [self._child(self._fill, limited=self._random.random() < 0.15) for _ in range(2)]
        children.append(self._child(self._search))
        time.sleep(self._random.random() * self._span)
        ended = self._end(children)
        if not any(ended[:2]):  # both done before the kill: kill earlier
            self._span = max(0.02, 0.9 * min(self._span, time.monotonic() - began))
        elif all(ended[:2]):
            self._span = min(2.0, 1.05 * self._span)
        self._look(before)
        if self.tally.rounds % _COMPLETE_EVERY == 0:
            self.complete()

    def complete(self) -> None:
        """Read the folder to its end and compare with a store of its own that does the same."""
        self.tally.complete += 1
        fresh_folder = self._folder.with_name("fresh")
        shutil.rmtree(fresh_folder, ignore_errors=True)
        with self._store(self._folder) as store, self._store(fresh_folder) as fresh:
            for each in (store, fresh):
                report = sync(self._documents, each, self._embedder)  # type: ignore[arg-type]
                if report.failed:
                    self._find(f"read to the end: {report.failed}")
            try:
                close(content(store), content(fresh))
                assert store.sources() == fresh.sources()
                for text in self._versions[:6]:
                    words = terms(text, "fr")[:12]
                    assert _named(store, store.search_words(words, 50)) == _named(
                        fresh, fresh.search_words(words, 50)
                    )
                    vector = self._vector(text)
                    assert _named(store, store.search_vectors(vector, 20)) == _named(
                        fresh, fresh.search_vectors(vector, 20)
                    )
            except AssertionError:
                self._find("not what a fresh store holds: " + traceback.format_exc(limit=3))

    def _change(self) -> None:
        chance = self._random
        for _ in range(chance.randint(1, 4)):
            files = sorted(self._documents.iterdir())
            act = chance.choice(("new", "new", "replace", "replace", "remove", "rename", "date"))
            if act == "new" or not files:
                kind = chance.choice(("txt", "md", "jsonl"))
                self._write(self._documents / f"f{chance.randrange(14)}.{kind}")
            elif act == "replace":
                self._write(chance.choice(files))
            elif act == "remove":
                chance.choice(files).unlink()
            elif act == "rename":
                old = chance.choice(files)
                if old.suffix != ".jsonl":
                    old.replace(self._documents / f"r{chance.randrange(6)}{old.suffix}")
            else:
                moment = time.time() + chance.choice((-1, 1)) * chance.randrange(10**8)
                os.utime(chance.choice(files), (moment, moment))
        texts = []
        for path in self._documents.iterdir():
            for document in read_text(path, self._documents):
                if isinstance(document, UserError):
                    continue
                self._had.setdefault(document.name, set()).add(document.text)
                passages = split(document.text, document.language, count=self._embedder.count)
                texts += [embedded_text(document, passage)[0] for passage in passages]
        self._embedder.learn(texts)

    def _write(self, path: Path) -> None:
        chosen = self._random.sample(self._versions, 3)
        text = chosen[0]
        if path.suffix == ".jsonl":
            lines = [
                {"_id": f"{path.stem}-{n}", "title": f"Ligne {n}", "text": each}
                for n, each in enumerate(chosen)
            ]
            text = "\n".join(map(json.dumps, lines[: self._random.randint(1, 3)]))
        beside = path.with_name(f".{path.name}")
        beside.write_text(text)
        beside.replace(path)

    def _spoil(self) -> None:
        if self._random.random() < 0.1:
            for path in self._folder.glob("*.faiss"):
                data = path.read_bytes()
                place = self._random.randrange(max(1, len(data)))
                path.write_bytes(
                    data[:place]
                    if self._random.random() < 0.5
                    else data[:place] + b"\xa5" + data[place + 1 :]
                )
                self.tally.spoilt += 1

    def _child(self, work: Callable[[], None], *, limited: bool = False) -> int:
        child = os.fork()
        if child:
            self.tally.full_disks += limited
            return child
        code = 1
        try:
            if limited:
                size = (
                    sum(path.stat().st_size for path in self._folder.glob("library*"))
                    if self._folder.exists()
                    else 0
                )
                resource.setrlimit(
                    resource.RLIMIT_FSIZE, (size + self._random.randrange(200_000),) * 2
                )
            work()
            code = 0
        except UserError as error:
            # SQLite's own "disk I/O error" comes where the log can't grow.
            code = (
                2
                if limited
                and error.code in ("store_disk_full", "store_disk_error", "store_unwritable")
                else 1
            )
            if code == 1:
                self._report(error)
        except OSError as error:
            code = 2 if limited else 1
            if code == 1:
                self._report(error)
        except BaseException as error:
            self._report(error)
        finally:
            os._exit(code)

    def _report(self, error: BaseException) -> None:
        text = f"{error!r}\n" + "".join(traceback.format_exception(error))[-1500:]
        (self._reports / str(os.getpid())).write_text(text)

    def _end(self, children: list[int]) -> list[bool]:
        """Kill those that still run; which of them did."""
        killed = []
        for child in children:
            with suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
        for child in children:
            status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
            killed.append(status == -signal.SIGKILL)
            self.tally.kills += killed[-1]
            self.tally.ends[
                "killed" if killed[-1] else {0: "done", 2: "no room"}.get(status, "failed")
            ] += 1
            if status not in (0, 2, -signal.SIGKILL):
                report = self._reports / str(child)
                self._find(
                    f"a process ended with {status}: {report.read_text() if report.exists() else 'no word'}"
                )
        return killed

    def _fill(self) -> None:
        index.writer._AT_ONCE = 4
        with self._store(self._folder) as store:
            sync(self._documents, store, self._embedder)  # type: ignore[arg-type]

    def _search(self) -> None:
        with self._store(self._folder) as store:
            while True:
                vector = self._vector(self._random.choice(self._versions))
                found = store.search_vectors(vector, 5)
                store.search_words(terms(self._random.choice(self._versions), "fr")[:5], 5)
                for passage in store.chunks([number for number, _ in found]):
                    with suppress(KeyError):  # removed since
                        assert store.document(passage.document).text in self._had[passage.document]

    def _shown(self) -> dict[str, str]:
        """The documents that the store shows, with their digests."""
        if not (self._folder / "library.sqlite").exists():
            return {}
        with self._store(self._folder) as store:
            return {info.name: info.digest for info in store.documents()}

    def _look(self, before: dict[str, str]) -> None:
        """What must hold of the store, whenever its writers were killed."""
        if not (self._folder / "library.sqlite").exists():
            return
        try:
            with self._store(self._folder) as store:
                check_whole(store, self._embedder)  # type: ignore[arg-type]
                shown = {info.name: info.digest for info in store.documents()}
                for name in shown:
                    assert store.document(name).text in self._had[name], (
                        f"{name} is no text that its file had"
                    )
                for name, digest in self._wanted():
                    if name in before:
                        assert name in shown, f"{name} was there, is still wanted, and is gone"
                    if before.get(name) == digest:
                        assert shown[name] == digest, (
                            f"{name} is unchanged, and another text is shown"
                        )
                self._look_up(store)
            with sqlite3.connect(self._folder / "library.sqlite") as database:
                assert database.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
            database.close()
        except Exception:
            self._find("after the kill: " + traceback.format_exc())

    def _wanted(self) -> Iterator[tuple[str, str]]:
        for path in self._documents.iterdir():
            for document in read_text(path, self._documents):
                if not isinstance(document, UserError):
                    yield document.name, document.digest

    def _look_up(self, store: LocalStore) -> None:
        """A search finds what the stored vectors and words say, compared one by one."""
        passages = [passage for info in store.documents() for passage in store.chunks_of(info.name)]
        if not passages:
            return
        numbers = [passage.id for passage in passages]
        vector = self._vector(self._random.choice(self._versions))
        cosines = sorted((store.vectors(numbers) @ vector).tolist(), reverse=True)[:10]
        assert np.allclose(
            [score for _, score in store.search_vectors(vector, 10)], cosines, atol=1e-4
        )
        word = self._random.choice(terms(self._random.choice(passages).text, "fr"))
        titles = {info.name: info.title for info in store.documents()}
        having = {
            each.id
            for each in passages
            if word in terms(f"{titles[each.document]}\n{each.text}", each.language)
        }
        assert {number for number, _ in store.search_words([word], 10_000)} == having

    def _vector(self, text: str) -> np.ndarray:
        self._embedder.learn([text])
        return self._embedder.embed_chunks([text])[0].vector

    def _store(self, folder: Path) -> LocalStore:
        return LocalStore(folder, self._embedder.fingerprint, self._embedder.dimension)

    def _find(self, what: str) -> None:
        self.tally.findings.append(f"round {self.tally.rounds}: {what}")
        print(self.tally.findings[-1], file=sys.stderr, flush=True)


def _named(store: LocalStore, found: list[tuple[int, float]]) -> list[tuple[float, list[str]]]:
    """The scores of a search with the passages that have each: equals may change places."""
    passages = {
        passage.id: f"{passage.document} {passage.ordinal}"
        for passage in store.chunks([n for n, _ in found])
    }
    scores: dict[float, list[str]] = {}
    for number, score in found:
        scores.setdefault(round(score, 2), []).append(passages[number])
    return [(score, sorted(names)) for score, names in list(scores.items())[:3]]


def _seed_text() -> str:
    (text,) = [
        path.read_text(encoding="utf-8")
        for path in (ROOT / "seeds").glob("*.md")
        if path.name != "README.md"
    ]
    return text


def main() -> int:
    """Run, say what was seen; 1 where anything was found."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.faults.torture", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("--kills", type=int, default=1000, help="processes to kill at least")
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args()
    began = told = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="cocorico-torture-") as work:
        torture = Torture(Path(work), alone_embedder(ensure_embedder(default_home())), options.seed)
        while torture.tally.kills < options.kills:
            torture.round()
            if time.monotonic() - told > 10:
                told = time.monotonic()
                print(
                    f"{torture.tally.kills} kills in {torture.tally.rounds} rounds, {len(torture.tally.findings)} findings",
                    flush=True,
                )
        torture.complete()
    tally = torture.tally
    print(
        f"{tally.kills} kills in {tally.rounds} rounds, {time.monotonic() - began:.0f} s, seed {options.seed}: "
        f"{tally.full_disks} with little room on disk ({tally.ends['no room']} ran out of it), {tally.spoilt} FAISS files spoilt, "
        f"compared with a fresh store {tally.complete} times; {len(tally.findings)} findings"
    )
    return bool(tally.findings)


def alone_embedder(model: Path) -> Embedder:
    """The real embedder, with FAISS and torch on one thread each: what has started threads can't be forked."""
    import faiss

    faiss.omp_set_num_threads(1)
    return Embedder(str(model), threads=1)


if __name__ == "__main__":
    sys.exit(main())
