"""A kept conversation as a file: Markdown, HTML or JSON, with numbered citations and quotations."""

import json
import re
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, Literal

from jinja2 import Environment, FileSystemLoader, select_autoescape

from rag.i18n import PAGE, typeset

Kind = Literal["markdown", "html", "json"]
_ENDINGS = {"markdown": "md", "html": "html", "json": "json"}
_MARKS = str.maketrans({mark: f"\\{mark}" for mark in "\\`*_[]<>#|!~"})


def export(conversation: dict[str, Any], kind: Kind, language: str) -> dict[str, str]:
    """The file's `name` and `text`.

    Args:
        conversation: from `ui.history.History.read`.
        kind: of the file.
        language: "fr" or "en", of the headings.
    """
    title, began = conversation["title"], _date(conversation["began"])
    turns = [_turn(turn) for turn in conversation["turns"]]
    if kind == "json":
        for turn in turns:
            del turn["pieces"]
        documents = conversation["documents"]
        whole = {"title": title, "began": began, "documents": documents, "turns": turns}
        text = json.dumps(whole, ensure_ascii=False, indent=2)
    else:
        template = _templates().get_template(f"conversation.{_ENDINGS[kind]}.jinja")
        say = partial(_say, language)
        text = template.render(title=title, began=began, turns=turns, language=language, say=say)
    stem = re.sub(r"[^\w-]+", "-", title)[:60].strip("-") or "conversation"
    return {"name": f"{stem}.{_ENDINGS[kind]}", "text": text}


def _templates() -> Environment:
    templates = Environment(
        loader=FileSystemLoader(Path(__file__).resolve().parent / "templates"),
        autoescape=select_autoescape(["html.jinja"]),
        trim_blocks=True,
        keep_trailing_newline=True,
    )
    templates.filters.update(plain=_plain, between=_between)
    return templates


def _turn(kept: dict[str, Any]) -> dict[str, Any]:
    """A turn as it is exported.

    `pieces` has the answer's text, each with the numbers to put behind it and whether it is a
    sentence; what stands between sentences may be the marks of a list or a table.
    """
    view = kept["view"]
    text, end = view.get("text", ""), 0
    pieces, sentences, sources = [], [], []
    numbers: dict[tuple[str, int, int], int] = {}
    for sentence in view.get("sentences", ()):
        cited = []
        for citation in sentence["citations"]:
            place = citation["document"], citation["start"], citation["end"]
            if place not in numbers:
                numbers[place] = len(numbers) + 1
                document = view.get("documents", {}).get(citation["document"], {})
                sources.append({"number": numbers[place], **citation, **document})
            cited.append(numbers[place])
        sentences.append({**sentence, "citations": cited})
        start, body = sentence["start"], text[sentence["start"] : sentence["end"]].rstrip()
        pieces += [(text[end:start], [], False), (body, sorted(cited), True)]
        end = start + len(body)
    return {
        "question": kept["question"],
        "asked": _date(kept["asked"]),
        "answer": text,
        "language": view.get("language"),
        "refused": bool(view.get("refused")),
        "doubtful": bool(view.get("doubtful")),
        "sentences": sentences,
        "sources": sources,
        "rating": kept["rating"],
        "reason": kept["reason"],
        "pieces": [*pieces, (text[end:], [], False)],
    }


def _plain(text: str) -> str:
    """Text in which Markdown sees no tag, link, image, heading or list; blanks stay."""
    return re.sub(r"(?<!\s)\s*\n\s*", " ", text).translate(_MARKS) if text.strip() else text


def _between(text: str) -> str:
    """Text in which Markdown sees lists, tables and bold names, but no tag, link or heading."""
    return text.translate({mark: form for mark, form in _MARKS.items() if chr(mark) not in "*|"})


def _say(language: str, key: str) -> str:
    return typeset(PAGE[key][language], language)


def _date(seconds: float) -> str:
    return datetime.fromtimestamp(seconds).astimezone().isoformat(timespec="minutes")
