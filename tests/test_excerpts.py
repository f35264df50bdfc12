"""The windows of passages that a model reads, and which of them it reads first."""

from collections.abc import Iterator

import pytest

from index.documents import make
from index.embedder import Embedder
from index.store import LocalStore
from index.sync import put_documents
from rag.excerpts import focus, windows
from rag.retriever import Retriever

PORT = (
    "Le port de Kervalec date de 1911 et reçoit trois cents bateaux de pêche. Ses quais furent détruits pendant la guerre. "
    "Ils ont été rebâtis en granit par l'entreprise Morvan, qui employait alors deux cents ouvriers venus de toute la région. "
    "La criée ouvre chaque matin à cinq heures, sauf le dimanche. On y vend surtout de la langoustine et du lieu jaune. "
    "Le phare, haut de quarante-deux mètres, fut dessiné par l'ingénieur Paul Vasseur. Il porte à vingt milles et se visite "
    "l'été. Une passerelle pour les piétons relie depuis peu les deux rives de l'estuaire. Elle a coûté 4,2 millions d'euros, "
    "payés pour moitié par la région."
)


@pytest.fixture(scope="module")
def store(embedder: Embedder, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStore]:
    with LocalStore(
        tmp_path_factory.mktemp("focus"), embedder.fingerprint, embedder.dimension
    ) as opened:
        put_documents([make("port", "Le port", PORT)], opened, embedder)
        yield opened


def test_windows_hold_every_sentence_and_begin_with_the_one_before(store: LocalStore) -> None:
    for passage in store.chunks_of("port"):
        cut = windows(passage)
        ends = [passage.text.index(window.text) + len(window.text) for window in cut]
        starts = [passage.text.index(window.text) for window in cut]
        assert starts[0] == 0
        assert ends[-1] == len(passage.text)
        for start, end in zip(starts[1:], ends[:-1], strict=True):
            assert start < end
            assert any(
                first - passage.start == start and last - passage.start == end
                for first, last in passage.sentences
            )


@pytest.mark.parametrize(
    ("question", "language", "words"),
    [
        ("Qui a dessiné le phare ?", "fr", "Paul Vasseur"),
        ("How much did the footbridge cost?", "en", "4,2 millions"),
        ("À quelle heure ouvre la criée ?", "fr", "cinq heures"),
    ],
)
def test_the_window_that_answers_is_read_first(
    store: LocalStore, embedder: Embedder, question: str, language: str, words: str
) -> None:
    hits = Retriever(store, embedder).search(question, language)
    first = focus(question, language, hits, store, embedder)[0]
    assert words in first.text
    start, end = first.best[0]
    assert words in PORT[start:end]
