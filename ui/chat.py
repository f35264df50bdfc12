"""One question asked on the page: what the page is shown at each step, as plain data, and how it is stopped."""

import logging
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from index.errors import UserError
from rag.i18n import explain

if TYPE_CHECKING:
    from rag.answerer import Answerer
    from rag.engine import Service
    from rag.events import Answer, Event, Turn
    from rag.retriever import Hit
    from rag.verifier.support import Sentence
    from ui.history import History
    from ui.metrics import Metrics

MOST_CHARACTERS = 4000
MOST_TURNS = 12

# What the page knows of a turn. It is always the whole of it, never a difference: the page may skip a step.
View = dict[str, Any]


class Desk:
    """Takes the questions of all open pages to one service and keeps what was said."""

    def __init__(self, service: "Service", history: "History", metrics: "Metrics") -> None:
        self.service = service
        self.history = history
        self.metrics = metrics
        self._stops: dict[str, threading.Event] = {}

    def ask(self, session: str, owner: str, asked: dict[str, Any]) -> Iterator[View]:
        """Answer one question, yielding the turn as it stands after each step.

        Args:
            session: the open page; a new question of the same page stops the one before.
            owner: whose conversation it is.
            asked: {"turn": id, "question": text, "conversation": id or "", "replaces": id of a turn or "", "documents": names or
                None for all} as the page sent it.
        """
        self.stop(session)
        stop = self._stops[session] = threading.Event()
        stage = "searching" if self.service.state.stage == "ready" else "waiting"
        turn = str(asked.get("turn"))[:40]
        view: View = {"turn": turn, "stage": stage, "text": "", "sentences": [], "passages": []}
        try:
            question, documents = _read(asked)
            history = self._begin(view, owner, asked, question, documents)
            yield dict(view)
            assistant = self._wait(stop)
            if assistant is not None:
                asking = assistant.ask(question, history, documents=documents, stop=stop)
                with closing(self.metrics.watch("page", asking, stop)) as events:
                    for event in events:
                        self._note(view, event)
                        yield dict(view)
        except UserError as error:
            view["error"] = wording(error)
        except Exception as error:  # a bug: the page says so calmly, the log says which
            logging.getLogger(__name__).exception("a question could not be answered")
            view["error"] = wording(UserError("unexpected", detail=type(error).__name__))
        finally:
            # Also reached when the page is closed: Gradio then closes this generator, and the model stops.
            stopped = stop.is_set() or not ("seconds" in view or "error" in view)
            stop.set()
            if self._stops.get(session) is stop:
                del self._stops[session]
            view.update(stage="done", stopped=stopped)
            self._finish(view, owner)
        yield view

    def stop(self, session: str) -> None:
        """Stop what the model writes for this page, if anything."""
        if event := self._stops.get(session):
            event.set()

    def _wait(self, stop: threading.Event) -> "Answerer | None":
        """The assistant once all is ready; None where the person stopped before."""
        while self.service.state.stage not in ("ready", "failed"):
            if stop.wait(0.1):
                return None
        return self.service.assistant()

    def _begin(
        self,
        view: View,
        owner: str,
        asked: dict[str, Any],
        question: str,
        documents: list[str] | None,
    ) -> "list[Turn]":
        """Note the question; gives the turns before it that the assistant is to know. A full disk keeps no one from asking."""
        from rag.events import Turn

        replaces, conversation = (
            str(asked.get("replaces") or ""),
            str(asked.get("conversation") or ""),
        )
        try:
            conversation, earlier = self.history.begin(
                owner, conversation, view["turn"], question, replaces=replaces, documents=documents
            )
        except sqlite3.Error:
            logging.getLogger(__name__).exception("a question could not be kept")
            view["unkept"] = True
            return []
        view["conversation"] = conversation
        return [
            Turn(
                turn["question"],
                ""
                if turn["view"].get("refused")
                else turn["view"].get("text", "")[:MOST_CHARACTERS],
            )
            for turn in earlier[-MOST_TURNS:]
        ]

    def _finish(self, view: View, owner: str) -> None:
        try:
            if "conversation" in view:
                self.history.finish(owner, view["conversation"], view["turn"], view)
        except sqlite3.Error:
            logging.getLogger(__name__).exception("an answer could not be kept")
            view["unkept"] = True

    def _note(self, view: View, event: "Event") -> None:
        """Bring the view of a turn up to date with what happened."""
        from rag.events import Delta, Finished, Found, Grounded, Redrafting, Searching

        match event:
            case Searching():
                view.update(stage="searching", language=event.language)
            case Found():
                view.update(
                    stage="reading",
                    passages=[_hit(hit) for hit in event.hits],
                    documents=self._documents(event.hits),
                )
            case Redrafting():
                view.update(stage="reading", text="", sentences=[])
            case Delta():
                view.update(stage="writing", text=view["text"] + event.text)
            case Grounded():
                view["sentences"] = [*view["sentences"], _sentence(event.sentence, view)]
            case Finished():
                view.update(_finished(event.answer, view))

    def _documents(self, hits: "Sequence[Hit]") -> dict[str, dict[str, str]]:
        """Language and digest of each document that was read: a citation can be judged after the library changed."""
        found = {}
        for hit in hits:
            with suppress(KeyError):  # removed in the middle of it
                document = self.service.document(hit.chunk.document)
                found[document.name] = {"language": document.language, "digest": document.digest}
        return found


def wording(error: UserError) -> dict[str, str]:
    """An error in both languages, so that the page can switch."""
    return {language: explain(error, language) for language in ("fr", "en")}


def _read(asked: dict[str, Any]) -> tuple[str, list[str] | None]:
    """The question and the names of the documents that it may be answered from; None for all."""
    question, documents = str(asked.get("question", "")).strip(), asked.get("documents")
    if len(question) > MOST_CHARACTERS:
        raise UserError("too_long", most=MOST_CHARACTERS)
    if isinstance(documents, list) and not documents:
        raise UserError("no_document_chosen")
    return question, [str(name) for name in documents] if isinstance(documents, list) else None


def _finished(answer: "Answer", view: View) -> View:
    from rag.further import further

    return {
        "text": answer.answer,
        "language": answer.language,
        "refused": answer.refused,
        "doubtful": answer.doubtful,
        "sentences": [_sentence(sentence, view) for sentence in answer.sentences],
        "passages": [_hit(hit) for hit in answer.passages],
        "further": further(answer),
        "seconds": answer.timings.total,
    }


def _sentence(sentence: "Sentence", view: View) -> View:
    return {
        "start": sentence.start,
        "end": sentence.end,
        "support": round(float(sentence.support), 3),
        "citations": [asdict(citation) for citation in sentence.citations],
        **({} if sentence.citations else {"lacks": _lacks(sentence.text, view)}),
    }


def _lacks(text: str, view: View) -> str:
    """Why a sentence has no support: the kind of fact in it that no passage read has, "number", "date" or "name", else "words"."""
    from rag.verifier.facts import facts, holds

    known = tuple(
        fact
        for hit in view["passages"]
        for fact in facts(f"{hit['title']}\n{hit['text']}", hit["language"])
    )
    missing = {
        fact.kind
        for fact in facts(text, view.get("language", "fr"))
        if not fact.opening and not holds(known, fact)
    }
    return next((kind for kind in ("number", "date", "name") if kind in missing), "words")


def _hit(hit: "Hit") -> View:
    chunk = hit.chunk
    return {
        "document": chunk.document,
        "title": chunk.title,
        "language": chunk.language,
        "start": chunk.start,
        "end": chunk.end,
        "text": chunk.text,
        "why": [round(hit.vector, 3), round(hit.words, 2), round(hit.late, 3), round(hit.score, 3)],
    }
