"""The page's words: whole in both languages, spaced as French asks, each one used."""

import re
import string
from pathlib import Path

import pytest

from rag.i18n import EXAMPLES, PAGE, page_texts

UI = Path(__file__).resolve().parent.parent / "ui"
# Stages of rag.engine.State and of a turn, plurals, levels of support, ratings, kinds: the script makes these keys.
STAGES = {
    "starting",
    "fetching",
    "indexing",
    "loading",
    "waiting",
    "searching",
    "writing",
    "stopping",
    "offline",
}
BUILT = STAGES | {
    "in_fr",
    "in_en",
    "bytes",
    "steps",
    "send",
    "stop",
    "to_dark",
    "to_light",
    "strong",
    "fair",
    "unsure",
    "none",
    "good",
    "bad",
}
BUILT |= {
    "lacks_words",
    "lacks_number",
    "lacks_date",
    "lacks_name",
    "lacks_unchecked",
    "as_markdown",
    "as_html",
    "as_json",
    "none_kept",
    "none_found",
}
BUILT |= {
    "find_previous",
    "find_next",
    "check",
    "check_go",
    "check_supported",
    "check_contradicted",
    "check_not_found",
}
BUILT |= {
    "dossier",
    "dossier_changed",
    "dossier_gone",
    "dossier_how",
    "dossier_empty",
    "dossier_up",
}
BUILT |= {
    "as_word",
    "as_csv",
    "page_short",
    "unverified",
    "own_words",
    "cited_changed",
    "cited_gone",
}
BUILT |= {"passage_used", "passage_unused", "compare"}
BUILT |= {"dossier_down", "changes", "changes_gone", "changes_new"}
BUILT |= {f"differs_{kind}" for kind in ("figure", "date", "name", "place", "role", "denial")}
BUILT |= {"not_taken", "not_sent", "map", "why_vector", "why_words", "why_late", "why_score"}
COUNTED = {
    "passages",
    "pages",
    "reading",
    "documents",
    "turns",
    "passages_of",
    "scope",
    "removed_many",
    "attached_only",
    "seconds_left",
    "minutes_left",
}


@pytest.mark.parametrize("key", PAGE)
def test_each_text_is_there_in_both_languages(key: str) -> None:
    assert set(PAGE[key]) == {"fr", "en"}
    assert all(text.strip() == text and text for text in PAGE[key].values())


@pytest.mark.parametrize("key", PAGE)
def test_both_languages_have_the_same_blanks_to_fill(key: str) -> None:
    french, english = (
        {name for _, name, _, _ in string.Formatter().parse(PAGE[key][language]) if name}
        for language in ("fr", "en")
    )
    assert french == english


@pytest.mark.parametrize("key", PAGE)
def test_french_is_set_in_french(key: str) -> None:
    text = page_texts()[key]["fr"]
    assert "'" not in text, "a typographic apostrophe"
    assert not re.search(r"(?<!\u202f)[;!?»]|«(?!\u202f)|(?<!\u00a0):(?!//)", text), (
        "no-break spaces"
    )
    assert "..." not in text


@pytest.mark.parametrize("key", PAGE)
def test_english_is_set_in_english(key: str) -> None:
    text = page_texts()[key]["en"]
    assert not re.search(r"['\"«»\u00a0\u202f]| [;:!?]|\.\.\.", text)


def test_each_text_that_the_page_asks_for_exists() -> None:
    assert _asked() - set(PAGE) == set()


def test_no_text_is_left_over() -> None:
    assert set(PAGE) - _asked() == set()


def test_examples_are_in_both_languages() -> None:
    assert {language for language, _ in EXAMPLES} == {"fr", "en"}


def _asked() -> set[str]:
    """The keys named in the page's markup and script, with those that the script builds."""
    script = "\n".join(path.read_text(encoding="utf-8") for path in (UI / "static").glob("*.js"))
    markup = (UI / "static" / "page.html").read_text(encoding="utf-8")
    named = set(re.findall(r'data-(?:text|label|placeholder)="(\w+)"', markup))
    named |= set(re.findall(r'(?:say|missing)\("(\w+)"', script)) | set(
        re.findall(r"texts\.(\w+)\b", script)
    )
    counted = {
        f"{key}_{form}"
        for key in re.findall(r'sayCount\("(\w+)"', script)
        for form in ("one", "other")
    }
    assert counted == {f"{key}_{form}" for key in COUNTED for form in ("one", "other")}
    return named | counted | BUILT
