"""The command line, `python -m rag COMMAND`: each function that is marked `@command` is one."""

import inspect
import io
import mimetypes
import os
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from typer import Argument, Option

from index.errors import UserError
from rag.i18n import explain, say, terminal_language
from rag.proxies import adopt_proxies
from rag.settings import ROOT, Settings, declared, from_environment, installed_library, variable
from ui.progress import Bars

if TYPE_CHECKING:
    from rag.events import Answer
    from rag.library import Library
    from rag.retriever import Hit
    from ui.batch import Documents, History, Row

Run = Callable[..., int | None]

LIBRARY = ("library", "home", "embedder", "store", "threads")
ADDRESS = ("host", "port")
_HINTS = {  # by a part of the media type
    "image/": "image", "audio/": "sound", "video/": "sound", "ms": "office", "zip": "archive",
    "tar": "archive", "rar": "archive", "7z": "archive",
}  # fmt: skip

app = typer.Typer(
    add_completion=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Questions in French or English, answered from your documents alone.",
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Returns:
        the exit status: 0 done, 1 something that the user can mend (said on standard error),
        2 a command that is none, 130 stopped by Ctrl-C.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # JSON is UTF-8 whatever the terminal is set to
            stream.reconfigure(encoding="utf-8", errors="replace")
    interrupted = threading.Event()

    def interrupt(number: int, frame: FrameType | None) -> None:
        interrupted.set()  # some libraries swallow the exception while they are imported
        signal.default_int_handler(number, frame)

    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, interrupt)
    try:
        adopt_proxies()
        typer.main.get_command(app).main(arguments, prog_name="python -m rag")
    except UserError as error:
        print(f"cocorico: {explain(error, terminal_language())}", file=sys.stderr)
        return 1
    except SystemExit as ended:
        return 130 if interrupted.is_set() else int(ended.code or 0)
    return 0


def console() -> None:
    """The command `cocorico` of an installed package: opens the page if no command is given."""
    library = variable("library")
    if not (ROOT / "Makefile").exists() and not os.environ.get(library):
        os.environ[library] = str(installed_library())
    sys.exit(main(sys.argv[1:] or ["serve"]))


def command(*names: str) -> Callable[[Run], Run]:
    """Make a function a command that takes the settings of these names as flags.

    The function is called with the `Settings` and its own parameters, and returns the exit status.
    """

    def flag(name: str) -> inspect.Parameter:
        _, option = declared()[name]
        kind: Any = Annotated[str | None if option.max is None else int | None, option]
        return inspect.Parameter(
            name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=kind
        )

    def register(run: Run) -> Run:
        def parsed(**given: Any) -> None:
            flags = {variable(name): given.pop(name) for name in names}
            chosen = {name: str(value) for name, value in flags.items() if value is not None}
            try:
                status = run(from_environment({**os.environ, **chosen}), **given)
                sys.stdout.flush()
            except BrokenPipeError:  # the reader has left, as `head` does; the rest is dropped
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
                status = 0
            raise typer.Exit(status or 0)

        own = list(inspect.signature(run).parameters.values())[1:]
        signature = inspect.Signature([*own, *map(flag, names)])
        parsed.__signature__ = signature  # type: ignore[attr-defined]
        app.command(run.__name__, help=run.__doc__)(parsed)
        return run

    return register


Question = Annotated[str | None, Argument(help="in French or English")]
AsJson = Annotated[bool, Option("--json", help="JSON in place of text")]
Batch = Annotated[
    str | None,
    Option(metavar="FILE.jsonl", help="a question a line in, a result a line out; - for stdin"),
]
Language = Annotated[Literal["fr", "en"] | None, Option(help="of the answer (default: detected)")]
Scope = Annotated[str, Option(metavar="WHAT", help='only "folder/, kind:pdf, date:2024"')]
Archive = Annotated[Path, Argument(metavar="FILE.zip")]


@command(*LIBRARY, "model")
def ask(
    settings: Settings,
    question: Question = None,
    *,
    as_json: AsJson = False,
    batch: Batch = None,
    language: Language = None,
    scope: Scope = "",
) -> int:
    """Answer a question, with its sources."""
    from rag.results import answer_json, answer_text
    from ui.batch import print_results

    def answer(library: "Library", row: "Row", turns: "History", used: "Documents") -> "Answer":
        known, own = language or row.language, row.passages
        return library.ask(row.text, history=turns, language=known, passages=own, documents=used)

    shown = None if as_json else answer_text
    return print_results(
        settings, question, batch, answer, as_json=answer_json, as_text=shown, scope=scope
    )


@command(*LIBRARY)
def search(
    settings: Settings,
    question: Question = None,
    *,
    as_json: AsJson = False,
    batch: Batch = None,
    language: Language = None,
    scope: Scope = "",
    k: Annotated[int, Option("-k", metavar="N", min=1, max=1000, help="how many passages")] = 10,
) -> int:
    """Find the passages for a question."""
    from rag.results import hits_json, hits_text
    from ui.batch import print_results

    def find(library: "Library", row: "Row", _: "History", used: "Documents") -> "list[Hit]":
        return library.search(row.text, k=k, language=language or row.language, documents=used)

    shown = None if as_json else hits_text
    return print_results(
        settings, question, batch, find, as_json=hits_json, as_text=shown, model=False, scope=scope
    )


@command(*LIBRARY, "model")
def check(
    settings: Settings,
    file: Annotated[str, Argument(metavar="FILE", help="of any kind that is read; - for stdin")],
    *,
    as_json: AsJson = False,
    scope: Scope = "",
) -> int:
    """Check a text of your own: which of its sentences the documents support or contradict."""
    from ui.batch import print_checked

    return print_checked(settings, file, as_json=as_json, scope=scope)


@command()
def read(
    _: Settings,
    files: Annotated[list[Path], Argument(metavar="FILE...")],
    *,
    as_json: AsJson = False,
) -> int:
    """Print what is read of files, and what isn't."""
    from rag.read import read as read_files

    return read_files(files, terminal_language(), as_json)


@command(*LIBRARY)
def index(
    settings: Settings,
    *,
    workers: Annotated[
        int | None, Option(metavar="N", min=1, max=1024, help="processes that embed (default: 1)")
    ] = None,
    ray: Annotated[
        str, Option(metavar="ADDRESS", help="embed on a Ray cluster: auto, or ray://HOST:10001")
    ] = "",
) -> None:
    """Index the library and say what changed."""
    from index.documents import passed_over
    from rag.library import open_library

    number = workers or (0 if ray else 1)
    with (
        closing(Bars()) as bars,
        open_library(settings, progress=bars, model=False, workers=number, ray=ray) as library,
    ):
        report = library.report
    for path, error in report.failed:
        print(f"  {path}: {explain(error, terminal_language())}", file=sys.stderr)
    for kind, files in passed_over(settings.library).items():
        hint = say(f"hint_{_hint(kind)}", terminal_language())
        names = ", ".join(files[:3])
        _say("passed_over", kind=kind, count=len(files), files=names, hint=hint)
    _say("indexed", **{**vars(report), "failed": len(report.failed)}, library=settings.library)


@command(*LIBRARY, "model", *ADDRESS)
def serve(
    settings: Settings,
    *,
    no_browser: Annotated[bool, Option("--no-browser", help="don't open a browser")] = False,
) -> None:
    """Open the page."""
    from rag.engine import Service
    from ui.app import serve as serve_page

    bars = Bars()
    with closing(bars), closing(Service(settings, on_state=bars.state)) as service:
        serve_page(service, settings.host, settings.port, open_browser=not no_browser)


@command("home")
def account(
    settings: Settings,
    action: Annotated[Literal["add", "remove", "list"], Argument(help="add changes passwords too")],
    name: Annotated[str, Argument(help="of the account")] = "",
) -> None:
    """Say who may use a page that several people reach."""
    from getpass import getpass

    from ui.accounts import accounts_of

    accounts = accounts_of(settings)
    if action == "list":
        print("\n".join(accounts.names()))
    elif action == "remove":
        accounts.remove(name)
        _say("account_removed", name=name, home=settings.home)
    else:
        prompt = say("account_prompt", terminal_language(), name=name)
        typed = getpass(prompt) if sys.stdin.isatty() else sys.stdin.readline().rstrip("\n")
        accounts.add(name, typed)
        _say("account_added", name=name)


@command(*LIBRARY, "model")
def mcp(settings: Settings) -> None:
    """Serve the library to assistants that speak MCP, over stdio."""
    from rag.engine import Service
    from ui.mcp import run

    with closing(Service(settings).start()) as service:
        run(service)


@command(*LIBRARY, "model")
def models(
    settings: Settings,
    *,
    fetch: Annotated[bool, Option("--fetch", help="fetch what is needed and absent")] = False,
    with_small: Annotated[bool, Option("--with-small", help="and the model of the tests")] = False,
    use: Annotated[Path | None, Option(metavar="FILE", help="take a file that you have")] = None,
    verify: Annotated[bool, Option("--verify", help="compare every SHA-256 again")] = False,
    bench: Annotated[
        str | None, Option(metavar="SPEC", help="ask this model twenty questions and count")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List the model files: what is there, from where, licence, checksum."""
    from rag import models as files

    if bench is not None:
        from rag.trial import trial

        trial(settings, bench, print, terminal_language())
        return
    with closing(Bars()) as bars:
        if use:
            files.take(use, settings.home, progress=bars)
        if fetch:
            files.fetch(settings, progress=bars, small=with_small)
    language = terminal_language()
    print(files.table(settings.home, verify=verify, as_json=as_json, language=language))


@command(*LIBRARY)
def backup(settings: Settings, file: Archive) -> None:
    """Keep documents, index, conversations and accounts in one file, also while the page runs."""
    from rag.backup import back_up

    documents, size = back_up(settings, file)
    _say("backup_made", file=file, count=documents, size=size)


@command(*LIBRARY)
def restore(settings: Settings, file: Archive) -> None:
    """Put such a file back, into an empty library and home."""
    from rag.backup import restore as put_back

    documents = put_back(settings, file)
    _say("backup_restored", count=documents, library=settings.library, home=settings.home)


@command(*LIBRARY, "model", *ADDRESS)
def doctor(settings: Settings) -> int:
    """Look for what is wrong with this set-up."""
    from rag.doctor import examine

    findings = examine(settings)
    for finding in findings:
        print(finding.line(terminal_language()))
    return 0 if all(finding.good for finding in findings) else 1


def _hint(ending: str) -> str:
    """Which hint goes with files of a kind that is not read."""
    kind = mimetypes.guess_type(f"x{ending}")[0] or ""
    return next((hint for part, hint in _HINTS.items() if part in kind), "other")


def _say(code: str, **values: Any) -> None:
    print(say(code, terminal_language(), **values))
