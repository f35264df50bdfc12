"""The texts that are shown or said, from one TOML file a language in `rag/texts/`.

Texts are written with plain spaces; `say` puts in the no-break ones. A text with a number may have
two forms, `NAME_one` and `NAME_other`, chosen by the value `count`. `{x:size}` shows bytes,
`{x:number}` a number as it is written in the language.
"""

import os
import re
import string
import tomllib
from pathlib import Path
from typing import Any

from babel import Locale
from babel.numbers import format_decimal
from babel.units import format_unit

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
PAGE = _section("page") | {
    key: text
    for key, text in MESSAGES.items()
    if key == "doubtful" or key.startswith(("check_", "differs_"))
}
"""What the page shows of its own."""
EXAMPLES = tuple(
    (language, question)
    for language in LANGUAGES
    for question in _FILES[language]["examples"]["questions"]
)
"""Questions on the article that ships in `seeds/`: (language, question)."""


def say(code: str, language: str, **values: Any) -> str:
    """The text of this code in "fr" or "en", with its values filled in."""
    form = plural(values["count"], language) if "count" in values else "other"
    forms = MESSAGES.get(code) or MESSAGES[f"{code}_{form}"]
    return _Formatter(language).format(typeset(forms[language], language), **values)


def explain(error: UserError, language: str) -> str:
    """An error as a sentence in the reader’s language: what was wrong, the value, what to do."""
    if error.code in MESSAGES or f"{error.code}_other" in MESSAGES:
        return say(error.code, language, **error.values)
    return say("unexpected", language, detail=str(error))


def plural(count: int, language: str) -> str:
    """The form of a text that goes with a number: "one" or "other"."""
    return "one" if Locale(language).plural_form(count) == "one" else "other"


def terminal_language() -> str:
    """The language of the locale: French where it is French, else English."""
    named = map(os.environ.get, ("LC_ALL", "LC_MESSAGES", "LANG"))
    locale = next((value for value in named if value), "")
    return "fr" if locale.lower().startswith("fr") else "en"


def typeset(text: str, language: str) -> str:
    """The text with the no-break spaces of French: narrow before ; ! ? and inside « », full before
    a colon."""
    if language != "fr":
        return text
    return re.sub(r" (?=[;!?»])|(?<=«) ", "\u202f", text).replace(" :", "\u00a0:")


def size(count: int, language: str) -> str:
    """Bytes as a reader counts them: 1117320768 is "1.1 GB" in English and "1,1 Go" in French."""
    units = ((1e9, "gigabyte"), (1e6, "megabyte"), (1e3, "kilobyte"))
    step, unit = next((known for known in units if count >= known[0]), units[-1])
    form = "#,##0.0" if count < 10 * step else "#,##0"
    return format_unit(count / step, f"digital-{unit}", "short", form, locale=language)


class _Formatter(string.Formatter):
    """Fills in values in one language. A value that is missing never hides the rest of an error."""

    def __init__(self, language: str) -> None:
        self._language = language

    def get_value(self, key: int | str, _: Any, kwargs: Any) -> Any:
        return kwargs.get(str(key), "…")

    def format_field(self, value: Any, format_spec: str) -> str:
        if format_spec == "size" and isinstance(value, int):
            return size(value, self._language)
        if format_spec == "number" and isinstance(value, int):
            return format_decimal(value, locale=self._language)
        return str(value)


def page_texts() -> dict[str, dict[str, str]]:
    """`PAGE` as the page shows it, with the no-break spaces: {key: {language: text}}."""
    return {
        key: {language: typeset(text, language) for language, text in forms.items()}
        for key, forms in PAGE.items()
    }
