"""Which records of one form a question means, by its words and figures.

Each word must be the records' name, a column, or be found in some record: else none is meant.
"""

import operator
from collections.abc import Callable, Sequence
from functools import cached_property

from index.text.dates import dates
from index.text.words import WORD, fold, phrases, terms, word_list
from rag.many import wording
from rag.many.records import Group, Record
from rag.verifier.facts import facts, holds, negated
from rag.verifier.figures import Fact, figures

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


Valued = tuple[Record, float, str]
"""A record, its figure, and the unit of that."""


class Choice:
    """The records of a group that a question means."""

    lenient = False
    """Whether a word that says little is passed over: "a new pan"."""

    def __init__(
        self, asked: str, group: Group, asks: str = "", words: Sequence[wording.Word] | None = None
    ) -> None:
        self.group = group
        self.asked = asked
        self._asks = asks or asked  # the part that says what is wanted of them
        # It is asked in the other language where its words are given in that of the records
        self._language = group.language if words is None else _OTHER[group.language]
        self._columns = {name: set(self._terms(name)) for name in group.columns}
        self._about = set(terms(f"{group.title} {group.document}", group.language))
        self._cells = self._verbatim()
        self._rest = wording.without(asked, wording.verbatim(asked, group))
        self._words = list(wording.content(self._rest, group.language) if words is None else words)
        # How many of them are of this message
        last = list(wording.content(wording.without(self._asks, self._cells), self._language))
        self._latest = len(last) if asks else len(self._words)
        self._priced = phrases("by_price").search(fold(asked)) is not None
        kinds = [own for name, own in self._columns.items() if name not in self._numeric]
        named = any(
            wording.names_them(group, word) or any(wording.is_among(term, own) for own in kinds)
            for word, term in self._words
        ) or any(self._is_value(term) for _, term in self._words)
        self.named = named and self._is_known()
        """Whether the question is about these records, so that a text can't count them."""

    def _is_known(self) -> bool:
        """Whether they are what is asked about first, or the records, their columns or their title
        have half of the question's words."""
        if self._words and wording.names_them(self.group, self._words[0][0]):
            return True
        words = [
            any(wording.is_among(term, own) for own in (*self._columns.values(), self._about))
            or self._having(term) is not None
            for _, term in self._words
        ]
        return 2 * sum(words) >= len(words)

    def _terms(self, text: str) -> list[str]:
        """The index terms of a text; "caution_eur" has two."""
        return terms(text.replace("_", " "), self.group.language)

    def _verbatim(self) -> dict[str, set[int]]:
        """The cells that stand in the question; of one column, those of this message alone."""
        every, latest = (
            wording.verbatim(self.asked, self.group),
            wording.verbatim(self._asks, self.group),
        )
        taken = {name for cell in latest for name in self._holding(cell)}
        return {
            cell: places
            for cell, places in every.items()
            if cell in latest or not taken & self._holding(cell)
        }

    def _holding(self, value: str) -> set[str]:
        """The columns that have a cell with these words."""
        own = set(self._terms(value))
        return {
            name
            for name in self.group.columns
            if any(own <= set(cells.get(name, ())) for _, cells, _ in self._rows)
        }

    def choose(self, column: str, *, counts: bool) -> tuple[list[Record], list[str]]:
        """The records that the question's words and figures choose, and those words; no record
        where a word is none of theirs. `counts`: each column that is named must limit something."""
        chosen = {each.start for each in self.group.records}.intersection(*self._cells.values())
        words = list(self._cells)
        idle, limited = set[str](), {name for cell in self._cells for name in self._holding(cell)}
        for place, (word, term) in enumerate(reversed(self._words)):
            if wording.names_them(self.group, word) or self._is_unit(word) or self._is_price(word):
                continue
            if column and self.is_of(term, column):
                continue
            having = self._having(term)
            if having is None and not wording.is_among(term, self._about):
                if self.lenient and phrases("says_little").search(fold(word)):
                    continue
                return [], []
            own = self._holding(word) if having else set[str]()
            if having is None or (len(having) == len(self.group.records) and not own):
                idle |= {name for name in self.group.columns if self.is_of(term, name)}
                continue
            # A word of the message before is replaced by one of this message, of the same column
            if place >= self._latest and own & limited:
                continue
            limited |= own
            words.insert(len(self._cells), word)
            chosen &= having
        for name in idle & limited:  # "of Lyon at home": in that column
            there = [each for each in words if name in self._holding(each)]
            own = set(self._terms(" ".join(there)))
            chosen &= {start for start, cells, _ in self._rows if own <= set(cells.get(name, ()))}
        first = self._words[0][1] if self._words else ""
        named = {name for name in idle - limited if not self.is_of(first, name)}
        if counts and named - {column} and not words:
            return [], []
        kept = [each for each in self.group.records if each.start in chosen]
        return self._narrowed(kept, words, column), words

    def _having(self, term: str) -> set[int] | None:
        """Where the records begin that have a term: as a cell, else within one; "Martine" only
        where none has "Martin"."""
        if self._is_value(term):
            return {start for start, cells, _ in self._rows if [term] in cells.values()}
        exact = {start for start, _, own in self._rows if term in own}
        return (
            exact or {start for start, _, own in self._rows if wording.is_among(term, own)} or None
        )

    def _is_value(self, term: str) -> bool:
        """Whether an index term is a value that several cells of one column have."""
        return any(
            sum(cells.get(name) == [term] for _, cells, _ in self._rows) > 1
            for name in self.group.columns
        )

    @cached_property
    def _rows(self) -> list[tuple[int, dict[str, list[str]], set[str]]]:
        """Where each record begins, the index terms of its cells, and those of its whole text."""
        return [
            (
                each.start,
                {name: self._terms(cell) for name, cell in each.cells.items()},
                set(self._terms(each.text)),
            )
            for each in self.group.records
        ]

    def _says_more(self) -> bool:
        """Whether a question says what words and figures of rows can't: "not", "except", "why", a
        bound without its figure, two bounds, or a column of yes and no of which it says no value.
        """
        plain, language = fold(self.asked), self._language
        if negated(self.asked, language) or phrases("leaves_out", language).search(plain):
            return True
        asked = [term for _, term in self._words]
        marked = [name for name in self.group.columns[1:] if name in self._marked]
        why = phrases("why").search(plain) is not None
        bounds = [bound for _, bound, _ in self._figures() if bound]
        bounded = phrases("at_least").search(plain) and not phrases("highest").search(plain)
        unclear = len(bounds) > 1 or (bounds and self._is_out()) or (bounded and not bounds)
        return why or unclear or any(self.is_of(term, name) for name in marked for term in asked)

    def _is_out(self) -> bool:
        """Whether what is out of stock is asked for."""
        return phrases("out_of").search(fold(self.asked)) is not None

    def _narrowed(self, records: list[Record], words: list[str], column: str) -> list[Record]:
        """The records that have the figures of a question, or lie within its bounds."""
        if self._is_out():
            if not column or not any(self.is_of(each, column) for each in self._terms("stock")):
                return []
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
        return wording.is_among(term, self._columns[column])

    def _column(self) -> str:
        """The column of figures that the question names, by most of its words; "" for none, or
        where two of them are named alike."""
        asked = [term for _, term in self._words]
        shared = {
            name: sum(wording.is_among(term, own) for term in asked)
            + sum(fact.value in own for fact, *_ in self._figures())
            for name, own in self._columns.items()
            if name in self._numeric and any(wording.is_among(term, own) for term in asked)
        }
        if not shared:
            return self._sole(self._is_amount) if self._priced else ""
        most = max(shared.values())
        best = [name for name, share in shared.items() if share == most]
        return best[0] if len(best) == 1 else ""

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
                own = wording.figure_of(record.cells.get(name, ""), language)
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
        return self._says("by_price", word)

    def _says(self, name: str, word: str) -> bool:
        """Whether a word is in a list of the lexicon, and no name: "Coutances"."""
        named = word[0].isupper() and not self.asked.lstrip().startswith(word)
        return not named and phrases(name, self.group.language).search(fold(word)) is not None

    @cached_property
    def _numeric(self) -> frozenset[str]:
        """The columns of figures, by their first cells."""
        language = self.group.language
        return self._columns_of(
            lambda cells: all(wording.figure_of(cell, language) for cell in cells)
        )

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
            cells = self.group.cells(name)
            if cells and suits(cells[:_SAMPLE]):
                found.add(name)
        return frozenset(found)

    def _is_amount(self, column: str) -> bool:
        if column not in self._numeric:
            return False
        cells = self.group.cells(column)[:_SAMPLE]
        units = [figures(cell, self.group.language)[1][0][1].unit for cell in cells]
        priced = phrases("amount").search(fold(column.replace("_", " "))) is not None
        return priced or all(unit not in ("", "%") for unit in units)

    def _sole(self, suits: Callable[[str], bool]) -> str:
        """The only column of a kind; "" where there is none or another."""
        suited = [name for name in self.group.columns if suits(name)]
        return suited[0] if len(suited) == 1 else ""

    def _only_column(self) -> str:
        """The only column of figures that aren't years; "" where there is none or another."""
        return self._sole(
            lambda name: name in self._numeric and not all(map(dates, self.group.cells(name)))
        )

    def _values(self, records: Sequence[Record], column: str) -> list[Valued] | None:
        """Each record that has one, with its figure and the unit; None where that is unclear."""
        language = self.group.language
        if self.group.columns:
            column = column or self._only_column()
            read = [
                (record, wording.figure_of(record.cells.get(column, ""), language))
                for record in records
            ]
            return [(record, *figure) for record, figure in read if figure] if column else None
        known = [(record, wording.units_of(record.text, language)) for record in records]
        units = [unit for unit in known[0][1] if unit] if known else []
        sole = [unit for unit in units if all(len(own.get(unit, ())) == 1 for _, own in known)]
        if len(sole) != 1:
            return None
        return [(record, own[sole[0]][0], _SYMBOLS[sole[0]]) for record, own in known]
