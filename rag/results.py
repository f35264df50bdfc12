"""Answers and hits as JSON, which is an interface (`tests/test_interfaces.py`), and as text."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from rag.check import Checked
from rag.events import Answer, Turn
from rag.i18n import say
from rag.retriever import Hit
from rag.verifier import Citation, Sentence


def hit_json(hit: Hit) -> dict[str, Any]:
    """A chunk's place: `passage` is its number in the document, `start` and `end` code points."""
    chunk = hit.chunk
    place = {"document": chunk.document, "passage": chunk.ordinal}
    return {**place, "start": chunk.start, "end": chunk.end, "score": round(hit.score, 4)}


def hits_json(hits: Sequence[Hit]) -> dict[str, Any]:
    """The line that `search --json` and `search --batch` print, without `_id`."""
    return {"passages": [hit_json(hit) for hit in hits]}


def hits_text(hits: Sequence[Hit]) -> str:
    """The hits for a terminal, numbered, each with its place, score and text."""
    lines = []
    for number, hit in enumerate(hits, 1):
        place = f"{hit.chunk.document} {hit.chunk.start}-{hit.chunk.end}"
        lines += [f"{number}. {hit.chunk.title}  [{place}]  {hit.score:.2f}", hit.chunk.text, ""]
    return "\n".join(lines)


def citation_json(citation: Citation) -> dict[str, Any]:
    """A sentence of a document with its place there."""
    return {name: value for name, value in asdict(citation).items() if name != "title"}


def checked_json(checked: Checked) -> dict[str, Any]:
    """The line that `check --json` prints of a sentence."""
    return {
        "text": checked.text,
        "verdict": checked.verdict,
        "confidence": round(checked.confidence, 4),
        "sources": [citation_json(each) for each in checked.sources],
        "differs": list(checked.differs),
    }


def checked_text(checked: Checked, language: str) -> str:
    """A sentence for a terminal: what is found of it, and below it the sentences that say so."""
    differs = ", ".join(say(f"differs_{kind}", language) for kind in checked.differs)
    found = say(f"check_{checked.verdict}", language) + (f" ({differs})" if differs else "")
    quoted = [f"    {each.title} ({each.document}): « {each.text} »" for each in checked.sources]
    return "\n".join([f"{found}: {checked.text}", *quoted])


def answer_json(answer: Answer) -> dict[str, Any]:
    """The line that `ask --json` and `ask --batch` print, without `_id`."""
    sentences = []
    for sentence in answer.sentences:
        line = asdict(sentence)
        line["support"] = round(sentence.support, 4)
        line["citations"] = [citation_json(each) for each in sentence.citations]
        sentences.append(line)
    timings = {name: round(value, 3) for name, value in asdict(answer.timings).items()}
    return {
        "answer": answer.answer,
        "language": answer.language,
        "answerable": round(answer.answerable, 4),
        "refused": answer.refused,
        "doubtful": answer.doubtful,
        "sentences": sentences,
        "passages": [hit_json(hit) for hit in answer.passages],
        "timings": timings,
        "tokens": answer.timings.tokens,
    }


def turn_of(question: str, kept: Mapping[str, Any]) -> Turn:
    """A turn from what `answer_json` gives, or the page keeps, of an answer; a refusal is none."""
    if kept.get("refused"):
        return Turn(question)
    text = kept.get("answer") or kept.get("text") or ""
    sentences = (
        Sentence(
            text[each["start"] : each["end"]],
            each["start"],
            each["end"],
            each["support"],
            tuple(Citation(**{"title": "", **citation}) for citation in each["citations"]),
        )
        for each in kept.get("sentences", ())
    )
    return Turn(question, text, tuple(sentences))


def answer_text(answer: Answer) -> str:
    """The answer for a terminal: numbered citations, and below it the sentences cited."""
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
