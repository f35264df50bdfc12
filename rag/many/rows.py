"""What the rows of tables say without a model: a cell that is asked for, the most or the least.

A model that reads ten of thirty rows finds the dearest of ten, and of a row of figures often the
wrong one: here every word of the question must be a row's, a column's or the table's own.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cached_property, partial

from index.text.words import bare_word, fold, phrases
from rag.draft import Draft
from rag.intent import Intent, Request
from rag.many.computing import Computed, Operation, Question, Shown
from rag.many.counting import as_rows, computed_of
from rag.many.items import likely
from rag.many.records import Group, Record, quick_groups
from rag.many.wording import Word, adds_up, asks_for_most, carried, day_of, names_them, unbound
from rag.verifier.expected import expected
from rag.verifier.figures import Fact
from rag.writer import Writer

_TIED = 5  # records with the same figure that are shown
_MANY = 4  # rows that make a table worth counting
_FEW = 12  # rows that are shown where no list is asked for
_LOOKED = 5  # chunks in whose documents a cell is looked for
_ROWS = 50  # rows that a question may choose, one of whose cells it asks for
_Ranked = tuple[tuple[float, ...], Record, str]
"""What a record is compared by, the record, and that as it is written."""


class OfColumns(Question):
    """A question that is answered by a column, which it names or which alone suits it."""

    def _named(self, columns: Sequence[str], asking: Sequence[Word] | None = None) -> list[str]:
        """Those of the columns that the question, or some words of it, names, in their order."""
        words = self._words if asking is None else asking
        asked = [term for word, term in words if not names_them(self.group, word)]
        found = (name for term in asked for name in columns if self.is_of(term, name))
        return list(dict.fromkeys(found))

    @cached_property
    def _wordy(self) -> list[str]:
        """The columns that may say what a row is called, codes last."""
        other = self._numeric | self._dated | self._marked
        coded = self._columns_of(lambda cells: all(map(_is_code, cells)))
        return sorted(
            (each for each in self.group.columns if each not in other), key=coded.__contains__
        )

    def _called(self, beside: str = "") -> str:
        """The column that says which row it is, other than the one `beside`."""
        wordy = [each for each in self._wordy if each != beside]
        named = (each for each in wordy if any(self.is_of(term, each) for _, term in self._words))
        return next(named, next(iter(wordy), ""))

    def _name(self, record: Record, beside: str = "") -> str:
        """What a record is called: a cell of its row, or its heading or first words."""
        cell = record.cells.get(self._called(beside), "")
        return cell or record.text.split("\n")[0].strip("#-*•– ")


class Lookup(OfColumns):
    """A question for a cell: its words choose the row and the column."""

    lenient = True

    def _operation(self) -> Operation:
        return Operation.CELL

    def _computed(
        self, records: Sequence[Record], words: list[str], column: str
    ) -> Computed | None:
        column = self._wanted(records, words) if words and len(records) <= _ROWS else ""
        shown = {(self._name(each, column), each.cells.get(column, "")): each for each in records}
        if not column or len(shown) > _TIED or not all(map(all, shown)):
            return None
        found = self.group, self.operation, tuple(shown.values()), tuple(words), column
        return Shown(*found, shown=tuple(shown), counted=len(records))

    def _wanted(self, records: Sequence[Record], words: Sequence[str]) -> str:
        """The column asked for: by most of its words and figures, and not what chose the rows.

        A message that goes on may name another column; the one before is meant where it chooses
        another row, and asks for nothing of its own.
        """
        latest = self._words[len(self._words) - self._latest :]
        goes_on = self._latest < len(self._words) or self._asks != self.asked
        asking = self._words
        if goes_on and any(self.is_of(term, name) for _, term in latest for name in self._columns):
            asking = latest
        elif goes_on and (
            expected(self._asks)
            or phrases("asks_where").search(fold(self._asks))
            or not any(word in words for word, _ in latest)
        ):
            return ""
        return self._asked_for(asking, records, words)

    def _asked_for(
        self, asking: Sequence[Word], records: Sequence[Record], words: Sequence[str]
    ) -> str:
        """The column that words name, other than what chose the rows; "" for none or several."""
        chose = set(self._terms(" ".join(words)))
        given = {fact.value for fact, *_ in self._figures()}
        asked = {term for _, term in asking}
        named = [
            name
            for name in self._named(self.group.columns, asking)
            if not any(chose & set(self._terms(each.cells.get(name, ""))) for each in records)
        ]
        if len(named) > 1:  # "the rent of the house": the first column is the kind
            named = [name for name in named if name != self.group.columns[0]]
        if named:
            weight = {
                name: len(given & self._columns[name])
                + sum(self.is_of(term, name) for term in asked)
                for name in named
            }
            most = max(weight.values())
            best = [name for name in named if weight[name] == most]
            return best[0] if len(best) == 1 else ""
        wanted = expected(self.asked)
        if wanted == "money" or (self._priced and wanted not in ("person", "time", "place")):
            return self._sole(self._is_amount)
        return self._sole(self._dated.__contains__) if wanted == "time" else ""


class Ranking(OfColumns):
    """A question for the most or the least, read by the words of one group of records."""

    def __init__(
        self, asked: str, group: Group, number: int | None, words: Sequence[Word] | None = None
    ) -> None:
        super().__init__(asked, group, words=words)
        plain = unbound(asked)
        self._low = phrases("lowest").search(plain) is not None
        most = phrases("most_of").search(plain)
        word = plain[most.end() :].split()[:1] if most else []
        counted = any(names_them(group, bare_word(each)) for each in word)  # "the most claims"
        self._often = counted or phrases("most_often").search(plain) is not None
        self._by_date = phrases("by_date").search(plain) is not None
        self._unclear = phrases("turned_round").search(plain) is not None
        self._number = number
        self._words = [
            (word, term)
            for word, term in self._words
            if not self._says("ranking", word) or self._is_value(term)
        ]
        self.operation = Operation.LOWEST if self._low else Operation.HIGHEST

    def _figures(self) -> list[tuple[Fact, str, str]]:
        number = str(self._number)
        return [each for each in super()._figures() if each[0].value != number]

    def _column(self) -> str:
        """The column to compare by: the one named, else the only one that suits the question."""
        if not self.group.columns or self._often:
            return ""
        plain = unbound(self.asked)
        if self._by_date:
            dated = [name for name in self.group.columns if name in self._dated]
            # The oldest employee isn't the one hired first
            alone = [] if phrases("of_age").search(plain) or not self.named else dated
            return next(iter(self._named(dated) or alone), "")
        of_all = phrases("most_plain").search(plain) is not None and self.named
        return super()._column() or (self._only_column() if of_all or self._priced else "")

    def _computed(
        self, records: Sequence[Record], words: list[str], column: str
    ) -> Computed | None:
        figures_of = self._named([each for each in self.group.columns if each in self._numeric])
        # "the rent of the house with the most rooms" compares by another column than it asks for
        other = len(figures_of) > 1 or (self._priced and column and not self._is_amount(column))
        if (
            self._unclear
            or other
            or (self._often and self._is_out())
            or len(records) < 2
            or (self.group.columns and not self._called())
        ):
            return None
        ranked = self._by_number(records) if self._often else self._by_value(records, column)
        if not ranked:
            return None
        ranked.sort(key=lambda each: each[0], reverse=not self._low)
        best = [each for each in ranked if each[0] == ranked[0][0]][:_TIED]
        best = ranked[: self._number] if self._number else best
        operation = Operation.OFTEN if self._often else self.operation
        found = self.group, operation, tuple(record for _, record, _ in best), tuple(words), column
        shown = tuple((self._name(record), figure) for _, record, figure in best)
        return Shown(*found, shown=shown, counted=len(records))

    def _called(self, beside: str = "") -> str:
        """The column that says which one it is: the one asked for, else the first of words."""
        kind = {beside, *self.group.columns[: self._often]}
        wordy = [each for each in self._wordy if each not in kind]
        return next(iter(self._named(wordy) or ([] if self._often else wordy)), "")

    def _by_value(self, records: Sequence[Record], column: str) -> list[_Ranked]:
        if self._by_date:
            days = [(day_of(each.cells.get(column, "")), each) for each in records]
            return [(day, each, each.cells[column]) for day, each in days if day]
        valued = self._values(records, column) or []
        if len({unit for _, _, unit in valued}) != 1:
            return []
        return [
            ((value,), each, each.cells.get(column) or f"{value:g} {unit}")
            for each, value, unit in valued
        ]

    def _by_number(self, records: Sequence[Record]) -> list[_Ranked]:
        called = self._called()
        if not called:
            return []
        times = Counter(each.cells.get(called, "") for each in records)
        first = {each.cells.get(called, ""): each for each in reversed(records)}
        return [((times[name],), each, str(times[name])) for name, each in first.items() if name]


def _is_code(cell: str) -> bool:
    return " " not in cell and any(map(str.isdigit, cell))


def from_rows(writer: Writer, draft: Draft, request: Request) -> list[Computed]:
    """What comes first, is counted or looked up, else the rows that are chosen."""
    asked = draft.asked
    if asks_for_most(asked):
        number = request.number if request.intent is Intent.LIST else None
        read = partial(Ranking, number=number)
        return computed_of(writer, draft, request, read, quick=True)[0]
    if adds_up(asked) or expected(asked) == "count":
        return _counted(writer, draft, request)
    found = _looked_up(writer, draft, request)
    if found or not phrases("which_rows", draft.language).match(fold(asked)):
        return found
    chosen = _counted(writer, draft, request)
    return as_rows(each for each in chosen if each.words and len(each.records) <= _FEW)


def _counted(writer: Writer, draft: Draft, request: Request) -> list[Computed]:
    """What is counted or added up over the rows of tables."""
    every, _ = computed_of(writer, draft, request, Question, quick=True)
    return [each for each in every if each.group.columns and len(each.group.records) >= _MANY]


def _looked_up(writer: Writer, draft: Draft, request: Request) -> list[Computed]:
    """The cells that a question asks for, in the documents that speak most of it."""
    scope = request.documents or request.scope
    looked = list[Computed | None]()
    for name in likely(writer, draft, scope, _LOOKED):
        tables = (each for each in quick_groups(writer.store.document(name)) if each.columns)
        for table in tables:
            every = (each.compute() for each in _lookup(writer, draft, table))
            looked.append(next(filter(None, every), None))
    found = [each for each in looked if each]
    if not found and request.documents:  # its words may name a document and be a table's
        return _looked_up(writer, draft, replace(request, documents=()))
    return found if len({each.group.document for each in found}) == 1 else []


def _lookup(writer: Writer, draft: Draft, table: Group) -> Iterator[Lookup]:
    """A question as one for a cell of a table: by itself, if need be carried into the table's
    language, or joined to the one before it."""
    if table.language == draft.language:
        yield Lookup(draft.asked, table)
        yield from (Lookup(each, table, draft.question) for each in draft.joined[:1])
        return
    words = carried([(draft.asked, draft.language)], table, writer.embedder)
    if words is not None:
        yield Lookup(draft.asked, table, words=words)
