"""llama.cpp in process: GGUF files on the processor, through the wheel `cyllama`."""

import os
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from pathlib import Path

import numpy as np

from index.errors import UserError
from rag.llm import trained
from rag.llm.base import CHATML, Message, Stop, check_length, render
from rag.llm.prefix_cache import GROUP, PrefixCache, model_sha256
from rag.llm.scheduler import Job, Scheduler
from rag.llm.streaming import pieces


class LlamaCpp:
    """A GGUF model; a `rag.llm.base.Generator`.

    Args:
        path: the file.
        threads: processor cores; those this process may use where None.
        context_tokens: room for all that is kept in memory (28 kB a token with the default model).
        states: a folder for the states of prepared prefixes, at most 1 GiB; none is written where None.
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
        from cyllama.llama import llama_cpp as lc

        lc.disable_logging()

        class Model(lc.LlamaModel):  # type: ignore[misc]
            """The wheel's contexts ask their model for `n_vocab`, which it lacks."""

            @property
            def n_vocab(self) -> int:
                return int(self.get_vocab().n_vocab)

        parameters = lc.LlamaModelParams()
        # The processor's kernels want the weights in another order: mapped, they would lie in memory twice.
        parameters.use_mmap = False
        try:
            self._model = Model(str(path), parameters, verbose=False)
        except (ValueError, RuntimeError) as error:
            raise UserError("model_damaged", model=path, reason=error) from error
        self.name = path.stem
        self.context_tokens = min(context_tokens * 3 // 4, int(self._model.n_ctx_train))
        self._vocab = self._model.get_vocab()
        self._template = self._model.get_default_chat_template() or CHATML
        digest = model_sha256(path, states)
        taken = trained.load(prefixes, digest)
        made_by = "|".join([digest, version("cyllama"), *(prefix.sha256 for prefix in taken)])
        cache = PrefixCache(states, made_by) if states else None
        width = self._model.n_head_kv * (self._model.n_embd // self._model.n_head)
        token_bytes = self._model.n_layer * width * 4  # keys and values of two bytes each
        on_disk = cache.room // token_bytes if cache else 0
        self.kept_tokens = max(context_tokens - 1024, on_disk * 9 // 10)
        self._scheduler = Scheduler(
            lc,
            self._model,
            cells=context_tokens,
            threads=threads or _cores(),
            cache=cache,
            trained=taken,
        )

    def count(self, text: str) -> int:
        return len(self._vocab.tokenize(text, False, False))

    def prefix(self, messages: Sequence[Message]) -> list[int]:
        """The tokens that prompts beginning with these messages share, in whole groups: what `prepare` reads."""
        # What the template puts after the last message is left out.
        tokens = self._tokenized(self._rendered(messages)[:-1])
        return tokens[: len(tokens) // GROUP * GROUP]

    def prepare(
        self, messages: Sequence[Message], *, stop: Stop = None, ahead: bool = False
    ) -> None:
        if prefix := self.prefix(messages):
            for _ in self._scheduler.ask(Job(prefix, "state", stop=stop, on_disk=ahead)):
                pass

    def stream(
        self,
        messages: Sequence[Message],
        *,
        begin: str = "",
        max_tokens: int = 256,
        stop: Stop = None,
    ) -> Iterator[str]:
        job = Job(self._prompt(messages, max_tokens, begin), "tokens", max_tokens, stop)
        yield from pieces(self._scheduler.ask(job), self._text, stop)

    def choose(
        self, messages: Sequence[Message], options: Sequence[str], *, stop: Stop = None
    ) -> tuple[float, ...]:
        firsts = [self._vocab.tokenize(option, False, False)[0] for option in options]
        for logits in self._scheduler.ask(Job(self._prompt(messages, 1), "logits", stop=stop)):
            odds = np.exp(logits[firsts] - logits[firsts].max())
            return tuple(float(share) for share in odds / odds.sum())
        return (1 / len(options),) * len(options)

    def close(self) -> None:
        self._scheduler.close()
        self._model.close()

    def _prompt(self, messages: Sequence[Message], max_tokens: int, begin: str = "") -> list[int]:
        tokens = self._tokenized([*self._rendered(messages), (begin, False)])
        check_length(len(tokens), max_tokens, self.context_tokens)
        return tokens

    def _text(self, tokens: list[int]) -> str:
        return str(self._vocab.detokenize(tokens, 16 * len(tokens) + 64, False, False))

    def _rendered(self, messages: Sequence[Message]) -> list[tuple[str, bool]]:
        return render(self._template, messages, bos_token="", eos_token="")

    def _tokenized(self, pieces: Sequence[tuple[str, bool]]) -> list[int]:
        tokens: list[int] = []
        for text, own in pieces:
            tokens += self._vocab.tokenize(text, not tokens and self._vocab.get_add_bos(), own)
        return tokens


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 2
