"""One question asked on the page: what the page is shown at each step, as plain data, and how it is stopped."""

import logging
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from rag.messages import explain
from weights.errors import UserError

if TYPE_CHECKING:
    from rag.assistant import Answer, Assistant, Event, Turn
    from rag.grounding import Sentence
    from rag.retriever import Hit
    from rag.service import Service

MOST_CHARACTERS = 4000
MOST_TURNS = 12

# What the page knows of a turn. It is always the whole of it, never a difference: the page may skip a step.
View = dict[str, Any]


class Desk:
    """Takes the questions of all open pages to one service."""

    def __init__(self, service: "Service") -> None:
        self.service = service
        self._stops: dict[str, threading.Event] = {}

    def ask(self, session: str, asked: dict[str, Any]) -> Iterator[View]:
        """Answer one question, yielding the turn as it stands after each step.

        Args:
            session: the open page; a new question of the same page stops the one before.
            asked: {"turn": id, "question": text, "history": [{"question", "answer"}]} as the page sent it.
        """
        self.stop(session)
        stop = self._stops[session] = threading.Event()
        stage = "searching" if self.service.state.stage == "ready" else "waiting"
        view: View = {"turn": str(asked.get("turn")), "stage": stage, "text": "", "sentences": [], "passages": []}
        try:
            yield dict(view)
            question, history = _read(asked)
            assistant = self._wait(stop)
            if assistant is not None:
                with closing(assistant.ask(question, history, stop=stop)) as events:
                    for event in events:
                        _note(view, event)
                        yield dict(view)
        except UserError as error:
            view["error"] = wording(error)
        except Exception as error:  # a bug: the page says so calmly, the log says which
            logging.getLogger(__name__).exception("a question could not be answered")
            view["error"] = wording(UserError("unexpected", detail=type(error).__name__))
        finally:
            # Also reached when the page is closed: Gradio then closes this generator, and the model stops.
            stopped = stop.is_set()
            stop.set()
            if self._stops.get(session) is stop:
                del self._stops[session]
        yield {**view, "stage": "done", "stopped": stopped}

    def stop(self, session: str) -> None:
        """Stop what the model writes for this page, if anything."""
        if event := self._stops.get(session):
            event.set()

    def _wait(self, stop: threading.Event) -> "Assistant | None":
        """The assistant once all is ready; None where the person stopped before."""
        while self.service.state.stage not in ("ready", "failed"):
            if stop.wait(0.1):
                return None
        return self.service.assistant()


def wording(error: UserError) -> dict[str, str]:
    """An error in both languages, so that the page can switch."""
    return {language: explain(error, language) for language in ("fr", "en")}


def _read(asked: dict[str, Any]) -> "tuple[str, list[Turn]]":
    from rag.assistant import Turn

    question = str(asked.get("question", "")).strip()
    if len(question) > MOST_CHARACTERS:
        raise UserError("too_long", most=MOST_CHARACTERS)
    earlier: Sequence[dict[str, Any]] = asked.get("history") or []
    history = [
        Turn(str(turn.get("question", ""))[:MOST_CHARACTERS], str(turn.get("answer", ""))[:MOST_CHARACTERS])
        for turn in earlier[-MOST_TURNS:]
    ]
    return question, history


def _note(view: View, event: "Event") -> None:
    """Bring the view of a turn up to date with what happened."""
    from rag.assistant import Delta, Finished, Found, Grounded, Redrafting, Searching

    match event:
        case Searching():
            view.update(stage="searching", language=event.language)
        case Found():
            view.update(stage="reading", passages=[_hit(hit) for hit in event.hits])
        case Redrafting():
            view.update(stage="reading", text="", sentences=[])
        case Delta():
            view.update(stage="writing", text=view["text"] + event.text, began=view.get("began") or time.time())
        case Grounded():
            view["sentences"] = [*view["sentences"], _sentence(event.sentence)]
        case Finished():
            view.update(_finished(event.answer))


def _finished(answer: "Answer") -> View:
    return {
        "text": answer.answer,
        "language": answer.language,
        "refused": answer.refused,
        "sentences": [_sentence(sentence) for sentence in answer.sentences],
        "passages": [_hit(hit) for hit in answer.passages],
        "seconds": answer.timings.total,
    }


def _sentence(sentence: "Sentence") -> View:
    return {
        "start": sentence.start,
        "end": sentence.end,
        "support": round(float(sentence.support), 3),
        "citations": [asdict(citation) for citation in sentence.citations],
    }


def _hit(hit: "Hit") -> View:
    passage = hit.passage
    return {
        "document": passage.document,
        "title": passage.title,
        "start": passage.start,
        "end": passage.end,
        "text": passage.text,
    }
