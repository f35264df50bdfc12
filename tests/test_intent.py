"""What a message asks for."""

import pytest

from rag.intent import understand


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Bonjour !", "hello"),
        ("hello", "hello"),
        ("Merci beaucoup", "thanks"),
        ("Thanks a lot!", "thanks"),
        ("Que sais-tu faire ?", "abilities"),
        ("What can you do?", "abilities"),
        ("Quels documents as-tu ?", "library"),
        ("What documents do you have?", "library"),
        ("Peux-tu résumer l'article ?", "summary"),
        ("What is this document about?", "summary"),
        ("Résume la position de Kai Zenner", None),
        ("Merci de dire qui dirige Microsoft.", None),
        ("Bonjour, qui dirige Microsoft ?", None),
    ],
)
def test_a_remark_is_only_the_whole_message(text: str, kind: str | None) -> None:
    assert understand(text).intent == (kind or "question")
