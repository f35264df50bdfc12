"""What the rows of tables say without a model: a cell that is asked for, the most or the least.

A model that reads ten of thirty rows finds the dearest of ten, and of a row of figures often the
wrong one: here every word of the question must be a row's, a column's or the table's own.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from index.text.dates import dates
from index.text.words import bare_word, fold, phrases, terms
from rag.draft import Draft
from rag.events import Event, Found
from rag.i18n import say
from rag.intent import Request
from rag.many.computing import Computed, Operation, Question, names_them
from rag.many.counting import computed_of, form_of, show
from rag.many.items import as_hits, item, sentence_at
from rag.many.listing import show_records
from rag.many.records import Group, Record, groups
from rag.verifier.expected import expected
from rag.writer import Writer

_TIED = 5  # records with the same figure that are shown
_MANY = 4  # rows that make a table worth counting
_FEW = 12  # rows that are shown where no list is asked for
_LOOKED = 5  # chunks in whose documents a cell is looked for
_LONGEST = 200_000  # characters of a document up to which that is quick
_Valued = tuple[tuple[float, ...], Record, str]
"""What a record is compared by, the record, and that as it is written."""


@dataclass(frozen=True)
class Shown(Computed):
    """What came first, best first: `records`, each with what it is called and its figure."""

    shown: tuple[tuple[str, str], ...] = ()
    counted: int = 0  # records that were compared


class OfColumns(Question):
    """A question that is answered by a column, which it names or which alone suits it."""

    def __init__(self, asked: str, group: Group) -> None:
        super().__init__(asked, group)
        ranking = phrases("ranking", group.language)
        self._words = [each for each in self._words if not ranking.search(fold(each[0]))]

    def _named(self, columns: Sequence[str]) -> list[str]:
        """Those of the columns that the question names, in its order."""
        asked = [term for _, term in self._words]
        found = (name for term in asked for name in columns if self.is_of(term, name))
        return list(dict.fromkeys(found))

    def _called(self) -> str:
        """The column that says which row it is: the first of words."""
        return next(iter(self._wordy()), "")

    def _wordy(self) -> list[str]:
        wordy = [each for each in self.group.columns if not self._is_numeric(each)]
        wordy = [each for each in wordy if not self._is_dated(each)]
        return sorted(wordy, key=self._is_coded)

    def _is_coded(self, column: str) -> bool:
        cells = [cell for each in self.group.records if (cell := each.cells.get(column))]
        return all(" " not in cell and any(map(str.isdigit, cell)) for cell in cells)

    def _name(self, record: Record, beside: str = "") -> str:
        """What a record is called: a cell of its row, or its heading or first words."""
        called = self._called()
        if called == beside:
            called = next((each for each in self._wordy() if each != beside), "")
        return record.cells.get(called, "") or record.text.split("\n")[0].strip("#-*•– ")


class Lookup(OfColumns):
    """A question for a cell: its words choose the row and the column."""

    def _computed(
        self, records: Sequence[Record], words: list[str], column: str
    ) -> Computed | None:
        column = self._wanted(records, words)
        cells = [(self._name(each, column), each.cells.get(column, "")) for each in records]
        shown = tuple(dict.fromkeys(cells))
        if not words or not column or len(shown) > _TIED or not all(map(all, shown)):
            return None
        kept = tuple(each for n, each in enumerate(records) if cells.index(cells[n]) == n)
        found = self.group, Operation.CELL, 0.0, "", column, tuple(words), kept
        return Shown(*found, shown, len(records))

    def _wanted(self, records: Sequence[Record], words: Sequence[str]) -> str:
        """The column asked for: by most of its words and figures, and not what chose the rows."""
        chose = set(terms(" ".join(words), self.group.language))
        given = {fact.value for fact, _ in self._figures()}
        asked = {term for _, term in self._words}
        named = {
            name: len(given & own) + sum(self.is_of(term, name) for term in asked)
            for name, own in self._columns.items()
            if any(self.is_of(term, name) for term in asked)
            and not any(chose & set(self._terms(each.cells.get(name, ""))) for each in records)
        }
        if named:
            return max(named, key=named.__getitem__)
        if self._priced or expected(self.asked) == "money":
            return self._sole(self._is_amount)
        return self._sole(self._is_dated) if expected(self.asked) == "time" else ""


class Ranking(OfColumns):
    """A question for the most or the least, read by the words of one group of records."""

    def __init__(self, asked: str, group: Group, number: int | None) -> None:
        super().__init__(asked, group)
        plain = fold(asked)
        self._low = phrases("lowest").search(plain) is not None
        most = phrases("most_of").search(plain)
        word = plain[most.end() :].split()[:1] if most else []
        counted = any(names_them(group, bare_word(each)) for each in word)  # "the most claims"
        self._often = counted or phrases("most_often").search(plain) is not None
        self._dated = phrases("by_date").search(plain) is not None
        self._number = number
        self.operation = Operation.LOWEST if self._low else Operation.HIGHEST

    def _column(self) -> str:
        """The column to compare by: the one named, else the only one that suits the question."""
        if not self.group.columns or self._often:
            return ""
        if self._dated:
            dated = [name for name in self.group.columns if self._is_dated(name)]
            return next(iter(self._named(dated) or (dated if self.named else ())), "")
        alone = self._only_column() if self.named or self._priced else ""
        return super()._column() or alone

    def _computed(
        self, records: Sequence[Record], words: list[str], column: str
    ) -> Computed | None:
        if len(records) < 2 or (self.group.columns and not self._called()):
            return None
        ranked = self._by_number(records) if self._often else self._by_value(records, column)
        if not ranked:
            return None
        ranked.sort(key=lambda each: each[0], reverse=not self._low)
        best = [each for each in ranked if each[0] == ranked[0][0]][:_TIED]
        best = ranked[: self._number] if self._number else best
        return Shown(
            self.group,
            Operation.OFTEN if self._often else self.operation,
            0.0,
            "",
            column,
            tuple(words),
            tuple(record for _, record, _ in best),
            tuple((self._name(record), figure) for _, record, figure in best),
            len(records),
        )

    def _called(self) -> str:
        """The column that says which one it is: the one asked for, else the first of words."""
        kind = self.group.columns[:1] if self._often else ()
        wordy = [each for each in self._wordy() if each not in kind]
        return next(iter(self._named(wordy) or ([] if self._often else wordy)), "")

    def _by_value(self, records: Sequence[Record], column: str) -> list[_Valued]:
        if self._dated:
            given = [(each, dates(each.cells.get(column, ""))) for each in records]
            return [
                ((known[0].year, known[0].month, known[0].day), each, each.cells[column])
                for each, known in given
                if known
            ]
        valued = self._values(records, column) or []
        if len({unit for _, _, unit in valued}) != 1:
            return []
        return [
            ((value,), each, each.cells.get(column) or f"{value:g} {unit}")
            for each, value, unit in valued
        ]

    def _by_number(self, records: Sequence[Record]) -> list[_Valued]:
        called = self._called()
        if not called:
            return []
        times = Counter(each.cells.get(called, "") for each in records)
        first = {each.cells.get(called, ""): each for each in reversed(records)}
        return [((times[name],), each, str(times[name])) for name, each in first.items() if name]


def from_rows(writer: Writer, draft: Draft, request: Request) -> Iterator[Event]:
    """Answer from the rows of tables; nothing where they don't say it as it is asked."""
    plain = fold(draft.asked)
    if any(phrases(each).search(plain) for each in ("lowest", "highest", "most_often")):
        every, _ = computed_of(
            writer, draft, request, lambda asked, group: Ranking(asked, group, request.number)
        )
    else:
        counts = expected(draft.asked) == "count" or phrases("summed").search(plain) is not None
        every = [] if counts else _looked_up(writer, draft, request)
        if not every:
            yield from _counted(writer, draft, request, counts=counts)
            return
    lines = [line for each in every if isinstance(each, Shown) for line in _lines(each, draft)]
    cited = [sentence_at(writer.store, document, place) for _, document, place in lines]
    known = [(line, *citing) for (line, _, _), citing in zip(lines, cited, strict=True) if citing]
    if not known:
        return
    draft.hits = as_hits(chunk for _, chunk, _ in known)
    draft.retrieval = draft.seconds
    yield Found(draft.hits)
    for line, _, citation in known:
        lead = ("\n- " if draft.text else "- ") if len(known) > 1 else ""
        yield from draft.add(lead, item(line, (citation,)))
    yield draft.finish(1.0)


def _counted(writer: Writer, draft: Draft, request: Request, *, counts: bool) -> Iterator[Event]:
    """What is counted or added up over rows, else the few rows that a question's words choose."""
    every, _ = computed_of(writer, draft, request, Question, across=False)
    every = [each for each in every if each.group.columns and len(each.group.records) >= _MANY]
    few = [each for each in every if each.words and len(each.records) <= _FEW]
    if every and counts:
        yield from show(writer, draft, every)
    elif few and phrases("which_rows", draft.language).match(fold(draft.asked)):
        yield from show_records(writer, draft, few, request.number)


def _looked_up(writer: Writer, draft: Draft, request: Request) -> list[Computed]:
    """The cells that a question asks for, in the documents that speak most of it."""
    scope = request.documents or request.scope
    hits = writer.retriever.search(draft.asked, draft.language, k=_LOOKED, documents=scope)
    found = list[Computed]()
    for name in dict.fromkeys(hit.chunk.document for hit in hits):
        document = writer.store.document(name)
        if len(document.text) <= _LONGEST:
            every = [Lookup(draft.asked, each).compute() for each in groups(document)]
            found += [each for each in every if each]
    return found if len({each.group.document for each in found}) == 1 else []


def _lines(shown: Shown, draft: Draft) -> Iterator[tuple[str, str, int]]:
    """A sentence for each record, its document and its place there."""
    language, document = draft.language, shown.group.document
    over = say(f"over_{form_of(shown.group)}", language, count=shown.counted)
    column = shown.column.replace("_", " ")
    if column:
        over = say("over_column", language, column=column, over=over)
    if shown.words:
        words, count = " ".join(shown.words), len(shown.group.records)
        over = say("over_chosen", language, over=over, words=words, all=count)
    form, about = f"row_{shown.operation}", {"over": over, "document": document, "column": column}
    for record, (name, figure) in zip(shown.records, shown.shown, strict=True):
        yield say(form, language, name=name, figure=figure, **about), document, record.start
