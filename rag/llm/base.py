"""The contract of everything that writes text, and what its implementations share."""

import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Any, Literal, Protocol

from index.errors import UserError

Stop = threading.Event | None
"""Set by whoever no longer wants the result; looked at ten times a second at least."""


@dataclass(frozen=True)
class Message:
    """One message to or from a model. `content` is data: chat markers in it mean nothing."""

    role: Literal["system", "user", "assistant"]
    content: str


Messages = Sequence[Message]


class Generator(Protocol):
    """Writes text after messages, greedily. Safe to use from several threads.

    Attributes:
        name: of the model.
        context_tokens: what a prompt and its answer may have together.
        kept_tokens: how many tokens of prepared prefixes can be kept; 0 where none are.
    """

    name: str
    context_tokens: int
    kept_tokens: int

    def count(self, text: str) -> int:
        """Tokens of a text (an estimate for a server)."""
        ...

    def prepare(self, messages: Messages, *, stop: Stop = None, ahead: bool = False) -> None:
        """Read the prefix of later prompts, and keep its state for as long as there is room.

        Args:
            messages: the last of them may go on in those prompts.
            stop: stops reading; what was read stays.
            ahead: nobody waits for it: a state that lies on disk is left there.
        """
        ...

    def stream(
        self, messages: Messages, *, begin: str = "", max_tokens: int = 256, stop: Stop = None
    ) -> Iterator[str]:
        """The answer, piece by piece, in whole code points.

        Args:
            messages: the answer is the next one.
            begin: what the answer begins with; it isn't repeated. A server may ignore it.
            max_tokens: the longest answer.
            stop: stops the model; so does closing the iterator.

        Raises:
            UserError: `prompt_too_long`; errors of a server.
        """
        ...

    def choose(
        self, messages: Messages, options: Sequence[str], *, stop: Stop = None
    ) -> tuple[float, ...]:
        """The probability of each option by its first token; their sum is 1. Equal if stopped.

        Raises:
            UserError: as `stream`.
        """
        ...

    def close(self) -> None:
        """Free the memory."""
        ...


def check_length(tokens: int, max_tokens: int, context_tokens: int) -> None:
    """Raise `prompt_too_long` where a prompt and the longest answer exceed the context."""
    if tokens + max_tokens > context_tokens:
        raise UserError("prompt_too_long", tokens=tokens, most=context_tokens - max_tokens)


def common_prefix(one: Sequence[int], other: Sequence[int]) -> int:
    """How many tokens two prompts share from their first one on."""
    pairs = zip(one, other, strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


def render(template: str, messages: Messages, **names: Any) -> list[tuple[str, bool]]:
    """A conversation in a chat template, as pieces: (text, whether it is the template's own).

    Only the template's own pieces may be read as special tokens. To tell them from markers in
    the contents, placeholders stand in for the contents while the template runs.
    """
    import jinja2
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    def raise_exception(reason: str) -> None:
        raise jinja2.TemplateError(reason)

    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols"]
    )
    environment.globals.update(raise_exception=raise_exception, strftime_now=time.strftime)
    mark = f"\ue000{time.monotonic_ns():x}-"
    placed = [
        {"role": message.role, "content": f"{mark}{number}\ue001"}
        for number, message in enumerate(messages)
    ]
    text = environment.from_string(template).render(
        messages=placed, add_generation_prompt=True, **names
    )
    pieces: list[tuple[str, bool]] = []
    for message, stand_in in zip(messages, placed, strict=True):
        before, found, text = text.partition(stand_in["content"])
        pieces += [(before, True), (message.content, False)] if found else [(before, True)]
    return [piece for piece in [*pieces, (text, True)] if piece[0]]


CHATML = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n"
    "{{ message.content }}<|im_end|>\n{% endfor %}<|im_start|>assistant\n"
)
