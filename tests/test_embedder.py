"""Texts to vectors: one a text and one a token, each token with its place."""

import hashlib
import json
import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch

from index import bert
from index.documents import make
from index.embedder import Embedder, names_of
from index.errors import UserError
from index.store import LocalStore
from index.sync import put_documents
from rag.library import open_store
from rag.settings import Settings


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


def test_an_index_made_before_weights_were_hashed_is_not_made_anew(
    embedder: Embedder, home: Path, tmp_path: Path
) -> None:
    folder = home / "weights" / "multilingual-e5-small"
    facts = hashlib.sha256()
    for path in sorted(folder.glob("*.json")):
        facts.update(path.read_bytes() if path.name != "tokenizer.json" else b"")
    for path in sorted(folder.glob("*.safetensors")):
        facts.update(f"{path.name}{path.stat().st_size}".encode())
    settings = Settings(home=tmp_path)
    made_by = f"multilingual-e5-small:{facts.hexdigest()[:12]}|query: |passage: |512"
    with LocalStore(settings.store_folder, made_by, embedder.dimension) as store:
        put_documents([make("a", "", "Le chat dort.")], store, embedder)
    with open_store(settings, embedder) as store:
        assert [info.name for info in store.documents()] == ["a"]
    assert not list(settings.store_folder.parent.glob("*.aside"))


def test_other_weights_of_the_same_name_and_size_are_another_model(tmp_path: Path) -> None:
    names = []
    for place, content in (("one", b"a"), ("two", b"b"), ("three", b"a")):
        folder = tmp_path / place / "model"
        folder.mkdir(parents=True)
        (folder / "config.json").write_text("{}")
        (folder / "model.safetensors").write_bytes(content * 1000)
        names.append(names_of(str(folder))[0])
    assert names[0] == names[2] != names[1]


@pytest.mark.parametrize("file", ["config.json", "pytorch_model.bin", "1_Pooling/config.json"])
def test_whatever_changes_the_vectors_changes_the_name(tmp_path: Path, file: str) -> None:
    (tmp_path / "1_Pooling").mkdir()
    names = []
    for content in ("1", "2"):
        (tmp_path / file).write_text(content)
        names.append(names_of(str(tmp_path))[0])
    assert names[0] != names[1]


def test_a_model_of_the_hub_is_named_by_its_snapshot(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    repository = tmp_path / "models--somebody--model"
    names = []
    for revision in ("a" * 40, "b" * 40):
        (repository / "refs").mkdir(parents=True, exist_ok=True)
        (repository / "refs" / "main").write_text(revision)
        (repository / "snapshots" / revision).mkdir(parents=True)
        (repository / "snapshots" / revision / "config.json").write_text("{}")
        names.append(names_of("somebody/model"))
    assert names == [[f"somebody/model@{letter * 40}", "somebody/model"] for letter in "ab"]


def test_the_default_model_is_run_as_sentence_transformers_runs_it(
    embedder: Embedder, monkeypatch: pytest.MonkeyPatch, home: Path
) -> None:
    texts = ["Microsoft investit 15 M€.", "mot " * 600, "", "🐓 ﬁn e\u0301té ½"]
    assert isinstance(embedder._network, bert.Bert)
    ours = embedder.embed_chunks(texts)
    monkeypatch.setattr(bert, "of", lambda *_: None)
    library = Embedder(str(home / "weights" / "multilingual-e5-small"))
    assert library.fingerprint == embedder.fingerprint
    for own, theirs in zip(ours, library.embed_chunks(texts), strict=True):
        assert float(own.vector @ theirs.vector) > 0.9999
        assert (own.spans == theirs.spans).all()
        assert np.allclose(own.tokens, theirs.tokens, atol=0.05)


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("config.json", {"hidden_act": "relu"}),
        ("config.json", {"model_type": "xlm-roberta"}),
        ("1_Pooling/config.json", {"pooling_mode_cls_token": True}),
        ("sentence_bert_config.json", {"do_lower_case": True}),
        ("modules.json", []),
    ],
)
def test_only_plain_bert_with_the_mean_is_run_without_the_library(
    home: Path, tmp_path: Path, file: str, content: dict[str, object] | list[object]
) -> None:
    folder, cpu = tmp_path / "model", torch.device("cpu")
    shutil.copytree(home / "weights" / "multilingual-e5-small", folder)
    assert bert.of(folder, cpu)
    known = json.loads((folder / file).read_text())
    (folder / file).write_text(json.dumps(known | content if isinstance(content, dict) else []))
    assert bert.of(folder, cpu) is None


def test_weights_cut_short_are_named(home: Path, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    shutil.copytree(home / "weights" / "multilingual-e5-small", folder)
    os.truncate(folder / "model.safetensors", 1_000_000)
    with pytest.raises(UserError) as caught:
        Embedder(str(folder))
    assert caught.value.code == "embedder_unusable"


def test_a_folder_that_is_no_model_is_named(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(UserError) as caught:
        Embedder(str(tmp_path))
    assert (caught.value.code, caught.value.values["model"]) == ("embedder_unusable", str(tmp_path))


def test_a_model_that_is_nowhere_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught:
        Embedder(str(tmp_path / "absent" / "modele" / "x"))
    assert caught.value.code == "embedder_unusable"
