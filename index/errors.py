"""The one kind of error that a user can mend: a code and its values, put into words by `rag.i18n`."""

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
