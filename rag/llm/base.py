"""The contract of everything that writes text, and the one place that chooses which of the three does."""

import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

from index.errors import UserError
from index.models.catalogue import GENERATOR, SMALL_GENERATOR
from index.models.fetch import Progress, ensure


@dataclass(frozen=True)
class Message:
    """One message of a conversation with a model. `content` is data: markers of chat templates in it mean nothing."""

    role: Literal["system", "user", "assistant"]
    content: str


class Generator(Protocol):
    """Writes text after messages, greedily. Safe to use from several threads; they are served in order of arrival."""

    name: str
    context_tokens: int
    kept_tokens: int
    """How many tokens of prepared beginnings fit in memory and on disk; 0 where there is no use in preparing."""

    def count(self, text: str) -> int:
        """Tokens of a text (an estimate where the model is far away)."""
        ...

    def prepare(
        self,
        messages: Sequence[Message],
        *,
        stop: threading.Event | None = None,
        ahead: bool = False,
    ) -> None:
        """Read the beginning of later prompts ahead of them, and keep its state for as long as there is room.

        Args:
            messages: the last of them may go on in those prompts.
            stop: set it to leave off; what was read so far stays.
            ahead: nobody waits for it: a state that lies on disk is left there.
        """
        ...

    def stream(
        self,
        messages: Sequence[Message],
        *,
        begin: str = "",
        max_tokens: int = 256,
        stop: threading.Event | None = None,
    ) -> Iterator[str]:
        """The answer, piece by piece, in whole code points.

        Args:
            messages: the conversation; the answer is the next message.
            begin: what the answer begins with; it isn't told again. A server may pass over it.
            max_tokens: the longest answer.
            stop: set it to stop the model; so does closing the iterator.

        Raises:
            UserError: `prompt_too_long`; errors of a server.
        """
        ...

    def choose(
        self,
        messages: Sequence[Message],
        options: Sequence[str],
        *,
        stop: threading.Event | None = None,
    ) -> tuple[float, ...]:
        """How likely the answer is each of the options, by its first token; the sum is 1. All alike when stopped."""
        ...

    def close(self) -> None:
        """Free the memory."""
        ...


def open_generator(
    spec: str,
    *,
    home: Path,
    progress: Progress | None = None,
    threads: int | None = None,
    api_key: str | None = None,
) -> Generator:
    """The generator that `spec` names.

    Args:
        spec: "" the default model (llama.cpp; with a CUDA GPU transformers on the same file); "small" the 0.5B one;
            a path to a .gguf file (llama.cpp); "transformers:" and a Hub id, a folder or a .gguf file; an address
            "http://host:port/v1#model" of an OpenAI-compatible server; anything else is a Hub id or folder.
        home: where the pinned weights lie.
        progress: told of a fetch.
        threads: processor cores; all where None.
        api_key: for a server.

    Raises:
        UserError: what is missing or wrong, by name.
    """
    if spec.startswith(("http://", "https://")):
        from rag.llm.openai_server import OpenAIServer

        return OpenAIServer(spec, api_key=api_key)
    if spec in ("", "small"):
        file = ensure(SMALL_GENERATOR if spec else GENERATOR, home, progress=progress)
        spec = f"transformers:{file}" if _has_gpu() else str(file)
    if spec.lower().endswith(".gguf") and not spec.startswith("transformers:"):
        if not Path(spec).expanduser().is_file():
            raise UserError("model_absent", model=spec)
        from rag.llm.llama_cpp import LlamaCpp

        return LlamaCpp(Path(spec).expanduser(), threads=threads, states=home / "states")
    from rag.llm.hf import TransformersModel

    return TransformersModel(spec.removeprefix("transformers:"), threads=threads)


def _has_gpu() -> bool:
    import torch

    return torch.cuda.is_available()


def shared_beginning(one: Sequence[int], other: Sequence[int]) -> int:
    """How many tokens two prompts have in common from their first one on."""
    common = 0
    for mine, theirs in zip(one, other, strict=False):
        if mine != theirs:
            break
        common += 1
    return common


def render(template: str, messages: Sequence[Message], **names: Any) -> list[tuple[str, bool]]:
    """A conversation in a model's chat template, as pieces of text: (text, whether it is the template's own).

    The contents stand in for placeholders while the template runs, so that markers in them can be told from real ones:
    only the template's own pieces may be read as special tokens.
    """
    import jinja2
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    mark = f"\ue000{time.monotonic_ns():x}-"
    contents = {f"{mark}{number}\ue001": message.content for number, message in enumerate(messages)}
    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols"]
    )

    def refuse(reason: str) -> None:
        raise jinja2.TemplateError(reason)

    environment.globals.update(raise_exception=refuse, strftime_now=time.strftime)
    placed = [
        {"role": message.role, "content": holder}
        for message, holder in zip(messages, contents, strict=True)
    ]
    text = environment.from_string(template).render(
        messages=placed, add_generation_prompt=True, **names
    )
    pieces: list[tuple[str, bool]] = []
    for holder, content in contents.items():
        before, found, text = text.partition(holder)
        pieces += [(before, True), (content, False)] if found else [(before, True)]
    return [piece for piece in [*pieces, (text, True)] if piece[0]]


CHATML = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n{% endfor %}"
    "<|im_start|>assistant\n"
)
