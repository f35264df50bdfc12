"""The blocks of a page: which are a label and its value."""

from collections.abc import Iterator
from dataclasses import dataclass

from index.reading.names import is_value

_LABEL = 40  # characters of a label or a value at most


@dataclass
class Block:
    """A paragraph, a heading, an item or a row; whether it stands beside the text, and how many of
    its letters are links."""

    text: str
    aside: bool = False
    linked: int = 0

    @property
    def letters(self) -> str:
        return "".join(filter(str.isalnum, self.text))


def paired(blocks: list[Block]) -> Iterator[Block]:
    """The blocks with each short label that stands alone on a line with the value below it, as in
    mails that lay out what they say in boxes; not where values stand above their labels."""
    before: Block | None = None
    loose = False  # whether a value stands before that
    for block in blocks:
        value = is_value(block.text) and len(block.text) <= _LABEL and ";" not in block.text
        if before and value and not loose and before.aside == block.aside and _is_label(before):
            text = f"{before.text.rstrip(' :')}: {block.text}"
            yield Block(text, block.aside, before.linked + block.linked)
            before, loose = None, False
            continue
        if before:
            yield before
            loose = is_value(before.text) and ": " not in before.text
        before = block
    if before:
        yield before


def _is_label(block: Block) -> bool:
    text = block.text
    words = text[0] not in "#-|" and not any(map(str.isdigit, text))
    return words and 1 < len(text) <= _LABEL and text[-1] not in ".!?,;…" and ": " not in text
