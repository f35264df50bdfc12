"""What is computed over the records that a question means."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from index.text.words import fold, phrases
from rag.many.choosing import Choice, Valued
from rag.many.records import Group, Record
from rag.many.wording import Word, is_among, names_them
from rag.verifier.expected import expected


class Operation(StrEnum):
    """What is computed over the records."""

    COUNT = "count"
    SUM = "sum"
    AVERAGE = "average"
    HIGHEST = "highest"
    LOWEST = "lowest"
    OFTEN = "often"
    CELL = "cell"
    ROWS = "rows"


@dataclass(frozen=True)
class Computed:
    """What came of a group of records.

    Attributes:
        records: that were counted.
        words: of the question that choose among the records.
        column: that was added up, of a table.
        value: the count, sum or average.
        unit: of a sum or an average, as the document writes it, or empty.
    """

    group: Group
    operation: Operation
    records: tuple[Record, ...]
    words: tuple[str, ...] = ()
    column: str = ""
    value: float = 0.0
    unit: str = ""


@dataclass(frozen=True)
class Shown(Computed):
    """What came first, best first: `records`, each with what it is called and its figure."""

    shown: tuple[tuple[str, str], ...] = ()
    counted: int = 0  # records that were compared


def added(found: Computed, valued: Sequence[Valued]) -> Computed | None:
    """The sum or the average of figures; None where these are shares, or of several units."""
    units = {unit for _, _, unit in valued}
    if len(units) != 1 or units == {"%"}:
        return None
    total = sum(value for _, value, _ in valued)
    total /= len(valued) if found.operation is Operation.AVERAGE else 1
    records = tuple(record for record, _, _ in valued)
    return replace(found, value=total, unit=valued[0][2], records=records)


class Question(Choice):
    """A question for a count, a sum or an average of the records of one group."""

    def __init__(
        self, asked: str, group: Group, asks: str = "", words: Sequence[Word] | None = None
    ) -> None:
        super().__init__(asked, group, asks, words)
        self.operation = self._operation()

    def compute(self) -> Computed | None:
        """What is asked of these records; None where a word of the question isn't theirs."""
        column = self._column()
        if self._says_more() or not (self.named or column):
            return None
        counts = self.operation is Operation.COUNT
        records, words = self.choose(column, counts=counts)
        bound = any(bound for _, bound, _ in self._figures()) or self._is_out()
        figured = bound or self._figures() or any(column in self._holding(c) for c in self._cells)
        if counts and column and not figured:  # "in stock": how many?
            return None
        return self._computed(records, words, column) if records else None

    def _operation(self) -> Operation:
        if phrases("averaged").search(fold(self._asks)):
            return Operation.AVERAGE
        word, first = self._words[0] if self._words else ("", "")
        if expected(self._asks) == "count" and names_them(self.group, word):
            return Operation.COUNT
        numeric = any(
            is_among(first, own) and name in self._numeric for name, own in self._columns.items()
        )
        summed = phrases("summed").search(fold(self._asks)) is not None
        counts = expected(self._asks) == "count" or not (summed or expected(self._asks))
        return Operation.COUNT if counts and not numeric else Operation.SUM

    def _computed(
        self, records: Sequence[Record], words: list[str], column: str
    ) -> Computed | None:
        if self.operation is not Operation.COUNT:
            named = column or self._only_column()
            found = Computed(self.group, self.operation, (), tuple(words), named)
            return added(found, self._values(records, column) or ())
        if self._counts_a_value(records, words):
            return None
        kept = tuple(self._distinct(records, words))
        return Computed(self.group, self.operation, kept, tuple(words), column, float(len(kept)))

    def _counts_a_value(self, records: Sequence[Record], words: list[str]) -> bool:
        """Whether what is counted isn't the records but what only one of them has."""
        counted = self._words[0][0] if self._words else ""
        return len(records) < 2 and counted in words and expected(self._asks) == "count"

    def _distinct(self, records: Sequence[Record], words: Sequence[str]) -> Sequence[Record]:
        """The records, or one for each value of a column other than the first that is counted."""
        word, counted = self._words[0] if self._words else ("", "")
        if names_them(self.group, word):
            return records
        column = next((name for name, own in self._columns.items() if is_among(counted, own)), "")
        limited = any(column in self._holding(each) for each in words)
        if not column or column == self.group.columns[0] or limited:
            return records
        return list({record.cells.get(column): record for record in reversed(records)}.values())
