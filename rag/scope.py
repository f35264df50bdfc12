"""Which documents may be used, in words: "reports/2024, kind:pdf, author:Martin, date:2024-05"."""

from collections import defaultdict
from collections.abc import Collection
from pathlib import PurePosixPath

from index.contract import DocumentInfo, Store
from index.errors import UserError
from index.text.words import fold

KEYS = ("author", "date", "kind", "language")


def chosen(
    store: Store, documents: Collection[str] | None, scope: str | None
) -> Collection[str] | None:
    """The documents of these names, all where None, that a scope allows, if there is one.

    Raises:
        UserError: those of `scoped`; `scope_empty` where none of the documents is left.
    """
    if not scope:
        return documents
    found = [name for name in scoped(store, scope) if documents is None or name in documents]
    if not found:
        raise UserError("scope_empty", scope=scope)
    return found


def scoped(store: Store, scope: str) -> list[str]:
    """The names of the documents that a scope allows.

    Args:
        store: of the library.
        scope: terms parted by commas. Each is a folder or file, by its path or by its name alone
            (a folder's name serves as a tag of what lies in it), or KEY:VALUE, KEY=VALUE: a part of
            the author, how the date begins, the kind by its ending, the language. Of the terms of
            one key any must fit, and so for every key.

    Raises:
        UserError: `scope_key` (key, known), `scope_empty` (scope).
    """
    wanted: dict[str, list[str]] = defaultdict(list)
    for term in filter(None, (part.strip() for part in scope.split(","))):
        key, colon, value = term.replace("=", ":", 1).partition(":")
        if colon and key not in KEYS:
            raise UserError("scope_key", key=key, known=", ".join(KEYS))
        wanted[key if colon else "name"].append(fold(value if colon else term).strip(" /"))
    found = [
        info.name
        for info in store.documents()
        if all(
            any(_fits(store, info, key, value) for value in values)
            for key, values in wanted.items()
        )
    ]
    if not wanted or not found:
        raise UserError("scope_empty", scope=scope)
    return found


def _fits(store: Store, info: DocumentInfo, key: str, value: str) -> bool:
    path = PurePosixPath(fold(info.source or info.name))
    match key:
        case "name":
            paths = (path, *path.parents, PurePosixPath(fold(info.name)))
            return value in {str(each) for each in paths} | set(path.parts)
        case "kind":
            return path.suffix == f".{value.lstrip('.')}"
        case "language":
            return info.language == value
    document = store.document(info.name)
    if key == "author":
        return value in fold(document.author)
    return document.date.startswith(value)
