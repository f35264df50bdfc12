"""Any causal model that `transformers` loads: a Hub id, a folder, or a GGUF file; on the processor or a CUDA GPU."""

import threading
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from index.errors import UserError
from rag.llm.base import CHATML, Message, render
from rag.llm.scheduler import Job, pieces
from rag.llm.stacking import Stack


class TransformersModel:
    """See `rag.llm.base.Generator`.

    Args:
        model: a Hub id, a folder with safetensors, or a .gguf file.
        threads: processor cores; all where None.

    Raises:
        UserError: `model_absent`, `model_damaged`.
    """

    def __init__(self, model: str, *, threads: int | None = None) -> None:
        import torch
        from transformers import AutoModelForCausalLM, AutoTokenizer

        _silence()
        if threads:
            torch.set_num_threads(threads)
        self._torch = torch
        self.name = Path(model).stem if model.endswith(".gguf") else model
        path = Path(model).expanduser()
        where: dict[str, Any] = {
            "pretrained_model_name_or_path": str(path) if path.is_dir() else model
        }
        if model.lower().endswith(".gguf"):
            if not path.is_file():
                raise UserError("model_absent", model=model)
            where = {"pretrained_model_name_or_path": str(path.parent), "gguf_file": path.name}
        on_gpu = torch.cuda.is_available()
        # The processor's kernels for GGUF weights compute in float32 whatever is asked for.
        half = on_gpu or ("gguf_file" not in where and _multiplies_bfloat16(torch))
        try:
            self._tokenizer: Any = AutoTokenizer.from_pretrained(**where, trust_remote_code=False)
            self._model: Any = AutoModelForCausalLM.from_pretrained(
                **where,
                trust_remote_code=False,
                use_safetensors=None if "gguf_file" in where else True,
                dtype=torch.bfloat16 if half else torch.float32,
            )
        except Exception as error:  # each kind of model and of damage has its own
            reason = (str(error) or type(error).__name__).splitlines()[0]
            raise UserError("model_damaged", model=model, reason=reason) from error
        self._model.to("cuda" if on_gpu else "cpu").eval()
        text = self._model.config.get_text_config()
        self.context_tokens = int(getattr(text, "max_position_embeddings", 4096))
        self.kept_tokens = 0
        self._stack = Stack(self._model, _end_tokens(self._model, self._tokenizer))
        self._tokenizing = (
            threading.Lock()
        )  # whether markers count is state of the tokenizer, not of a call

    def count(self, text: str) -> int:
        """Tokens of a text."""
        return len(self._encoded(text, own=False))

    def prepare(
        self,
        messages: Sequence[Message],
        *,
        stop: threading.Event | None = None,
        ahead: bool = False,
    ) -> None:
        """See `Generator.prepare`: only the state of the last prompt is kept here."""

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
        yield from pieces(
            self._stack.ask(job), partial(self._tokenizer.decode, skip_special_tokens=True), stop
        )

    def choose(
        self,
        messages: Sequence[Message],
        options: Sequence[str],
        *,
        stop: threading.Event | None = None,
    ) -> tuple[float, ...]:
        """See `Generator.choose`."""
        firsts = [self._encoded(option, own=False)[0] for option in options]
        for logits in self._stack.ask(Job(self._tokens(messages, 1), "logits", stop=stop)):
            return tuple(logits[firsts].softmax(0).tolist())
        return (1 / len(options),) * len(options)

    def close(self) -> None:
        """See `Generator.close`."""
        self._stack.close()
        self._model = None
        if self._torch.cuda.is_available():
            self._torch.cuda.empty_cache()

    def _tokens(self, messages: Sequence[Message], max_tokens: int, begin: str = "") -> list[int]:
        tokenizer = self._tokenizer
        template = tokenizer.get_chat_template() if tokenizer.chat_template else CHATML
        tokens: list[int] = []
        marks = {"bos_token": tokenizer.bos_token or "", "eos_token": tokenizer.eos_token or ""}
        for text, own in [*render(template, messages, **marks), (begin, False)]:
            tokens += self._encoded(text, own=own)
        if len(tokens) + max_tokens > self.context_tokens:
            raise UserError(
                "prompt_too_long", tokens=len(tokens), most=self.context_tokens - max_tokens
            )
        return tokens

    def _encoded(self, text: str, *, own: bool) -> list[int]:
        """The tokens of a text. Unless it is the template's own, markers in it are the plain text that they are there."""
        with self._tokenizing:
            return list(
                self._tokenizer(text, add_special_tokens=False, split_special_tokens=not own)[
                    "input_ids"
                ]
            )


def _silence() -> None:
    """No progress bars from below: ours say what happens."""
    from tqdm import tqdm  # type: ignore[import-untyped]
    from transformers import modeling_gguf_pytorch_utils
    from transformers.utils import logging

    logging.disable_progress_bar()
    logging.set_verbosity_error()
    modeling_gguf_pytorch_utils.tqdm = partial(tqdm, disable=True)


def _multiplies_bfloat16(torch: Any) -> bool:
    return bool(getattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)())


def _end_tokens(model: Any, tokenizer: Any) -> frozenset[int]:
    ends = model.generation_config.eos_token_id if model.generation_config else None
    listed = ends if isinstance(ends, list) else [ends]
    markers = tokenizer.convert_tokens_to_ids(
        ["<|im_end|>", "<|endoftext|>", "<|eot_id|>", "<end_of_turn>"]
    )
    known = [token for token in markers if token is not None and token != tokenizer.unk_token_id]
    return frozenset(
        token for token in [*listed, tokenizer.eos_token_id, *known] if token is not None
    )
