"""How what was computed over records is shown: a sentence, lines, or the records."""

from collections.abc import Iterator, Sequence

from babel.numbers import format_decimal

from index.text.words import bare_word
from rag.draft import Draft
from rag.events import Event, Found
from rag.i18n import say
from rag.many.computing import Computed, Operation, Shown
from rag.many.items import as_hits, heading, item, plain, sentence_at
from rag.many.records import Group, Record
from rag.many.wording import content, names_them
from rag.verifier import Citation
from rag.writer import Writer

_CITED = 5  # records that a count cites
_RECORDS = 60  # records that are shown
_TABLE = range(2, 7)  # columns of rows that are shown as a table

Line = tuple[str, str, int]
"""A sentence, its document and its place there."""


def show(writer: Writer, draft: Draft, every: Sequence[Computed]) -> Iterator[Event]:
    """Say what was computed, over what, with the first of the records."""
    cited = {
        each.group.document: [
            sentence_at(writer.store, each.group.document, record.start)
            for record in each.records[:_CITED]
        ]
        for each in every
    }
    draft.hits = as_hits(citing[0] for own in cited.values() for citing in own if citing)
    draft.retrieval = draft.seconds
    yield Found(draft.hits)
    for each in every:
        citations = tuple(citing[1] for citing in cited[each.group.document] if citing)
        lead = ("\n- " if draft.text else "- ") if len(every) > 1 else ""
        yield from draft.add(lead, item(_said(each, draft), citations))
    yield draft.finish(1.0)


def _said(computed: Computed, draft: Draft) -> str:
    """The sentence for a computation: the figure, of what, over what."""
    language, group = draft.language, computed.group
    decimals = "#,##0" if computed.operation is Operation.COUNT else "#,##0.##"
    figure = format_decimal(computed.value, format=decimals, locale=language)
    over = _over(computed, len(computed.records), language)
    values = {
        "figure": f"{figure} {computed.unit}".strip(),
        "things": _things(draft.asked, language, computed),
        "document": group.document,
        "over": over,
    }
    return say(f"computed_{computed.operation}", language, **values)


def _over(computed: Computed, count: int, language: str) -> str:
    """Over how many records it was computed, in which column, chosen by which words."""
    over = say(f"over_{form_of(computed.group)}", language, count=count)
    if column := computed.column.replace("_", " "):
        over = say("over_column", language, column=column, over=over)
    if computed.words:
        words, of = " ".join(computed.words), len(computed.group.records)
        over = say("over_chosen", language, over=over, words=words, all=of)
    return over


def form_of(group: Group) -> str:
    """What records are: rows, sections or items of a list."""
    return "rows" if group.columns else "items" if group.records[0].text[0] != "#" else "sections"


def _things(asked: str, language: str, computed: Computed) -> str:
    """What is counted, in the question's own word."""
    words = [word for word, _ in content(asked, language)]
    own = computed.group.language == language
    named = [word for word in words if own and names_them(computed.group, word)]
    return bare_word(next(iter(named or words), ""))


def show_records(
    writer: Writer, draft: Draft, every: list[Computed], most: int | None
) -> Iterator[Event]:
    """Show records in the documents' own words: rows of few columns as a table."""
    cited = [
        (computed.group, record, citing)
        for computed in every
        for record in computed.records[: most or _RECORDS]
        if (citing := sentence_at(writer.store, computed.group.document, record.said))
    ]
    draft.hits = as_hits(chunk for _, _, (chunk, _) in cited)
    draft.retrieval = draft.seconds
    yield Found(draft.hits)
    before = None
    for group, record, (_, citation) in cited:
        if len(group.columns) in _TABLE and len(cited) > 1:
            if group is not before:
                lead = "\n\n" if draft.text else ""
                names = [heading(name.replace("_", " ")) for name in group.columns]
                rule = "| --- " * len(names)
                yield draft.write(f"{lead}| {' | '.join(names)} |\n{rule}|")
            yield from _row(draft, group, record, citation)
        else:
            lead = "\n- " if draft.text else "- "  # rows that are alike are others all the same
            yield from draft.add(lead, item(plain(citation.text), (citation,)))
        before = group
    for computed in every:
        if computed.words and cited:
            over = _over(computed, len(computed.records), draft.language)
            said = say("rows_chosen", draft.language, document=computed.group.document, over=over)
            yield draft.write(f"\n\n{said}")
    yield draft.finish(1.0)


def _row(draft: Draft, group: Group, record: Record, citation: Citation) -> Iterator[Event]:
    """Add a row whose first cell that isn't empty is cited."""
    first = next((name for name in group.columns if record.cells.get(name)), "")
    yield draft.write("\n|")
    for name in group.columns:
        cell = plain(record.cells.get(name, ""))
        if name == first:
            yield from draft.add(" ", item(cell, (citation,)))
            yield draft.write(" |")
        else:
            yield draft.write(f" {cell} |")


def tell(writer: Writer, draft: Draft, lines: Sequence[Line]) -> Iterator[Event]:
    """Show sentences on rows."""
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


def lines_of(shown: Shown, draft: Draft) -> Iterator[Line]:
    """A sentence for each record."""
    language, document = draft.language, shown.group.document
    over, column = _over(shown, shown.counted, language), shown.column.replace("_", " ")
    form, about = f"row_{shown.operation}", {"over": over, "document": document, "column": column}
    for record, (name, figure) in zip(shown.records, shown.shown, strict=True):
        yield say(form, language, name=name, figure=figure, **about), document, record.start
