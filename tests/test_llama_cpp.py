"""llama.cpp: what was read is kept, in memory and on disk, and several askers are served together."""

import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from rag.llm.base import Message
from rag.llm.llama_cpp import LlamaCpp
from tests.generators import CAPITAL, COUNT, LONG, small_model, tokens_read


def test_a_prepared_beginning_outlives_what_is_asked_after_it(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = "The port of Brest has three docks. " * 10
    with closing(LlamaCpp(small_model(home), context_tokens=1024)) as generator:
        generator.prepare([Message("system", "Be brief."), Message("user", port)])
        for number in range(5):
            generator.choose([Message("user", f"{number} " + "le chat dort " * 30)], ("Yes", "No"))
        read = tokens_read(generator, monkeypatch)
        asked = [Message("system", "Be brief."), Message("user", f"{port}\nHow many docks?")]
        answer = "".join(generator.stream(asked, max_tokens=16)).lower()
        assert "three" in answer or "3" in answer
        assert sum(read[:1]) < 60


def test_what_is_prepared_already_is_not_read_or_kept_again(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    beginning = [
        Message("system", "Be brief."),
        Message("user", "The port of Brest has three docks. " * 10),
    ]
    with closing(LlamaCpp(small_model(home), context_tokens=1024)) as generator:
        generator.prepare(beginning)
        kept, read = len(generator._scheduler._sequences._held), tokens_read(generator, monkeypatch)
        generator.prepare(beginning)
        assert read == []
        assert len(generator._scheduler._sequences._held) == kept


def test_what_was_prepared_is_taken_from_disk_unless_damaged(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    instruction = [Message("system", "Answer about the port. " * 20)]
    texts = ("The port has three docks. " * 9, "The sea is cold. " * 9, "The docks are old. " * 9)
    beginnings = [[*instruction, Message("user", text)] for text in texts]
    asked = [*instruction, Message("user", f"{texts[1]}\nIs the sea warm?")]
    read: list[int] = []

    def answer(
        *, prepared: Sequence[Sequence[Message]] = (instruction, *beginnings), ahead: bool = False
    ) -> str:
        with closing(
            LlamaCpp(small_model(home), context_tokens=1024, states=tmp_path)
        ) as generator:
            read[:] = [0]
            counted = tokens_read(generator, monkeypatch)
            for beginning in prepared:
                generator.prepare(beginning, ahead=ahead)
            read[0] = sum(counted)
            return "".join(generator.stream(asked, max_tokens=6))

    first = answer()
    files = sorted(tmp_path.iterdir(), key=lambda path: path.stat().st_size)
    assert len(files) == 4
    assert (
        files[-1].stat().st_size > 1.5 * files[0].stat().st_size
    )  # the instruction, which the others leave out
    assert answer() == first
    assert read == [0]
    assert answer(ahead=True) == first
    assert read == [0]
    assert (
        answer(prepared=beginnings[1:2]) == first
    )  # what it begins with isn't there: read in full, and right all the same
    assert read[0] > 100
    answer()
    for path in files:
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 1
        path.write_bytes(data)
    assert answer() == first
    assert read[0] > 100
    assert answer() == first
    assert read == [0]


def test_llama_cpp_makes_room_in_a_full_context(home: Path) -> None:
    generator = LlamaCpp(small_model(home), context_tokens=512)
    try:
        for number in range(4):
            asked = [
                Message(
                    "user", f"{number} " + "le chat dort " * 30 + "\nWhat is the capital of France?"
                )
            ]
            assert "Paris" in "".join(generator.stream(asked, max_tokens=24))
    finally:
        generator.close()


def test_who_leaves_while_others_are_served_takes_nothing_from_them(
    small_generator: LlamaCpp,
) -> None:
    stop, told = threading.Event(), []
    long = LONG
    with ThreadPoolExecutor(6) as askers:
        answers = [
            askers.submit(lambda: "".join(small_generator.stream(CAPITAL, max_tokens=6)))
            for _ in range(3)
        ]
        leaving = askers.submit(lambda: told.extend(small_generator.stream(long, stop=stop)))
        answers += [
            askers.submit(lambda: "".join(small_generator.stream(CAPITAL, max_tokens=6)))
            for _ in range(2)
        ]
        time.sleep(0.5)
        stop.set()
        leaving.result(timeout=30)
        assert all("Paris" in answer.result(timeout=60) for answer in answers)
    assert told == []


def test_a_fault_costs_one_answer_and_not_the_next(
    small_generator: LlamaCpp, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fault(*_: object) -> None:
        raise RuntimeError("a bug")

    with monkeypatch.context() as patched:
        patched.setattr(small_generator._scheduler, "_take", fault)
        with pytest.raises(RuntimeError, match="a bug"):
            list(small_generator.stream(CAPITAL, max_tokens=6))
    assert "Paris" in "".join(small_generator.stream(CAPITAL, max_tokens=6))


def test_answers_written_together_read_the_weights_once(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(LlamaCpp(small_model(home), context_tokens=2048)) as generator:
        runs = tokens_read(generator, monkeypatch)
        with ThreadPoolExecutor(4) as askers:
            asked = [
                askers.submit(lambda: "".join(generator.stream(COUNT, max_tokens=40)))
                for _ in range(4)
            ]
            assert all(answer.result(timeout=60) for answer in asked)
        assert len(runs) < 80  # 160 one by one


def test_who_asks_a_closed_model_gets_no_more(home: Path) -> None:
    generator, asked = LlamaCpp(small_model(home), context_tokens=1024), COUNT
    writing = generator.stream(asked)
    assert next(writing)
    generator.close()
    assert list(writing) == []
    generator.prepare(asked)
    assert list(generator.stream(asked)) == []
    assert generator.choose(asked, ("Yes", "No")) == (0.5, 0.5)
    assert generator.count("Who still asks?") == 0
