"""Which backend a name opens."""

import io
import shutil
from contextlib import closing
from pathlib import Path

import pytest

from index.errors import UserError
from index.models.catalogue import SMALL_GENERATOR
from rag.llm.base import Generator
from rag.llm.factory import open_generator
from rag.llm.llama_cpp import LlamaCpp
from rag.llm.openai_server import OpenAIServer
from tests.chat_server import handler_of, serving
from tests.generators import small_model


def test_small_is_the_small_pinned_model(small_generator: Generator) -> None:
    assert small_generator.name == Path(SMALL_GENERATOR.name).stem


def test_a_gguf_path_is_llama_cpp(home: Path) -> None:
    with closing(open_generator(str(small_model(home)), home=home)) as generator:
        assert isinstance(generator, LlamaCpp)


def test_a_servers_model_is_chosen_after_the_hash(small_generator: Generator) -> None:
    with (
        serving(handler_of(small_generator)) as address,
        closing(OpenAIServer(f"{address}#other")) as generator,
    ):
        assert generator.name == "other"


@pytest.mark.parametrize(
    "spec", ["/nowhere/model.gguf", "~/nowhere.gguf", "transformers:/nowhere/model.gguf"]
)
def test_an_absent_file_is_named(spec: str, tmp_path: Path) -> None:
    with pytest.raises(UserError) as raised:
        open_generator(spec, home=tmp_path)
    assert raised.value.code == "model_absent"
    assert "nowhere" in str(raised.value.values["model"])


@pytest.mark.parametrize("prefix", ["", "transformers:"])
def test_a_damaged_file_is_named(prefix: str, home: Path, tmp_path: Path) -> None:
    path = tmp_path / "cut.gguf"
    with (small_model(home)).open("rb") as whole, path.open("wb") as cut:
        shutil.copyfileobj(_first(whole, 100_000), cut)
    with pytest.raises(UserError) as raised:
        open_generator(f"{prefix}{path}", home=tmp_path)
    assert raised.value.code == "model_damaged"
    assert "cut.gguf" in str(raised.value.values["model"])


def _first(stream, count: int):
    return io.BytesIO(stream.read(count))


def test_a_folder_without_a_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError) as raised:
        open_generator(str(tmp_path), home=tmp_path)
    assert raised.value.code == "model_damaged"
