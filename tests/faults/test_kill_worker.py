"""A library filled by several processes, one of them killed (SIGKILL) in the middle, is the library that one fills alone."""

import json
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from index.contract import Store
from index.embedder import Embedder
from index.errors import UserError
from index.milvus import MilvusStore
from index.store import LocalStore
from index.sync import SyncProgress, sync
from index.workers import Workers
from tests.faults.test_kill_indexing import check_whole, close, content


@pytest.fixture
def documents(tmp_path: Path) -> Path:
    folder = tmp_path / "documents"
    folder.mkdir()
    lines = [
        {"_id": f"l{n}", "title": f"Ligne {n}", "text": f"Le texte de la ligne {n}. " * 3}
        for n in range(70)
    ]
    (folder / "lot.jsonl").write_text("\n".join(map(json.dumps, lines)))
    (folder / "grand.md").write_text(
        "# Grand\n\n" + "\n\n".join(f"Une phrase, {n}. " * 25 for n in range(12))
    )
    return folder


@pytest.fixture
def alone(documents: Path, tmp_path: Path, embedder: Embedder) -> Iterator[Store]:
    """What one process makes of the documents."""
    with LocalStore(tmp_path / "alone", embedder.fingerprint, embedder.dimension) as store:
        sync(documents, store, embedder)
        yield store


@pytest.fixture
def store(milvus_server: str, embedder: Embedder) -> Iterator[Store]:
    with MilvusStore(
        milvus_server, f"t{uuid4().hex}", embedder.fingerprint, embedder.dimension
    ) as opened:
        yield opened


def killing(workers: Workers, killed: list[int]) -> Callable[[SyncProgress], None]:
    """Kills one worker as soon as something is done while the rest is under way."""

    def progress(step: SyncProgress) -> None:
        if step.done and not killed:
            assert workers._pool
            killed.append(next(iter(workers._pool._processes)))
            os.kill(killed[0], signal.SIGKILL)

    return progress


def test_what_a_killed_worker_was_given_is_done_once(
    documents: Path, home: Path, store: Store, alone: Store, embedder: Embedder
) -> None:
    killed: list[int] = []
    with Workers("", home, embedder.fingerprint, 2) as workers:
        report = sync(
            documents, store, embedder, progress=killing(workers, killed), workers=workers
        )
    assert (report.added, report.failed, len(killed)) == (71, [], 1)
    check_whole(store, embedder)
    assert close(content(store), content(alone))
    assert store.sources() == alone.sources()
    assert sync(documents, store, embedder).unchanged == 71


def test_a_ray_cluster_fills_the_same_store_but_with_no_other_model(
    documents: Path, home: Path, tmp_path: Path, alone: Store, embedder: Embedder
) -> None:
    with (
        LocalStore(tmp_path / "ray", embedder.fingerprint, embedder.dimension) as store,
        Workers("", home, embedder.fingerprint, 0, ray="local") as workers,
    ):
        assert sync(documents, store, embedder, workers=workers).added == 71
        assert close(content(store), content(alone))
        workers._fingerprint = "another"
        with pytest.raises(UserError, match="worker_other_model"):
            workers.embed_chunks(["Un texte."])
