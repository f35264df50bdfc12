"""llama.cpp in process: GGUF files on the processor, through the wheel `cyllama`.

What was read once isn't read again: the states of recent prompts stay in the context, and a new prompt starts after the
longest beginning that it shares with one of them.
"""

import json
import os
import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rag.generator import CHATML, Message, Turnstile, render, shared_beginning
from weights.errors import UserError

_MOST_KEPT = 96  # beginnings whose states stay
_AT_ONCE = 256  # tokens read between two looks at `stop`
# A shared beginning is taken over in whole groups of this many tokens, as the matrix kernels work on groups of rows. Flash
# attention may still sum in another order where the context holds other things: scores can differ in their last digits.
_GROUP = 16


@dataclass
class _Kept:
    """The tokens whose states a sequence of the context holds. The first `shared` of them are those of `parent`, held once."""

    tokens: list[int]
    parent: int | None = None
    shared: int = 0
    lasting: bool = False


class LlamaCpp:
    """A GGUF model. See `rag.generator.Generator`.

    Args:
        path: the file.
        threads: processor cores; those this process may use where None.
        context_tokens: room for all that is kept (28 kB a token with the default model).
        states: a folder for the states of what was prepared, from one start to the next; none is written where None.

    Raises:
        UserError: `model_damaged`.
    """

    def __init__(
        self, path: Path, *, threads: int | None = None, context_tokens: int = 8192, states: Path | None = None
    ) -> None:
        from cyllama.llama import llama_cpp as lc

        lc.disable_logging()
        self._lc = lc
        self.name = path.stem

        class Model(lc.LlamaModel):  # type: ignore[misc]
            """The wheel's contexts ask their model for `n_vocab`, which it lacks."""

            @property
            def n_vocab(self) -> int:
                return int(self.get_vocab().n_vocab)

        try:
            self._model = Model(str(path), lc.LlamaModelParams(), verbose=False)
        except (ValueError, RuntimeError) as error:
            raise UserError("model_damaged", model=path, reason=error) from error
        self._vocab = self._model.get_vocab()
        parameters = lc.LlamaContextParams()
        parameters.n_ctx = context_tokens
        parameters.n_batch = parameters.n_ubatch = _AT_ONCE
        parameters.n_seq_max = _MOST_KEPT + 2
        parameters.kv_unified = True
        parameters.flash_attn_type = 1  # passes over what other sequences hold, which would double the time in a full context
        parameters.n_threads = parameters.n_threads_batch = threads or _cores()
        self._context = lc.LlamaContext(self._model, parameters, verbose=False)
        self._cells = context_tokens
        self.context_tokens = min(context_tokens // 2, int(self._model.n_ctx_train))
        self.kept_tokens = context_tokens - 1024
        made_by = f"{path.name}|{path.stat().st_size}|{version('cyllama')}|{context_tokens}|{_MOST_KEPT}"
        self._states = states and states / f"{sha256(made_by.encode()).hexdigest()[:24]}.states"
        self._template = self._model.get_default_chat_template() or CHATML
        self._greedy = lc.LlamaSampler()
        self._greedy.add_greedy()
        self._turnstile = Turnstile()
        self._kept: OrderedDict[int, _Kept] = OrderedDict()  # by sequence number, least recently used first
        self._closed = False
        self._stop: threading.Event | None = None
        self._context.set_abort_callback(lambda: self._stop is not None and self._stop.is_set())
        self._load()
        self._on_disk = {tuple(kept.tokens) for kept in self._kept.values()}

    def count(self, text: str) -> int:
        """Tokens of a text."""
        return len(self._vocab.tokenize(text, False, False))

    def prepare(self, messages: Sequence[Message], *, stop: threading.Event | None = None) -> None:
        """See `Generator.prepare`."""
        tokens = self._tokenized(self._pieces(messages)[:-1])  # without what the template puts after the last message
        with self._turnstile.turn(stop) as mine:
            length = len(tokens) // _GROUP * _GROUP
            if not mine or length < _GROUP or self._closed:
                return
            known = next((number for number, kept in self._kept.items() if kept.lasting and kept.tokens == tokens[:length]), None)
            if known is not None:
                self._kept.move_to_end(known)
                return
            sequence = self._read(tokens[:length], 0, stop)
            if sequence is not None:
                self._kept[sequence].lasting = True

    def keep(self) -> None:
        """See `Generator.keep`."""
        with self._turnstile.turn():
            lasting = {tuple(kept.tokens) for kept in self._kept.values() if kept.lasting}
            if not self._states or self._closed or lasting == self._on_disk:
                return
            known = json.dumps([[number, asdict(kept)] for number, kept in self._kept.items()]).encode()
            state = len(known).to_bytes(8) + known + bytes(self._context.get_state_data())
            part = self._states.with_suffix(f".{os.getpid()}.part")
            with suppress(OSError):  # a full disk costs the next start a minute, nothing else
                part.parent.mkdir(parents=True, exist_ok=True)
                part.write_bytes(sha256(state).digest() + state)
                part.replace(self._states)
                self._on_disk = lasting
            part.unlink(missing_ok=True)

    def stream(
        self, messages: Sequence[Message], *, begin: str = "", max_tokens: int = 256, stop: threading.Event | None = None
    ) -> Iterator[str]:
        """See `Generator.stream`."""
        prompt = self._tokens(messages, max_tokens, begin)
        with self._turnstile.turn(stop) as mine:
            sequence = self._read(prompt, max_tokens, stop) if mine else None
            if sequence is None:
                return
            try:
                yield from self._write(sequence, len(prompt), max_tokens, stop)
            finally:  # what was written one by one is not kept: read as a prompt its sums would differ
                self._context.memory_seq_rm(sequence, len(prompt), -1)

    def choose(
        self, messages: Sequence[Message], options: Sequence[str], *, stop: threading.Event | None = None
    ) -> tuple[float, ...]:
        """See `Generator.choose`."""
        prompt = self._tokens(messages, 1)
        with self._turnstile.turn():
            if self._read(prompt, 1, stop) is None:
                return (1 / len(options),) * len(options)
            logits: NDArray[np.float64] = np.array(self._context.get_logits_ith(-1), np.float64)
        firsts = np.array([logits[self._vocab.tokenize(option, False, False)[0]] for option in options])
        odds = np.exp(firsts - firsts.max())
        return tuple(float(share) for share in odds / odds.sum())

    def close(self) -> None:
        """See `Generator.close`."""
        self.keep()
        with self._turnstile.turn():
            if not self._closed:
                self._closed = True
                self._context.close()
                self._model.close()

    def _write(self, sequence: int, position: int, max_tokens: int, stop: threading.Event | None) -> Iterator[str]:
        """Greedily, token by token, after the `position` tokens that were read."""
        written: list[int] = []
        shown = 0
        for place in range(position, position + max_tokens):
            if stop and stop.is_set():
                return
            token = self._greedy.sample(self._context, -1)
            if self._vocab.is_eog(token):
                break
            written.append(token)
            # Decoding all that was written makes sure of whole code points; the last one may wait for its bytes.
            text = self._text(written)
            whole = len(text) - 1 if text.endswith("\ufffd") else len(text)
            if whole > shown:
                yield text[shown:whole]
                shown = whole
            if len(written) < max_tokens:
                self._run([token], place, sequence, last=True)
        text = self._text(written)
        if len(text) > shown:
            yield text[shown:]

    def _tokens(self, messages: Sequence[Message], max_tokens: int, begin: str = "") -> list[int]:
        tokens = self._tokenized([*self._pieces(messages), (begin, False)])
        if len(tokens) + max_tokens > self.context_tokens:
            raise UserError("prompt_too_long", tokens=len(tokens), most=self.context_tokens - max_tokens)
        return tokens

    def _pieces(self, messages: Sequence[Message]) -> list[tuple[str, bool]]:
        return render(self._template, messages, bos_token="", eos_token="")

    def _tokenized(self, pieces: Sequence[tuple[str, bool]]) -> list[int]:
        tokens: list[int] = []
        for text, own in pieces:
            tokens += self._vocab.tokenize(text, not tokens and self._vocab.get_add_bos(), own)
        return tokens

    def _read(self, prompt: list[int], max_tokens: int, stop: threading.Event | None) -> int | None:
        """Make a sequence hold the states of the prompt, reading only what no kept one shares; None when stopped."""
        best, length = None, 0
        for sequence, kept in self._kept.items():
            if (common := shared_beginning(kept.tokens, prompt)) > length:
                best, length = sequence, common
        length = min(length, len(prompt) - 1) // _GROUP * _GROUP  # the last token is always run: its logits are wanted
        best = best if length else None
        near = best is not None and len(prompt) - length <= _GROUP and len(self._kept[best].tokens) - length <= _GROUP
        if best is not None and near and not self._kept[best].lasting and length >= self._kept[best].shared:
            # As good as the same prompt: read its end again in its place.
            self._make_room(max_tokens + _GROUP, keep=best)
            self._context.memory_seq_rm(best, length, -1)
            sequence = best
        else:
            sequence = self._make_room(len(prompt) - length + max_tokens, keep=best)
            self._kept[sequence] = _Kept([], best, length)
            if best is not None:
                self._context.memory_seq_cp(best, sequence, 0, length)
                self._kept.move_to_end(best)
        kept = self._kept[sequence]
        kept.tokens = prompt[:length]
        self._kept.move_to_end(sequence)
        while length < len(prompt):
            if stop and stop.is_set():
                return None
            part = prompt[length : length + _AT_ONCE]
            if not self._run(part, length, sequence, last=length + len(part) == len(prompt), stop=stop):
                self._context.memory_seq_rm(sequence, length, -1)
                return None
            length += len(part)
            kept.tokens = prompt[:length]
        return sequence

    def _make_room(self, wanted: int, *, keep: int | None) -> int:
        """A sequence number that holds nothing, with room in the context for `wanted` cells.

        What was asked goes before what was prepared, the least recently used first, and nothing on which another rests.
        """
        while self._kept:
            cells = sum(len(kept.tokens) - kept.shared for kept in self._kept.values())
            if len(self._kept) <= _MOST_KEPT and cells + wanted <= self._cells:
                break
            parents = {kept.parent for kept in self._kept.values()} | {keep}
            leaves = [number for number in self._kept if number not in parents]
            if not leaves:
                break
            oldest = min(leaves, key=lambda number: self._kept[number].lasting)  # the first of those alike
            self._context.memory_seq_rm(oldest, -1, -1)
            del self._kept[oldest]
        return next(number for number in range(_MOST_KEPT + 2) if number not in self._kept)

    def _load(self) -> None:
        """Take up what `keep` wrote; nothing where there is no such file, or a damaged one."""
        try:
            data = memoryview(self._states.read_bytes() if self._states else b"")
            if sha256(data[32:]).digest() != data[:32]:
                return
            end = 40 + int.from_bytes(data[32:40])
            self._context.set_state_data(bytes(data[end:]))
            self._kept.update((number, _Kept(**kept)) for number, kept in json.loads(bytes(data[40:end])))
        except (OSError, ValueError, RuntimeError):
            return

    def _run(
        self, tokens: Sequence[int], position: int, sequence: int, *, last: bool, stop: threading.Event | None = None
    ) -> bool:
        """Run the model over tokens of a sequence; False where `stop` cut it short."""
        batch = self._lc.LlamaBatch(n_tokens=len(tokens), embd=0, n_seq_max=1)
        for number, token in enumerate(tokens):
            batch.add(token, position + number, [sequence], last and number == len(tokens) - 1)
        self._stop = stop
        try:
            self._context.decode(batch)
        except Exception:
            if stop is not None and stop.is_set():
                return False
            raise
        finally:
            self._stop = None
        return True

    def _text(self, tokens: list[int]) -> str:
        return str(self._vocab.detokenize(tokens, 16 * len(tokens) + 64, False, False)) if tokens else ""


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 2
