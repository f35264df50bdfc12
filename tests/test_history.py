"""Conversations that are kept: each owner's own, found by their words, exported with their sources."""

import json
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ui import history as kept
from ui.export import export
from ui.history import History

VIEW = {
    "stage": "done",
    "text": "Il a dit 15. Peut-être <b>plus</b>.",
    "language": "fr",
    "sentences": [
        {
            "start": 0,
            "end": 12,
            "support": 0.9,
            "citations": [
                {
                    "document": "a.md",
                    "title": "L'accord",
                    "passage": 0,
                    "start": 3,
                    "end": 9,
                    "text": "<i>15</i> millions *sûrs*",
                }
            ],
        },
        {"start": 13, "end": 35, "support": 0.1, "citations": []},
    ],
    "documents": {"a.md": {"language": "fr", "digest": "d1"}},
}


@pytest.fixture
def history(tmp_path: Path) -> Iterator[History]:
    opened = History(tmp_path / "conversations.sqlite")
    yield opened
    opened.close()


def said(
    history: History,
    question: str = "Combien ?",
    owner: str = "anne",
    conversation: str = "",
    turn: str = "t1",
) -> str:
    """One question and its answer; gives the conversation."""
    conversation, _ = history.begin(owner, conversation, turn, question)
    history.finish(owner, conversation, turn, VIEW)
    return conversation


def test_a_conversation_survives_a_restart(tmp_path: Path) -> None:
    first = History(tmp_path / "conversations.sqlite")
    name = said(first)
    first.close()
    again = History(tmp_path / "conversations.sqlite")
    found = again.read("anne", name)
    again.close()
    assert found and found["turns"][0]["view"] == VIEW


def test_a_question_is_kept_before_its_answer(history: History) -> None:
    name, _ = history.begin("anne", "", "t1", "Combien ?")
    found = history.read("anne", name)
    assert found and found["turns"][0]["view"] == {"stage": "done", "stopped": True}


def test_an_edited_question_takes_the_place_of_what_followed(history: History) -> None:
    name = said(history)
    said(history, "Et puis ?", conversation=name, turn="t2")
    _, earlier = history.begin("anne", name, "t3", "Combien au juste ?", replaces="t1")
    found = history.read("anne", name)
    assert earlier == []
    assert found and [turn["question"] for turn in found["turns"]] == ["Combien au juste ?"]


def test_a_page_that_is_behind_adds_at_the_end(history: History) -> None:
    name = said(history)
    said(history, "Et puis ?", conversation=name, turn="t2")
    _, earlier = history.begin("anne", name, "t3", "D'une autre fenêtre", replaces="unknown")
    assert [turn["id"] for turn in earlier] == ["t1", "t2"]


@pytest.mark.parametrize("words", ["combien", "COMB", "peut etre", "plus 15"])
def test_conversations_are_found_by_their_words(history: History, words: str) -> None:
    name = said(history)
    assert [each["id"] for each in history.listed("anne", words)] == [name]


@pytest.mark.parametrize("words", ["absent", "combien absent", '"*"', "AND OR NOT", "(", "a:b"])
def test_other_words_find_nothing_and_break_nothing(history: History, words: str) -> None:
    said(history)
    assert history.listed("anne", words) == []


def test_a_new_title_is_found_and_the_old_answer_too(history: History) -> None:
    name = said(history)
    assert history.rename("anne", name, "  Les\nchiffres  ")
    assert [each["title"] for each in history.listed("anne", "chiffres 15")] == ["Les chiffres"]
    assert not history.rename("anne", name, "  ")


def test_one_owner_never_reaches_what_is_anothers(history: History) -> None:
    name = said(history)
    assert history.listed("bob") == []
    assert history.read("bob", name) is None
    assert not history.rename("bob", name, "à moi")
    history.delete("bob", name)
    history.rate("bob", name, "t1", "bad", "non")
    history.finish("bob", name, "t1", {"stage": "done"})
    other, earlier = history.begin("bob", name, "t9", "Et moi ?")
    found = history.read("anne", name)
    assert other != name
    assert earlier == []
    assert found and (found["title"], found["turns"][0]["rating"], found["turns"][0]["view"]) == (
        "Combien ?",
        "",
        VIEW,
    )


def test_a_deleted_conversation_can_be_restored_for_a_day(history: History) -> None:
    name = said(history)
    history.delete("anne", name)
    assert history.listed("anne") == []
    assert history.read("anne", name) is None
    history.delete("anne", name, undo=True)
    assert len(history.listed("anne")) == 1


def test_what_was_deleted_is_gone_for_good_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = History(tmp_path / "conversations.sqlite")
    name = said(first)
    first.delete("anne", name)
    first.close()
    monkeypatch.setattr(kept, "_UNDO", -1)
    again = History(tmp_path / "conversations.sqlite")
    again.delete("anne", name, undo=True)
    assert again.listed("anne") == []
    again.close()
    rows = sqlite3.connect(tmp_path / "conversations.sqlite").execute(
        "SELECT (SELECT count(*) FROM turns), (SELECT count(*) FROM words)"
    )
    assert rows.fetchone() == (0, 0)


def test_a_server_that_runs_for_long_removes_what_was_deleted(
    history: History, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, young = said(history), said(history, "Quand ?")
    history.delete("anne", name)
    later = time.time() + kept._UNDO + 1
    monkeypatch.setattr(kept.time, "time", lambda: later)
    history.delete("anne", young)
    history.purge()
    history.delete("anne", name, undo=True)
    history.delete("anne", young, undo=True)
    assert [each["id"] for each in history.listed("anne")] == [young]


def test_an_answer_tells_whether_its_conversation_was_deleted(history: History) -> None:
    name, _ = history.begin("anne", "", "t1", "Combien ?")
    assert history.finish("anne", name, "t1", VIEW)
    history.delete("anne", name)
    assert not history.finish("anne", name, "t1", VIEW)


def test_a_damaged_file_is_set_aside(tmp_path: Path) -> None:
    (tmp_path / "conversations.sqlite").write_bytes(b"not a database at all" * 100)
    history = History(tmp_path / "conversations.sqlite")
    assert history.listed("anne") == []
    history.close()
    assert list(tmp_path.glob("*.aside"))


def test_markdown_numbers_and_quotes_the_sources(history: History) -> None:
    name = said(history)
    history.rate("anne", name, "t1", "bad", "trop <court>")
    file = export(history.read("anne", name) or {}, "markdown", "fr")
    assert file["name"] == "Combien.md"
    assert "Il a dit 15. [1] Peut-être \\<b\\>plus\\</b\\>." in file["text"]
    assert (
        "1. L'accord (a.md) — «\u202f\\<i\\>15\\</i\\> millions \\*sûrs\\*\u202f»" in file["text"]
    )
    assert "À revoir — trop \\<court\\>" in file["text"]


def test_an_export_tells_which_answers_are_doubtful(history: History) -> None:
    conversation = history.read("anne", said(history)) or {}
    conversation["turns"][0]["view"]["doubtful"] = True
    assert "*Not sure: the documents" in export(conversation, "markdown", "en")["text"]
    assert "<em>Not sure: the documents" in export(conversation, "html", "en")["text"]
    assert json.loads(export(conversation, "json", "en")["text"])["turns"][0]["doubtful"]


def test_html_links_each_number_to_its_source_and_escapes_all(history: History) -> None:
    text = export(
        history.read("anne", said(history, "<script>alert(1)</script>")) or {}, "html", "en"
    )["text"]
    assert '<sup><a href="#s0-1">1</a></sup>' in text
    assert '<li id="s0-1">' in text
    assert "<script>" not in text
    assert "<i>" not in text
    assert "&lt;i&gt;15&lt;/i&gt; millions" in text


def test_json_keeps_spans_digests_and_ratings(history: History) -> None:
    name = said(history)
    history.rate("anne", name, "t1", "good", "")
    (turn,) = json.loads(export(history.read("anne", name) or {}, "json", "en")["text"])["turns"]
    assert turn["sentences"][0]["citations"] == [1]
    assert turn["sentences"][1]["citations"] == []
    assert (
        turn["sources"][0] | {"digest": "d1", "number": 1, "text": "<i>15</i> millions *sûrs*"}
        == turn["sources"][0]
    )
    assert turn["rating"] == "good"
