"""Teaching the model: the sets hold what they should, a lesson teaches, and what was trained is what the program runs."""

import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from bench.split import reporting, share
from index.contract import StoredChunk
from index.models.catalogue import SMALL_GENERATOR
from rag import prompts
from rag.excerpts import Excerpt
from rag.llm import trained
from rag.llm.llama_cpp import LlamaCpp
from train import distil, export, fit, sets
from train.model import Model, opened
from train.packing import instruction, packed
from train.prefix import Prefix, Untrained, untrained
from train.settings import weights
from train.sources import DATA, Question, lines, nomiracl, passages
from train.statements import statement
from train.tokens import Tokenizer

public = pytest.mark.skipif(not DATA.is_dir(), reason="the public sets aren't here")
PORT = (
    "The council of Kervalec voted the renovation of the old port on Tuesday. It will cost 4.2 "
    "million euros."
)
ROW = {
    "title": "The port of Kervalec",
    "text": PORT,
    "language": "en",
    "questions": [
        {
            "id": "1",
            "text": "What will the renovation cost?",
            "language": "en",
            "answer": "The renovation will cost 4.2 million euros.",
            "words": ["4.2 million euros"],
            "kind": "written",
        },
        {
            "id": "2",
            "text": "Qui est le maire de Kervalec ?",
            "language": "fr",
            "answer": None,
            "words": [],
            "kind": "written",
        },
        {
            "id": "3",
            "text": "When did the council vote?",
            "language": "en",
            "answer": "",
            "words": ["Tuesday"],
            "kind": "words",
        },
    ],
}


def test_a_question_is_always_in_the_same_half() -> None:
    ids = [f"question-{number}" for number in range(1000)]
    assert [reporting(each) for each in ids] == [reporting(each) for each in ids]
    assert 450 < sum(map(reporting, ids)) < 550
    assert all(0 <= share(each) < 1 for each in ids)


@pytest.mark.parametrize(
    ("question", "words", "text", "language", "sentence"),
    [
        (
            "When did the oil crisis begin?",
            "October 1973",
            "It began in October 1973.",
            "en",
            "The oil crisis began in October 1973.",
        ),
        (
            "Who proclaimed the embargo?",
            "OAPEC",
            "OAPEC proclaimed it.",
            "en",
            "OAPEC proclaimed the embargo.",
        ),
        ("Où se trouve la réserve ?", "Ardennes", "Elle est dans les Ardennes.", "fr", None),
        (
            "Quel est le surnom de Pierre Bois ?",
            "Vic",
            "Pierre Bois, alias Vic",
            "fr",
            "Le surnom de Pierre Bois est Vic.",
        ),
        ("Why?", "because", "because", "en", None),
    ],
)
def test_a_question_and_its_words_make_a_sentence(
    question: str, words: str, text: str, language: str, sentence: str | None
) -> None:
    assert statement(question, words, text, language) == sentence


@pytest.mark.xfail(strict=True, reason="374 passages are in both of the public PIAF files")
@public
def test_what_is_validated_on_is_not_trained_on() -> None:
    trained, validated = passages(validation=False), passages(validation=True)
    assert not {each.title for each in trained} & {each.title for each in validated}
    kept_back = {row["text"] for row in lines(DATA / "piaf" / "corpus.jsonl")}
    assert not any(each.text in text for text in kept_back for each in trained[:50])
    for language in ("fr", "en"):
        questions = [
            question.id
            for validation in (False, True)
            for _, question, _ in nomiracl(language, validation=validation)
        ]
        assert len(questions) == len(set(questions)) and not any(map(reporting, questions))


@public
def test_the_sets_hold_full_answers_crossings_and_refusals(tmp_path: Path) -> None:
    sets.main(["--work", str(tmp_path)])
    rows = lines(tmp_path / "train.jsonl")
    questions = [(row, each) for row in rows for each in row["questions"]]
    refused = [each for _, each in questions if each["answer"] is None]
    assert 0.33 < len(refused) / len(questions) < 0.5
    assert {each["kind"] for each in refused} >= {
        "squad",
        "window",
        "article",
        "exchanged",
        "nomiracl",
        "written",
    }
    crossed = [each for row, each in questions if each["language"] != row["language"]]
    assert len(crossed) > 100
    for row, each in questions:
        if each["kind"] in ("window", "article"):
            known = [
                q for r in rows for q in r["questions"] if q["id"] == each["id"] and q["answer"]
            ]
            assert not any(words in row["text"] for q in known for words in q["words"])


@public
def test_written_answers_are_keyed_by_questions_and_carry_no_passage() -> None:
    windows = passages(validation=False)
    texts = {question.id: window.text for window in windows for question in window.questions}
    for path in sets.WRITTEN.glob("answers*.jsonl"):
        for row in lines(path):
            assert row["_id"] in texts
            assert texts[row["_id"]] not in (row["answer"] or "")


def test_an_answer_of_the_model_is_kept_only_if_it_holds_the_words_and_nothing_new() -> None:
    question = Question("1", "What will it cost?", "en", ("4.2 million euros",))
    good = "The renovation of the old port will cost 4.2 million euros."
    assert distil.acceptable(good, question, PORT)
    assert not distil.acceptable("The renovation will be expensive.", question, PORT)
    assert not distil.acceptable("In 2031 it will cost 4.2 million euros there.", question, PORT)
    assert not distil.acceptable("It will cost Brest the sum of 4.2 million euros.", question, PORT)


class Small(SimpleNamespace):
    """The 0.5B model in torch, its tokenizer and the untrained instruction."""


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("train")
    (folder / "train.jsonl").write_text(json.dumps(ROW) + "\n", encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def small(work: Path) -> Iterator[Small]:
    source, tokenizer = opened(weights(small=True)), Tokenizer(weights(small=True))
    tokens = instruction(tokenizer)
    yield Small(
        tokenizer=tokenizer,
        tokens=tokens,
        start=untrained(source, tokens, work),
        model=Model(source),
    )


def test_questions_of_a_pack_are_read_as_if_each_stood_alone(small: Small) -> None:
    together = scores(small, packed(ROW, small.tokenizer, small.tokens))
    for number in range(3):
        alone = packed(
            ROW | {"questions": [ROW["questions"][number]]}, small.tokenizer, small.tokens
        )
        first = [place for place, is_first in enumerate(packed_firsts(small)) if is_first][number]
        assert torch.allclose(scores(small, alone)[0], together[first], atol=1e-2)


def test_training_begins_from_what_was_trained_before() -> None:
    made = torch.randn(2, 3, 5, 4)  # layers, heads, tokens, width
    start = Untrained([1] * 5, made, made * 2, [{}, {}])
    first, second = Prefix(start, 1), Prefix(start, 1)
    torch.nn.init.normal_(first.keys_moved)
    torch.nn.init.normal_(first.values_moved)
    with torch.no_grad():
        second.take(*(each.permute(0, 2, 1, 3).flatten(2) for each in first.all()))
        assert torch.allclose(first.all()[0], second.all()[0], atol=1e-5)
        assert torch.allclose(first.all()[1], second.all()[1], atol=1e-5)


def test_a_statement_is_packed_as_the_program_asks_for_it() -> None:
    said = [
        {
            "id": "1",
            "text": "The port was renovated.",
            "language": "en",
            "answer": None,
            "words": [],
        },
        {
            "id": "2",
            "text": "Le conseil a voté mardi.",
            "language": "fr",
            "answer": "",
            "words": [],
        },
    ]
    tokenizer, row = Tokenizer(weights(small=True)), ROW | {"task": "check", "questions": said}
    before = instruction(tokenizer, "check")
    lesson = packed(row, tokenizer, before)
    asked = tokenizer.prompt(prompts.checking(said[0]["text"], PORT))
    length = len(asked) - len(before)
    assert lesson.pack.ids[:length].tolist() == asked[len(before) :]
    assert lesson.places[0] == length - 1 and lesson.firsts.tolist() == [True, True]
    assert tokenizer.decode(lesson.labels.tolist()) == "NoYes"


def packed_firsts(small: Small) -> list[bool]:
    firsts: list[bool] = packed(ROW, small.tokenizer, small.tokens).firsts.tolist()
    return firsts


def scores(small: Small, lesson: object) -> torch.Tensor:
    """(labels, some tokens) of the frozen model after the untrained instruction."""
    model, start = small.model, small.start
    with torch.no_grad():
        hidden = model.run(
            model.embedded(lesson.pack.ids),
            lesson.pack,
            lambda number: (start.keys[number], start.values[number]),
            range(model.shape.layers),
        )
        made: torch.Tensor = (
            model.normed(hidden[lesson.places]) @ model.output(torch.arange(5000)).T
        )
    return made


def test_training_teaches_goes_on_after_a_stop_and_gives_the_program_what_was_trained(
    work: Path, small: Small
) -> None:
    arguments = ["--small", "--work", str(work), "--batch", "1", "--warm-up", "1"]
    arguments += ["--threads", str(torch.get_num_threads())]
    fit.main([*arguments, "--steps", "3", "--rate", "0.02"])
    name = weights(small=True).stem
    first = torch.load(work / f"checkpoint-{name}.pt")
    fit.main([*arguments, "--steps", "6", "--rate", "0.02"])
    second = torch.load(work / f"checkpoint-{name}.pt")
    assert (first["step"], second["step"]) == (3, 6)
    assert list((work / f"hidden-{name}-12").glob("*.npy"))

    export.main(["--small", "--work", str(work), "--share", "1"])
    (found,) = trained.load(work / "prefixes", SMALL_GENERATOR.sha256)
    assert found.tokens == small.tokens
    taught = LlamaCpp(weights(small=True), prefixes=work / "prefixes")
    plain = LlamaCpp(weights(small=True), prefixes=work / "none")
    try:
        for question in ROW["questions"]:
            yes = probability(taught, question)
            expected = probability_in_torch(small, work, question)
            assert yes == pytest.approx(expected, abs=0.05)
        known = [probability(model, ROW["questions"][1]) for model in (plain, taught)]
        assert known[1] < known[0]  # it learnt to refuse what the text doesn't say
    finally:
        taught.close()
        plain.close()


def probability(model: LlamaCpp, question: dict[str, str]) -> float:
    """Of a yes, in the program."""
    chunk = StoredChunk(0, ROW["title"], ROW["title"], "en", 0, 0, 0, PORT, ())
    messages = prompts.answering(question["text"], Excerpt(chunk, PORT), question["language"])
    options = [prompts.OPENINGS[each][place] for place in (0, 1) for each in ("fr", "en")]
    return sum(model.choose(messages, options)[:2])


def probability_in_torch(small: Small, work: Path, question: dict[str, str]) -> float:
    """The same from the Hub's arithmetic with the trained prefix."""
    state = torch.load(work / f"checkpoint-{weights(small=True).stem}.pt")
    prefix = Prefix(small.start, state["first"])
    prefix.load_state_dict(state["averaged"], strict=False)
    lesson = packed(ROW | {"questions": [question]}, small.tokenizer, small.tokens)
    model = small.model
    options = [prompts.OPENINGS[each][place] for place in (0, 1) for each in ("fr", "en")]
    tokens = torch.tensor([small.tokenizer.encode(option)[0] for option in options])
    with torch.no_grad():
        hidden = model.run(
            model.embedded(lesson.pack.ids), lesson.pack, prefix.layer, range(model.shape.layers)
        )
        made = model.normed(hidden[lesson.places[:1]]) @ model.output(tokens).T
    return float(made[0].softmax(0)[:2].sum())
