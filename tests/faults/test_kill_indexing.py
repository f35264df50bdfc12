"""Indexing killed (SIGKILL) again and again ends like indexing left alone, and shows nothing half done meanwhile."""

import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from index.chunking import split
from index.contract import Store
from index.embedder import Embedder
from index.store import LocalStore
from index.sync import sync

_ROOT = Path(__file__).resolve().parents[2]
_SCRIPT = """
import sys
from pathlib import Path
import index.writer
from index.embedder import Embedder
from index.store import LocalStore
from index.sync import sync
index.writer._AT_ONCE = 4
model, library, folder = sys.argv[1:]
embedder = Embedder(model, threads=1)
with LocalStore(Path(folder), embedder.fingerprint, embedder.dimension) as store:
    sync(Path(library), store, embedder, progress=lambda step: print(step.done, flush=True))
"""


@pytest.fixture
def documents(tmp_path: Path) -> Path:
    folder = tmp_path / "documents"
    folder.mkdir()
    for n in range(6):
        (folder / f"{n}.txt").write_text(f"Document {n}. " + f"Une phrase du document {n}. " * 20)
    lines = [
        {"_id": f"l{n}", "title": f"Ligne {n}", "text": f"Le texte de la ligne {n}. " * 10}
        for n in range(4)
    ]
    (folder / "lot.jsonl").write_text("\n".join(map(json.dumps, lines)))
    (folder / "grand.md").write_text(
        "# Grand\n\n" + "\n\n".join("Une phrase assez courte. " * 25 for _ in range(12))
    )
    return folder


def content(store: Store) -> dict[str, list[tuple[object, ...]]]:
    """All that a store holds, but for its own numbers."""
    held = {}
    for info in store.documents():
        passages = store.chunks_of(info.name)
        vectors = store.vectors([passage.id for passage in passages])
        tokens = store.token_vectors([passage.id for passage in passages])
        held[info.name] = [
            (p.start, p.end, p.text, p.sentences, np.round(vector, 2).tolist(), spans.tolist())
            for p, vector, (_, spans) in zip(passages, vectors, tokens, strict=True)
        ]
    return held


def check_whole(store: Store, embedder: Embedder) -> None:
    """Each document that shows has all its passages, vectors and words."""
    total = 0
    for info in store.documents():
        document = store.document(info.name)
        expected = split(document.text, document.language, count=embedder.count)
        numbers = [passage.id for passage in store.chunks_of(info.name)]
        assert (
            len(numbers)
            == len(expected)
            == len(store.vectors(numbers))
            == len(store.token_vectors(numbers))
        )
        total += len(numbers)
    found = store.search_vectors(np.ones(embedder.dimension, np.float32), 10_000)
    assert len(found) == len(store) == total


def test_killed_indexing_ends_like_indexing_left_alone(
    documents: Path, tmp_path: Path, home: Path, embedder: Embedder
) -> None:
    folder, model = tmp_path / "killed", str(home / "weights" / "multilingual-e5-small")
    command = [sys.executable, "-c", _SCRIPT, model, str(documents), str(folder)]
    shown, kills = 0, 0
    for steps in (
        1,
        3,
        2,
    ):  # killed after so many steps of progress, in the middle of the next batch
        run = subprocess.Popen(command, cwd=_ROOT, stdout=subprocess.PIPE, text=True)
        assert run.stdout
        for _ in range(steps + 1):
            run.stdout.readline()
        time.sleep(0.05)
        run.kill()
        kills += run.wait() == -9
        run.stdout.close()
        with LocalStore(folder, embedder.fingerprint, embedder.dimension) as store:
            check_whole(store, embedder)
            assert len(store) >= shown
            shown = len(store)
    assert kills == 3

    with LocalStore(tmp_path / "fresh", embedder.fingerprint, embedder.dimension) as fresh:
        sync(documents, fresh, embedder)
        with LocalStore(folder, embedder.fingerprint, embedder.dimension) as store:
            assert len(store) < len(fresh)
            embedded: list[int] = []
            sync(
                documents,
                store,
                embedder,
                progress=lambda step: embedded.append(step.total - step.done),
            )
            assert embedded[-1] == 0
            check_whole(store, embedder)
            assert close(content(store), content(fresh))
            assert store.sources() == fresh.sources()
            assert sync(documents, store, embedder).unchanged == 11


def close(
    left: dict[str, list[tuple[object, ...]]], right: dict[str, list[tuple[object, ...]]]
) -> bool:
    """Equal, the vectors but for rounding: a text's vector depends a little on its batch."""
    assert left.keys() == right.keys()
    for name, passages in left.items():
        for one, two in zip(passages, right[name], strict=True):
            assert (one[:4], one[5]) == (two[:4], two[5])
            assert np.allclose(one[4], two[4], atol=0.02)
    return True
