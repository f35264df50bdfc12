"""The `models` command: which weights are there, from where, under which licence; fetch them, or take one's own."""

import json
from pathlib import Path

from index.errors import UserError
from index.models.catalogue import ALL, EMBEDDER, GENERATOR, SMALL_GENERATOR, WeightFile
from index.models.convert import ensure_embedder
from index.models.fetch import Progress, ensure, status
from rag.i18n import say, size
from rag.settings import Settings


def take(path: Path, home: Path, *, progress: Progress | None = None) -> Path:
    """Take a file of weights that the user already has, recognised by its name or else its size, then by its SHA-256.

    Raises:
        UserError: `file_absent`, `weights_unknown`, `weights_own` and those of `index.models.fetch.ensure`.
    """
    path = path.expanduser()
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
    """Fetch what these settings need and isn't there; with `small`, the small model of the tests too."""
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
    """Every pinned file: size, purpose, where it comes from, licence, state of its checksum, where it lies."""
    found = status(home, verify=verify)
    if as_json:
        listed = [
            {
                "file": one.file.name,
                "size": one.file.size,
                "purpose": one.file.purpose,
                "packages": list(one.file.packages),
                "hub": one.file.hub,
                "licence": one.file.licence,
                "sha256": one.file.sha256,
                "state": one.state,
                "path": str(one.path),
            }
            for one in found
        ]
        return json.dumps(listed, ensure_ascii=False, indent=2)
    lines = []
    for one in found:
        file = one.file
        lines += [
            f"{file.name}  {size(file.size, language)}  {say(one.state, language)}",
            f"    {say(f'purpose_{file.purpose}', language)}; {file.licence}; SHA-256 {file.sha256}",
            f"    {_origin(file)}",
            f"    {one.path}",
        ]
    return "\n".join(lines)


def _origin(file: WeightFile) -> str:
    """The packages that carry it, the first and the last of many, and the Hub repository."""
    packages = (
        file.packages[0] if len(file.packages) == 1 else f"{file.packages[0]} … {file.packages[-1]}"
    )
    return f"pip: {packages}" + (f"; Hub: {file.hub}" if file.hub else "")
