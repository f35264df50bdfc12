"""The prompts: an instruction with examples, an excerpt, a question. Texts: `data/prompts.toml`.

The instruction and the examples are the same whatever the question's language, and the question
comes last: a generator that keeps the state of what it has read starts at the question wherever it
knows the excerpt.
"""

import tomllib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from index.contract import Store
from rag.events import Turn
from rag.excerpts import Excerpt, windows
from rag.llm.base import Generator, Message
from rag.verifier.expected import closed
from rag.verifier.figures import in_figures_of

OPENINGS = {"fr": ("Oui.", "Non."), "en": ("Yes.", "No.")}
"""The first word of an answer, which says whether the excerpt holds one. Its odds are read before
anything is written; then it is given to the model, which settles the language, and isn't shown."""

_ANY = "\0"  # stands for a question that isn't known yet
_TEXTS = tomllib.loads(
    (Path(__file__).parent / "data" / "prompts.toml").read_text(encoding="utf-8")
)
_ANSWER, _DECIDE, _CHECK = _TEXTS["answer"], _TEXTS["decide"], _TEXTS["check"]
_TRANSLATE, _REWRITE, _REWORD = _TEXTS["translate"], _TEXTS["rewrite"], _TEXTS["reword"]
_COMPARE, _NAME, _QUERY = _TEXTS["compare"], _TEXTS["name"], _TEXTS["query"]


def instruction() -> list[Message]:
    """What every prompt for an answer begins with."""
    return _on_texts(_ANSWER)


def decision() -> list[Message]:
    """What every prompt for a yes or a no begins with."""
    return _on_texts(_DECIDE)


def beginning(excerpt: Excerpt) -> list[Message]:
    """What every prompt about this excerpt begins with."""
    return [*instruction(), Message("user", _excerpt(excerpt))]


def beginnings(store: Store, generator: Generator) -> Iterator[tuple[list[Message], bool]]:
    """What prompts begin with, and whether that is of a document, as far as it can be kept."""
    for start in (
        instruction(),
        check(),
        decision(),
        *map(rewrite, OPENINGS),
        *map(translation, OPENINGS),
        comparison(),
        query(),
    ):
        yield start, False
    tokens = generator.kept_tokens
    for document in store.documents() if tokens else ():
        for chunk in store.chunks_of(document.name):
            for excerpt in windows(chunk):
                messages = beginning(excerpt)
                tokens -= generator.count(messages[-1].content)
                if tokens < 0:
                    return
                yield messages, True


def answering(
    question: str, excerpt: Excerpt, language: str, *, insist: bool = False
) -> list[Message]:
    """The messages that ask for an answer in `language`; `insist` after one in another language."""
    form = _ANSWER[language]
    task = form["closed" if closed(question) else "question"].format(question=question)
    *before, last = beginning(excerpt)
    return [*before, Message("user", last.content + task + (form["insist"] if insist else ""))]


def deciding(question: str, excerpt: Excerpt, language: str) -> list[Message]:
    """The messages that ask for a yes or a no, `OPENINGS[language]`, and what the text says."""
    asked = _ANSWER[language]["question"].format(question=question)
    return [*decision(), Message("user", _excerpt(excerpt) + asked)]


def check() -> list[Message]:
    """What every prompt that checks a statement begins with."""
    text = _TEXTS["texts"][_CHECK["text"]]["text"]
    return _shown(
        _CHECK["instruction"],
        (
            (_CHECK["statement"].format(text=text, statement=each["statement"]), each["answer"])
            for each in _CHECK["examples"]
        ),
    )


def checking(statement: str, text: str) -> list[Message]:
    """The messages that ask whether a text states something, to answer as `OPENINGS["en"]`."""
    asked = _CHECK["statement"].format(text=text, statement=statement)
    return [*check(), Message("user", asked)]


def translation(language: str) -> list[Message]:
    """What every prompt for a translation into a language begins with."""
    other = "en" if language == "fr" else "fr"
    examples = ((each[other], each[language]) for each in _TRANSLATE["examples"])
    return _shown(_TRANSLATE["instruction"][language], examples)


def translating(text: str, language: str) -> list[Message]:
    """The messages that ask for a text of the other language in this one.

    Its figures are given as they are written in this one: a small model leaves them as they are.
    """
    other = "en" if language == "fr" else "fr"
    return [*translation(language), Message("user", in_figures_of(language, text, other))]


def comparison() -> list[Message]:
    """What every prompt for the plan of a comparison begins with."""
    examples = ((each["asked"], each["answer"]) for each in _COMPARE["examples"])
    return _shown(_COMPARE["instruction"], examples)


def comparing(asked: str) -> list[Message]:
    """The messages that ask what a question compares, and by which aspects: a line for each."""
    return [*comparison(), Message("user", asked)]


def query() -> list[Message]:
    """What every prompt for a query on a table begins with."""
    examples = (
        (
            _QUERY["question"].format(schema=schema["schema"].strip(), question=each["question"]),
            each["answer"],
        )
        for schema in _QUERY["schemas"]
        for each in schema["examples"]
    )
    return _shown(_QUERY["instruction"], examples)


def querying(schema: str, question: str) -> list[Message]:
    """The messages that ask for a question as a query in SQL on a table, or for "NONE"."""
    asked = _QUERY["question"].format(schema=schema, question=question)
    return [*query(), Message("user", asked)]


def naming(texts: Sequence[str], language: str) -> list[Message]:
    """The messages that ask for a short name, in `language`, of what texts are all about."""
    form = _NAME[language]
    examples = (("\n".join(each["texts"]), each["answer"]) for each in form["examples"])
    return [*_shown(form["instruction"], examples), Message("user", "\n".join(texts))]


def rewrite(language: str) -> list[Message]:
    """What every prompt that rewrites a question begins with."""
    examples = _REWRITE[language]["examples"]
    return _shown(
        _REWRITE[language]["instruction"],
        (
            (
                _last(each["question"], [Turn(*turn) for turn in each["earlier"]], language),
                each["answer"],
            )
            for each in examples
        ),
    )


def rewording(kind: str, text: str, language: str) -> list[Message]:
    """The messages that ask for a sentence in other words: "shorten" or "simplify"."""
    form = _REWORD[kind][language]
    return [*_shown(form["instruction"], [(form["asked"], form["answer"])]), Message("user", text)]


def rewriting(question: str, earlier: Sequence[Turn], language: str) -> list[Message]:
    """The messages that ask for `question` as it would stand without the turns before it."""
    return [*rewrite(language), Message("user", _last(question, earlier, language))]


def awaiting(earlier: Sequence[Turn], language: str) -> list[Message]:
    """What every prompt that rewrites a question after these turns begins with."""
    before, _, _ = _last(_ANY, earlier, language).partition(_ANY)
    return [*rewrite(language), Message("user", before)]


def _last(question: str, earlier: Sequence[Turn], language: str) -> str:
    form = _REWRITE[language]
    turns = [
        form["turn"].format(question=turn.question)
        + (form["answered"].format(answer=turn.answer) if turn.answer else "")
        for turn in earlier
    ]
    asked: str = form["question"]
    return asked.format(earlier="\n".join(turns), question=question)


def _excerpt(excerpt: Excerpt) -> str:
    text: str = _ANSWER["excerpt"].format(title=excerpt.chunk.title, text=excerpt.text)
    return text


def _on_texts(task: dict[str, Any]) -> list[Message]:
    """A task's instruction, and its examples of questions on texts."""
    examples = (
        (
            _ANSWER["excerpt"].format(**_TEXTS["texts"][each["text"]])
            + _ANSWER[each["language"]]["question"].format(question=each["question"]),
            each["answer"],
        )
        for each in task["examples"]
    )
    return _shown(task["instruction"], examples)


def _shown(instruction: str, examples: Iterable[tuple[str, str]]) -> list[Message]:
    """An instruction and examples of what is asked and what is to be answered."""
    messages = [Message("system", instruction)]
    for asked, answer in examples:
        messages += [Message("user", asked), Message("assistant", answer)]
    return messages
