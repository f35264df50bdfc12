"""What a model has read, on disk."""

import os
import time
from pathlib import Path

import pytest

import rag.llm.prefix_cache
from rag.llm.prefix_cache import States


def test_what_was_used_longest_ago_makes_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rag.llm.prefix_cache, "_MOST", 1000)
    states = States(tmp_path, "a model")
    for number in (1, 2):
        states.write([number], number, bytes(300))
        os.utime(states._path([number]), (time.time() - 60 + number,) * 2)
    assert states.read([1]) == (1, bytes(300))  # used just now
    states.write([3], 0, bytes(300))
    assert [states.has([number]) for number in (1, 2, 3)] == [True, False, True]
    os.utime(states._path([3]), (time.time() - 60,) * 2)
    assert states.has([3])  # which counts as a use
    os.utime(states._path([1]), (time.time() - 30,) * 2)
    states.write([5], 0, bytes(300))
    assert [states.has([number]) for number in (1, 3, 5)] == [False, True, True]
    states.write([4], 0, bytes(2000))
    assert not states.has([4])
    assert all(path.stat().st_mode & 0o77 == 0 for path in tmp_path.iterdir()) or os.name == "nt"


def test_another_model_finds_nothing(tmp_path: Path) -> None:
    States(tmp_path, "a model").write([1, 2], 0, b"state")
    assert States(tmp_path, "another model").read([1, 2]) is None
    assert States(tmp_path, "a model").read([12]) is None


def test_what_is_old_or_half_written_is_gone_at_the_next_start(tmp_path: Path) -> None:
    states = States(tmp_path, "a model")
    for number in (1, 2):
        states.write([number], 0, b"state")
    os.utime(states._path([1]), (0, 0))
    (tmp_path / "left.part").touch()
    States(tmp_path, "a model")
    assert list(tmp_path.iterdir()) == [states._path([2])]


def test_a_folder_that_can_not_be_written_costs_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    states = States(tmp_path / "file" / "states", "a model")
    states.write([1], 0, b"state")
    assert not states.has([1])
    assert states.read([1]) is None
    assert states.room == 0
