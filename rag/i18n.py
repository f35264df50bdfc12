"""The texts that are shown or said, from one TOML file a language in `rag/texts/`.

Texts are written with plain spaces; `say` puts in the no-break ones. `{free:size}` shows bytes as MB or GB.
"""

import re
import string
import tomllib
from pathlib import Path
from typing import Any

from index.errors import UserError

LANGUAGES = ("fr", "en")
_FOLDER = Path(__file__).resolve().parent / "texts"
_FILES: dict[str, dict[str, Any]] = {
    language: tomllib.loads((_FOLDER / f"{language}.toml").read_text(encoding="utf-8"))
    for language in LANGUAGES
}


def _section(name: str) -> dict[str, dict[str, str]]:
    """One section of the files as {key: {language: text}}."""
    return {
        key: {language: _FILES[language][name][key] for language in LANGUAGES}
        for key in _FILES["fr"][name]
    }


MESSAGES = _section("messages")
"""Errors, refusals, answers without the model, the command line, the doctor."""
PAGE = _section("page") | {"doubtful": MESSAGES["doubtful"]}
"""What the page shows of its own."""
EXAMPLES = tuple(
    (language, question)
    for language in LANGUAGES
    for question in _FILES[language]["examples"]["questions"]
)
"""Questions on the article that ships in `seeds/`: (language, question)."""


def say(code: str, language: str, **values: Any) -> str:
    """The sentence of this code in "fr" or "en", with its values filled in."""
    return _Sentence(language).format(typeset(MESSAGES[code][language], language), **values)


def explain(error: UserError, language: str) -> str:
    """An error as a sentence in the reader’s language: what was wrong, the value, what to do."""
    if error.code in MESSAGES:
        return say(error.code, language, **error.values)
    return say("unexpected", language, detail=str(error))


def typeset(text: str, language: str) -> str:
    """The text with the no-break spaces of French: narrow before ; ! ? and inside « », full before a colon."""
    if language != "fr":
        return text
    return re.sub(r" (?=[;!?»])|(?<=«) ", "\u202f", text).replace(" :", "\u00a0:")


def size(count: int, language: str) -> str:
    """Bytes as a reader counts them: 1117320768 is "1.1 GB" in English and "1,1 Go" in French."""
    unit, step = ("G", 1e9) if count >= 1e9 else ("M", 1e6) if count >= 1e6 else ("k", 1e3)
    shown = f"{count / step:.1f}" if count / step < 10 else f"{count / step:.0f}"
    return f"{shown.replace('.', ',')}\u00a0{unit}o" if language == "fr" else f"{shown} {unit}B"


class _Sentence(string.Formatter):
    """Fills in values in one language. A value that is missing never hides the rest of an error."""

    def __init__(self, language: str) -> None:
        self._language = language

    def get_value(self, key: int | str, args: Any, kwargs: Any) -> Any:
        return kwargs.get(str(key), "…")

    def format_field(self, value: Any, format_spec: str) -> str:
        if format_spec == "size" and isinstance(value, int):
            return size(value, self._language)
        return str(value)


def page_texts() -> dict[str, dict[str, str]]:
    """`PAGE` as the page shows it, with the no-break spaces: {key: {language: text}}."""
    return {
        key: {language: typeset(text, language) for language, text in forms.items()}
        for key, forms in PAGE.items()
    }
