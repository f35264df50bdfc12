"""Measure a trained prefix beside the plain instruction, in llama.cpp as the program runs it, on
what wasn't trained on.

    python -m train.evaluate                    the prefix in the work folder, and the plain
    instruction
    python -m train.evaluate --answers 60       as many answers written (4 s each on two idle cores)
    python -m train.evaluate --task check       the second task: does a text state a sentence?
    python -m train.evaluate --task rewrite-fr  the third: a question from the turns before it

The validation set is of articles left out of training; NoMIRACL's questions are of the part of its
working half that is left out. Printed are the area under the curve of the first word's odds, all
and of each kind of refusal, and of the answers that were written how many hold the expected words,
are sentences, and are in the question's language. Results are kept in `evaluation.jsonl`, the odds
of the last that was measured in `odds.json`.
"""

import argparse
import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from index.contract import StoredChunk
from index.text.language import is_language
from index.text.words import terms
from rag import prompts
from rag.events import Turn
from rag.excerpts import Excerpt
from rag.llm.llama_cpp import LlamaCpp
from rag.writer import states
from train.packing import TASKS
from train.sets import likest
from train.settings import WORK, folder, weights
from train.sources import lines, nomiracl

_SENTENCE = 3  # more words than those expected make a sentence
_LEAST = (0.5, 0.7, 0.8, 0.9, 0.95)  # odds of a statement
_WINDOWS = 3  # of a question of NoMIRACL that are read


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure both and print a table."""
    parser = argparse.ArgumentParser(prog="python -m train.evaluate")
    parser.add_argument("--work", type=Path, default=WORK)
    parser.add_argument("--task", choices=TASKS, default="answer", help="see train/README.md")
    parser.add_argument("--small", action="store_true", help="the 0.5B model")
    parser.add_argument("--answers", type=int, default=60, help="to be written")
    parser.add_argument("--questions", type=int, default=30, help="of NoMIRACL, a language")
    parser.add_argument("--only", choices=("plain", "trained"), help="one of the two")
    options = parser.parse_args(arguments)
    for name in [options.only] if options.only else ["plain", "trained"]:
        folder = options.work / ("prefixes" if name == "trained" else "no-prefixes")
        model = LlamaCpp(weights(small=options.small), prefixes=folder)
        try:
            if options.task == "answer":
                table = {**validation(model, options), **on_nomiracl(model, options)}
            else:
                table = (checks if options.task == "check" else rewrites)(model, options)
        finally:
            model.close()
        for line, value in table.items():
            print(f"{name:8} {line:40} {value}", flush=True)
        with (options.work / "evaluation.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps({"prefix": name, **table}) + "\n")


def validation(model: LlamaCpp, options: argparse.Namespace) -> dict[str, str]:
    """What is right on the validation set."""
    odds: dict[str, list[float]] = defaultdict(list)
    written: list[tuple[bool, bool, bool]] = []
    shown = (options.work / "answers.txt").open("w", encoding="utf-8")
    for row in lines(options.work / "validation.jsonl"):
        for question in row["questions"]:
            excerpt = _excerpt(row["title"], row["text"], row["language"])
            kind = "answerable" if question["answer"] is not None else question["kind"]
            yes = _yes(model, question["text"], excerpt, question["language"])
            odds[f"{kind}, {question['language']}"].append(yes)
            if kind == "answerable" and len(written) < options.answers:
                answer = _written(model, question["text"], excerpt, question["language"])
                written.append(_judged(answer, question))
                shown.write(f"{written[-1]} {yes:.2f} {question['text']} -> {answer}\n")
    (options.work / "odds.json").write_text(json.dumps(odds), encoding="utf-8")
    table = {}
    for language in ("fr", "en"):
        good = odds[f"answerable, {language}"]
        kinds = [kind for kind in sorted(odds) if kind.endswith(language) and "answ" not in kind]
        every = [yes for kind in kinds for yes in odds[kind]]
        table[f"area under the curve, {language}"] = _area(good, every)
        table |= {f"  against {kind}": _area(good, odds[kind]) for kind in kinds}
    for place, name in enumerate(("hold the words", "are sentences", "in the right language")):
        count = sum(each[place] for each in written)
        table[f"answers that {name}"] = f"{count}/{len(written)}"
    return table


def checks(model: LlamaCpp, options: argparse.Namespace) -> dict[str, str]:
    """The area under the curve of the odds that a text states a sentence, by the languages of
    both, and the share of right ones at some odds."""
    known: dict[str, tuple[list[float], list[float]]] = defaultdict(lambda: ([], []))
    for row in lines(folder(options.work, "check") / "validation.jsonl"):
        for said in row["questions"]:
            true = said["answer"] is not None
            odds = states(model, row["text"], said["text"])
            for group in ("all", f"{row['language']} > {said['language']}"):
                known[group][not true].append(odds)
    table = {}
    for group, (good, bad) in sorted(known.items()):
        table[f"area under the curve, {group}"] = _area(good, bad)
    good, bad = known["all"]
    for least in _LEAST:
        kept, wrong = sum(each >= least for each in good), sum(each >= least for each in bad)
        table[f"stated by {least}"] = f"{kept}/{len(good)} true, {wrong}/{len(bad)} false"
    return table


def rewrites(model: LlamaCpp, options: argparse.Namespace) -> dict[str, str]:
    """How many messages are completed with the expected words, and how alike the words are."""
    alike = list[float]()
    work = folder(options.work, options.task)
    shown = (work / "answers.txt").open("w", encoding="utf-8")
    for row in lines(work / "validation.jsonl"):
        for each in row["questions"]:
            earlier = [Turn(*turn) for turn in each["earlier"]]
            asking = prompts.rewriting(each["text"], earlier, each["language"])
            written = "".join(model.stream(asking, max_tokens=64)).strip()
            own, wanted = (set(terms(text, each["language"])) for text in (written, each["answer"]))
            alike.append(2 * len(own & wanted) / max(len(own) + len(wanted), 1))
            shown.write(f"{alike[-1]:.2f} {each['text']} -> {written} | {each['answer']}\n")
    exact = sum(one == 1 for one in alike)
    return {
        "with the expected words": f"{exact}/{len(alike)}",
        "words alike": f"{sum(alike) / max(len(alike), 1):.3f}",
    }


def on_nomiracl(model: LlamaCpp, options: argparse.Namespace) -> dict[str, str]:
    """The area under the curve of the likeliest of three windows, on questions left out of
    training.
    """
    table = {}
    for language in ("fr", "en"):
        odds: dict[bool, list[float]] = {True: [], False: []}
        for answerable, question, windows in nomiracl(language, validation=True):
            if len(odds[answerable]) * 2 >= options.questions:
                continue
            odds[answerable].append(
                max(
                    _yes(model, question.text, _excerpt(each.title, each.text, language), language)
                    for each in likest(question, windows)[:_WINDOWS]
                )
            )
        table[f"NoMIRACL, area under the curve, {language}"] = _area(odds[True], odds[False])
    return table


def _excerpt(title: str, text: str, language: str) -> Excerpt:
    return Excerpt(StoredChunk(0, title, title, language, 0, 0, len(text), text, ()), text)


def _yes(model: LlamaCpp, question: str, excerpt: Excerpt, language: str) -> float:
    model.prepare(prompts.beginning(excerpt))
    options = [prompts.OPENINGS[each][place] for place in (0, 1) for each in ("fr", "en")]
    return sum(model.choose(prompts.answering(question, excerpt, language), options)[:2])


def _written(model: LlamaCpp, question: str, excerpt: Excerpt, language: str) -> str:
    messages = prompts.answering(question, excerpt, language)
    opening = prompts.OPENINGS[language][0]
    return "".join(model.stream(messages, begin=opening, max_tokens=80)).strip()


def _judged(answer: str, question: dict[str, Any]) -> tuple[bool, bool, bool]:
    """Whether an answer holds the expected words, is a sentence, in the question's language."""
    own = set(terms(answer, question["language"]))
    forms = [set(terms(form, question["language"])) for form in question["words"]]
    longest = min(len(form) for form in forms)
    return (
        any(form <= own for form in forms),
        len(answer.split()) >= longest + _SENTENCE,
        is_language(answer, question["language"]),
    )


def _area(good: Iterable[float], bad: Iterable[float]) -> str:
    """How likely one of the first is above one of the others."""
    pairs = [(one > other) + 0.5 * (one == other) for one in good for other in list(bad)]
    return f"{sum(pairs) / len(pairs):.3f} of {len(pairs)} pairs" if pairs else "-"


if __name__ == "__main__":
    main()
