"""The Python API: open a library of documents, ask it, search it.

from rag.library import open_library
from rag.settings import from_environment

with open_library(from_environment()) as library:
    print(library.ask("Combien Microsoft investit-il dans Mistral ?").answer)
"""

import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, nullcontext
from hashlib import sha256
from pathlib import Path

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
from rag.check import Checked, check
from rag.events import Answer, Turn
from rag.llm.base import Generator
from rag.llm.factory import open_generator
from rag.retriever import Hit, Retriever
from rag.settings import Settings
from rag.verifier import Citation, Sentence

__all__ = ["Answer", "Checked", "Citation", "Hit", "Library", "Sentence", "Turn", "open_library"]

_SET_ASIDE = 7 * 86_400  # seconds for which an index that was replaced is kept


class Stopped(BaseException):
    """`open_library` was stopped while it fetched a model."""


class Library:
    """Documents that can be asked. Use `open_library`; close it, or use it in a `with` block."""

    def __init__(
        self, store: Store, embedder: Embedder, report: SyncReport, generator: Generator | None
    ) -> None:
        self.store = store
        self.embedder = embedder
        self.report = report
        self.generator = generator
        self.retriever = Retriever(store, embedder)
        self._assistant = Answerer(store, embedder, generator) if generator else None

    def assistant(self, store: Store | None = None) -> Answerer:
        """The answerer over this library, or over another store made with the same embedder."""
        if self.generator is None or self._assistant is None:
            raise ValueError("opened without a model: this library can only be searched")
        return Answerer(store, self.embedder, self.generator) if store else self._assistant

    def ask(
        self,
        question: str,
        *,
        history: Sequence[str | Turn] = (),
        language: str | None = None,
        passages: Sequence[Mapping[str, str]] | None = None,
        documents: Collection[str] | None = None,
    ) -> Answer:
        """Answer a question from the library, or from `passages` alone.

        Args:
            question: in French or English.
            history: earlier questions or turns, oldest first.
            language: "fr" or "en"; detected where None.
            passages: `{"_id", "title", "text"}` each.
            documents: names of those of the library to use; all where None.

        Raises:
            UserError: something that the user can mend.
        """
        turns = [turn if isinstance(turn, Turn) else Turn(turn) for turn in history]
        if passages is None:
            return self.assistant().answer(question, turns, language=language, documents=documents)
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
        """The `k` chunks most likely to answer, best first, in all documents or the named ones."""
        known = language or detect(question)
        return self.retriever.search(question, known, k=k, documents=documents)

    def check(self, text: str, *, documents: Collection[str] | None = None) -> Iterator[Checked]:
        """What all documents, or those named, say of each sentence of a text; see `rag.check`."""
        return check(text, self.store, self.embedder, documents=documents, generator=self.generator)

    def close(self) -> None:
        """Free the model and close the store."""
        if self.generator:
            self.generator.close()
        self.store.close()

    def __enter__(self) -> "Library":
        return self

    def __exit__(self, *_: object) -> None:
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
            name = str(passage.get("_id", number))
            documents.append(Document(name, title, text, detect(text), digest))
        with (
            tempfile.TemporaryDirectory(prefix="cocorico-") as folder,
            LocalStore(Path(folder), self.embedder.fingerprint, self.embedder.dimension) as store,
        ):
            put_documents(documents, store, self.embedder)
            yield store


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
        progress: called with (what, done, total) of a fetch, and of indexing by default.
        model: False to search only, without a text generator.
        stop: set it to end a fetch with `Stopped`, or indexing: what is indexed stays.
        on_store: called with the store as soon as it is open.
        on_indexing: called with the progress of indexing.
        workers: processes that embed; 0 for as many as a Ray cluster has room for.
        ray: the address of a Ray cluster that they run on, in place of this machine.

    Raises:
        UserError: something that the user can mend. Nothing stays open.
    """
    failed = threading.Event()
    fetching = _stoppable(progress, failed, stop or failed)

    def indexing(step: SyncProgress) -> None:
        if on_indexing:
            on_indexing(step)
        elif progress:
            progress("index", step.done, step.total)

    def indexed() -> tuple[Store, SyncReport]:
        with ExitStack() as opened:
            store = opened.enter_context(open_store(settings, embedder))
            if on_store:
                on_store(store)
            with _workers(settings, embedder, workers, ray) as many:
                report = sync(
                    settings.library, store, embedder, progress=indexing, stop=stop, workers=many
                )
            opening.push(opened.pop_all())
        return store, report

    with ExitStack() as opening:
        opening.callback(failed.set)
        embedder = load_embedder(settings, progress=fetching)
        # The generator loads while the documents are looked through.
        loading = _load(settings, fetching) if model else None
        if loading:
            opening.callback(_discard, loading)
        try:
            store, report = indexed()
        except UserError as error:
            if error.code != "store_damaged":
                raise
            store, report = indexed()
        library = Library(store, embedder, report, loading.result() if loading else None)
        opening.pop_all()
    return library


def _stoppable(progress: Progress | None, *stops: threading.Event) -> Progress:
    """The same progress, which ends a fetch once any of the events is set."""

    def fetching(what: str, done: int, total: int) -> None:
        if any(stop.is_set() for stop in stops):
            raise Stopped
        if progress:
            progress(what, done, total)

    return fetching


def load_embedder(settings: Settings, *, progress: Progress | None = None) -> Embedder:
    """The vector model of these settings; the default one is fetched where it is absent."""
    where = settings.embedder or str(ensure_embedder(settings.home, progress=progress))
    return Embedder(where, threads=settings.threads)


def open_store(settings: Settings, embedder: Embedder) -> Store:
    """The library's index, in its folder, or on Milvus where the settings name an address.

    A folder that another model made, or that is damaged, is set aside for some days and the index
    begun anew. An index on Milvus that another model made is refused: others may be using it.
    """
    made_by, dimension = embedder.fingerprint, embedder.dimension
    folder = settings.store_folder
    if settings.store:
        from index.milvus import MilvusStore

        address, _, name = settings.store.partition("#")
        if not address.startswith(("http://", "https://", "milvus://")):
            raise UserError("store_address", address=settings.store)
        name = name or folder.name
        try:
            return MilvusStore(address, name, made_by, dimension, token=settings.store_token)
        except UserError as error:
            if error.code != "index_other_model":
                raise
            made_by, asked = error.values["made_by"], error.values["asked"]
            raise UserError(
                "store_other_model", folder=address, made_by=made_by, asked=asked, name=name
            ) from error
    purge_set_aside(settings.home)
    try:
        return LocalStore(folder, made_by, dimension, former=embedder.former)
    except UserError as error:
        if error.code not in ("index_other_model", "store_damaged"):
            raise
    folder.rename(folder.with_name(f"{folder.name}.{time.time_ns()}.aside"))
    return LocalStore(folder, made_by, dimension)


def purge_set_aside(home: Path) -> None:
    """Remove the indexes that were set aside some days ago."""
    for folder in (home / "libraries").glob("*.aside"):
        since = folder.name.split(".")[-2]
        if since.isdecimal() and time.time() - int(since) / 1e9 > _SET_ASIDE:
            shutil.rmtree(folder, ignore_errors=True)


def _workers(
    settings: Settings, embedder: Embedder, number: int, ray: str
) -> Workers | nullcontext[None]:
    """Processes that embed; none where this process is to do it."""
    if number == 1 and not ray:
        return nullcontext()
    model, made_by = settings.embedder, embedder.fingerprint
    return Workers(model, settings.home, made_by, number, threads=settings.threads, ray=ray)


def _load(settings: Settings, progress: Progress) -> Future[Generator]:
    """Load the generator in a thread."""
    loader = ThreadPoolExecutor(1, thread_name_prefix="cocorico-load")
    loading = loader.submit(
        open_generator,
        settings.model,
        home=settings.home,
        progress=progress,
        threads=settings.threads,
        api_key=settings.api_key,
    )
    loader.shutdown(wait=False)
    return loading


def _discard(loading: Future[Generator]) -> None:
    """Close a generator that is no longer wanted as soon as it is loaded."""

    def close(done: Future[Generator]) -> None:
        if done.exception() is None:
            done.result().close()

    loading.add_done_callback(close)
