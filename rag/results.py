"""Answers and hits as JSON and as plain text. People script against the JSON: a change of it stands in CHANGELOG.md."""

from dataclasses import asdict
from typing import Any

from rag.events import Answer
from rag.i18n import say
from rag.retriever import Hit


def hit_json(hit: Hit) -> dict[str, Any]:
    """`document`, `passage` (its number in the document), `start`, `end` (code points), `score` (0..1)."""
    chunk = hit.chunk
    return {
        "document": chunk.document,
        "passage": chunk.ordinal,
        "start": chunk.start,
        "end": chunk.end,
        "score": round(hit.score, 4),
    }


def answer_json(answer: Answer) -> dict[str, Any]:
    """The line that `ask --json` and `ask --batch` print, without `_id`."""
    sentences = []
    for sentence in answer.sentences:
        line = asdict(sentence)
        line["support"] = round(sentence.support, 4)
        for citation in line["citations"]:
            del citation["title"]
        sentences.append(line)
    timings = answer.timings
    return {
        "answer": answer.answer,
        "language": answer.language,
        "answerable": round(answer.answerable, 4),
        "refused": answer.refused,
        "doubtful": answer.doubtful,
        "sentences": sentences,
        "passages": [hit_json(hit) for hit in answer.passages],
        "timings": {
            "retrieval": round(timings.retrieval, 3),
            "first_token": round(timings.first_token, 3),
            "total": round(timings.total, 3),
            "tokens": timings.tokens,
        },
        "tokens": timings.tokens,
    }


def answer_text(answer: Answer) -> str:
    """The answer for a terminal: numbered citations in the text, the quoted source sentences below."""
    numbers: dict[tuple[str, int, int], int] = {}
    text, at, sources = "", 0, []
    for sentence in answer.sentences:
        text += answer.answer[at : sentence.end]
        at = sentence.end
        for citation in sentence.citations:
            key = (citation.document, citation.start, citation.end)
            if key not in numbers:
                numbers[key] = len(numbers) + 1
                sources.append(
                    f"[{numbers[key]}] {citation.title} ({citation.document}): « {citation.text} »"
                )
            text += f" [{numbers[key]}]"
        if not sentence.citations:
            text += " [?]"
    text += answer.answer[at:]
    if answer.doubtful:
        text += f"\n({say('doubtful', answer.language)})"
    return "\n".join([text, *(["", *sources] if sources else [])])
