"""The command line: `python -m rag ask | search | index | serve | models | doctor`."""

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TextIO

from rag.settings import Settings, from_environment
from weights.errors import UserError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status: 0 done, 1 the user can mend it (said on standard error), 130 stopped."""
    parser = _parser()
    options = parser.parse_args(arguments)
    language = _terminal_language()
    try:
        settings = _settings(options)
        run: Callable[[argparse.Namespace, Settings], int] = options.run
        return run(options, settings)
    except UserError as error:
        from rag.messages import explain

        print(f"cocorico: {explain(error, language)}", file=sys.stderr)
        return 1
    except ValueError as error:
        print(f"cocorico: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:
        sys.stderr.close()
        return 0
    except KeyboardInterrupt:
        print("", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--library", metavar="DIR", help="folder or .jsonl file of documents (default: seeds/)")
    common.add_argument("--home", metavar="DIR", help="where weights and indexes lie (default: COCORICO_HOME or the user's data folder)")
    common.add_argument("--embedder", metavar="ID", help="a sentence-transformers model for the vectors, by folder or Hub id")
    common.add_argument("--threads", type=int, metavar="N", help="processor cores to use (default: all)")
    model = argparse.ArgumentParser(add_help=False)
    model.add_argument(
        "--model",
        metavar="SPEC",
        help="small | FILE.gguf | transformers:ID-OR-FOLDER | http://HOST/v1#NAME (default: the pinned model)",
    )
    batch = argparse.ArgumentParser(add_help=False)
    batch.add_argument("question", nargs="?", help="in French or English")
    batch.add_argument("--json", action="store_true", help="one JSON object in place of text")
    batch.add_argument("--batch", metavar="FILE.jsonl", help="one {_id, text, history} a line in, one result a line out; - for standard input")
    batch.add_argument("--language", choices=("fr", "en"), help="of the question and its answer (default: detected)")

    parser = argparse.ArgumentParser(prog="python -m rag", description="Questions in French or English, answered from your documents alone.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    ask = commands.add_parser("ask", parents=[common, model, batch], help="answer a question, with its sources")
    ask.set_defaults(run=_ask)
    search = commands.add_parser("search", parents=[common, batch], help="find the passages for a question")
    search.add_argument("-k", type=int, default=10, help="how many passages (default: 10)")
    search.set_defaults(run=_search)
    index = commands.add_parser("index", parents=[common], help="index the library and say what changed")
    index.set_defaults(run=_index)
    serve = commands.add_parser("serve", parents=[common, model], help="open the page")
    serve.add_argument("--host", help="address to listen on (default: 127.0.0.1)")
    serve.add_argument("--port", type=int, help="port to listen on (default: 7860, or the next free one)")
    serve.add_argument("--no-browser", action="store_true", help="don't open a browser")
    serve.set_defaults(run=_serve)
    models = commands.add_parser("models", parents=[common], help="the model files: what is there, from where, licence, checksum")
    models.add_argument("--fetch", action="store_true", help="fetch what the page needs and is not there")
    models.add_argument("--use", metavar="FILE", type=Path, help="take a weight file that you already have")
    models.add_argument("--verify", action="store_true", help="read every file again and compare its SHA-256")
    models.add_argument("--json", action="store_true", help="as JSON")
    models.set_defaults(run=_models)
    doctor = commands.add_parser("doctor", parents=[common, model], help="look for what is wrong with this set-up")
    doctor.set_defaults(run=_doctor)
    return parser


def _settings(options: argparse.Namespace) -> Settings:
    settings = from_environment()
    given: dict[str, Any] = {
        name: value
        for name in ("model", "embedder", "host", "port", "threads")
        if (value := getattr(options, name, None)) is not None
    }
    for name in ("home", "library"):
        if value := getattr(options, name, None):
            given[name] = Path(value).expanduser()
    return replace(settings, **given)


def _ask(options: argparse.Namespace, settings: Settings) -> int:
    from rag import results
    from rag.library import open_library

    with open_library(settings, progress=_Bar()) as library:
        if not options.batch:
            question = _question(options)
            answer = library.ask(question, language=options.language)
            print(json.dumps(results.answer_json(answer), ensure_ascii=False) if options.json else results.answer_text(answer))
            return 0

        def result(line: dict[str, Any]) -> dict[str, Any]:
            return results.answer_json(
                library.ask(
                    line["text"],
                    history=line.get("history", ()),
                    language=options.language or line.get("language"),
                    passages=line.get("passages"),
                )
            )

        return _batch(options.batch, result)


def _search(options: argparse.Namespace, settings: Settings) -> int:
    from rag import results
    from rag.library import open_library

    with open_library(settings, progress=_Bar(), model=False) as library:

        def result(line: dict[str, Any]) -> dict[str, Any]:
            hits = library.search(line["text"], k=options.k, language=options.language or line.get("language"))
            return {"passages": [results.hit_json(hit) for hit in hits]}

        if options.batch:
            return _batch(options.batch, result)
        question = _question(options)
        if options.json:
            print(json.dumps(result({"text": question}), ensure_ascii=False))
        else:
            for number, hit in enumerate(library.search(question, k=options.k, language=options.language), 1):
                place = f"{hit.passage.document} {hit.passage.start}-{hit.passage.end}"
                print(f"{number}. {hit.passage.title}  [{place}]  {hit.score:.2f}\n{hit.passage.text}\n")
    return 0


def _index(options: argparse.Namespace, settings: Settings) -> int:
    from rag.library import open_library
    from rag.messages import explain, say

    language = _terminal_language()
    with open_library(settings, progress=_Bar(), model=False) as library:
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
                removed=report.removed,
                unchanged=report.unchanged,
                failed=len(report.failed),
            )
        )
    return 0


def _serve(options: argparse.Namespace, settings: Settings) -> int:
    from rag.service import Service

    # The page is the one room above this one; only this entry point reaches up to it.
    from ui.app import serve

    service = Service(settings, on_state=_Bar().state).start()
    try:
        serve(service, settings.host, settings.port, open_browser=not options.no_browser)
    finally:
        service.close()
    return 0


def _models(options: argparse.Namespace, settings: Settings) -> int:
    from rag import models

    if options.use:
        models.take(options.use, settings.home, progress=_Bar())
    if options.fetch:
        models.fetch(settings, progress=_Bar())
    print(models.table(settings.home, verify=options.verify, as_json=options.json))
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


def _batch(source: str, result: Callable[[dict[str, Any]], dict[str, Any]]) -> int:
    """One JSON result a line, each as soon as it is known; a line that can't be done says why and the rest go on."""
    from rag.messages import explain

    failed = 0
    for number, line in _lines(source):
        identity: Any = None
        try:
            identity = line.get("_id") if isinstance(line, dict) else None
            if isinstance(line, UserError):
                raise line
            out = result(line)
        except UserError as error:
            failed += 1
            out = {"error": {"code": error.code, "line": number, "message": explain(error, _terminal_language())}}
        print(json.dumps({"_id": identity, **out}, ensure_ascii=False), flush=True)
    return 1 if failed else 0


def _lines(source: str) -> Iterator[tuple[int, dict[str, Any] | UserError]]:
    stream: TextIO
    try:
        stream = sys.stdin if source == "-" else Path(source).open(encoding="utf-8-sig")
    except OSError as error:
        raise UserError("batch_unreadable", file=source, reason=error.strerror) from error
    with stream:
        for number, text in enumerate(stream, 1):
            if not text.strip():
                continue
            try:
                line = json.loads(text)
            except ValueError:
                yield number, UserError("batch_line", file=source, line=number)
                continue
            if not isinstance(line, dict) or not isinstance(line.get("text"), str) or not line["text"].strip():
                yield number, UserError("batch_line", file=source, line=number)
                continue
            yield number, line


def _terminal_language() -> str:
    """The language of messages on the terminal, from the locale: French where it is French, else English."""
    import os

    locale = os.environ.get("LC_ALL") or os.environ.get("LC_MESSAGES") or os.environ.get("LANG") or ""
    return "fr" if locale.lower().startswith("fr") else "en"


class _Bar:
    """Progress on standard error: one bar for the file, the documents or the model at work."""

    def __init__(self) -> None:
        self._bar: Any = None
        self._what = ""

    def __call__(self, what: str, done: int, total: int) -> None:
        from tqdm import tqdm

        if not total:
            return
        if what != self._what:
            self.close()
            large = total > 1_000_000
            self._what = what
            self._bar = tqdm(
                total=total, desc=what, unit="B" if large else "", unit_scale=large, leave=done < total, mininterval=0.5
            )
        self._bar.total = total
        self._bar.update(done - self._bar.n)
        if done >= total:
            self.close()

    def state(self, state: Any) -> None:
        """The same for a service's states."""
        from rag.messages import explain

        if state.error:
            self.close()
            print(f"cocorico: {explain(state.error, _terminal_language())}", file=sys.stderr)
        elif state.total:
            self(state.what or state.stage, state.done, state.total)

    def close(self) -> None:
        if self._bar is not None:
            self._bar.close()
        self._bar, self._what = None, ""


if __name__ == "__main__":
    sys.exit(main())
