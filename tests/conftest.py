"""What the tests share: the real weights, loaded once a session."""

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from index.embedder import Embedder
from index.models.catalogue import EMBEDDER, GENERATOR, SMALL_GENERATOR
from index.models.convert import ensure_embedder
from index.models.fetch import ensure
from rag.library import Library, open_library
from rag.llm.base import Generator
from rag.llm.factory import open_generator
from rag.settings import Settings, default_home
from tests.chat_server import handler_of, serving


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home of the tests' own, with the weights of the user's home: fetched once, never again."""
    users = default_home()
    for file in (EMBEDDER, GENERATOR, SMALL_GENERATOR):
        ensure(file, users)
    ensure_embedder(users)
    own = tmp_path_factory.mktemp("home")
    (own / "weights").symlink_to(users / "weights", target_is_directory=True)
    return own


@pytest.fixture(scope="session")
def embedder(home: Path) -> Embedder:
    """The default vector model."""
    return Embedder(str(ensure_embedder(home)))


@pytest.fixture(scope="session")
def small_generator(home: Path) -> Iterator[Generator]:
    """The 0.5B model in llama.cpp."""
    generator = open_generator("small", home=home)
    yield generator
    generator.close()


@pytest.fixture(scope="module")
def transformers_generator(home: Path) -> Iterator[Generator]:
    """The 0.5B model in transformers; reading a GGUF file takes it most of a minute."""
    generator = open_generator(f"transformers:{home / 'weights' / SMALL_GENERATOR.name}", home=home)
    yield generator
    generator.close()


@pytest.fixture(scope="session")
def served_generator(small_generator: Generator) -> Iterator[Generator]:
    """The 0.5B model behind HTTP."""
    with serving(handler_of(small_generator)) as address:
        generator = open_generator(address, home=Path("unused"))
        yield generator
        generator.close()


@pytest.fixture(scope="session")
def library(home: Path) -> Iterator[Library]:
    """The documents of seeds/ with the default models."""
    with open_library(Settings(home=home)) as opened:
        yield opened


@pytest.fixture(scope="session")
def generator(library: Library) -> Generator:
    """The default model in llama.cpp."""
    assert library.generator is not None
    return library.generator


@pytest.fixture(scope="session")
def milvus_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a Milvus Lite server of the tests' own, over gRPC. One request at a time: it writes no faster."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [
        "server",
        "--data-dir",
        str(tmp_path_factory.mktemp("milvus")),
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
    ]
    server = subprocess.Popen(
        [sys.executable, "-m", "milvus_lite.cmdline", *command, "--max-workers", "1"]
    )
    try:
        for _ in range(300):
            if server.poll() is not None:
                pytest.fail(f"milvus-lite ended with {server.returncode}")
            with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            time.sleep(0.1)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.kill()
        server.wait()
