"""The command line: `python -m rag ask | search | read | index | serve | account | mcp | models | backup | restore | doctor`."""

import argparse
import io
import json
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import Any

from index.errors import UserError
from rag.settings import Settings, from_environment


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Returns:
        the exit status: 0 done, 1 something that the user can mend (said on standard error), 2 a command that is none,
        130 stopped by Ctrl-C.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # JSON is UTF-8 whatever the terminal is set to
            stream.reconfigure(encoding="utf-8", errors="replace")
    options = _parser().parse_args(arguments)
    language = _terminal_language()
    interrupted = threading.Event()

    def interrupt(number: int, frame: FrameType | None) -> None:
        interrupted.set()  # some libraries swallow the exception while they are imported
        signal.default_int_handler(number, frame)

    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, interrupt)
    try:
        settings = _settings(options)
        run: Callable[[argparse.Namespace, Settings], int] = options.run
        status = run(options, settings)
        return 130 if interrupted.is_set() else status
    except UserError as error:
        from rag.i18n import explain

        print(f"cocorico: {explain(error, language)}", file=sys.stderr)
        return 1
    except ValueError as error:
        print(f"cocorico: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:
        # Who reads has seen enough (`| head`); what is still buffered goes nowhere, quietly.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        print("", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument(
        "--library", metavar="DIR", help="folder or .jsonl file of documents (default: seeds/)"
    )
    common.add_argument(
        "--home",
        metavar="DIR",
        help="where weights and indexes lie (default: COCORICO_HOME or the user's data folder)",
    )
    common.add_argument(
        "--embedder",
        metavar="ID",
        help="a sentence-transformers model for vectors: folder or Hub id",
    )
    common.add_argument(
        "--store",
        metavar="URL",
        help="keep the index on Milvus: http://HOST:19530#NAME (default: in a folder below --home)",
    )
    common.add_argument(
        "--threads",
        type=_from_to(1, 1024),
        metavar="N",
        help="processor cores to use (default: all)",
    )
    model = argparse.ArgumentParser(add_help=False)
    model.add_argument(
        "--model",
        metavar="SPEC",
        help="small | FILE.gguf | transformers:ID-OR-FOLDER | http://HOST/v1#NAME (default: the pinned model)",
    )
    address = argparse.ArgumentParser(add_help=False)
    address.add_argument("--host", help="address to listen on (default: 127.0.0.1)")
    address.add_argument(
        "--port",
        type=_from_to(0, 65535),
        metavar="N",
        help="port to listen on (default: 7860, or the next free one)",
    )
    batch = argparse.ArgumentParser(add_help=False)
    batch.add_argument("question", nargs="?", help="in French or English")
    batch.add_argument("--json", action="store_true", help="one JSON object in place of text")
    batch.add_argument(
        "--batch",
        metavar="FILE.jsonl",
        help="one {_id, text, history, passages} a line in, one result a line out; - for standard input",
    )
    batch.add_argument(
        "--language",
        choices=("fr", "en"),
        help="of the question and its answer (default: detected)",
    )

    parser = argparse.ArgumentParser(
        prog="python -m rag",
        description="Questions in French or English, answered from your documents alone.",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    ask = commands.add_parser(
        "ask", parents=[common, model, batch], help="answer a question, with its sources"
    )
    ask.set_defaults(run=_ask)
    search = commands.add_parser(
        "search", parents=[common, batch], help="find the passages for a question"
    )
    search.add_argument(
        "-k", type=_from_to(1, 1000), default=10, help="how many passages (default: 10)"
    )
    search.set_defaults(run=_search)
    read = commands.add_parser("read", help="print what is read of files, and what isn't")
    read.add_argument("files", nargs="+", metavar="FILE", type=Path)
    read.add_argument("--json", action="store_true", help="one JSON object a document")
    read.set_defaults(run=_read)
    index = commands.add_parser(
        "index", parents=[common], help="index the library and say what changed"
    )
    index.add_argument(
        "--workers",
        type=_from_to(1, 1024),
        metavar="N",
        help="processes that embed (default: 1; with --ray: all there is)",
    )
    index.add_argument(
        "--ray",
        metavar="ADDRESS",
        default="",
        help="embed on a Ray cluster: auto, or ray://HOST:10001",
    )
    index.set_defaults(run=_index)
    serve = commands.add_parser("serve", parents=[common, model, address], help="open the page")
    serve.add_argument("--no-browser", action="store_true", help="don't open a browser")
    serve.set_defaults(run=_serve)
    account = commands.add_parser("account", help="who may use a page that several people reach")
    account.add_argument(
        "--home",
        metavar="DIR",
        help="where the accounts lie (default: COCORICO_HOME or the user's data folder)",
    )
    account.add_argument(
        "action", choices=("add", "remove", "list"), help="add also changes a password"
    )
    account.add_argument("name", nargs="?", default="", help="of the account")
    account.set_defaults(run=_account)
    mcp = commands.add_parser(
        "mcp",
        parents=[common, model],
        help="serve the library to assistants that speak MCP, over stdio",
    )
    mcp.set_defaults(run=_mcp)
    models = commands.add_parser(
        "models",
        parents=[common, model],
        help="the model files: what is there, from where, licence, checksum",
    )
    models.add_argument(
        "--fetch", action="store_true", help="fetch what the page needs and is not there"
    )
    models.add_argument(
        "--with-small", action="store_true", help="with --fetch: the small model of the tests too"
    )
    models.add_argument(
        "--use", metavar="FILE", type=Path, help="take a weight file that you already have"
    )
    models.add_argument(
        "--verify", action="store_true", help="read every file again and compare its SHA-256"
    )
    models.add_argument("--json", action="store_true", help="as JSON")
    models.set_defaults(run=_models)
    for name, does, run in (
        (
            "backup",
            "keep documents, index, conversations and accounts in one file, while the page may be running",
            _backup,
        ),
        ("restore", "put such a file back, into an empty library and home", _restore),
    ):
        command = commands.add_parser(name, parents=[common], help=does)
        command.add_argument("file", metavar="FILE.zip", type=Path)
        command.set_defaults(run=run)
    doctor = commands.add_parser(
        "doctor", parents=[common, model, address], help="look for what is wrong with this set-up"
    )
    doctor.set_defaults(run=_doctor)
    return parser


def _from_to(least: int, most: int) -> Callable[[str], int]:
    def number(text: str) -> int:
        if not text.isdecimal() or not least <= int(text) <= most:
            raise argparse.ArgumentTypeError(
                f"{text}: a whole number from {least} to {most} was expected"
            )
        return int(text)

    return number


def _settings(options: argparse.Namespace) -> Settings:
    settings = from_environment()
    given: dict[str, Any] = {
        name: value
        for name in ("model", "embedder", "store", "host", "port", "threads")
        if (value := getattr(options, name, None)) is not None
    }
    for name in ("home", "library"):
        if value := getattr(options, name, None):
            given[name] = Path(value).expanduser()
    return replace(settings, **given)


def _ask(options: argparse.Namespace, settings: Settings) -> int:
    asked = _batch_lines(options.batch) if options.batch else _question(options)
    from rag import results
    from rag.library import open_library

    with closing(_Bar()) as bar, open_library(settings, progress=bar) as library:
        if isinstance(asked, str):
            answer = library.ask(asked, language=options.language)
            print(
                _dumped(results.answer_json(answer))
                if options.json
                else results.answer_text(answer)
            )
            return 0

        def result(line: dict[str, Any]) -> dict[str, Any]:
            return results.answer_json(
                library.ask(
                    line["text"],
                    history=line.get("history") or (),
                    language=options.language or line.get("language"),
                    passages=line.get("passages"),
                )
            )

        return _batch(options.batch, asked, result)


def _search(options: argparse.Namespace, settings: Settings) -> int:
    asked = _batch_lines(options.batch) if options.batch else _question(options)
    from rag import results
    from rag.library import open_library

    with closing(_Bar()) as bar, open_library(settings, progress=bar, model=False) as library:

        def result(line: dict[str, Any]) -> dict[str, Any]:
            hits = library.search(
                line["text"], k=options.k, language=options.language or line.get("language")
            )
            return {"passages": [results.hit_json(hit) for hit in hits]}

        if not isinstance(asked, str):
            return _batch(options.batch, asked, result)
        if options.json:
            print(_dumped(result({"text": asked})))
        else:
            for number, hit in enumerate(
                library.search(asked, k=options.k, language=options.language), 1
            ):
                place = f"{hit.chunk.document} {hit.chunk.start}-{hit.chunk.end}"
                print(
                    f"{number}. {hit.chunk.title}  [{place}]  {hit.score:.2f}\n{hit.chunk.text}\n"
                )
    return 0


def _read(options: argparse.Namespace, settings: Settings) -> int:
    from rag.read import read

    return read(options.files, _terminal_language(), options.json)


def _index(options: argparse.Namespace, settings: Settings) -> int:
    from rag.i18n import explain, say
    from rag.library import open_library

    language = _terminal_language()
    workers = options.workers or (0 if options.ray else 1)
    with (
        closing(_Bar()) as bar,
        open_library(
            settings, progress=bar, model=False, workers=workers, ray=options.ray
        ) as library,
    ):
        report = library.report
        for path, error in report.failed:
            print(f"  {path}: {explain(error, language)}", file=sys.stderr)
        print(
            say(
                "indexed",
                language,
                library=settings.library,
                added=report.added,
                changed=report.changed,
                moved=report.moved,
                removed=report.removed,
                unchanged=report.unchanged,
                failed=len(report.failed),
            )
        )
    return 0


def _serve(options: argparse.Namespace, settings: Settings) -> int:
    from rag.engine import Service

    # The page is the one room above this one; only this entry point reaches up to it.
    from ui.app import serve

    with closing(Service(settings, on_state=_Bar().state)) as service:
        serve(service, settings.host, settings.port, open_browser=not options.no_browser)
    return 0


def _account(options: argparse.Namespace, settings: Settings) -> int:
    from getpass import getpass

    from rag.i18n import say
    from ui.accounts import accounts_of

    accounts, language = accounts_of(settings), _terminal_language()
    if options.action == "list":
        print("\n".join(accounts.names()))
    elif options.action == "remove":
        accounts.remove(options.name)
        print(say("account_removed", language, name=options.name, home=settings.home))
    else:
        prompt = say("account_prompt", language, name=options.name)
        accounts.add(
            options.name,
            getpass(prompt) if sys.stdin.isatty() else sys.stdin.readline().rstrip("\n"),
        )
        print(say("account_added", language, name=options.name))
    return 0


def _mcp(options: argparse.Namespace, settings: Settings) -> int:
    from rag.engine import Service
    from ui.mcp import run

    with closing(Service(settings).start()) as service:
        run(service)
    return 0


def _models(options: argparse.Namespace, settings: Settings) -> int:
    from rag import models

    with closing(_Bar()) as bar:
        if options.use:
            models.take(options.use, settings.home, progress=bar)
        if options.fetch:
            models.fetch(settings, progress=bar, small=options.with_small)
    language = _terminal_language()
    print(
        models.table(settings.home, verify=options.verify, as_json=options.json, language=language)
    )
    return 0


def _backup(options: argparse.Namespace, settings: Settings) -> int:
    from rag.backup import back_up
    from rag.i18n import say

    documents, size = back_up(settings, options.file)
    print(
        say("backup_made", _terminal_language(), file=options.file, documents=documents, size=size)
    )
    return 0


def _restore(options: argparse.Namespace, settings: Settings) -> int:
    from rag.backup import restore
    from rag.i18n import say

    documents = restore(settings, options.file)
    print(
        say(
            "backup_restored",
            _terminal_language(),
            documents=documents,
            library=settings.library,
            home=settings.home,
        )
    )
    return 0


def _doctor(options: argparse.Namespace, settings: Settings) -> int:
    from rag import doctor

    findings = doctor.examine(settings)
    for finding in findings:
        print(finding.line(_terminal_language()))
    return 0 if all(finding.good for finding in findings) else 1


def _question(options: argparse.Namespace) -> str:
    question = (options.question or "").strip()
    if not question:
        raise UserError("no_question")
    return question


def _batch(
    source: str, lines: Iterable[bytes], result: Callable[[dict[str, Any]], dict[str, Any]]
) -> int:
    """One JSON result a line, each as soon as it is known; a line that can't be done says why and the rest go on."""
    from rag.i18n import explain

    failed = 0
    for number, text in enumerate(lines, 1):
        if not text.strip():
            continue
        identity: Any = None
        try:
            line = _json(text)
            identity = line.get("_id") if isinstance(line, dict) else None
            if not _is_question(line):
                raise UserError("batch_line", file=source, line=number)
            out = result(line)
        except Exception as error:  # one line must not cost the others their answers
            failed += 1
            told = error if isinstance(error, UserError) else _bug(error)
            message = explain(told, _terminal_language())
            out = {"error": {"code": told.code, "line": number, "message": message}}
        print(_dumped({"_id": identity, **out}), flush=True)
    return 1 if failed else 0


def _batch_lines(source: str) -> Iterable[bytes]:
    """The lines of a file, or of standard input for "-"; opened before anything is loaded: a slip is told at once."""
    if source == "-":
        return sys.stdin.buffer
    try:
        return Path(source).expanduser().open("rb")
    except OSError as error:
        raise UserError("batch_unreadable", file=source, reason=error.strerror) from error


def _dumped(value: dict[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False)


def _json(text: bytes) -> Any:
    try:
        return json.loads(text.decode("utf-8-sig"))
    except ValueError:
        return None


def _is_question(line: Any) -> bool:
    """Whether a line of a batch has what is needed, in the right types."""
    if (
        not isinstance(line, dict)
        or not isinstance(line.get("text"), str)
        or not line["text"].strip()
    ):
        return False
    history, passages = line.get("history") or [], line.get("passages")
    return (
        line.get("language") in (None, "fr", "en")
        and isinstance(history, list)
        and all(isinstance(question, str) for question in history)
        and (
            passages is None
            or (isinstance(passages, list) and all(isinstance(one, dict) for one in passages))
        )
    )


def _bug(error: Exception) -> UserError:
    import traceback

    traceback.print_exception(error)
    return UserError("unexpected", detail=f"{type(error).__name__}: {error}")


def _terminal_language() -> str:
    """The language of messages on the terminal, from the locale: French where it is French, else English."""
    locale = (
        os.environ.get("LC_ALL") or os.environ.get("LC_MESSAGES") or os.environ.get("LANG") or ""
    )
    return "fr" if locale.lower().startswith("fr") else "en"


class _Bar:
    """Progress on a terminal's standard error: a bar for each file, and one for indexing."""

    def __init__(self) -> None:
        self._bars: dict[str, Any] = {}
        self._lock = (
            threading.Lock()
        )  # models are fetched in one thread while documents are indexed in another

    def __call__(self, what: str, done: int, total: int) -> None:
        from tqdm import tqdm  # type: ignore[import-untyped]

        from rag.i18n import say

        if not total:
            return
        with self._lock:
            bar = self._bars.get(what)
            if bar is None:
                if done >= total:
                    return
                large = what != "index" and total > 1_000_000
                named = say("indexing", _terminal_language()) if what == "index" else what
                # In a log a fetch shows a line now and then, so that it doesn't look dead; `disable=None`: the rest nothing.
                pace = 0.5 if sys.stderr.isatty() else 10
                bar = tqdm(
                    total=total,
                    desc=named,
                    unit="B" if large else "",
                    unit_scale=large,
                    mininterval=pace,
                    disable=False if large else None,
                )
                self._bars[what] = bar
            bar.total = total
            bar.update(done - bar.n)
            if done >= total:
                self._bars.pop(what).close()

    def state(self, state: Any) -> None:
        """The same for a service's states."""
        from rag.i18n import explain

        if state.error:
            self.close()
            print(f"cocorico: {explain(state.error, _terminal_language())}", file=sys.stderr)
        elif state.total:
            self(state.what or state.stage, state.done, state.total)

    def close(self) -> None:
        with self._lock:
            for bar in self._bars.values():
                bar.close()
            self._bars.clear()


if __name__ == "__main__":
    status = main()
    if status == 130:  # a model that is still loading in another thread would hold up the end
        sys.stdout.flush()
        os._exit(status)
    sys.exit(status)
