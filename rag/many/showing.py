"""How what was computed over records is shown: a sentence, lines, or the records."""

from collections.abc import Iterator, Sequence

from babel.numbers import format_decimal

from index.contract import StoredChunk
from index.text.words import bare_word
from rag.draft import Draft
from rag.events import Event
from rag.i18n import say
from rag.many.computing import Computed, Operation, Shown
from rag.many.items import found, header, item, plain, sentence_at
from rag.many.records import Group, Record
from rag.many.wording import content, names_them
from rag.verifier import Citation
from rag.writer import Writer

_CITED = 5  # records that a count cites
_RECORDS = 60  # records that are shown
_TABLE = range(2, 7)  # columns of rows that are shown as a table

Line = tuple[str, str, Sequence[int]]
"""A sentence, its document and the places there that it cites."""


def show(
    writer: Writer, draft: Draft, every: Sequence[Computed], most: int | None = None
) -> Iterator[Event]:
    """Show what was computed: as sentences, or `most` of the records themselves.

    Nothing where all of them were removed meanwhile.
    """
    if every[0].operation is Operation.ROWS:
        yield from _show_records(writer, draft, every, most)
        return
    known = list[tuple[str, list[tuple[StoredChunk, Citation]]]]()
    for line, document, places in (line for each in every for line in _lines(each, draft)):
        cited = (sentence_at(writer.store, document, place) for place in places)
        if citing := [each for each in cited if each]:
            known.append((line, citing))
    if known:
        yield from found(draft, [chunk for _, citing in known for chunk, _ in citing])
        for line, citing in known:
            lead = ("\n- " if draft.text else "- ") if len(known) > 1 else ""
            yield from draft.add(lead, item(line, tuple(citation for _, citation in citing)))
        yield draft.finish(1.0)


def _lines(computed: Computed, draft: Draft) -> Iterator[Line]:
    """A sentence for each record that came first, else one for the figure: of what, over what."""
    language, group = draft.language, computed.group
    about = {
        "over": _over(computed, language),
        "document": group.document,
        "column": computed.column.replace("_", " "),
    }
    if isinstance(computed, Shown):
        for record, (name, figure) in zip(computed.records, computed.shown, strict=True):
            line = say(f"row_{computed.operation}", language, name=name, figure=figure, **about)
            yield line, group.document, [record.start]
        return
    decimals = "#,##0" if computed.operation is Operation.COUNT else "#,##0.##"
    value = format_decimal(computed.value, format=decimals, locale=language)
    figure, things = f"{value} {computed.unit}".strip(), _things(draft.asked, language, computed)
    form = f"computed_{computed.operation}"
    line = say(form, language, figure=figure, things=things, **about)
    yield line, group.document, [record.start for record in computed.records[:_CITED]]


def _over(computed: Computed, language: str) -> str:
    """Over how many records it was computed, in which column, chosen by which words."""
    count = computed.counted if isinstance(computed, Shown) else len(computed.records)
    group = computed.group
    of_list = "sections" if group.records[0].text[0] == "#" else "items"
    over = say(f"over_{'rows' if group.columns else of_list}", language, count=count)
    if column := computed.column.replace("_", " "):
        over = say("over_column", language, column=column, over=over)
    if computed.words:
        words, of = " ".join(computed.words), len(group.records)
        over = say("over_chosen", language, over=over, words=words, all=of)
    return over


def _things(asked: str, language: str, computed: Computed) -> str:
    """What is counted, in the question's own word."""
    words = [word for word, _ in content(asked, language)]
    own = computed.group.language == language
    named = [word for word in words if own and names_them(computed.group, word)]
    return bare_word(next(iter(named or words), ""))


def _show_records(
    writer: Writer, draft: Draft, every: Sequence[Computed], most: int | None
) -> Iterator[Event]:
    """Show records in the documents' own words: rows of few columns as a table."""
    cited = [
        (computed.group, record, citing)
        for computed in every
        for record in computed.records[: most or _RECORDS]
        if (citing := sentence_at(writer.store, computed.group.document, record.said))
    ]
    yield from found(draft, (chunk for _, _, (chunk, _) in cited))
    before = None
    for group, record, (_, citation) in cited:
        if len(group.columns) in _TABLE and len(cited) > 1:
            if group is not before:
                lead = "\n\n" if draft.text else ""
                names = [name.replace("_", " ") for name in group.columns]
                yield draft.write(lead + header(names))
            yield from _row(draft, group, record, citation)
        else:
            lead = "\n- " if draft.text else "- "  # rows that are alike are others all the same
            yield from draft.add(lead, item(plain(citation.text), (citation,)))
        before = group
    for computed in every:
        if computed.words and cited:
            over, document = _over(computed, draft.language), computed.group.document
            said = say("rows_chosen", draft.language, document=document, over=over)
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
