"""The `models` command: which model files are there, and from where; fetch or take them."""

import json
from pathlib import Path

from index.errors import UserError
from index.models.catalogue import ALL, EMBEDDER, GENERATOR, SMALL_GENERATOR, WeightFile
from index.models.convert import ensure_embedder
from index.models.fetch import Progress, ensure, status
from rag.i18n import say, size
from rag.settings import Settings, expanded


def take(path: Path, home: Path, *, progress: Progress | None = None) -> Path:
    """Take a model file that the user has, found by its name or its size, then its SHA-256.

    Raises:
        UserError: `file_absent`, `weights_unknown`, `weights_own`, those of `ensure`.
    """
    path = expanded(path)
    if not path.is_file():
        raise UserError("file_absent", file=path)
    length = path.stat().st_size
    file = next((file for file in ALL if file.name == path.name), None)
    file = file or next((file for file in ALL if file.size == length), None)
    if file is None:
        raise UserError(
            "weights_unknown", file=path, size=length, known=", ".join(file.name for file in ALL)
        )
    taken = ensure(file, home, own=path, progress=progress)
    if file is EMBEDDER:
        ensure_embedder(home, progress=progress)
    return taken


def fetch(settings: Settings, *, progress: Progress | None = None, small: bool = False) -> None:
    """Fetch what these settings need and is absent; with `small`, the model of the tests too."""
    if not settings.embedder:
        ensure_embedder(settings.home, progress=progress)
    for file in (GENERATOR, SMALL_GENERATOR):
        if file in needed(settings) or (small and file is SMALL_GENERATOR):
            ensure(file, settings.home, progress=progress)


def needed(settings: Settings) -> tuple[WeightFile, ...]:
    """The pinned files that these settings use."""
    generator = {"": (GENERATOR,), "small": (SMALL_GENERATOR,)}.get(settings.model, ())
    return (*(() if settings.embedder else (EMBEDDER,)), *generator)


def table(home: Path, *, verify: bool = False, as_json: bool = False, language: str = "en") -> str:
    """Every pinned file: size, purpose, origin, licence, state of its checksum, path."""
    found = status(home, verify=verify)
    if as_json:
        shown = ("size", "purpose", "packages", "hub", "licence", "sha256")
        listed = [
            {"file": one.file.name}
            | {name: getattr(one.file, name) for name in shown}
            | {"state": one.state, "path": str(one.path)}
            for one in found
        ]
        return json.dumps(listed, ensure_ascii=False, indent=2)
    lines = []
    for one in found:
        file, purpose = one.file, say(f"purpose_{one.file.purpose}", language)
        packages = " … ".join(dict.fromkeys((file.packages[0], file.packages[-1])))
        lines += [
            f"{file.name}  {size(file.size, language)}  {say(one.state, language)}",
            f"    {purpose}; {file.licence}; SHA-256 {file.sha256}",
            f"    pip: {packages}" + (f"; Hub: {file.hub}" if file.hub else ""),
            f"    {one.path}",
        ]
    return "\n".join(lines)
