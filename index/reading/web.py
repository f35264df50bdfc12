"""Web pages: the main text without menus, what stands beside it after it."""

from index.reading.blocks import Block, paired
from index.reading.encoding import visible
from index.reading.limits import Read, Reading, Source, counted, iso_date
from index.reading.marks import beside
from index.reading.page_flow import LONG_MENU, flow, parsed


def read_html(source: Source) -> Reading:
    """The main text of a page, its title, author and date, then what stands beside it; menus are
    left out."""
    root = parsed(source.data)
    if root is None:
        yield Read("")
        return
    import trafilatura

    for unseen in [*root.iterfind(".//svg/title"), *root.iterfind(".//annotation")]:
        unseen.drop_tree()

    blocks, left = flow(root)
    title = " ".join((root.findtext(".//title") or "").split())
    # Recall first: a menu too many is found by nobody, a paragraph too few is lost. Dates are what
    # the page declares.
    found = trafilatura.extract_with_metadata(
        root, output_format="txt", include_comments=False, favor_recall=True,
        date_extraction_params={"extensive_search": False, "original_date": True},
    )  # fmt: skip
    main, other = map(paired, _main(blocks, found.text or "" if found else ""))
    texts = [block.text for block in main]
    text = "\n\n".join([*texts, *beside("aside", [block.text for block in other], texts)])
    author, date = (found.author or "", iso_date(found.date or "")) if found else ("", "")
    title = ((found.title if found else "") or title).strip("¶")
    yield Read(text, title, author, date, unread=counted(left))


def _main(blocks: list[Block], extract: str) -> tuple[list[Block], list[Block]]:
    """The blocks of the main text and those beside it, by what trafilatura takes for the main text.

    What stands between its first block and the end belongs to it, whatever the extract has of it,
    but for menus after its last one.
    """
    letters = "".join(filter(str.isalnum, visible(extract)))
    own = [
        n for n, block in enumerate(blocks)
        if not block.aside and len(block.letters) > 20 and block.letters[:200] in letters
    ]  # fmt: skip
    whole = sum(len(block.letters) for block in blocks if not block.aside)
    if not own or sum(len(blocks[n].letters) for n in own) < 0.1 * whole:
        return [b for b in blocks if not b.aside], [b for b in blocks if b.aside]
    first, last = own[0], own[-1]
    while first and blocks[first - 1].text.startswith("#") and not blocks[first - 1].aside:
        first -= 1
    main, other = [], []
    for n, block in enumerate(blocks):
        linked = block.linked > LONG_MENU * max(len(block.letters), 1)
        if block.aside:
            other.append(block)
        elif first <= n <= last or block.letters in letters or (n > last and not linked):
            main.append(block)
        elif not linked:
            other.append(block)
    return main, other
