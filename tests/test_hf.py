"""transformers: any family of models, one asker after the other."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from rag.llm.base import Message
from rag.llm.factory import open_generator


@pytest.mark.parametrize("head", ["llama", "mistral"])
def test_transformers_loads_a_folder_of_any_family(head: str, tmp_path: Path, home: Path) -> None:
    """A random model of two layers with a real tokenizer: what matters is that it loads, writes and stops."""
    from transformers import (
        AutoTokenizer,
        LlamaConfig,
        LlamaForCausalLM,
        MistralConfig,
        MistralForCausalLM,
    )

    sizes = {
        "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2,
        "num_key_value_heads": 1, "max_position_embeddings": 256,
    }  # fmt: skip
    tokenizer = AutoTokenizer.from_pretrained(home / "weights" / "multilingual-e5-small")
    sizes["vocab_size"] = len(tokenizer)
    if head == "llama":
        LlamaForCausalLM(LlamaConfig(**sizes)).save_pretrained(tmp_path)
    else:  # a sliding window, whose states cannot go back
        MistralForCausalLM(MistralConfig(**sizes, sliding_window=16)).save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    with closing(open_generator(f"transformers:{tmp_path}", home=home)) as generator:
        asked = [Message("user", "un deux trois quatre cinq six sept huit neuf dix onze douze")]
        first = list(generator.stream(asked, max_tokens=8))
        assert len(first) <= 8
        assert sum(generator.choose(asked, ("un", "deux"))) == pytest.approx(1, abs=1e-5)
        assert list(generator.stream(asked, max_tokens=8)) == first
        with ThreadPoolExecutor(3) as pool:
            assert (
                list(pool.map(lambda _: list(generator.stream(asked, max_tokens=8)), range(3)))
                == [first] * 3
            )
