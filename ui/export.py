"""A kept conversation as a file to read or share: Markdown, HTML and JSON, with numbered citations and the quoted sentences."""

import json
import re
from datetime import datetime
from html import escape
from typing import Any

from rag.i18n import PAGE, typeset

KINDS = {"markdown": "md", "html": "html", "json": "json"}
_STYLE = (
    "body{max-width:44rem;margin:2rem auto;padding:0 1rem;font:1.05rem/1.65 Georgia,serif;color:#262219;background:#faf6ee}"
    "h1{font-size:1.6rem}h2{font:600 1.15rem/1.4 system-ui,sans-serif;margin-top:2.5rem}p{white-space:pre-wrap}"
    "ol{font-size:.92rem;color:#665e50}blockquote{margin:.2rem 0;font-style:italic}sup{color:#a8321d;font-weight:600}"
)


def export(conversation: dict[str, Any], kind: str, language: str) -> dict[str, str]:
    """The file's `name` and `text`.

    Args:
        conversation: from `ui.history.History.read`.
        kind: one of `KINDS`.
        language: "fr" or "en", of the headings.
    """
    write = {"markdown": _markdown, "html": _html, "json": _json}[kind]
    stem = re.sub(r"[^\w-]+", "-", conversation["title"])[:60].strip("-") or "conversation"
    return {"name": f"{stem}.{KINDS[kind]}", "text": write(conversation, language)}


def _json(conversation: dict[str, Any], language: str) -> str:
    turns = []
    for turn in conversation["turns"]:
        view, (_, sources) = turn["view"], _numbered(turn["view"])
        turns.append(
            {
                "question": turn["question"],
                "asked": _when(turn["asked"]),
                "answer": view.get("text", ""),
                "language": view.get("language"),
                "refused": bool(view.get("refused")),
                "doubtful": bool(view.get("doubtful")),
                "sentences": [
                    {
                        **sentence,
                        "citations": [
                            _number(sources, citation) for citation in sentence["citations"]
                        ],
                    }
                    for sentence in view.get("sentences", ())
                ],
                "sources": [
                    {"number": number, **source} for number, source in enumerate(sources, 1)
                ],
                "rating": turn["rating"],
                "reason": turn["reason"],
            }
        )
    whole = {
        "title": conversation["title"],
        "began": _when(conversation["began"]),
        "documents": conversation["documents"],
        "turns": turns,
    }
    return json.dumps(whole, ensure_ascii=False, indent=2)


def _markdown(conversation: dict[str, Any], language: str) -> str:
    lines = [f"# {_plain(conversation['title'])}", "", f"*{_when(conversation['began'])}*"]
    for turn in conversation["turns"]:
        pieces, sources = _numbered(turn["view"])
        said = "".join(
            _plain(text) + "".join(f" [{number}]" for number in numbers) for text, numbers in pieces
        )
        lines += ["", f"## {_plain(turn['question'])}", "", said]
        if turn["view"].get("doubtful"):
            lines += ["", f"*{_say('doubtful', language)}*"]
        if sources:
            lines += ["", _say("sources", language), ""]
        for number, source in enumerate(sources, 1):
            quoted = _say("quoted", language).format(text=_plain(source["text"]))
            lines.append(
                f"{number}. {_plain(source['title'])} ({_plain(source['document'])}) — {quoted}"
            )
        if told := _rating(turn, language):
            lines += ["", _plain(told)]
    return "\n".join(lines) + "\n"


def _html(conversation: dict[str, Any], language: str) -> str:
    parts = [
        f'<!doctype html><html lang="{language}"><head><meta charset="utf-8">',
        "<meta http-equiv=\"content-security-policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">",
        f"<title>{escape(conversation['title'])}</title><style>{_STYLE}</style></head><body>",
        f"<h1>{escape(conversation['title'])}</h1><p><time>{_when(conversation['began'])}</time></p>",
    ]
    for place, turn in enumerate(conversation["turns"]):
        pieces, sources = _numbered(turn["view"])
        said = "".join(
            escape(text)
            + "".join(f'<sup><a href="#s{place}-{number}">{number}</a></sup>' for number in numbers)
            for text, numbers in pieces
        )
        parts.append(f"<h2>{escape(turn['question'])}</h2><p>{said}</p>")
        if turn["view"].get("doubtful"):
            parts.append(f"<p><em>{escape(_say('doubtful', language))}</em></p>")
        if sources:
            items = (
                f'<li id="s{place}-{number}">{escape(source["title"])} ({escape(source["document"])})'
                f"<blockquote>{escape(source['text'])}</blockquote></li>"
                for number, source in enumerate(sources, 1)
            )
            parts.append(f"<ol>{''.join(items)}</ol>")
        if told := _rating(turn, language):
            parts.append(f"<p>{escape(told)}</p>")
    return "\n".join([*parts, "</body></html>\n"])


def _numbered(view: dict[str, Any]) -> tuple[list[tuple[str, list[int]]], list[dict[str, Any]]]:
    """The answer in pieces, each with the numbers to put behind it, and the sources in the order of their numbers."""
    sources: list[dict[str, Any]] = []
    text, at, pieces = view.get("text", ""), 0, []
    for sentence in view.get("sentences", ()):
        numbers = []
        for citation in sentence["citations"]:
            if not _number(sources, citation):
                facts = view.get("documents", {}).get(citation["document"], {})
                sources.append({**citation, **facts})
            numbers.append(_number(sources, citation))
        body = text[at : sentence["end"]]
        pieces.append((body.rstrip(), sorted(numbers)))
        pieces.append((body[len(body.rstrip()) :], []))
        at = sentence["end"]
    return [*pieces, (text[at:], [])], sources


def _number(sources: list[dict[str, Any]], citation: dict[str, Any]) -> int:
    """The citation's place among the sources, from 1; 0 where it isn't there."""
    same = ("document", "start", "end")
    return next(
        (
            n
            for n, source in enumerate(sources, 1)
            if all(source[key] == citation[key] for key in same)
        ),
        0,
    )


def _rating(turn: dict[str, Any], language: str) -> str:
    if not turn["rating"]:
        return ""
    said = _say(turn["rating"], language)
    return f"{said} — {turn['reason']}" if turn["reason"] else said


def _plain(text: str) -> str:
    """Text that Markdown takes as it is: no tag, link, image, heading or list comes alive."""
    return (
        re.sub(r"([\\`*_\[\]<>#|!~])", r"\\\1", re.sub(r"\s*\n\s*", " ", text))
        if text.strip()
        else text
    )


def _say(key: str, language: str) -> str:
    return typeset(PAGE[key][language], language)


def _when(seconds: float) -> str:
    return datetime.fromtimestamp(seconds).astimezone().isoformat(timespec="minutes")
