"""What is kept, as a file: a conversation, one answer or a dossier, with numbered sources."""

import base64
import json
import re
from collections.abc import Callable
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, Literal

from jinja2 import Environment, FileSystemLoader, select_autoescape

from rag.i18n import PAGE, typeset
from ui.blocks import as_csv, as_word

Kind = Literal["markdown", "html", "json", "word", "csv"]
Look = Callable[[dict[str, Any], str, str], dict[str, Any]]
"""Where a citation stands now: its `page` or None, and `state`, which is "", "changed" or "gone".

It is given the digest of its document and the conversation whose own files that is among, or "".
"""

_ENDINGS = {"markdown": "md", "html": "html", "json": "json", "word": "docx", "csv": "csv"}
_MARKS = str.maketrans({mark: f"\\{mark}" for mark in "\\`*_[]<>#|!~"})


def export(
    conversation: dict[str, Any], kind: Kind, language: str, look: Look | None = None
) -> dict[str, str]:
    """The file's `name`, and its `text` or, of Word, `base64`.

    Args:
        conversation: from `ui.history.History.read`, or `ui.dossier.as_conversation`.
        kind: of the file; CSV has the tables of the answers only.
        language: "fr" or "en", of the headings.
        look: tells the page and the state of each source; none is said without it.
    """
    title, began = conversation["title"], _date(conversation["began"])
    say = partial(_say, language)
    turns = [_turn(turn, say, look, conversation.get("id", "")) for turn in conversation["turns"]]
    stem = re.sub(r"[^\w-]+", "-", title)[:60].strip("-") or "conversation"
    name = f"{stem}.{_ENDINGS[kind]}"
    shown = {"title": title, "began": began, "turns": turns, "language": language, "say": say}
    if kind == "json":
        for turn in turns:
            del turn["pieces"]
        documents = conversation["documents"]
        whole = {"title": title, "began": began, "documents": documents, "turns": turns}
        text = json.dumps(whole, ensure_ascii=False, indent=2)
    elif kind == "csv":
        text = as_csv(turns, language)
    elif kind == "word":
        return {"name": name, "base64": base64.b64encode(as_word(_templates(), shown)).decode()}
    else:
        text = _templates().get_template(f"conversation.{_ENDINGS[kind]}.jinja").render(shown)
    return {"name": name, "text": text}


def _templates() -> Environment:
    templates = Environment(
        loader=FileSystemLoader(Path(__file__).resolve().parent / "templates"),
        autoescape=select_autoescape(["html.jinja", "xml.jinja"]),
        trim_blocks=True,
        keep_trailing_newline=True,
    )
    templates.filters.update(plain=_plain, between=_between)
    return templates


def _turn(
    kept: dict[str, Any], say: Callable[[str], str], look: Look | None, conversation: str
) -> dict[str, Any]:
    """A turn as it is exported.

    `pieces` has the answer's text: the `text` of each, the `numbers` of sources to put behind it,
    whether it was `said` as a sentence, and the `remark` on it. What stands between sentences may
    be the marks of a list or a table.
    """
    view = kept["view"]
    text, end = view.get("text", ""), 0
    pieces: list[dict[str, Any]] = []
    sentences, sources = [], []
    numbers: dict[tuple[str, int, int], int] = {}
    for sentence in view.get("sentences", ()):
        cited = []
        for citation in sentence["citations"]:
            place = citation["document"], citation["start"], citation["end"]
            if place not in numbers:
                numbers[place] = len(numbers) + 1
                document = view.get("documents", {}).get(citation["document"], {})
                holder = kept.get("conversation") or conversation if view.get("attached") else ""
                now = look(citation, document.get("digest", ""), holder) if look else {}
                source = {"number": numbers[place], **citation, **document, **now}
                sources.append({**source, "about": _about(source, say)})
            cited.append(numbers[place])
        sentences.append({**sentence, "citations": cited})
        start, body = sentence["start"], text[sentence["start"] : sentence["end"]].rstrip()
        pieces.append(_piece(text[end:start]))
        pieces.append(_piece(body, sorted(cited), said=True, remark=_remark(sentence, say)))
        end = start + len(body)
    pieces.append(_piece(text[end:], remark=say("own_words") if kept.get("own") else ""))
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
        "pieces": pieces,
    }


def _piece(
    text: str, numbers: list[int] | None = None, *, said: bool = False, remark: str = ""
) -> dict[str, Any]:
    return {"text": text, "numbers": numbers or [], "said": said, "remark": remark}


def _remark(sentence: dict[str, Any], say: Callable[[str], str]) -> str:
    """What is to be said of a sentence: that nothing verified it, or in what it differs."""
    if not sentence["citations"]:
        return say("unverified")
    differs = ", ".join(say(f"differs_{kind}") for kind in sentence.get("differs", ()))
    return f"≠ {differs}" if differs else ""


def _about(source: dict[str, Any], say: Callable[[str], str]) -> str:
    """A source in a line: its title, its file, the page, and what has become of it."""
    page, state = source.get("page"), source.get("state")
    parts = [
        f"{source['title']} ({source['document']})",
        say("page_short").format(number=page) if page else "",
        say(f"cited_{state}") if state else "",
    ]
    return ", ".join(filter(None, parts))


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
