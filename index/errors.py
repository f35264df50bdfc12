"""Errors that a user can mend, put into words by `rag.i18n`, and a chunk that is gone."""

from typing import Any


class UserError(Exception):
    """What was wrong (`code`) and the values that say where; never a programming mistake."""

    def __init__(self, code: str, **values: Any) -> None:
        super().__init__(
            f"{code}: " + ", ".join(f"{name}={value}" for name, value in values.items())
        )
        self.code = code
        self.values = values


class ChunkRemoved(KeyError):
    """A chunk that was found is gone: its document was removed or replaced meanwhile."""
