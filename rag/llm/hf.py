"""Any causal model that `transformers` loads: a Hub id, a folder or a GGUF file; on CPU or CUDA.

One token of one asker is computed after the other. Where many ask at once a server such as vLLM
does it better, by address.
"""

import threading
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm  # type: ignore[import-untyped]
from transformers import AutoModelForCausalLM, AutoTokenizer, modeling_gguf_pytorch_utils
from transformers.utils import logging

from index.errors import UserError
from rag.llm.base import CHATML, Messages, Stop, check_length, common_prefix, render
from rag.llm.streaming import pieces

_READ = 256  # tokens of a prompt read between two looks at `stop`
_END_MARKERS = ["<|im_end|>", "<|endoftext|>", "<|eot_id|>", "<end_of_turn>"]


class TransformersModel:
    """A model of `transformers`; a `rag.llm.base.Generator`.

    Args:
        model: a Hub id, a folder with safetensors, or a .gguf file.
        threads: processor cores; all where None.

    Raises:
        UserError: `model_absent`, `model_damaged`.
    """

    kept_tokens = 0

    def __init__(self, model: str, *, threads: int | None = None) -> None:
        if threads:
            torch.set_num_threads(threads)
        self.name = Path(model).stem if model.endswith(".gguf") else model
        self._model, self._tokenizer = _load(model)
        text = self._model.config.get_text_config()
        self.context_tokens = int(getattr(text, "max_position_embeddings", 4096))
        self._ends = _end_tokens(self._model, self._tokenizer)
        # Whether markers count is state of the tokenizer, not of a call.
        self._tokenizing = threading.Lock()
        self._running = threading.Lock()
        # The prompt that was used last and a KV cache that begins with it.
        self._last: tuple[list[int], Any] = ([], None)

    def count(self, text: str) -> int:
        return len(self._encoded(text, own=False))

    def prepare(self, messages: Messages, *, stop: Stop = None, ahead: bool = False) -> None:
        """Nothing: only the last prompt is kept."""

    def stream(
        self, messages: Messages, *, begin: str = "", max_tokens: int = 256, stop: Stop = None
    ) -> Iterator[str]:
        prompt = self._prompt(messages, max_tokens, begin)
        text_of = partial(self._tokenizer.decode, skip_special_tokens=True)
        yield from pieces(self._written(prompt, max_tokens, stop), text_of, stop)

    def choose(
        self, messages: Messages, options: Sequence[str], *, stop: Stop = None
    ) -> tuple[float, ...]:
        prompt = self._prompt(messages, 1)
        logits, cache = self._read(prompt, stop)
        self._last = prompt, cache
        if logits is None:
            return (1 / len(options),) * len(options)
        firsts = [self._encoded(option, own=False)[0] for option in options]
        return tuple(logits[firsts].softmax(0).tolist())

    def close(self) -> None:
        with self._running:
            self._model, self._last = None, ([], None)
        if torch.cuda.is_available():
            torch.cuda.empty_cache()

    def _written(self, prompt: list[int], max_tokens: int, stop: Stop) -> Iterator[int]:
        """The tokens of an answer, greedily."""
        logits, cache = self._read(prompt, stop)
        token = None
        try:
            for _ in range(max_tokens):
                if token is not None:
                    logits, cache = self._run([token], cache)
                if logits is None or (stop and stop.is_set()):
                    return
                token = int(logits.argmax())
                if token in self._ends:
                    return
                yield token
        finally:
            self._last = prompt, cache

    def _read(self, prompt: list[int], stop: Stop) -> tuple[Any, Any]:
        """The logits after a prompt and a KV cache that holds it; None for the logits if stopped.

        It is read from where it parts from the last prompt, whose cache this one takes over.
        """
        with self._running:
            (last, cache), self._last = self._last, ([], None)
        held = cache.get_seq_length() if cache is not None else 0
        start = min(held, common_prefix(last, prompt), len(prompt) - 1)
        if beyond := held - start:
            if start and cache.is_croppable and not any(cache.is_sliding):
                cache.crop(-beyond)
            else:
                start, cache = 0, None
        logits = None
        for place in range(start, len(prompt), _READ):
            if stop and stop.is_set():
                return None, cache
            logits, cache = self._run(prompt[place : place + _READ], cache)
        return logits, cache

    def _run(self, tokens: list[int], cache: Any) -> tuple[Any, Any]:
        """The logits after tokens, (vocabulary,) float32, and the cache that holds them too."""
        with self._running, torch.inference_mode():
            if self._model is None:  # closed meanwhile
                return None, None
            ids = torch.tensor([tokens], device=self._model.device)
            out = self._model(
                input_ids=ids, past_key_values=cache, use_cache=True, logits_to_keep=1
            )
            return out.logits[0, -1].float(), out.past_key_values

    def _prompt(self, messages: Messages, max_tokens: int, begin: str = "") -> list[int]:
        tokenizer = self._tokenizer
        template = tokenizer.get_chat_template() if tokenizer.chat_template else CHATML
        marks = {"bos_token": tokenizer.bos_token or "", "eos_token": tokenizer.eos_token or ""}
        tokens: list[int] = []
        for text, own in [*render(template, messages, **marks), (begin, False)]:
            tokens += self._encoded(text, own=own)
        check_length(len(tokens), max_tokens, self.context_tokens)
        return tokens

    def _encoded(self, text: str, *, own: bool) -> list[int]:
        """The tokens of a text; markers in it are plain text unless it is the template's own."""
        with self._tokenizing:
            encoding = self._tokenizer(text, add_special_tokens=False, split_special_tokens=not own)
        return list(encoding["input_ids"])


def _load(model: str) -> tuple[Any, Any]:
    """A model and its tokenizer."""
    # The program has progress bars of its own.
    logging.disable_progress_bar()
    logging.set_verbosity_error()
    modeling_gguf_pytorch_utils.tqdm = partial(tqdm, disable=True)
    path = Path(model).expanduser()
    gguf = model.lower().endswith(".gguf")
    if gguf and not path.is_file():
        raise UserError("model_absent", model=model)
    where = {"gguf_file": path.name} if gguf else {}
    name = str(path.parent if gguf else path) if path.exists() else model
    gpu = torch.cuda.is_available()
    # The processor's kernels for GGUF weights compute in float32 whatever is asked for.
    half = gpu or (not gguf and torch.cpu._is_avx512_bf16_supported())
    dtype = torch.bfloat16 if half else torch.float32
    try:
        tokenizer = AutoTokenizer.from_pretrained(name, **where, trust_remote_code=False)
        loaded = AutoModelForCausalLM.from_pretrained(
            name,
            **where,
            trust_remote_code=False,
            use_safetensors=None if gguf else True,
            dtype=dtype,
        )
    except Exception as error:  # each kind of model and of damage has its own
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise UserError("model_damaged", model=model, reason=reason) from error
    return loaded.to("cuda" if gpu else "cpu").eval(), tokenizer


def _end_tokens(model: Any, tokenizer: Any) -> set[int]:
    """What ends an answer: the model's own, the tokenizer's, and markers of chats that it knows."""
    own = model.generation_config.eos_token_id if model.generation_config else None
    markers = tokenizer.convert_tokens_to_ids(_END_MARKERS)
    known = [token for token in markers if token != tokenizer.unk_token_id]
    listed = [*(own if isinstance(own, list) else [own]), tokenizer.eos_token_id, *known]
    return {token for token in listed if token is not None}
