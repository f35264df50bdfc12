"""All settings, read once at the entry points (the command line and the page); everything below takes plain arguments."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Settings:
    """What a run of Cocorico needs to know.

    `model` and `embedder` are empty for the defaults; see `rag.llm.base.open_generator` for the forms of a model. `store` is
    empty for a folder on this machine, else the address of a Milvus server, `http://HOST:19530#NAME`.
    """

    home: Path
    library: Path = ROOT / "seeds"
    model: str = ""
    embedder: str = ""
    store: str = ""
    store_token: str = ""
    api_key: str | None = None
    host: str = "127.0.0.1"
    port: int = 7860
    threads: int | None = None
    passages: int = 5
    hosts: tuple[str, ...] = ()  # names that the page is reached by, besides this machine's own
    proxy_user: str = ""  # the header in which a trusted proxy before the page names the user
    proxies: tuple[str, ...] = ()  # addresses of proxies to trust, besides this machine's own
    token: str = (
        ""  # what other programs must show at /v1, /mcp and /metrics; anything will do where empty
    )

    @property
    def conversations(self) -> Path:
        """Where the page keeps what was said."""
        return self.home / "conversations.sqlite"

    @property
    def accounts(self) -> Path:
        """Where it is written who may use the page."""
        return self.home / "accounts.json"

    @property
    def store_folder(self) -> Path:
        """Where the index of this library lies: one folder a library, told apart by its full path."""
        from hashlib import sha256

        path = self.library.resolve()
        return self.home / "libraries" / f"{path.stem}-{sha256(str(path).encode()).hexdigest()[:8]}"


def default_home(environment: Mapping[str, str] = os.environ) -> Path:
    """The folder for weights and indexes: `COCORICO_HOME`, else the user's data folder on this system."""
    if named := environment.get("COCORICO_HOME"):
        return Path(named).expanduser()
    import platformdirs

    return Path(platformdirs.user_data_dir("cocorico", appauthor=False))


def from_environment(environment: Mapping[str, str] = os.environ) -> Settings:
    """Settings from the `COCORICO_*` variables, each optional.

    Raises:
        ValueError: a number that is none, named with its variable.
    """

    def number(name: str, otherwise: int) -> int:
        value = environment.get(name, "").strip() or str(otherwise)
        if not value.isdigit():
            raise ValueError(f"{name}={value}: a whole number was expected")
        return int(value)

    library = environment.get("COCORICO_LIBRARY")
    return Settings(
        home=default_home(environment),
        library=Path(library).expanduser() if library else ROOT / "seeds",
        model=environment.get("COCORICO_MODEL", ""),
        embedder=environment.get("COCORICO_EMBEDDER", ""),
        store=environment.get("COCORICO_STORE", ""),
        store_token=environment.get("COCORICO_STORE_TOKEN", ""),
        api_key=environment.get("COCORICO_API_KEY") or None,
        host=environment.get("COCORICO_HOST") or "127.0.0.1",
        port=number("COCORICO_PORT", 7860),
        threads=number("COCORICO_THREADS", 0) or None,
        proxy_user=environment.get("COCORICO_PROXY_USER", ""),
        proxies=tuple(environment.get("COCORICO_PROXIES", "").replace(",", " ").split()),
        token=environment.get("COCORICO_TOKEN", ""),
        hosts=tuple(environment.get("COCORICO_HOSTS", "").replace(",", " ").split()),
    )
