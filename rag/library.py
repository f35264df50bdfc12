"""The Python API: open a library of documents, ask it, search it.

from rag.library import open_library
from rag.settings import from_environment

with open_library(from_environment()) as library:
    print(library.ask("Combien Microsoft investit-il dans Mistral ?").answer)
"""

import tempfile
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from functools import partial
from hashlib import sha256
from pathlib import Path
from types import TracebackType

from index.contract import Store
from index.documents import Document
from index.embedder import Embedder
from index.errors import UserError
from index.models.convert import ensure_embedder
from index.models.fetch import Progress
from index.store import LocalStore
from index.sync import SyncProgress, SyncReport, put_documents, sync
from index.text.language import detect
from index.workers import Workers
from rag.answerer import Answerer
from rag.events import Answer, Turn
from rag.llm.base import Generator
from rag.llm.factory import open_generator
from rag.retriever import Hit, Retriever
from rag.settings import Settings


class Library:
    """Documents that can be asked. Use `open_library`; close it, or use it in a `with` block."""

    def __init__(
        self,
        store: Store,
        embedder: Embedder,
        report: SyncReport,
        generator: Generator | None,
        *,
        passages: int,
    ) -> None:
        self.store = store
        self.embedder = embedder
        self.report = report
        self.generator = generator
        self.retriever = Retriever(store, embedder)
        self._passages = passages

    def assistant(self, store: Store | None = None) -> Answerer:
        """The assistant over this library, or over another store made with the same embedder."""
        if self.generator is None:
            raise ValueError("opened without a model: this library can only be searched")
        return Answerer(store or self.store, self.embedder, self.generator, passages=self._passages)

    def ask(
        self,
        question: str,
        *,
        history: Sequence[str | Turn] = (),
        language: str | None = None,
        passages: Sequence[Mapping[str, str]] | None = None,
    ) -> Answer:
        """Answer a question from the library, or from `passages` alone where they are given.

        Args:
            question: in French or English.
            history: earlier questions or turns, oldest first.
            language: "fr" or "en"; detected where None.
            passages: `{"_id", "title", "text"}` each, to be answered from in place of the library.

        Raises:
            UserError: something that the user can mend.
        """
        turns = [turn if isinstance(turn, Turn) else Turn(turn) for turn in history]
        if passages is None:
            return self.assistant().answer(question, turns, language=language)
        with self.store_of(passages) as store:
            return self.assistant(store).answer(question, turns, language=language)

    def search(
        self,
        question: str,
        *,
        k: int = 10,
        language: str | None = None,
        documents: Collection[str] | None = None,
    ) -> list[Hit]:
        """The `k` passages most likely to answer, best first, in all documents or in those of these names."""
        return self.retriever.search(
            question, language or detect(question), k=k, documents=documents
        )

    def close(self) -> None:
        """Free the model and close the store."""
        if self.generator:
            self.generator.close()
        self.store.close()

    def __enter__(self) -> "Library":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @contextmanager
    def store_of(self, passages: Sequence[Mapping[str, str]]) -> Iterator[Store]:
        """A store that holds these passages only, gone afterwards."""
        documents = []
        for number, passage in enumerate(passages):
            title, text = passage.get("title", ""), passage.get("text", "")
            if not isinstance(text, str) or not isinstance(title, str):
                raise UserError("batch_passage", number=number + 1)
            digest = sha256(f"{title}\n{text}".encode()).hexdigest()
            documents.append(
                Document(str(passage.get("_id", number)), title, text, detect(text), digest)
            )
        with (
            tempfile.TemporaryDirectory(prefix="cocorico-") as folder,
            LocalStore(Path(folder), self.embedder.fingerprint, self.embedder.dimension) as store,
        ):
            put_documents(documents, store, self.embedder)
            yield store


def load_embedder(settings: Settings, *, progress: Progress | None = None) -> Embedder:
    """The vector model of these settings, fetched first where it is the default one and not yet there."""
    where = settings.embedder or str(ensure_embedder(settings.home, progress=progress))
    return Embedder(where, threads=settings.threads)


def open_store(settings: Settings, embedder: Embedder) -> Store:
    """The library's index, in its folder, or on Milvus where the settings name an address.

    A folder's that was made by another model, or is damaged, is set aside and begun anew from the documents; one on Milvus,
    which others may be using, is refused.
    """
    folder = settings.store_folder
    if settings.store:
        return _open_milvus(settings, embedder)
    try:
        return LocalStore(folder, embedder.fingerprint, embedder.dimension)
    except UserError as error:
        if error.code not in ("index_other_model", "store_damaged"):
            raise
    folder.rename(folder.with_name(f"{folder.name}.{time.time_ns()}.aside"))
    return LocalStore(folder, embedder.fingerprint, embedder.dimension)


def _open_milvus(settings: Settings, embedder: Embedder) -> Store:
    from index.milvus import MilvusStore

    address, _, name = settings.store.partition("#")
    name = name or settings.store_folder.name
    if not address.startswith(("http://", "https://", "milvus://")):
        raise UserError("store_address", address=settings.store)
    try:
        return MilvusStore(
            address, name, embedder.fingerprint, embedder.dimension, token=settings.store_token
        )
    except UserError as error:
        if error.code != "index_other_model":
            raise
        known = error.values
        raise UserError(
            "store_other_model",
            folder=known["folder"],
            made_by=known["made_by"],
            asked=known["asked"],
            name=name,
        ) from error


def _workers(settings: Settings, embedder: Embedder, number: int, ray: str) -> Workers:
    return Workers(
        settings.embedder,
        settings.home,
        embedder.fingerprint,
        number,
        threads=settings.threads,
        ray=ray,
    )


def open_library(
    settings: Settings,
    *,
    progress: Progress | None = None,
    model: bool = True,
    stop: threading.Event | None = None,
    on_store: Callable[[Store], None] | None = None,
    on_indexing: Callable[[SyncProgress], None] | None = None,
    workers: int = 1,
    ray: str = "",
) -> Library:
    """Fetch what is missing, bring the index up to date, load the models.

    Args:
        settings: which library, which models, where the weights lie.
        progress: told (what, done, total) of every fetch, and of indexing unless `on_indexing` is given.
        model: False to search only, without a text generator.
        stop: set it to stop indexing; what is done stays.
        on_store: told the store as soon as it is open.
        on_indexing: told of indexing.
        workers: processes that embed; 0 for as many as a Ray cluster has room for.
        ray: the address of a Ray cluster that they run on, in place of this machine.

    Raises:
        UserError: something that the user can mend.
    """

    def indexing(step: SyncProgress) -> None:
        if progress:
            progress("index", step.done, step.total)

    loader = ThreadPoolExecutor(1, thread_name_prefix="cocorico-load")
    embedder = load_embedder(settings, progress=progress)
    # The text model loads while the library is looked through: both mostly wait for the disk or run outside the interpreter.
    generator = (
        loader.submit(
            open_generator,
            settings.model,
            home=settings.home,
            progress=progress,
            threads=settings.threads,
            api_key=settings.api_key,
        )
        if model
        else None
    )
    loader.shutdown(wait=False)
    store = open_store(settings, embedder)
    try:
        if on_store:
            on_store(store)
        with (
            _workers(settings, embedder, workers, ray)
            if workers != 1 or ray
            else nullcontext() as many
        ):
            run = partial(
                sync, settings.library, progress=on_indexing or indexing, stop=stop, workers=many
            )
            try:
                report = run(store, embedder)
            except UserError as error:
                if error.code != "store_damaged":
                    raise
                store.close()
                store = open_store(settings, embedder)
                if on_store:
                    on_store(store)
                report = run(store, embedder)
        return Library(
            store,
            embedder,
            report,
            generator.result() if generator else None,
            passages=settings.passages,
        )
    except BaseException:
        store.close()
        raise
