"""What the page asks of the library: where the preparation stands, which documents there are, the text of one."""

from typing import TYPE_CHECKING, Any

from ui.chat import wording

if TYPE_CHECKING:
    from rag.service import Service


def state(service: "Service") -> dict[str, Any]:
    """Where the preparation stands; see `rag.service.State`."""
    now = service.state
    return {
        "stage": now.stage,
        "what": now.what,
        "done": now.done,
        "total": now.total,
        "error": wording(now.error) if now.error else None,
    }


def documents(service: "Service") -> list[dict[str, str]] | None:
    """Name, title and language of each document; None while the library isn't open yet."""
    if service.store is None:
        return None
    return [{"name": each.name, "title": each.title, "language": each.language} for each in service.store.documents()]


def document(service: "Service", name: str) -> dict[str, str] | None:
    """One document, whole; None where there is none of this name. Names are looked up in the store, never on disk."""
    try:
        found = service.document(name)
    except KeyError:
        return None
    return {"name": found.name, "title": found.title, "language": found.language, "text": found.text}
