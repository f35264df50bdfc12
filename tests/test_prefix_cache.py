"""The states of prefixes on disk."""

import hashlib
import os
import shutil
import time
from contextlib import closing
from pathlib import Path

import pytest

import rag.llm.prefix_cache
from index.models.catalogue import SMALL_GENERATOR
from rag.llm.base import Message
from rag.llm.llama_cpp import LlamaCpp
from rag.llm.prefix_cache import PrefixCache, model_sha256
from tests.generators import small_model, tokens_read


def test_what_was_used_longest_ago_makes_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rag.llm.prefix_cache, "_MOST", 1000)
    cache = PrefixCache(tmp_path, "a model")
    for number in (1, 2):
        cache.write([number], number, bytes(300))
        os.utime(cache._path([number]), (time.time() - 60 + number,) * 2)
    assert cache.read([1]) == (1, bytes(300))  # used just now
    cache.write([3], 0, bytes(300))
    assert [cache.has([number]) for number in (1, 2, 3)] == [True, False, True]
    os.utime(cache._path([3]), (time.time() - 60,) * 2)
    assert cache.has([3])  # which counts as a use
    os.utime(cache._path([1]), (time.time() - 30,) * 2)
    cache.write([5], 0, bytes(300))
    assert [cache.has([number]) for number in (1, 3, 5)] == [False, True, True]
    cache.write([4], 0, bytes(2000))
    assert not cache.has([4])
    assert all(path.stat().st_mode & 0o77 == 0 for path in tmp_path.iterdir()) or os.name == "nt"


def test_another_model_finds_nothing(tmp_path: Path) -> None:
    PrefixCache(tmp_path, "a model").write([1, 2], 0, b"state")
    assert PrefixCache(tmp_path, "another model").read([1, 2]) is None
    assert PrefixCache(tmp_path, "a model").read([12]) is None


def test_what_is_old_or_half_written_is_gone_at_the_next_start(tmp_path: Path) -> None:
    cache = PrefixCache(tmp_path, "a model")
    for number in (1, 2):
        cache.write([number], 0, b"state")
    os.utime(cache._path([1]), (0, 0))
    (tmp_path / "left.part").touch()
    PrefixCache(tmp_path, "a model")
    assert list(tmp_path.iterdir()) == [cache._path([2])]


def test_what_is_old_is_gone_at_the_next_write(tmp_path: Path) -> None:
    """A program that runs for months deletes what wasn't used for 30 days."""
    cache = PrefixCache(tmp_path, "a model")
    cache.write([1], 0, b"state")
    cache.write([2], 0, b"state")
    os.utime(cache._path([1]), (time.time() - 31 * 86400,) * 2)
    os.utime(cache._path([2]), (time.time() - 29 * 86400,) * 2)
    cache.write([3], 0, b"state")
    assert [cache.has([number]) for number in (1, 2, 3)] == [False, True, True]


def test_a_folder_that_can_not_be_written_costs_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    cache = PrefixCache(tmp_path / "file" / "states", "a model")
    cache.write([1], 0, b"state")
    assert not cache.has([1])
    assert cache.read([1]) is None
    assert cache.room == 0


def test_the_checksum_of_a_model_is_computed_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, cache = tmp_path / "model.gguf", tmp_path / "states"
    model.write_bytes(b"weights")
    digest = model_sha256(model, cache)
    assert digest == hashlib.sha256(b"weights").hexdigest()
    with monkeypatch.context() as unread:
        unread.setattr("index.models.fetch.sha256", None)
        assert model_sha256(model, cache) == digest
        PrefixCache(cache, "a model").write([1], 0, b"state")
        assert model_sha256(model, cache) == digest  # what cleans up leaves it
    model.write_bytes(b"WEIGHTS")
    os.utime(model, ns=(0, 0))
    assert model_sha256(model, cache) == hashlib.sha256(b"WEIGHTS").hexdigest()
    assert model_sha256(model, None) == hashlib.sha256(b"WEIGHTS").hexdigest()


def test_a_verified_model_is_not_read_for_its_checksum(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("index.models.fetch.sha256", None)
    assert model_sha256(small_model(home), None) == SMALL_GENERATOR.sha256


def test_another_model_of_the_same_name_and_size_takes_up_no_foreign_states(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    changed = tmp_path / SMALL_GENERATOR.name
    shutil.copyfile(small_model(home), changed)
    with changed.open("r+b") as file:
        file.seek(-1000, os.SEEK_END)
        file.write(bytes(8))
    prefix = [Message("system", "The port of Brest has three docks. " * 10)]
    read = {}
    for name, model in (("first", small_model(home)), ("other", changed), ("again", changed)):
        with closing(LlamaCpp(model, context_tokens=512, states=tmp_path / "states")) as generator:
            counted = tokens_read(generator, monkeypatch)
            generator.prepare(prefix)
            read[name] = sum(counted)
    assert read["first"] == read["other"] > 50
    assert read["again"] == 0
