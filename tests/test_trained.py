"""Trained prefixes: taken up in place of the instruction for one model and its tokens, else ignored."""

import hashlib
import json
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from index.models.catalogue import SMALL_GENERATOR
from rag.llm.base import Message
from rag.llm.llama_cpp import LlamaCpp
from tests.generators import small_model, tokens_read

INSTRUCTION = [Message("system", "Answer about the port of Brest: yes or no, nothing else. " * 8)]
ASKED = [*INSTRUCTION, Message("user", "Is Brest a town in France?")]
OPTIONS = ("Yes", "No", "Brest")


@pytest.fixture(scope="module")
def own(home: Path) -> tuple[list[int], np.ndarray, np.ndarray, tuple[float, ...]]:
    """The tokens of the instruction, its own keys and values in llama.cpp, and the odds after it."""
    with closing(LlamaCpp(small_model(home), context_tokens=1024)) as generator:
        generator.prepare(INSTRUCTION)
        tokens = generator.prefix(INSTRUCTION)
        state = generator._scheduler._context.get_state_seq_data(0)
        odds = generator.choose(ASKED, OPTIONS)
    layers = np.frombuffer(state[-2 * 24 * (12 + 256 * len(tokens)) :], np.uint8)
    rows = layers.reshape(2, 24, 12 + 256 * len(tokens))[:, :, 12:]
    keys, values = np.ascontiguousarray(rows).view(np.float16).reshape(2, 24, len(tokens), 128)
    return tokens, keys, values, odds


def write(
    folder: Path,
    tokens: Sequence[int],
    *,
    model: str = SMALL_GENERATOR.sha256,
    **arrays: np.ndarray,
) -> Path:
    """A folder with one prefix; returns the prefix's file."""
    folder.mkdir(exist_ok=True)
    path = folder / "instruction.safetensors"
    metadata = {"format": "cocorico-prefix-1", "model": model, "tokens": json.dumps(list(tokens))}
    save_file(arrays, path, metadata)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    (folder / "SHA256SUMS").write_text(f"{digest}  {path.name}\n")
    return path


def odds(
    home: Path, prefixes: Path, asked: Sequence[Message] = ASKED, states: Path | None = None
) -> tuple[float, ...]:
    """The odds of the options with what lies in a folder of prefixes."""
    model = small_model(home)
    with closing(
        LlamaCpp(model, context_tokens=1024, prefixes=prefixes, states=states)
    ) as generator:
        generator.prepare(asked[:-1])
        return generator.choose(asked, OPTIONS)


def test_the_instructions_own_numbers_give_the_same_odds_unread(
    home: Path, own: tuple, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokens, keys, values, plain = own
    write(tmp_path, tokens, keys=keys, values=values)
    with closing(LlamaCpp(small_model(home), context_tokens=1024, prefixes=tmp_path)) as generator:
        read = tokens_read(generator, monkeypatch)
        generator.prepare(INSTRUCTION)
        assert read == []
        assert generator.choose(ASKED, OPTIONS) == pytest.approx(plain, abs=1e-3)
        assert sum(read) == len(generator._prompt(ASKED, 1)) - len(tokens)


def test_eight_bits_are_nearly_as_good(home: Path, own: tuple, tmp_path: Path) -> None:
    tokens, keys, values, plain = own
    arrays = {}
    for name, numbers in (("keys", keys), ("values", values)):
        low, high = (
            edge(numbers.astype(np.float32), axis=1, keepdims=True) for edge in (np.min, np.max)
        )
        scale = (high - low) / 255 + 1e-8
        arrays[f"{name}_scale"], arrays[f"{name}_offset"] = scale, low
        arrays[name] = np.rint((numbers - low) / scale).astype(np.uint8)
    write(tmp_path, tokens, **arrays)
    assert odds(home, tmp_path) == pytest.approx(plain, abs=0.1)


def test_other_numbers_give_other_odds(home: Path, own: tuple, tmp_path: Path) -> None:
    tokens, keys, values, plain = own
    write(tmp_path, tokens, keys=keys, values=-values)
    assert max(abs(a - b) for a, b in zip(odds(home, tmp_path), plain, strict=True)) > 0.05


@pytest.mark.parametrize("other", ["model", "tokens", "shape", "layers", "bytes", "format", "gone"])
def test_a_file_that_does_not_fit_is_ignored(
    other: str, home: Path, own: tuple, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    tokens, keys, values, plain = own
    values = -values  # would show in the odds
    if other == "model":
        write(tmp_path, tokens, model="0" * 64, keys=keys, values=values)
    elif other == "tokens":
        write(tmp_path, [*tokens[:-1], tokens[-1] + 1], keys=keys, values=values)
    elif other == "shape":
        write(tmp_path, tokens, keys=keys, values=values[:, 1:])
    elif other == "layers":  # which llama.cpp finds out
        write(tmp_path, tokens, keys=keys[1:], values=values[1:])
    else:
        path = write(tmp_path, tokens, keys=keys, values=values)
        if other == "bytes":
            data = bytearray(path.read_bytes())
            data[len(data) // 2] ^= 1
            path.write_bytes(data)
        elif other == "format":
            path.write_bytes(b"no safetensors")
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            (tmp_path / "SHA256SUMS").write_text(f"{digest}  {path.name}\n")
        else:
            path.unlink()
    assert odds(home, tmp_path) == pytest.approx(plain, abs=1e-3)
    warned = "prefix" in caplog.text
    assert warned == (other not in ("model", "tokens"))


def test_a_prompt_that_begins_with_some_of_the_tokens_alone_is_read_in_full(
    home: Path, own: tuple, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokens, keys, values, _ = own
    write(tmp_path, tokens, keys=keys, values=-values)
    other = [Message("system", f"{INSTRUCTION[0].content[:-60]}Begin."), ASKED[-1]]
    model = small_model(home)
    with closing(LlamaCpp(model, context_tokens=1024, prefixes=tmp_path)) as generator:
        generator.prepare(INSTRUCTION)
        read = tokens_read(generator, monkeypatch)
        generator.choose(other, OPTIONS)
        assert sum(read) == len(generator._prompt(other, 1))


def test_it_is_taken_up_again_after_it_made_room(home: Path, own: tuple, tmp_path: Path) -> None:
    tokens, keys, values, _ = own
    write(tmp_path, tokens, keys=keys, values=-values)
    model = small_model(home)
    with closing(LlamaCpp(model, context_tokens=512, prefixes=tmp_path)) as generator:
        first = generator.choose(ASKED, OPTIONS)
        generator.choose([Message("user", "le chat dort " * 110)], OPTIONS)
        assert generator.choose(ASKED, OPTIONS) == pytest.approx(first, abs=1e-3)


def test_states_read_after_the_instruction_are_not_taken_for_those_after_a_prefix(
    home: Path, own: tuple, tmp_path: Path
) -> None:
    tokens, keys, values, _ = own
    write(tmp_path / "trained", tokens, keys=keys, values=-values)
    asked = [*INSTRUCTION, Message("user", "The port has three docks. " * 12)]
    asked += [Message("user", "Is Brest a town?")]
    each = [
        odds(home, tmp_path / prefixes, asked, states)
        for states in (tmp_path / "states", None)
        for prefixes in ("none", "trained")
    ]
    assert each[:2] == [pytest.approx(plain, abs=1e-3) for plain in each[2:]]
    assert each[0] != pytest.approx(each[1], abs=1e-3)
