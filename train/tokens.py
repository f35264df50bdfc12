"""The model's own tokenizer and chat template, as the program uses them."""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from rag.llm.base import CHATML, Message, render


class Tokenizer:
    """Args:
    path: a GGUF file; its weights are mapped, not read.
    """

    def __init__(self, path: Path) -> None:
        from cyllama.llama import llama_cpp as lc

        class Mapped(lc.LlamaModel):  # type: ignore[misc]
            """The wheel asks a model for `n_vocab`, which it lacks."""

            @property
            def n_vocab(self) -> int:
                return int(self.get_vocab().n_vocab)

        lc.disable_logging()
        parameters = lc.LlamaModelParams()
        parameters.use_extra_bufts = False  # else the weights are copied in another order
        self._model: Any = Mapped(str(path), parameters, verbose=False)
        self._vocabulary = self._model.get_vocab()
        self._encoded = lru_cache(100_000)(self._encode)
        self._pieces = lru_cache(self._render)
        self._template = self._model.get_default_chat_template() or CHATML

    def encode(self, text: str, *, markers: bool = False) -> list[int]:
        """Tokens of a text; markers of the template are taken for such only where that is said."""
        return list(self._encoded(text, markers))

    def prompt(self, messages: Sequence[Message]) -> list[int]:
        """Tokens of a conversation up to where the model writes its answer."""
        return self._joined(messages, self._pieces(tuple(each.role for each in messages)))

    def instruction(self, messages: Sequence[Message]) -> list[int]:
        """Tokens of a conversation without what the template puts before an answer."""
        return self._joined(messages, self._pieces(tuple(each.role for each in messages))[:-1])

    def _joined(self, messages: Sequence[Message], pieces: Sequence[tuple[str, bool]]) -> list[int]:
        contents = iter(messages)
        tokens: list[int] = []
        for text, own in pieces:
            tokens += self.encode(text if own else next(contents).content, markers=own)
        return tokens

    def _render(self, roles: tuple[Any, ...]) -> list[tuple[str, bool]]:
        """The template around messages of these roles; it is slow to run, and the same whatever
        they say.
        """
        messages = [Message(role, "content") for role in roles]
        return render(self._template, messages, bos_token="", eos_token="")

    def _encode(self, text: str, markers: bool) -> tuple[int, ...]:
        return tuple(self._vocabulary.tokenize(text, False, markers))

    def decode(self, tokens: Sequence[int]) -> str:
        """The text of tokens."""
        return str(self._vocabulary.detokenize(list(tokens), 16 * len(tokens) + 64, False, False))
