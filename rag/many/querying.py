"""What a table says to a question, by a query that the model writes in SQL: the question's words
needn't be those of the table, nor in its language.

The query is read, not trusted: what it compares with must be in the question, it is run on the rows
of the table alone, and the model, reading the rows that it chose, must find that they answer.
"""

import sqlite3
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches

import sqlglot
from babel.numbers import format_decimal
from sqlglot import exp

from index.contract import StoredChunk
from index.text.words import fold, phrases
from rag import prompts
from rag.draft import Draft
from rag.excerpts import Excerpt
from rag.intent import Intent, Request
from rag.many.asked import Asked, conditions, limits_of, sign_of
from rag.many.computing import Computed, Operation, Shown, added
from rag.many.items import in_scope
from rag.many.records import LONGEST, Group, Record, quick_groups
from rag.many.tables import Table
from rag.many.wording import adds_up, asks_for_most, day_of, figure_of
from rag.retriever import Hit
from rag.writer import Writer

_LEAST = 4  # rows that make a table worth a query
_FIRST = 1  # chunks, one of which is a table's where a question for rows is about it
_TOKENS = 90  # of a query
_READ = 8  # rows that the model reads
_ANSWERS = 0.6  # how likely it must find then that they answer
_TIED, _EQUALS = 5, 15  # rows of which a cell each is shown; that are all the first
_DOCUMENTS, _WIDEST = 30, 2000  # that are looked through; characters of what the model is shown

_SUMS = {exp.Sum: Operation.SUM, exp.Avg: Operation.AVERAGE}
_MOST = {exp.Max: Operation.HIGHEST, exp.Min: Operation.LOWEST}
_KNOWN = (
    *(exp.Select, exp.From, exp.Table, exp.Identifier, exp.TableAlias, exp.Column, exp.Literal),
    *(exp.Where, exp.And, exp.Or, exp.Not, exp.Paren, exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT),
    *(exp.LTE, exp.Like, exp.In, exp.Between, exp.Is, exp.Null, exp.Lower, exp.Neg, exp.Star),
    *(exp.Count, exp.Sum, exp.Avg, exp.Max, exp.Min, exp.Distinct, exp.Alias),
    *(exp.Group, exp.Order, exp.Ordered, exp.Limit),
)


def queried(writer: Writer, draft: Draft, request: Request) -> list[Computed]:
    """What the table that a question is about says to it; none where none is, or says nothing."""
    # Not its documents: the words that it has of a title may be a table's
    asked, scope = draft.asked, request.scope
    hits = list[Hit]()
    every = request.intent in (Intent.LIST, Intent.COUNT)
    if every or adds_up(asked) or asks_for_most(asked):
        infos = in_scope(writer.store, replace(request, documents=()))[:_DOCUMENTS]
        short = [each.name for each in infos if each.characters <= LONGEST]
        named = [name for name in short if _tables(writer, name)]
        # A table that is named, else the likeliest, whatever texts speak of the same
        named = [each for each in named if each in request.documents] or named
        if named:
            hits = writer.retriever.search(asked, draft.language, k=1, documents=named)
    elif phrases("which_rows", draft.language).match(fold(asked)):
        hits = writer.retriever.search(asked, draft.language, k=_FIRST, documents=scope)
    for hit in hits:
        for group in _tables(writer, hit.chunk.document):
            if group.records[0].start < hit.chunk.end and hit.chunk.start < group.records[-1].end:
                found = _asked(writer, draft, Table(group))
                return [found] if found else []
    return []


def _tables(writer: Writer, document: str) -> list[Group]:
    """The tables of a document that are worth a query."""
    every = quick_groups(writer.store.document(document))
    return [group for group in every if group.columns and len(group.records) >= _LEAST]


def _asked(writer: Writer, draft: Draft, table: Table) -> Computed | None:
    """What a table says to the question, or to its translation into the table's language."""
    if len(table.schema()) > _WIDEST:
        return None
    ways = [(draft.asked, draft.language)]
    for asked, language in ways:
        written = _written(writer, draft, table, asked)
        if draft.stopped or not written.startswith("SELECT"):
            return None
        query = Query.of(table, written)
        meant = Asked(draft.asked, draft.language, table, writer.embedder, put=asked)
        if query and (found := query.computed(meant)):
            read = _read(writer, draft, table.group, query.records)
            return found if read >= _ANSWERS else None
        if language != table.group.language and (put := writer.across(draft, asked)):
            ways.append((put, table.group.language))
    return None


def _written(writer: Writer, draft: Draft, table: Table, asked: str) -> str:
    """The query that the model writes for a question, or "NONE"."""
    writer.generator.prepare(prompts.query(), stop=draft.stop)  # stays, also where room is short
    writer.generator.prepare(prompts.querying(table.schema(), ""), stop=draft.stop)
    asking = prompts.querying(table.schema(), asked)
    written = "".join(writer.generator.stream(asking, max_tokens=_TOKENS, stop=draft.stop))
    return written.strip("` \n").removeprefix("sql").strip()


def _read(writer: Writer, draft: Draft, group: Group, records: Sequence[Record]) -> float:
    """How likely the model finds it, reading some rows, that they answer the question."""
    text = "\n\n".join(each.text for each in records[:_READ])
    spans = ((0, len(text)),)
    chunk = StoredChunk(
        0, group.document, group.title, group.language, 0, 0, len(text), text, spans
    )
    return writer.read(draft.asked, draft.language, Excerpt(chunk, text), draft.stop).read


@dataclass(frozen=True)
class Query:
    """A query on one table, whose columns are all the table's."""

    table: Table
    tree: exp.Select
    records: list[Record] = field(default_factory=list)
    words: list[str] = field(default_factory=list)
    """The records for which its conditions hold, and these, once it was computed."""

    @classmethod
    def of(cls, table: Table, written: str) -> "Query | None":
        """A query, whose columns may be written a little otherwise; None where it is none that is
        understood here."""
        try:
            tree = sqlglot.parse_one(written, dialect="sqlite")
        except (sqlglot.errors.SqlglotError, RecursionError):
            return None
        if (
            not isinstance(tree, exp.Select)
            or not tree.expressions
            or not all(isinstance(e, _KNOWN) for e in tree.walk())
        ):
            return None
        where = tree.args.get("where")
        aliases = {each.alias for each in tree.expressions if each.alias}
        if where and aliases & {each.name for each in where.find_all(exp.Column)}:
            return None
        for column in list(tree.find_all(exp.Column)):
            if column.name in aliases:
                continue
            near = get_close_matches(column.name.lower(), list(table.columns), 1, 0.85)
            if not near or _digits(near[0]) != _digits(column.name):
                return None
            column.replace(exp.column(near[0]))
        return cls(table, tree)

    def computed(self, asked: Asked) -> Computed | None:
        """What it says; None where it isn't what was asked, or chooses no row."""
        limits = {each: list(limits_of(each)) for each in conditions(self.tree)}
        if not all(limits.values()) or not all(map(self._is_sound, limits)):
            return None
        kept = [each for each, own in limits.items() if all(asked.has(*one) for one in own)]
        # In the other language a small model adds conditions: one that isn't asked is left out
        drops = asked.language != self.table.group.language and (kept or asked.sums)
        if len(kept) < len(limits) and not drops:
            return None
        if asked.lacks(self.tree) or asked.turns_round(self.tree, self._order()):
            return None
        try:
            self.records[:] = self.table.chosen(exp.and_(*kept) if kept else None)
        except (sqlite3.Error, OverflowError):
            return None
        values = (sign_of(each) + value.strip("%") for each in kept for _, value in limits[each])
        self.words[:] = dict.fromkeys(values)
        return self._said(asked.sums) if self.records else None

    def _is_sound(self, condition: exp.Expr) -> bool:
        """Whether a condition compares a column with values that are of its kind."""
        ordered = condition.find(exp.GT, exp.GTE, exp.LT, exp.LTE, exp.Between)
        columns = {each.name for each in condition.find_all(exp.Column)}
        first = condition.this
        plain = isinstance(first, exp.Column | exp.Lower) or isinstance(condition, exp.Or | exp.Not)
        return plain and bool(columns) and (not ordered or columns <= self.table.numeric)

    def _said(self, sums: bool) -> Computed | None:
        if self.tree.args.get("group"):
            return self._grouped(key) if (key := self._key()) else None
        if any(each.find(exp.Distinct) for each in self.tree.find_all(exp.Sum, exp.Avg)):
            return None
        first = self.tree.expressions[0].unalias()
        column = first.find(exp.Column)
        name = self.table.columns[column.name] if column else ""
        if isinstance(first, exp.Count):
            kept = [each for each in self.records if not name or each.cells.get(name)]
            once = {each.cells.get(name): each for each in reversed(kept)}
            return self._of(Operation.COUNT, once.values() if first.find(exp.Distinct) else kept)
        if type(first) in _SUMS:
            known = name in self._amounts and len(self.tree.expressions) == 1
            return self._added(_SUMS[type(first)], name) if known else None
        return self._ranked(*order) if (order := self._order()) else self._cells(sums)

    def _of(self, operation: Operation, records: Iterable[Record]) -> Computed:
        kept = tuple(records)
        return Computed(
            self.table.group, operation, kept, tuple(self.words), value=float(len(kept))
        )

    def _added(self, operation: Operation, name: str) -> Computed | None:
        read = [(each, self._figure(each, name)) for each in self.records]
        found = replace(self._of(operation, ()), column=name)
        return added(found, [(each, *figure) for each, figure in read if figure])

    def _figure(self, record: Record, name: str) -> tuple[float, str] | None:
        return figure_of(record.cells.get(name, ""), self.table.group.language)

    def _order(self) -> tuple[str, bool, int] | None:
        """The column that rows are ordered by, whether upwards, and how many are asked for."""
        for each in self.tree.expressions:
            if type(each.unalias()) in _MOST and (column := each.find(exp.Column)):
                return self.table.columns[column.name], type(each.unalias()) is exp.Min, 1
        key, limit = self._by(), self.tree.args.get("limit")
        if not isinstance(key, exp.Column) or key.name not in self.table.columns:
            return None
        if not limit or not limit.expression.name.isdecimal():
            return None
        return self.table.columns[key.name], self._upwards, int(limit.expression.name)

    def _by(self) -> exp.Expr | None:
        """What rows or groups of rows are ordered by."""
        order = self.tree.args.get("order")
        return order.expressions[0].this if order else None

    @property
    def _upwards(self) -> bool:
        return not self.tree.args["order"].expressions[0].args.get("desc")

    def _ranked(self, name: str, upwards: bool, most: int) -> Computed | None:
        """The rows with the most or the least of a column, figures or dates."""
        valued = [(self._rank(each, name), each) for each in self.records]
        known = sorted(
            ((value, each) for value, each in valued if value),
            key=lambda pair: pair[0],
            reverse=not upwards,
        )
        units = {figure[1] for _, each in known if (figure := self._figure(each, name))}
        if len(known) < 2 or len(units) > 1:
            return None
        last = known[: max(most, 1)][-1][0]
        tied = [each for value, each in known if (value <= last if upwards else value >= last)]
        operation = Operation.LOWEST if upwards else Operation.HIGHEST
        return self._shown(operation, tied, name) if len(tied) <= max(most, _EQUALS) else None

    def _rank(self, record: Record, name: str) -> tuple[float, ...] | None:
        figure = self._figure(record, name)
        return figure[:1] if figure else day_of(record.cells.get(name, ""))

    def _key(self) -> exp.Count | exp.Sum | None:
        """What groups of rows are ordered by: how many they are, or the sum of a column."""
        key = self._by()
        aliases = [each for each in self.tree.expressions if key and each.alias == key.name != ""]
        named = (each.unalias() for each in aliases)
        return next((each for each in (key, *named) if isinstance(each, exp.Count | exp.Sum)), None)

    def _grouped(self, key: exp.Count | exp.Sum) -> Computed | None:
        """What most or fewest rows have, or whose rows have the most or the least in all."""
        group = self.tree.args["group"]
        column, several = group.find(exp.Column), group.expressions[1:]
        limit = self.tree.args.get("limit")
        if not column or several or not limit or limit.expression.name != "1":
            return None
        summed = key.find(exp.Column) if isinstance(key, exp.Sum) else None
        if summed and summed.name not in self.table.numeric:
            return None
        name = self.table.columns[column.name]
        amount = self.table.columns[summed.name] if summed else ""
        totals, first = Counter[str](), dict[str, Record]()
        for each in self.records:
            if cell := each.cells.get(name):
                figure = self._figure(each, amount) if summed else (1.0, "")
                totals[cell] += figure[0] if figure else 0  # type: ignore[assignment]
                first.setdefault(cell, each)
        best = (min if self._upwards else max)(totals.values(), default=0)
        tied = [cell for cell, total in totals.items() if total == best]
        if not 0 < len(tied) <= _EQUALS:
            return None
        most = Operation.HIGHEST if summed else Operation.OFTEN
        written = format_decimal(best, "#,##0.##", self.table.group.language)
        shown = [(cell, written, first[cell]) for cell in tied]
        return self._show(Operation.LOWEST if self._upwards else most, shown, amount)

    @property
    def _selected(self) -> list[str]:
        """The columns that are chosen, not computed with, by their plain names."""
        chosen = (each.unalias() for each in self.tree.expressions)
        return [each.name for each in chosen if isinstance(each, exp.Column)]

    def _cells(self, sums: bool) -> Computed | None:
        """A cell of few rows, or the rows."""
        columns = self.table.columns
        wordy = (each for each in columns if each not in self.table.numeric)
        called = columns[next(wordy, next(iter(columns)))]
        others = [columns[name] for name in self._selected if columns[name] != called]
        if len(others) == 1:
            if sums and len(self.records) > 1 and others[0] in self._amounts:
                return self._added(Operation.SUM, others[0])
            if len(self.records) <= _TIED and self.words:
                return self._shown(Operation.CELL, self.records, others[0], called)
        return self._of(Operation.ROWS, self.records)

    @property
    def _amounts(self) -> set[str]:
        return {self.table.columns[name] for name in self.table.numeric}

    def _called(self, beside: str) -> str:
        """The column that says what a row is called: a chosen one of words, else the first."""
        columns = self.table.columns
        wordy = [each for each in (*self._selected, *columns) if each not in self.table.numeric]
        return next((columns[each] for each in wordy if columns[each] != beside), "")

    def _shown(
        self, operation: Operation, records: Sequence[Record], name: str, called: str = ""
    ) -> Computed | None:
        called = called or self._called(name)
        shown = [(each.cells.get(called, ""), each.cells.get(name, ""), each) for each in records]
        return self._show(operation, shown, name) if all(map(all, shown)) else None

    def _show(
        self, operation: Operation, shown: Sequence[tuple[str, str, Record]], name: str
    ) -> Shown:
        lines = tuple((called, figure) for called, figure, _ in shown)
        found = self.table.group, operation, tuple(each for *_, each in shown), tuple(self.words)
        return Shown(*found, name, shown=lines, counted=len(self.records))


def _digits(text: str) -> str:
    return "".join(filter(str.isdigit, text))
