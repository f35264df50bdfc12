"""What a message asks for."""

import pytest

from rag.intent import recognise


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Bonjour !", "hello"),
        ("hello", "hello"),
        ("Merci beaucoup", "thanks"),
        ("Thanks a lot!", "thanks"),
        ("Que sais-tu faire ?", "abilities"),
        ("What can you do?", "abilities"),
        ("Quels documents as-tu ?", "documents"),
        ("What documents do you have?", "documents"),
        ("Peux-tu résumer l'article ?", "summary"),
        ("What is this document about?", "summary"),
        ("Résume la position de Kai Zenner", None),
        ("Merci de dire qui dirige Microsoft.", None),
        ("Bonjour, qui dirige Microsoft ?", None),
    ],
)
def test_a_remark_is_only_the_whole_message(text: str, kind: str | None) -> None:
    assert recognise(text) == (kind or "question")
