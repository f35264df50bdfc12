"""What the page asks of the library: where the preparation stands, which documents there are, the text of one."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from ui.chat import wording

if TYPE_CHECKING:
    from rag.service import Service


def state(service: "Service") -> dict[str, Any]:
    """Where the preparation and the reading stand; see `rag.service`. `generation` changes with the documents."""
    now, reading = service.state, service.reading
    step = reading.progress
    return {
        "stage": now.stage,
        "what": now.what,
        "done": now.done,
        "total": now.total,
        "error": wording(now.error) if now.error else None,
        "generation": service.store.generation if service.store else None,
        "reading": {
            "active": reading.active,
            "step": asdict(step) if step else None,
            "failed": [{"file": file, "error": wording(error)} for file, error in reading.failed],
        },
    }


def documents(service: "Service") -> list[dict[str, Any]] | None:
    """Each document without its text; None while the library isn't open yet."""
    if service.store is None:
        return None
    return [
        {
            "name": each.name,
            "title": each.title,
            "language": each.language,
            "passages": each.passages,
            "characters": each.characters,
            "source": each.source,
        }
        for each in service.store.documents()
    ]


def document(service: "Service", name: str, digest: str) -> dict[str, str] | None:
    """One document, whole: the one of this name, else the one of just this content, which may have been renamed.

    None where there is neither. Names are looked up in the store, never on disk.
    """
    try:
        found = service.document(name)
    except KeyError:
        known = service.store.documents() if service.store and digest else []
        same = next((each.name for each in known if each.digest == digest), None)
        if same is None:
            return None
        found = service.document(same)
    return {"name": found.name, "title": found.title, "language": found.language, "text": found.text, "digest": found.digest}
