"""Any causal model that `transformers` loads: a Hub id, a folder or a GGUF file; on the processor or a CUDA GPU.

Askers are served one after the other. Where many ask at once a server such as vLLM does it better, by address.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import torch
from tqdm import tqdm  # type: ignore[import-untyped]
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    GenerationConfig,
    modeling_gguf_pytorch_utils,
)
from transformers.utils import logging

from index.errors import UserError
from rag.llm.base import CHATML, Message, Stop, check_length, common_prefix, render
from rag.llm.streaming import pieces, received

_READ = 256  # tokens of a prompt read between two looks at `stop`
_END_MARKERS = ["<|im_end|>", "<|endoftext|>", "<|eot_id|>", "<end_of_turn>"]

# The worker's arguments: a prompt, where its results go, whether nobody wants them any more.
_Work = Callable[[list[int], Callable[[Any], None], Callable[[], bool]], None]


class TransformersModel:
    """A model of `transformers`; a `rag.llm.base.Generator`.

    Args:
        model: a Hub id, a folder with safetensors, or a .gguf file.
        threads: processor cores; all where None.

    Raises:
        UserError: `model_absent`, `model_damaged`.
    """

    def __init__(self, model: str, *, threads: int | None = None) -> None:
        if threads:
            torch.set_num_threads(threads)
        self.name = Path(model).stem if model.endswith(".gguf") else model
        self.kept_tokens = 0
        self._model, self._tokenizer = _load(model)
        text = self._model.config.get_text_config()
        self.context_tokens = int(getattr(text, "max_position_embeddings", 4096))
        self._ends = _end_tokens(self._model, self._tokenizer)
        # In place of the model's own: greedy, and no penalties.
        self._model.generation_config = GenerationConfig(
            do_sample=False, eos_token_id=self._ends, pad_token_id=self._ends[0]
        )
        # Whether markers count is state of the tokenizer, not of a call.
        self._tokenizing = threading.Lock()
        self._closed = threading.Event()
        self._worker = ThreadPoolExecutor(1, "cocorico-model")
        # The worker's own: the prompt that was read last, and the KV cache that holds it and perhaps more.
        self._read: list[int] = []
        self._cache: Any = None

    def count(self, text: str) -> int:
        return len(self._encoded(text, own=False))

    def prepare(
        self, messages: Sequence[Message], *, stop: Stop = None, ahead: bool = False
    ) -> None:
        """Nothing: only the prompt that was read last is kept."""

    def stream(
        self,
        messages: Sequence[Message],
        *,
        begin: str = "",
        max_tokens: int = 256,
        stop: Stop = None,
    ) -> Iterator[str]:
        prompt = self._prompt(messages, max_tokens, begin)
        tokens = self._results(partial(self._generate, max_tokens), prompt, stop)
        text_of = partial(self._tokenizer.decode, skip_special_tokens=True)
        yield from pieces(tokens, text_of, stop)

    def choose(
        self, messages: Sequence[Message], options: Sequence[str], *, stop: Stop = None
    ) -> tuple[float, ...]:
        firsts = [self._encoded(option, own=False)[0] for option in options]
        for logits in self._results(self._predict, self._prompt(messages, 1), stop):
            return tuple(logits[firsts].softmax(0).tolist())
        return (1 / len(options),) * len(options)

    def close(self) -> None:
        self._closed.set()
        self._worker.shutdown()
        self._model = self._cache = None
        if torch.cuda.is_available():
            torch.cuda.empty_cache()

    def _results(self, work: _Work, prompt: list[int], stop: Stop) -> Iterator[Any]:
        """What the worker makes of a prompt when its turn comes."""
        results: SimpleQueue[Any] = SimpleQueue()
        left = threading.Event()

        def stopped() -> bool:
            return left.is_set() or self._closed.is_set() or bool(stop and stop.is_set())

        def run() -> None:
            try:
                with torch.inference_mode():
                    work(prompt, results.put, stopped)
                results.put(None)
            except Exception as error:  # raised where the results are awaited
                results.put(error)

        self._worker.submit(run)
        try:
            yield from received(results, stopped)
        finally:
            left.set()

    def _predict(
        self, prompt: list[int], put: Callable[[Any], None], stopped: Callable[[], bool]
    ) -> None:
        """The logits after a prompt, (vocabulary,) float32 on the processor."""
        logits = self._advance(prompt, stopped)
        if logits is not None:
            put(logits.float().cpu())

    def _generate(
        self,
        max_tokens: int,
        prompt: list[int],
        put: Callable[[Any], None],
        stopped: Callable[[], bool],
    ) -> None:
        """The tokens of an answer."""
        self._advance(prompt[:-1], stopped)  # `generate` would not stop in the middle of a prompt
        if stopped():
            return

        def relay(ids: Any, *_: Any, **__: Any) -> Any:
            if (token := int(ids[0, -1])) not in self._ends:
                put(token)
            return torch.tensor([stopped()], device=ids.device)

        ids = torch.tensor([prompt], device=self._model.device)
        self._model.generate(
            ids,
            attention_mask=torch.ones_like(ids),
            past_key_values=self._cache,
            max_new_tokens=max_tokens,
            stopping_criteria=[relay],
        )

    def _advance(self, tokens: list[int], stopped: Callable[[], bool]) -> Any:
        """Bring the cache to these tokens, from where they part from those read last; the logits after them.

        None where it was stopped.
        """
        read, cache = self._read, self._cache
        # In between the cache is neither: after an error the next prompt is read anew.
        self._read, self._cache = [], None
        common = min(common_prefix(read, tokens), len(tokens) - 1)
        if cache is not None and (beyond := cache.get_seq_length() - common):
            if common > 0 and cache.is_croppable and not any(cache.is_sliding):
                cache.crop(-beyond)
            else:
                common, cache = 0, None
        logits = None
        for start in range(max(common, 0), len(tokens), _READ):
            if stopped():
                return None
            ids = torch.tensor([tokens[start : start + _READ]], device=self._model.device)
            out = self._model(
                input_ids=ids, past_key_values=cache, use_cache=True, logits_to_keep=1
            )
            logits, cache = out.logits[0, -1], out.past_key_values
            self._read, self._cache = tokens[: start + _READ], cache
        return logits

    def _prompt(self, messages: Sequence[Message], max_tokens: int, begin: str = "") -> list[int]:
        tokenizer = self._tokenizer
        template = tokenizer.get_chat_template() if tokenizer.chat_template else CHATML
        marks = {"bos_token": tokenizer.bos_token or "", "eos_token": tokenizer.eos_token or ""}
        tokens: list[int] = []
        for text, own in [*render(template, messages, **marks), (begin, False)]:
            tokens += self._encoded(text, own=own)
        check_length(len(tokens), max_tokens, self.context_tokens)
        return tokens

    def _encoded(self, text: str, *, own: bool) -> list[int]:
        """The tokens of a text. Markers in it are plain text, unless the text is the template's own."""
        with self._tokenizing:
            return list(
                self._tokenizer(text, add_special_tokens=False, split_special_tokens=not own)[
                    "input_ids"
                ]
            )


def _load(model: str) -> tuple[Any, Any]:
    """A model and its tokenizer."""
    # The program's own progress bars say what happens.
    logging.disable_progress_bar()
    logging.set_verbosity_error()
    modeling_gguf_pytorch_utils.tqdm = partial(tqdm, disable=True)
    path = Path(model).expanduser()
    where: dict[str, Any] = {
        "pretrained_model_name_or_path": str(path) if path.is_dir() else model,
        "use_safetensors": True,
    }
    gguf = model.lower().endswith(".gguf")
    if gguf:
        if not path.is_file():
            raise UserError("model_absent", model=model)
        where = {"pretrained_model_name_or_path": str(path.parent), "gguf_file": path.name}
    gpu = torch.cuda.is_available()
    # The processor's kernels for GGUF weights compute in float32 whatever is asked for.
    bfloat16 = gpu or (not gguf and torch.cpu._is_avx512_bf16_supported())
    try:
        tokenizer = AutoTokenizer.from_pretrained(**where, trust_remote_code=False)
        loaded = AutoModelForCausalLM.from_pretrained(
            **where, trust_remote_code=False, dtype=torch.bfloat16 if bfloat16 else torch.float32
        )
    except Exception as error:  # each kind of model and of damage has its own
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise UserError("model_damaged", model=model, reason=reason) from error
    return loaded.to("cuda" if gpu else "cpu").eval(), tokenizer


def _end_tokens(model: Any, tokenizer: Any) -> list[int]:
    """The tokens that end an answer: the model's own, the tokenizer's, and the end markers of chats that it knows."""
    ends = model.generation_config.eos_token_id if model.generation_config else None
    markers = tokenizer.convert_tokens_to_ids(_END_MARKERS)
    known = [token for token in markers if token != tokenizer.unk_token_id]
    listed = [*(ends if isinstance(ends, list) else [ends]), tokenizer.eos_token_id, *known]
    return sorted({token for token in listed if token is not None})
