"""The one place that chooses which backend writes the answers."""

from pathlib import Path

from index.errors import UserError
from index.models.catalogue import GENERATOR, SMALL_GENERATOR
from index.models.fetch import Progress, ensure
from rag.llm.base import Generator


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
        spec: "" the default model (llama.cpp; on a CUDA GPU transformers with the same file);
            "small" the 0.5B one; a path to a .gguf file (llama.cpp); "transformers:" and a Hub id,
            a folder or a .gguf file; "http://host:port/v1#model" an OpenAI-compatible server;
            anything else a Hub id or a folder.
        home: where the pinned weights lie.
        progress: called with the progress of a download.
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
        path = Path(spec).expanduser()
        if not path.is_file():
            raise UserError("model_absent", model=spec)
        from rag.llm.llama_cpp import LlamaCpp

        return LlamaCpp(path, threads=threads, states=home / "states")
    from rag.llm.hf import TransformersModel

    return TransformersModel(spec.removeprefix("transformers:"), threads=threads)


def _has_gpu() -> bool:
    import torch

    return torch.cuda.is_available()
