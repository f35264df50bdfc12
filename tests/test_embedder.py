"""Texts to vectors: one a text and one a token, each token with its place."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from index.embedder import Embedder
from index.errors import UserError


def test_vectors_have_unit_length(embedder: Embedder) -> None:
    for code in embedder.embed_chunks(["Bonjour.", "Une phrase plus longue, avec des mots.", ""]):
        assert code.vector.shape == (embedder.dimension,)
        assert code.vector.dtype == np.float32
        assert abs(np.linalg.norm(code.vector) - 1) < 1e-5


def test_a_text_has_the_same_vector_alone_and_among_others(embedder: Embedder) -> None:
    texts = ["Court.", "Un texte bien plus long " * 40, "Moyen, comme celui-ci.", "🐓"]
    for text, code in zip(texts, embedder.embed_chunks(texts), strict=True):
        assert float(embedder.embed_chunks([text])[0].vector @ code.vector) > 0.999


@pytest.mark.parametrize(
    "text",
    [
        "Microsoft investit 15 M€ dans Mistral.",
        " deux  espaces\n\nla ligne",
        "🐓 ﬁn e\u0301té ½",
        "日本語の文です。",
    ],
)
def test_the_spans_of_the_tokens_are_places_in_the_text(embedder: Embedder, text: str) -> None:
    code = embedder.embed_chunks([text])[0]
    assert code.tokens.shape == (len(code.spans), embedder.dimension)
    assert (code.spans[:, 0] <= code.spans[:, 1]).all()
    assert (np.diff(code.spans[:, 0]) >= 0).all()
    assert code.spans[0, 0] >= 0
    assert code.spans[-1, 1] == len(text)
    seen = {place for start, end in code.spans.tolist() for place in range(start, end)}
    assert all(place in seen for place, character in enumerate(text) if not character.isspace())


def test_a_word_is_found_by_its_span(embedder: Embedder) -> None:
    text = "Le chat dort."
    words = [
        text[start:end].strip() for start, end in embedder.embed_queries([text])[0].spans.tolist()
    ]
    assert "".join(words) == "Lechatdort."


def test_a_text_too_long_for_the_model_ends_early(embedder: Embedder) -> None:
    text = "mot " * 2000
    code = embedder.embed_chunks([text])[0]
    assert code.spans[-1, 1] < len(text)


def test_queries_and_passages_are_told_apart(embedder: Embedder) -> None:
    text = "Où est né Victor Hugo ?"
    assert (
        float(embedder.embed_queries([text])[0].vector @ embedder.embed_chunks([text])[0].vector)
        < 0.999
    )


def test_an_answer_is_nearer_than_another_passage_across_languages(embedder: Embedder) -> None:
    question = embedder.embed_queries(["Combien Microsoft investit-il ?"])[0].vector
    answer, other = embedder.embed_chunks(
        ["Microsoft is investing 15 million euros.", "The cat sleeps on the sofa."]
    )
    assert question @ answer.vector > question @ other.vector


def test_tokens_are_counted_without_the_prefix(embedder: Embedder) -> None:
    assert embedder.count([]) == []
    assert embedder.count([""]) == [0]
    for text in ("Bonjour tout le monde.", "x " * 700):
        assert embedder.count([text])[0] >= len(text.split())


def test_no_text_has_no_vector_and_progress_ends_at_the_whole(embedder: Embedder) -> None:
    assert embedder.embed_chunks([]) == []
    told: list[tuple[int, int]] = []
    embedder.embed_chunks(
        ["a", "b " * 300, "c"] * 20, progress=lambda done, total: told.append((done, total))
    )
    assert told[-1] == (60, 60)
    assert told == sorted(told)


def test_several_threads_can_embed_and_count_at_once(embedder: Embedder) -> None:
    texts = [f"La phrase numéro {number} du lot." for number in range(24)]
    alone = [embedder.embed_queries([text])[0].vector for text in texts]
    with ThreadPoolExecutor(6) as pool:
        counted = [pool.submit(embedder.count, texts) for _ in range(12)]
        together = list(pool.map(lambda text: embedder.embed_queries([text])[0].vector, texts))
        assert all(future.result() == embedder.count(texts) for future in counted)
    assert all(float(left @ right) > 0.999 for left, right in zip(alone, together, strict=True))


def test_half_precision_keeps_the_vectors(embedder: Embedder) -> None:
    texts = ["Microsoft investit 15 millions d'euros.", "The cat sleeps.", "mot " * 400]
    before, halves = embedder._half, []
    try:
        for embedder._half in (False, True):
            halves.append(embedder.embed_chunks(texts))
    finally:
        embedder._half = before
    assert all(
        float(left.vector @ right.vector) >= 0.999 for left, right in zip(*halves, strict=True)
    )


def test_the_fingerprint_is_the_same_at_each_load_and_names_the_prefixes(
    embedder: Embedder, home: Path
) -> None:
    again = Embedder(str(home / "weights" / "multilingual-e5-small"))
    assert again.fingerprint == embedder.fingerprint
    assert "|query: |passage: |512" in again.fingerprint


def test_a_folder_that_is_no_model_is_named(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(UserError) as caught:
        Embedder(str(tmp_path))
    assert (caught.value.code, caught.value.values["model"]) == ("embedder_unusable", str(tmp_path))


def test_a_model_that_is_nowhere_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught:
        Embedder(str(tmp_path / "absent" / "modele" / "x"))
    assert caught.value.code == "embedder_unusable"
