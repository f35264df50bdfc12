"""A window of text and the questions on it as tokens that are read at once, each question seeing
the text and itself alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import takewhile
from typing import Any

import torch
from torch import Tensor

from index.contract import StoredChunk
from rag import prompts
from rag.events import Turn
from rag.excerpts import Excerpt
from train.model import Pack
from train.tokens import Tokenizer

END = "<|im_end|>"  # what the model ends an answer with
GROUP = 16  # the program takes over the instruction's tokens in groups of so many
FIRST, DECIDING, OTHER = 10.0, 10.0, 0.5
"""Weights in the loss: of the first word, of all the words that answer together, of each other
token.
"""
TASKS = {
    "answer": prompts.instruction,
    "check": prompts.check,
    **{f"rewrite-{each}": partial(prompts.rewrite, each) for each in prompts.OPENINGS},
}
"""What is trained for: answering a question, saying whether a text states a sentence, and
completing a question from the turns before it, in each language."""


@dataclass(frozen=True)
class Lesson:
    """A pack and what is learnt from it.

    `places` (labels,) are the tokens after which the model is asked, `labels` what comes next and
    `weights` what that counts; `firsts` are those of the labels that are the first word of an
    answer, `deciding` those that are of its words, both bool.
    """

    pack: Pack
    places: Tensor
    labels: Tensor
    weights: Tensor
    firsts: Tensor
    deciding: Tensor


def instruction(tokenizer: Tokenizer, task: str = "answer") -> list[int]:
    """The tokens whose keys and values are trained, for one of `TASKS`."""
    tokens = tokenizer.instruction(TASKS[task]())
    return tokens[: len(tokens) // GROUP * GROUP]


def packed(row: dict[str, Any], tokenizer: Tokenizer, before: Sequence[int]) -> Lesson:
    """A row of a training set as a lesson.

    Args:
        row: see `train.sets`.
        tokenizer: the model's.
        before: the instruction's tokens, that every prompt begins with.
    """
    asked = [_question(row, each, tokenizer) for each in row["questions"]]
    prompts_only = [prompt for prompt, *_ in asked]
    shared = _common(prompts_only)
    if list(prompts_only[0][: len(before)]) != list(before):
        raise ValueError("the prompts don't begin with the instruction")
    ids = list(prompts_only[0][len(before) : shared])
    positions, segments = list(range(len(before), shared)), [0] * len(ids)
    marked: list[tuple[int, int, float, bool, bool]] = []  # place, label, weight, first, deciding
    for number, (prompt, answer, weights, deciding) in enumerate(asked, 1):
        own = [*prompt[shared:], *answer[:-1]]
        start = len(ids) + len(prompt) - shared - 1
        for place, (label, weight, decides) in enumerate(
            zip(answer, weights, deciding, strict=True)
        ):
            if weight:
                marked.append((start + place, label, weight, place == 0, decides))
        ids += own
        positions += range(shared, shared + len(own))
        segments += [number] * len(own)
    segment, order = torch.tensor(segments), torch.arange(len(ids))
    sees = order[:, None] >= order[None, :]
    sees &= (segment[None, :] == 0) | (segment[None, :] == segment[:, None])
    columns = [torch.tensor(column) for column in zip(*marked, strict=True)]
    return Lesson(Pack(torch.tensor(ids), torch.tensor(positions), sees), *columns)


def _common(sequences: Sequence[Sequence[int]]) -> int:
    """How many tokens all begin with."""
    columns = zip(*sequences, strict=False)
    return sum(1 for _ in takewhile(lambda column: len(set(column)) == 1, columns))


def _question(
    row: dict[str, Any], question: dict[str, Any], tokenizer: Tokenizer
) -> tuple[list[int], list[int], list[float], list[bool]]:
    """Tokens of the prompt and of the answer, the weight of each of those, and which of them are of
    the deciding words.
    """
    language, answer = question["language"], question["answer"]
    if "earlier" in question:
        return _rewritten(question, tokenizer)
    if row.get("task") == "check":
        language, messages = "en", prompts.checking(question["text"], row["text"])
    else:
        chunk = StoredChunk(0, row["title"], row["title"], language, 0, 0, 0, "", ())
        messages = prompts.answering(question["text"], Excerpt(chunk, row["text"]), language)
    yes, no = (tokenizer.encode(opening) for opening in prompts.OPENINGS[language])
    prompt = tokenizer.prompt(messages)
    if not answer:
        return prompt, (no if answer is None else yes)[:1], [FIRST], [False]
    rest = tokenizer.encode(" " + answer) + tokenizer.encode(END, markers=True)
    forms = {
        token
        for words in question["words"]
        for form in (words, " " + words)
        for token in tokenizer.encode(form)
        if len(tokenizer.decode([token]).strip()) > 2 or tokenizer.decode([token]).strip().isdigit()
    }
    deciding = [token in forms for token in rest]
    weight = max(DECIDING / max(sum(deciding), 1), 2 * OTHER)
    weights = [weight if decides else OTHER for decides in deciding]
    # The opening's full stop is given to the model by the program.
    opening = [FIRST] + [0.0] * (len(yes) - 1)
    return prompt, yes + rest, opening + weights, [False] * len(yes) + deciding


def _rewritten(
    question: dict[str, Any], tokenizer: Tokenizer
) -> tuple[list[int], list[int], list[float], list[bool]]:
    """The same of a question to be completed: each token of what it becomes counts alike."""
    earlier = [Turn(*turn) for turn in question["earlier"]]
    messages = prompts.rewriting(question["text"], earlier, question["language"])
    answer = tokenizer.encode(question["answer"]) + tokenizer.encode(END, markers=True)
    weights = [1.0] * len(answer)
    return tokenizer.prompt(messages), answer, weights, [True] * len(answer)
