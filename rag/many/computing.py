"""What is computed over records of one form, by the words of a question.

Each word must be the records' name, a column, or be found in some record: else nothing is computed.
"""

import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

from index.text.dates import dates
from index.text.words import WORD, fold, phrases, terms, word_list
from rag.many.records import Group, Record
from rag.many.wording import (
    Word,
    content,
    figure_of,
    is_among,
    names_them,
    units_of,
    verbatim,
    without,
)
from rag.verifier.expected import expected
from rag.verifier.facts import Fact, facts, figures, holds, negated

_SYMBOLS = {"eur": "€", "usd": "$", "gbp": "£", "%": "%"}
_BOUNDS: dict[str, tuple[Callable[[float, float], bool], str]] = {
    "at_least": (operator.ge, "≥"),
    "at_most": (operator.le, "≤"),
    "above": (operator.gt, ">"),
    "below": (operator.lt, "<"),
}
_OTHER = {"fr": "en", "en": "fr"}
_SMALL = 100  # a figure below which may be a day, a number of a house
_SAMPLE = 60  # cells by which a column is known
_BEFORE = 30  # characters before a figure in which "more than" may stand


class Operation(StrEnum):
    """What is computed over the records."""

    COUNT = "count"
    SUM = "sum"
    AVERAGE = "average"
    HIGHEST = "highest"
    LOWEST = "lowest"
    OFTEN = "often"
    CELL = "cell"


@dataclass(frozen=True)
class Computed:
    """What came of a group of records.

    Attributes:
        value: the count, sum or average.
        unit: of a sum or an average, as the document writes it, or empty.
        column: that was added up, of a table.
        words: of the question that choose among the records.
        records: that were counted.
    """

    group: Group
    operation: Operation
    value: float
    unit: str
    column: str
    words: tuple[str, ...]
    records: tuple[Record, ...]


class Question:
    """A question read by the words of one group of records."""

    def __init__(
        self, asked: str, group: Group, asks: str = "", words: Sequence[Word] | None = None
    ) -> None:
        self.group = group
        self.asked = asked
        self._asks = asks or asked  # the part that says what is wanted of them
        # It is asked in the other language where its words are given in that of the records
        self._language = group.language if words is None else _OTHER[group.language]
        language = group.language
        self._columns = {name: set(self._terms(name)) for name in group.columns}
        self._own = [(each, set(self._terms(each.text))) for each in group.records]
        self._about = set(terms(f"{group.title} {group.document}", language))
        self._cells = verbatim(asked, group)
        self._rest = without(asked, self._cells)
        self._words = list(content(self._rest, language) if words is None else words)
        # How many of them are of this message
        last = list(content(without(self._asks, self._cells), self._language))
        self._latest = len(last) if asks else len(self._words)
        self._priced = phrases("by_price").search(fold(asked)) is not None
        self.operation = self._operation()
        kinds = [own for name, own in self._columns.items() if name not in self._numeric]
        self.named = any(
            names_them(group, word) or any(is_among(term, own) for own in kinds)
            for word, term in self._words
        ) or any(self._is_value(term) for _, term in self._words)

    def _terms(self, text: str) -> list[str]:
        """The index terms of a text; "caution_eur" has two."""
        return terms(text.replace("_", " "), self.group.language)

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

    def compute(self) -> Computed | None:
        """What is asked of these records; None where a word of the question isn't theirs."""
        column = self._column()
        if self._says_more() or not (self.named or column):
            return None
        chosen, words = list(self.group.records), list[str]()
        for cell, places in self._cells.items():
            chosen = [each for each in chosen if each.start in places]
            words.append(cell)
        for place, (word, term) in enumerate(reversed(self._words)):
            if names_them(self.group, word) or self._is_unit(word) or self._is_price(word):
                continue
            if column and self.is_of(term, column):
                continue
            if (having := self._having(term)) is not None:
                kept = [each for each in chosen if each.start in having]
                # A word of the message before may have been replaced by one of this message
                if len(having) < len(self._own) and (kept or place < self._latest):
                    words.insert(len(self._cells), word)
                    chosen = kept
            elif not is_among(term, self._about):
                return None
        records = self._narrowed(chosen, words, column)
        return self._computed(records, words, column) if records else None

    def _having(self, term: str) -> set[int] | None:
        """Where the records begin that have a term, "Martine" only where none has "Martin"."""
        exact = {record.start for record, own in self._own if term in own}
        return exact or {record.start for record, own in self._own if is_among(term, own)} or None

    def _says_more(self) -> bool:
        """Whether a question says what words and figures of rows can't: "not", "except", "why", or
        a column of yes and no of which it says no value."""
        plain, language = fold(self.asked), self._language
        if negated(self.asked, language) or phrases("leaves_out", language).search(plain):
            return True
        asked = [term for _, term in self._words]
        marked = [name for name in self.group.columns[1:] if name in self._marked]
        why = phrases("why").search(plain) is not None
        return why or any(self.is_of(term, name) for name in marked for term in asked)

    def _narrowed(
        self, records: Sequence[Record], words: list[str], column: str
    ) -> Sequence[Record]:
        """The records that have the figures of a question, or lie within its bounds."""
        if column and phrases("out_of").search(fold(self.asked)):
            valued = self._values(records, column) or []
            records = [each for each, value, _ in valued if not value]
            words.append(f"{column} = 0")
        for figure, bound, behind in self._figures():
            if any(figure.value in own for own in self._columns.values()):
                continue
            if not bound:
                records = [each for each in records if self._has(each, figure, behind)]
                words.append(figure.value)
                continue
            within, sign = _BOUNDS[bound]
            valued = self._values(records, column) or []
            records = [each for each, value, _ in valued if within(value, float(figure.value))]
            words.append(f"{sign} {figure.value}")
        return records

    def is_of(self, term: str, column: str) -> bool:
        """Whether an index term names a column."""
        return is_among(term, self._columns[column])

    def _column(self) -> str:
        """The column of figures that the question names, by most of its words; "" for none."""
        asked = [term for _, term in self._words]
        shared = {
            name: sum(is_among(term, own) for term in asked)
            + sum(fact.value in own for fact, *_ in self._figures())
            for name, own in self._columns.items()
            if name in self._numeric and any(is_among(term, own) for term in asked)
        }
        priced = self._sole(self._is_amount) if self._priced else ""
        return max(shared, key=shared.__getitem__, default=priced)

    def _computed(
        self, records: Sequence[Record], words: list[str], column: str
    ) -> Computed | None:
        valued = self._values(records, column)
        if self.operation is Operation.COUNT:
            if self._counts_a_value(records, words):
                return None
            records = self._distinct(records)
            total, unit = float(len(records)), ""
        elif valued and len({unit for _, _, unit in valued}) == 1 and valued[0][2] != "%":
            total, unit = sum(value for _, value, _ in valued), valued[0][2]
            records = [record for record, _, _ in valued]
            total /= len(records) if self.operation is Operation.AVERAGE else 1
        else:
            return None
        named = column or (self._only_column() if self.operation is not Operation.COUNT else "")
        return Computed(
            self.group, self.operation, total, unit, named, tuple(words), tuple(records)
        )

    def _is_value(self, term: str) -> bool:
        """Whether an index term is a value that several cells of one column have."""
        return any(
            sum(self._terms(each.cells.get(name, "")) == [term] for each in self.group.records) > 1
            for name in self.group.columns
        )

    def _counts_a_value(self, records: Sequence[Record], words: list[str]) -> bool:
        """Whether what is counted isn't the records but what only one of them has."""
        counted = self._words[0][0] if self._words else ""
        return len(records) < 2 and counted in words and expected(self._asks) == "count"

    def _distinct(self, records: Sequence[Record]) -> Sequence[Record]:
        """The records, or one for each value of a column other than the first that is counted."""
        word, counted = self._words[0] if self._words else ("", "")
        if names_them(self.group, word):
            return records
        column = next((name for name, own in self._columns.items() if is_among(counted, own)), "")
        if not column or column == self.group.columns[0]:
            return records
        return list({record.cells.get(column): record for record in reversed(records)}.values())

    def _figures(self) -> list[tuple[Fact, str, str]]:
        """The figures that the question names, each with its key of `_BOUNDS` if it is a bound, and
        the word behind it."""
        text, known = figures(self._rest, self._language)
        found = []
        for start, fact in known:
            before = fold(text[max(0, start - _BEFORE) : start])
            bound = next((name for name in _BOUNDS if phrases(name).search(before)), "")
            behind = next((word for word in WORD.findall(text[start:]) if word[0].isalpha()), "")
            found.append((fact, bound, behind))
        return found

    def _has(self, record: Record, figure: Fact, behind: str) -> bool:
        """Whether a record has a figure: in the column of the word behind it, if that names one; a
        small one stands for a date or a name elsewhere, and counts beside a word of the question.
        """
        language, value = self.group.language, float(figure.value)
        term = next(iter(self._terms(behind)), "")
        for name in self.group.columns:
            if term and name in self._numeric and self.is_of(term, name):
                own = figure_of(record.cells.get(name, ""), language)
                return own is not None and own[0] == value
        if value >= _SMALL:
            return holds(facts(record.text, language), figure)
        asked = {own for _, own in self._words}
        cells = (WORD.findall(cell) for cell in record.cells.values() or [record.text])
        return any(
            figure.value in cell and asked & set(self._terms(" ".join(cell))) for cell in cells
        )

    def _is_unit(self, word: str) -> bool:
        _, known = figures(f"1 {word}", self.group.language)
        return bool(known and known[0][1].unit)

    def _is_price(self, word: str) -> bool:
        return phrases("by_price", self.group.language).search(fold(word)) is not None

    @cached_property
    def _numeric(self) -> frozenset[str]:
        """The columns of figures, by their first cells."""
        language = self.group.language
        return self._columns_of(lambda cells: all(figure_of(cell, language) for cell in cells))

    @cached_property
    def _dated(self) -> frozenset[str]:
        """The columns of dates."""
        return self._columns_of(lambda cells: all(len(dates(cell)) == 1 for cell in cells))

    @cached_property
    def _marked(self) -> frozenset[str]:
        """The columns of yes and no."""
        marks = word_list("marks", self.group.language)
        return self._columns_of(lambda cells: {fold(cell) for cell in cells} <= marks)

    def _columns_of(self, suits: Callable[[Sequence[str]], bool]) -> frozenset[str]:
        found = set[str]()
        for name in self.group.columns:
            cells = [cell for each in self.group.records if (cell := each.cells.get(name))]
            if cells and suits(cells[:_SAMPLE]):
                found.add(name)
        return frozenset(found)

    def _is_amount(self, column: str) -> bool:
        if column not in self._numeric:
            return False
        cells = [cell for each in self.group.records if (cell := each.cells.get(column))]
        units = [figures(cell, self.group.language)[1][0][1].unit for cell in cells[:_SAMPLE]]
        priced = phrases("amount").search(fold(column.replace("_", " "))) is not None
        return priced or all(unit not in ("", "%") for unit in units)

    def _sole(self, suits: Callable[[str], bool]) -> str:
        """The only column of a kind; "" where there is none or another."""
        suited = [name for name in self.group.columns if suits(name)]
        return suited[0] if len(suited) == 1 else ""

    def _only_column(self) -> str:
        numeric = [name for name in self.group.columns if name in self._numeric]
        amounts = [name for name in numeric if not self._are_years(name)]
        return amounts[0] if len(amounts) == 1 else ""

    def _are_years(self, column: str) -> bool:
        cells = (record.cells.get(column, "") for record in self.group.records)
        return all(dates(cell) for cell in cells if cell)

    def _values(
        self, records: Sequence[Record], column: str
    ) -> list[tuple[Record, float, str]] | None:
        """Each record that has one, with its figure and the unit; None where that is unclear."""
        language = self.group.language
        if self.group.columns:
            column = column or self._only_column()
            read = [
                (record, figure_of(record.cells.get(column, ""), language)) for record in records
            ]
            return [(record, *figure) for record, figure in read if figure] if column else None
        known = [(record, units_of(record.text, language)) for record in records]
        units = [unit for unit in known[0][1] if unit] if known else []
        sole = [unit for unit in units if all(len(own.get(unit, ())) == 1 for _, own in known)]
        if len(sole) != 1:
            return None
        return [(record, own[sole[0]][0], _SYMBOLS[sole[0]]) for record, own in known]
