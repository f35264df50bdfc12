"""One way to cut every set of questions in two: the half that is worked with, and the half that is
only scored.
"""

from hashlib import sha1


def share(identifier: str) -> float:
    """A number in [0, 1) that is always the same for an id, from its SHA-1."""
    return int(sha1(identifier.encode(), usedforsecurity=False).hexdigest()[:13], 16) / 16**13


def reporting(identifier: str) -> bool:
    """Whether a question belongs to the half that is only scored: nobody looks at its rows, nothing
    is trained or fitted on it.
    """
    return share(identifier) >= 0.5


def validating(title: str) -> bool:
    """Whether the training data's passages of an article are left out, to measure on: one article
    in twelve.
    """
    return share(f"article {title}") < 1 / 12
