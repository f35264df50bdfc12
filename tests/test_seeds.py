"""The article in seeds/ is our own, and our own questions rest on sentences that it really holds."""

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SEED = (ROOT / "seeds" / "mistral-microsoft.md").read_text(encoding="utf-8")
NEWSPAPER = sorted((ROOT.parent / "shared" / "article").glob("*.txt"))
QUESTIONS = [
    json.loads(line)
    for line in (ROOT / "bench" / "questions" / "article.jsonl")
    .read_text(encoding="utf-8")
    .splitlines()
]


def words(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())


@pytest.mark.skipif(not NEWSPAPER, reason="the newspaper article isn't here")
def test_no_run_of_seven_words_is_the_newspapers() -> None:
    theirs, ours = words(NEWSPAPER[0].read_text(encoding="utf-8")), words(SEED)
    runs = {tuple(theirs[at : at + 7]) for at in range(len(theirs) - 6)}
    assert [
        " ".join(ours[at : at + 7])
        for at in range(len(ours) - 6)
        if tuple(ours[at : at + 7]) in runs
    ] == []


@pytest.mark.skipif(not NEWSPAPER, reason="the newspaper article isn't here")
def test_every_figure_and_name_of_the_newspaper_is_in_ours() -> None:
    theirs = NEWSPAPER[0].read_text(encoding="utf-8")
    for figure in re.findall(r"\b\d+\b", theirs.split("date 2024-02", 1)[-1]):
        assert figure in SEED, figure
    for name in ("Kai Zenner", "Axel Voss", "Thierry Breton", "Marina Ferrari", "Cédric O", "Satya Nadella", "Thomas Wolf",
                 "Emad Mostaque", "Aleph Alpha", "Giskard", "Stability AI", "Hugging Face", "Anthropic", "Gemini", "GPT-4",
                 "Euronews", "La Tribune", "AI Marseille", "IA Act", "Mistral Large"):  # fmt: skip
        assert name in theirs, name
        assert name in SEED, name


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question["_id"])
def test_the_evidence_of_a_question_stands_in_the_article(question: dict) -> None:
    assert all(evidence in SEED for evidence in question["evidence"])
    assert bool(question["evidence"]) == (question["kind"] != "unanswerable")
