"""Tokens a second on a GPU, beside plain `generate` and what the GPU's memory allows.

    python -m bench.gpu           the shape of Mistral 7B with random weights, made here (14 GB)
    python -m bench.gpu --tiny    a very small one on any machine: shows that the benchmark runs

Nothing is fetched. Random weights write nonsense as fast as real ones write sense. `backend` is
the program's own (rag.llm.hf), which serves one asker after the other; `generate` is
transformers' loop over a batch of prompts, `static` the same with a compiled static cache, and
`continuous` its continuous batching (CUDA alone).
"""

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

from bench import report
from rag.llm.base import CHATML, Message
from rag.llm.hf import TransformersModel
from rag.settings import ROOT

_PROMPT, _NEW, _TIMES = 512, 128, 5
_ASKERS = (1, 8, 32)


def main() -> int:
    """Make the model, measure, print, keep."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.gpu", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument(
        "--tiny", action="store_true", help="a very small model, for a look at the benchmark itself"
    )
    tiny = parser.parse_args().tiny
    import torch

    if not torch.cuda.is_available() and not tiny:
        print(
            "There is no CUDA GPU here; `python -m bench.gpu --tiny` shows that the benchmark runs."
        )
        return 1
    device = "cuda" if torch.cuda.is_available() else "cpu"
    print(report.heading(), flush=True)
    print(torch.cuda.get_device_name() if device == "cuda" else "no GPU", flush=True)
    results: dict[str, Any] = {
        "device": torch.cuda.get_device_name() if device == "cuda" else "cpu",
        "tiny": tiny,
    }
    with tempfile.TemporaryDirectory(prefix="cocorico-gpu-") as folder:
        make(Path(folder), device, tiny=tiny)
        with closing(TransformersModel(folder)) as backend:
            model = backend._model
            size = sum(each.numel() * each.element_size() for each in model.parameters())
            bandwidth = _bandwidth(torch, device)
            results |= {
                "weights, GB": size / 1e9,
                "memory, GB a second": bandwidth / 1e9,
                "limit, one asker": bandwidth / size,
            }
            prompt = torch.randint(10, 200, (max(_ASKERS), _PROMPT), device=device)
            results["backend, 1"] = _measured(partial(_by_backend, backend))
            for count in _ASKERS:
                results[f"generate, {count}"] = _measured(
                    partial(_by_generate, model, prompt[:count])
                )
                if device == "cuda":
                    static = partial(
                        _by_generate, model, prompt[:count], cache_implementation="static"
                    )
                    results[f"static, {count}"] = _measured(static)
            for count in _ASKERS if device == "cuda" else ():
                results[f"continuous, {count}"] = _measured(
                    partial(_continuous, model, prompt[:count].tolist())
                )
    for name, value in results.items():
        shown = (
            f"{statistics.median(value):10.1f}  ({min(value):.1f}-{max(value):.1f})"
            if isinstance(value, list)
            else value
        )
        print(f"{name:24} {shown}")
    print("kept in", report.keep("gpu-tiny" if tiny else "gpu", results).relative_to(ROOT))
    return 0


def make(folder: Path, device: str, *, tiny: bool) -> None:
    """Write a Mistral with random weights and a tokenizer of numbers into a folder."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import AutoModelForCausalLM, MistralConfig, PreTrainedTokenizerFast

    small: dict[str, Any] = {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2}
    shape = small | {"num_attention_heads": 4, "num_key_value_heads": 2} if tiny else {}
    config = MistralConfig(
        **shape, sliding_window=None, max_position_embeddings=8192, eos_token_id=1
    )
    with torch.device(device):
        model = AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16)
    with torch.no_grad():
        model.lm_head.weight[1] = 0  # its end token is never the likeliest
    model.save_pretrained(folder)
    words = {
        "<unk>": 0,
        "</s>": 1,
        **{str(number): number + 2 for number in range(config.vocab_size - 2)},
    }
    plain = Tokenizer(models.WordLevel(words, unk_token="<unk>"))
    plain.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=plain, unk_token="<unk>", eos_token="</s>")
    tokenizer.chat_template = CHATML
    tokenizer.save_pretrained(folder)


def _measured(run: Callable[[], int]) -> list[float]:
    """Tokens a second of all askers together; the first run, which compiles, isn't counted."""
    run()
    speeds = []
    for _ in range(_TIMES):
        began = time.perf_counter()
        written = run()
        speeds.append(written / (time.perf_counter() - began))
    return speeds


def _by_backend(backend: TransformersModel) -> int:
    prompt = " ".join(str(place % 900) for place in range(_PROMPT))
    return sum(1 for _ in backend.stream([Message("user", prompt)], max_tokens=_NEW))


def _by_generate(model: Any, prompt: Any, **options: Any) -> int:
    out = model.generate(
        prompt, max_new_tokens=_NEW, min_new_tokens=_NEW, do_sample=False, pad_token_id=0, **options
    )
    return int(out.numel() - prompt.numel())


def _continuous(model: Any, prompts: list[list[int]]) -> int:
    from transformers import GenerationConfig

    config = GenerationConfig(max_new_tokens=_NEW, do_sample=False, eos_token_id=-1, pad_token_id=0)
    out = model.generate_batch(prompts, generation_config=config)
    return sum(len(each.generated_tokens) for each in out.values())


def _bandwidth(torch: Any, device: str) -> float:
    """Bytes a second that a sum over much memory reads."""
    much = torch.ones(2**28 if device == "cuda" else 2**24, dtype=torch.float32, device=device)
    times = []
    for _ in range(_TIMES + 1):
        began = time.perf_counter()
        much.sum().item()
        times.append(time.perf_counter() - began)
    return float(much.numel() * 4 / min(times))


if __name__ == "__main__":
    sys.exit(main())
