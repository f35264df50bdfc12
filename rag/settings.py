"""All settings, each declared once: name, type, range and help.

A setting NAME is the variable COCORICO_NAME and, on the commands that take it, the flag --name.
Settings are read at the entry points alone; everything below takes plain arguments.
"""

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

from typer import Option
from typer.models import OptionInfo

from index.errors import UserError

ROOT = Path(__file__).resolve().parent.parent
SEEDS = ROOT / "seeds"


@dataclass(frozen=True)
class Settings:
    """What a run of Cocorico needs to know."""

    home: Annotated[
        Path,
        Option(
            metavar="DIR",
            help="folder of models, indexes, accounts (default: the user's data folder)",
        ),
    ]
    library: Annotated[
        Path, Option(metavar="DIR", help="folder or .jsonl file of documents (default: seeds/)")
    ] = SEEDS
    model: Annotated[
        str,
        Option(
            metavar="SPEC",
            help="small | FILE.gguf | transformers:ID | http://HOST/v1#NAME (default: pinned)",
        ),
    ] = ""
    embedder: Annotated[
        str, Option(metavar="ID", help="sentence-transformers model for vectors: folder or Hub id")
    ] = ""
    store: Annotated[
        str,
        Option(
            metavar="URL",
            help="Milvus server for the index, http://HOST:19530#NAME (default: none)",
        ),
    ] = ""
    store_token: Annotated[str, Option(help="token of the Milvus server")] = ""
    api_key: Annotated[str | None, Option(help="key of the server that the model is on")] = None
    host: Annotated[
        str, Option(metavar="NAME", help="address to listen on (default: 127.0.0.1)")
    ] = "127.0.0.1"
    port: Annotated[
        int,
        Option(
            metavar="N", min=0, max=65535, help="port to listen on (default: 7860 or the next free)"
        ),
    ] = 7860
    threads: Annotated[
        int | None,
        Option(metavar="N", min=1, max=1024, help="processor cores to use (default: all)"),
    ] = None
    hosts: Annotated[
        tuple[str, ...], Option(help="names that the page is reached by besides this machine's own")
    ] = ()
    proxy_user: Annotated[str, Option(help="header in which a trusted proxy names the user")] = ""
    proxies: Annotated[
        tuple[str, ...], Option(help="addresses of such proxies, besides this machine's own")
    ] = ()
    token: Annotated[str, Option(help="what programs must send to /v1, /mcp and /metrics")] = ""
    web: Annotated[
        Literal["auto", "on", "off", "local"],
        Option(
            help="web pages by their address: on, off, local (this network's too), "
            "auto (on, but off with accounts)"
        ),
    ] = "auto"

    @property
    def conversations(self) -> Path:
        """The database of the page's conversations."""
        return self.home / "conversations.sqlite"

    @property
    def attached(self) -> Path:
        """The folder of the files that belong to one conversation each."""
        return self.home / "attached"

    @property
    def accounts(self) -> Path:
        """The file of the accounts that may use the page."""
        return self.home / "accounts.json"

    @property
    def store_folder(self) -> Path:
        """The folder of this library's index, named after the library's full path."""
        path = self.library.resolve()
        return self.home / "libraries" / f"{path.stem}-{sha256(str(path).encode()).hexdigest()[:8]}"

    @property
    def removed(self) -> Path:
        """Where removed documents wait for an undo: outside the index, which may be rebuilt."""
        return self.store_folder.with_name(f"{self.store_folder.name}.removed")


def declared() -> dict[str, tuple[Any, OptionInfo]]:
    """Each setting's type and declaration, by its name."""
    hints = get_type_hints(Settings, include_extras=True)
    return {name: get_args(hint) for name, hint in hints.items()}


def variable(name: str) -> str:
    """The environment variable of a setting."""
    return f"COCORICO_{name.upper()}"


def installed_library() -> Path:
    """The library of an installed Cocorico: a folder of the user's own, made with the first
    document in it where there is none.
    """
    import platformdirs

    folder = Path(platformdirs.user_documents_dir()) / "Cocorico"
    if not folder.exists():
        shutil.copytree(SEEDS, folder, ignore=shutil.ignore_patterns("__pycache__", "*.py"))
    return folder


def expanded(path: str | Path) -> Path:
    """A path whose `~` is replaced by the user's home.

    Raises:
        UserError: `home_unknown` (path).
    """
    try:
        return Path(path).expanduser()
    except RuntimeError as error:
        raise UserError("home_unknown", path=path) from error


def default_home(environment: Mapping[str, str] = os.environ) -> Path:
    """The folder for models and indexes: `COCORICO_HOME`, else the user's data folder.

    Raises:
        UserError: `home_unknown` (path).
    """
    import platformdirs

    if named := environment.get(variable("home")):
        return expanded(named)
    try:
        return Path(platformdirs.user_data_dir("cocorico", appauthor=False))
    except RuntimeError as error:
        raise UserError("home_unknown", path="~") from error


def from_environment(environment: Mapping[str, str] = os.environ) -> Settings:
    """Settings from the `COCORICO_*` variables, each optional; an empty one counts as unset.

    Raises:
        UserError: `setting_number` (setting, least, most), `setting_choice` (setting, known),
            `home_unknown` (path).
    """
    given: dict[str, Any] = {"home": default_home(environment)}
    for name, (kind, option) in declared().items():
        if text := environment.get(variable(name), "").strip():
            given[name] = _value(variable(name), text, kind, option)
    return Settings(**given)


def _value(name: str, text: str, kind: Any, option: OptionInfo) -> Any:
    """The value that a variable's text stands for."""
    if kind is Path:
        return expanded(text)
    if kind == tuple[str, ...]:
        return tuple(text.replace(",", " ").split())
    if get_origin(kind) is Literal:
        if text not in get_args(kind):
            raise UserError(
                "setting_choice", setting=f"{name}={text}", known=", ".join(get_args(kind))
            )
        return text
    if option.min is None or option.max is None:
        return text
    if not text.isdecimal() or not option.min <= int(text) <= option.max:
        raise UserError(
            "setting_number", setting=f"{name}={text}", least=option.min, most=option.max
        )
    return int(text)
