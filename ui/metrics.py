"""What is counted while people ask, in Prometheus' text format. Nothing of what they ask is kept or sent."""

import threading
import time
from collections.abc import Generator
from contextlib import closing
from typing import TYPE_CHECKING, Literal

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from rag.events import Delta, Event, Finished

if TYPE_CHECKING:
    from rag.engine import Service

Door = Literal["page", "api", "mcp", "gradio"]

_SECONDS = (0.25, 0.5, 1, 2, 4, 8, 15, 30, 60, 120)


class Metrics:
    """The counters of one page; each has a registry of its own, so that several pages can live in one process."""

    def __init__(self, service: "Service") -> None:
        self._registry = CollectorRegistry()
        self._service = service
        self._questions = Counter(
            "cocorico_questions", "Questions", ["door", "outcome"], registry=self._registry
        )
        self._first = Histogram(
            "cocorico_first_word_seconds",
            "To the first word",
            buckets=_SECONDS,
            registry=self._registry,
        )
        self._whole = Histogram(
            "cocorico_answer_seconds", "To the last word", buckets=_SECONDS, registry=self._registry
        )
        self._asking = Gauge(
            "cocorico_asking", "Questions that wait or are being answered", registry=self._registry
        )
        self._documents = Gauge(
            "cocorico_documents", "Documents in the library", registry=self._registry
        )
        self._passages = Gauge(
            "cocorico_passages", "Passages in the library", registry=self._registry
        )
        self._ready = Gauge(
            "cocorico_ready", "1 once questions are answered at once", registry=self._registry
        )

    def watch(
        self, door: Door, events: Generator[Event], stop: threading.Event | None = None
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
                    yield event
            except GeneratorExit:
                outcome = "stopped"
                raise
            finally:
                stopped = stop is not None and stop.is_set()
                self._questions.labels(door, "stopped" if stopped else outcome).inc()

    def text(self) -> bytes:
        """What Prometheus reads."""
        known = self._service.store.documents() if self._service.store else []
        self._documents.set(len(known))
        self._passages.set(sum(info.chunks for info in known))
        self._ready.set(self._service.state.stage == "ready")
        return generate_latest(self._registry)
