"""Full sentences from a question and the words that answer it, where the question's form allows it without a model.

The forms are in `data/statements.tsv`: language, pattern of the question, template of the answer. `{words}` stands for the words
that answer, `{placed}` for them with the preposition that they have in the text.
"""

import re
from functools import cache
from pathlib import Path

_FORMS = Path(__file__).parent / "data" / "statements.tsv"
_BEFORE = {
    "en": "in|on|at|by|from|since|during|around|about|near|until|after|before|to|into|within",
    "fr": "en|à|au|aux|dans|sur|par|depuis|vers|pendant|près de|jusqu'en|le|du|lors du|lors de la",
}
_ARTICLES = {"en": "the |a |an |his |her |its |their ", "fr": "les? |la |l'|l’|une? |des |ses? |sa |son |leurs? "}
_LONGEST = 90  # characters of words that stand well in a sentence


def statement(question: str, words: str, text: str, language: str) -> str | None:
    """An answer in one sentence that names what was asked about; None where no form fits.

    Args:
        question: as it was asked.
        words: of the text, that answer it.
        text: the text.
        language: "fr" or "en", of all three.
    """
    if len(words) > _LONGEST or words[-1] in ".!?":
        return None
    plain = question.replace("’", "'").strip().rstrip("?").strip()
    for pattern, template in _forms(language):
        if found := pattern.fullmatch(plain):
            placed = _placed(words, text, language) if "{placed}" in template else ""
            if placed is None:
                return None
            named = _with_article(words, text, language)
            made = template.format(*found.groups(), words=named, placed=placed)
            made = re.sub(r"\s+", " ", made).strip()
            return made[0].upper() + made[1:] + "."
    return None


@cache
def _forms(language: str) -> list[tuple[re.Pattern[str], str]]:
    rows = [line.split("\t") for line in _FORMS.read_text(encoding="utf-8").splitlines()]
    return [(re.compile(row[1], re.IGNORECASE), row[2]) for row in rows if row[0] == language]


def _with_article(words: str, text: str, language: str) -> str:
    found = re.search(rf"\b({_ARTICLES[language]}){re.escape(words)}", text, re.IGNORECASE)
    return f"{found[1].lower()}{words}" if found else words


def _placed(words: str, text: str, language: str) -> str | None:
    found = re.search(rf"\b({_BEFORE[language]}) {re.escape(words)}", text, re.IGNORECASE)
    if found:
        return found[0][0].lower() + found[0][1:]
    return f"{'in' if language == 'en' else 'en'} {words}" if re.fullmatch(r"\d{4}", words) else None
