"""llama.cpp in process: GGUF files on the processor, through the wheel `cyllama`."""

import os
import threading
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from pathlib import Path

import numpy as np
from cyllama.llama import llama_cpp as lc

from index.errors import UserError
from rag.llm import trained
from rag.llm.base import CHATML, Messages, Stop, check_length, render
from rag.llm.prefix_cache import GROUP, PrefixCache, model_sha256
from rag.llm.scheduler import Job, Scheduler, open_context
from rag.llm.sequences import Sequences
from rag.llm.streaming import pieces


class LlamaCpp:
    """A GGUF model; a `rag.llm.base.Generator`.

    Args:
        path: the file.
        threads: processor cores; those this process may use where None.
        context_tokens: room for all that is kept in memory (28 kB a token in the default model).
        states: a folder for the states of prepared prefixes; none is written where None.
        prefixes: a folder of trained prefixes.

    Raises:
        UserError: `model_damaged`.
    """

    def __init__(
        self,
        path: Path,
        *,
        threads: int | None = None,
        context_tokens: int = 4096,
        states: Path | None = None,
        prefixes: Path = trained.FOLDER,
    ) -> None:
        self.name = path.stem
        self._model = model = _load(path)
        self.context_tokens = min(context_tokens * 3 // 4, int(model.n_ctx_train))
        self._vocab = model.get_vocab()
        self._reading = threading.Lock()  # of the vocabulary, which is gone once closed
        self._closed = False
        self._template = model.get_default_chat_template() or CHATML
        digest = model_sha256(path, states)
        taken = trained.load(prefixes, digest)
        made_by = [digest, version("cyllama"), *(prefix.sha256 for prefix in taken)]
        cache = PrefixCache(states, "|".join(made_by)) if states else None
        context = open_context(model, context_tokens, threads or _cores())
        sequences = Sequences(context, context_tokens, cache, taken)
        self._scheduler = Scheduler(context, sequences, self._vocab)
        # Keys and values of each layer have two bytes a number.
        token_bytes = 4 * model.n_layer * model.n_head_kv * (model.n_embd // model.n_head)
        on_disk = cache.room // token_bytes if cache else 0
        self.kept_tokens = max(context_tokens - 1024, on_disk * 9 // 10)

    def count(self, text: str) -> int:
        return len(self._tokenized(text))

    def prefix(self, messages: Messages) -> list[int]:
        """The tokens that `prepare` reads: whole groups, up to what may follow in the message."""
        tokens = self._tokens(self._rendered(messages)[:-1])
        return tokens[: len(tokens) // GROUP * GROUP]

    def prepare(self, messages: Messages, *, stop: Stop = None, ahead: bool = False) -> None:
        if prefix := self.prefix(messages):
            for _ in self._scheduler.ask(Job(prefix, "state", stop=stop, on_disk=ahead)):
                pass

    def stream(
        self, messages: Messages, *, begin: str = "", max_tokens: int = 256, stop: Stop = None
    ) -> Iterator[str]:
        job = Job(self._prompt(messages, max_tokens, begin), "tokens", max_tokens, stop)
        yield from pieces(self._scheduler.ask(job), self._text, stop)

    def choose(
        self, messages: Messages, options: Sequence[str], *, stop: Stop = None
    ) -> tuple[float, ...]:
        firsts = [token for option in options for token in self._tokenized(option)[:1]]
        for logits in self._scheduler.ask(Job(self._prompt(messages, 1), "logits", stop=stop)):
            odds = np.exp(logits[firsts] - logits[firsts].max())
            return tuple(float(share) for share in odds / odds.sum())
        return (1 / len(options),) * len(options)

    def close(self) -> None:
        self._scheduler.close()
        with self._reading:
            self._closed = True
            self._model.close()

    def _prompt(self, messages: Messages, max_tokens: int, begin: str = "") -> list[int]:
        tokens = self._tokens([*self._rendered(messages), (begin, False)])
        check_length(len(tokens), max_tokens, self.context_tokens)
        return tokens

    def _rendered(self, messages: Messages) -> list[tuple[str, bool]]:
        return render(self._template, messages, bos_token="", eos_token="")

    def _tokens(self, rendered: Sequence[tuple[str, bool]]) -> list[int]:
        tokens: list[int] = []
        for text, own in rendered:
            tokens += self._tokenized(text, first=not tokens, own=own)
        return tokens

    def _tokenized(self, text: str, *, first: bool = False, own: bool = False) -> list[int]:
        """No tokens once the model is closed: whoever still asks gets no more."""
        with self._reading:
            if self._closed:
                return []
            return list(self._vocab.tokenize(text, first and self._vocab.get_add_bos(), own))

    def _text(self, tokens: list[int]) -> str:
        with self._reading:
            if self._closed:
                return ""
            return str(self._vocab.detokenize(tokens, 16 * len(tokens) + 64, False, False))


class _Model(lc.LlamaModel):  # type: ignore[misc]
    """The wheel's contexts ask their model for `n_vocab`, which it lacks."""

    @property
    def n_vocab(self) -> int:
        return int(self.get_vocab().n_vocab)


def _load(path: Path) -> _Model:
    lc.disable_logging()
    parameters = lc.LlamaModelParams()
    # The kernels want the weights in another order: mapped, they would lie in memory twice.
    parameters.use_mmap = False
    try:
        return _Model(str(path), parameters, verbose=False)
    except (ValueError, RuntimeError) as error:
        raise UserError("model_damaged", model=path, reason=error) from error


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 2
