"""A dossier: answers, sentences and passages that a reader has put together, and own words."""

import time
from typing import Any, Literal

from pydantic import BaseModel, Field

from ui.export import Look

_MOST = 500  # items, and sentences of one


class Cited(BaseModel):
    """A citation, as `rag.verifier.Citation`."""

    document: str
    title: str = ""
    passage: int = 0
    start: int
    end: int
    text: str = Field(max_length=20_000)


class Said(BaseModel):
    """A sentence of an item: its span there, in code points, and what it rests on."""

    start: int = Field(ge=0)
    end: int
    support: float = 0.0
    citations: list[Cited] = Field(default=[], max_length=50)
    lacks: str = ""
    differs: list[str] = Field(default=[], max_length=10)


class Item(BaseModel):
    """A heading, words of the reader's own, what an answer said, or a passage of a document.

    `documents` has the language and the digest of each document cited, `conversation` the one
    whose own files it cites, or "".
    """

    id: str = Field(max_length=40)
    kind: Literal["heading", "own", "said", "passage"]
    text: str = Field(default="", max_length=20_000)
    language: Literal["fr", "en"] | None = None
    sentences: list[Said] = Field(default=[], max_length=_MOST)
    documents: dict[str, dict[str, str]] = {}
    conversation: str = ""


class Dossier(BaseModel):
    """The whole of it, in order."""

    title: str = Field(default="", max_length=200)
    items: list[Item] = Field(default=[], max_length=_MOST)


def with_standing(dossier: dict[str, Any], look: Look) -> dict[str, Any]:
    """A dossier whose items tell which of their sources have changed or are gone."""
    items = []
    for item in dossier["items"]:
        found = {}
        for citation in (each for said in item["sentences"] for each in said["citations"]):
            digest = item["documents"].get(citation["document"], {}).get("digest", "")
            if state := look(citation, digest, item["conversation"])["state"]:
                found[citation["document"]] = {"title": citation["title"], "state": state}
        items.append({**item, "standing": list(found.values())})
    return {**dossier, "items": items}


def as_conversation(dossier: dict[str, Any], untitled: str) -> dict[str, Any]:
    """A dossier in the form that `ui.export.export` takes: each item is a turn."""
    now = time.time()
    turns = []
    for item in dossier["items"]:
        heading = item["kind"] == "heading"
        view = {key: item[key] for key in ("language", "sentences", "documents")}
        turns.append(
            {
                "question": item["text"] if heading else "",
                "view": {} if heading else _shown(item, view),
                "own": item["kind"] == "own",
                "conversation": item["conversation"],
                "asked": now,
                "rating": "",
                "reason": "",
            }
        )
    return {"title": dossier["title"] or untitled, "began": now, "documents": None, "turns": turns}


def _shown(item: dict[str, Any], view: dict[str, Any]) -> dict[str, Any]:
    """What an item says, a passage between quotation marks."""
    text, sentences = item["text"], item["sentences"]
    if item["kind"] == "passage":
        before, after = ("« ", " »") if item["language"] == "fr" else ("“", "”")
        text, end = f"{before}{text}{after}", len(before) + len(text) + len(after)
        sentences = [{**each, "start": 0, "end": end} for each in sentences]
    return {**view, "text": text, "sentences": sentences, "attached": bool(item["conversation"])}
