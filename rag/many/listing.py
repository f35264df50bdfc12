"""A list: what each excerpt says to the question, item by item; or the records that it chooses."""

from collections.abc import Iterator

from rag.draft import Draft
from rag.events import Event, Found, Reading
from rag.intent import Request
from rag.many.computing import Computed
from rag.many.counting import chosen
from rag.many.items import as_hits, best, heading, item, plain, put, sentence_at, written
from rag.many.records import Group, Record
from rag.verifier import Citation
from rag.writer import Writer

_WINDOWS = 12  # excerpts that are read
_IN_VAIN = 4  # that say nothing, one after the other, after which the rest isn't read
_RECORDS = 60  # records that are shown
_TABLE = range(2, 7)  # columns of rows that are shown as a table


def listing(writer: Writer, draft: Draft, request: Request) -> Iterator[Event]:
    """Show the records that the question names, else what the likeliest excerpts say to it."""
    if records := chosen(writer, draft, request):
        yield from show_records(writer, draft, records, request.number)
        return
    scope = request.documents or request.scope
    windows = best(writer, draft.asked, draft.language, _WINDOWS, scope)
    draft.hits = as_hits(hit.chunk for hit, _ in windows)
    draft.retrieval = draft.seconds
    yield Found(draft.hits)
    in_vain = 0
    for number, (hit, excerpt) in enumerate(windows, 1):
        yield Reading(number, len(windows))
        in_vain += 1
        for each in written(writer, draft, draft.asked, hit, excerpt):
            in_vain = 0
            yield from put(draft, each, "\n- ")
        enough = request.number is not None and len(draft.sentences) >= request.number
        if draft.stopped or enough or in_vain == _IN_VAIN:
            break
    if draft.sentences or draft.stopped:
        yield draft.finish(1.0 if draft.sentences else 0.0)
    else:
        yield from writer.from_documents(draft, request.scope)


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
