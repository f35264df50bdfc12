"""Counters of what is asked, in Prometheus' text format. Nothing of the questions' text is kept."""

import threading
import time
from collections.abc import Generator
from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING, Literal

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from rag.events import Delta, Event, Finished

if TYPE_CHECKING:
    from rag.engine import Service

Interface = Literal["page", "api", "mcp", "gradio"]

_SECONDS = (0.25, 0.5, 1, 2, 4, 8, 15, 30, 60, 120)


class Metrics:
    """The counters of one page. The registry is its own: one process may hold several pages."""

    def __init__(self, service: "Service") -> None:
        self._service = service
        self._registry = CollectorRegistry()
        gauge = partial(Gauge, registry=self._registry)
        seconds = partial(Histogram, buckets=_SECONDS, registry=self._registry)
        self._questions = Counter(
            "cocorico_questions", "Questions", ["door", "outcome"], registry=self._registry
        )
        self._first = seconds("cocorico_first_word_seconds", "To the first word")
        self._whole = seconds("cocorico_answer_seconds", "To the last word")
        self._asking = gauge("cocorico_asking", "Questions that wait or are being answered")
        self._documents = gauge("cocorico_documents", "Documents in the library")
        self._passages = gauge("cocorico_passages", "Passages in the library")
        self._ready = gauge("cocorico_ready", "1 once questions are answered at once")

    def watch(
        self, interface: Interface, events: Generator[Event], stop: threading.Event
    ) -> Generator[Event]:
        """The same events, counted; closes `events` when it is closed itself."""
        began, first, outcome = time.perf_counter(), True, "failed"
        with self._asking.track_inprogress(), closing(events):
            try:
                for event in events:
                    if isinstance(event, Delta) and first:
                        first = False
                        self._first.observe(time.perf_counter() - began)
                    if isinstance(event, Finished):
                        outcome = "refused" if event.answer.refused else "answered"
                        self._whole.observe(time.perf_counter() - began)
                        if stop.is_set():
                            outcome = "stopped"
                    yield event
            finally:
                if outcome == "failed" and stop.is_set():
                    outcome = "stopped"
                self._questions.labels(interface, outcome).inc()

    def text(self) -> bytes:
        """The counters as Prometheus reads them."""
        known = self._service.store.documents() if self._service.store else []
        self._documents.set(len(known))
        self._passages.set(sum(info.chunks for info in known))
        self._ready.set(self._service.state.stage == "ready")
        return generate_latest(self._registry)
