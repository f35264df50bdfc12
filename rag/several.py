"""Several questions in one message: "How much did they invest? And what share do they own?"."""

from index.text.words import WORD

_MOST = 4  # questions of a message; of more, it is taken as a whole


def questions(message: str) -> list[str]:
    """The questions of a message, cut behind their marks; the message alone where it asks one.

    Two that are joined by "and" stay one: a model answers both where an excerpt holds both.
    """
    pieces = [piece.strip() for piece in message.replace("?", "?\n").split("\n")]
    pieces = [piece for piece in pieces if WORD.search(piece)]
    asked = all(piece.endswith("?") for piece in pieces)
    return pieces if asked and 1 < len(pieces) <= _MOST else [message]
