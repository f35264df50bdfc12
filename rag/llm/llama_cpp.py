"""llama.cpp in process: GGUF files on the processor, through the wheel `cyllama`."""

import os
import threading
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from pathlib import Path

import numpy as np

from index.errors import UserError
from rag.llm.base import CHATML, Message, render
from rag.llm.batching import GROUP, Batches
from rag.llm.prefix_cache import States
from rag.llm.scheduler import Job, pieces


class LlamaCpp:
    """A GGUF model. See `rag.llm.base.Generator`.

    Args:
        path: the file.
        threads: processor cores; those this process may use where None.
        context_tokens: room for all that is kept in memory (28 kB a token with the default model).
        states: a folder for the states of what was prepared, at most 1 GiB of them; none is written where None.

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
    ) -> None:
        from cyllama.llama import llama_cpp as lc

        lc.disable_logging()
        self.name = path.stem

        class Model(lc.LlamaModel):  # type: ignore[misc]
            """The wheel's contexts ask their model for `n_vocab`, which it lacks."""

            @property
            def n_vocab(self) -> int:
                return int(self.get_vocab().n_vocab)

        parameters = lc.LlamaModelParams()
        parameters.use_mmap = False  # the processor's kernels want the weights in another order: mapped, they lie in memory twice
        try:
            self._model = Model(str(path), parameters, verbose=False)
        except (ValueError, RuntimeError) as error:
            raise UserError("model_damaged", model=path, reason=error) from error
        self._vocab = self._model.get_vocab()
        made_by = f"{path.name}|{path.stat().st_size}|{version('cyllama')}"
        kept = States(states, made_by) if states else None
        self._batches = Batches(
            lc, self._model, cells=context_tokens, threads=threads or _cores(), states=kept
        )
        self.context_tokens = min(context_tokens * 3 // 4, int(self._model.n_ctx_train))
        heads, width = self._model.n_head_kv, self._model.n_embd // self._model.n_head
        on_disk = (
            kept.room // (self._model.n_layer * heads * width * 4) if kept else 0
        )  # keys and values of two bytes each
        self.kept_tokens = max(context_tokens - 1024, on_disk * 9 // 10)
        self._template = self._model.get_default_chat_template() or CHATML

    def count(self, text: str) -> int:
        """Tokens of a text."""
        return len(self._vocab.tokenize(text, False, False))

    def prepare(
        self,
        messages: Sequence[Message],
        *,
        stop: threading.Event | None = None,
        ahead: bool = False,
    ) -> None:
        """See `Generator.prepare`."""
        tokens = self._tokenized(
            self._pieces(messages)[:-1]
        )  # without what the template puts after the last message
        if beginning := tokens[: len(tokens) // GROUP * GROUP]:
            for _ in self._batches.ask(Job(beginning, "state", stop=stop, ahead=ahead)):
                pass

    def stream(
        self,
        messages: Sequence[Message],
        *,
        begin: str = "",
        max_tokens: int = 256,
        stop: threading.Event | None = None,
    ) -> Iterator[str]:
        """See `Generator.stream`."""
        job = Job(self._tokens(messages, max_tokens, begin), "tokens", max_tokens, stop)
        yield from pieces(self._batches.ask(job), self._text, stop)

    def choose(
        self,
        messages: Sequence[Message],
        options: Sequence[str],
        *,
        stop: threading.Event | None = None,
    ) -> tuple[float, ...]:
        """See `Generator.choose`."""
        for logits in self._batches.ask(Job(self._tokens(messages, 1), "logits", stop=stop)):
            firsts = np.array(
                [logits[self._vocab.tokenize(option, False, False)[0]] for option in options]
            )
            odds = np.exp(firsts - firsts.max())
            return tuple(float(share) for share in odds / odds.sum())
        return (1 / len(options),) * len(options)

    def close(self) -> None:
        """See `Generator.close`."""
        self._batches.close()
        self._model.close()

    def _tokens(self, messages: Sequence[Message], max_tokens: int, begin: str = "") -> list[int]:
        tokens = self._tokenized([*self._pieces(messages), (begin, False)])
        if len(tokens) + max_tokens > self.context_tokens:
            raise UserError(
                "prompt_too_long", tokens=len(tokens), most=self.context_tokens - max_tokens
            )
        return tokens

    def _text(self, tokens: list[int]) -> str:
        return str(self._vocab.detokenize(tokens, 16 * len(tokens) + 64, False, False))

    def _pieces(self, messages: Sequence[Message]) -> list[tuple[str, bool]]:
        return render(self._template, messages, bos_token="", eos_token="")

    def _tokenized(self, pieces: Sequence[tuple[str, bool]]) -> list[int]:
        tokens: list[int] = []
        for text, own in pieces:
            tokens += self._vocab.tokenize(text, not tokens and self._vocab.get_add_bos(), own)
        return tokens


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 2
