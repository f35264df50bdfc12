"""Let the untrained model write full answers from question, text and answering words, and keep
those that hold nothing else.

    python -m train.distil --questions 300      4 s each on two idle cores; goes on where it stopped

An answer is kept if it is one sentence in the question's language that holds all the words that
answer, no figure and no name that neither the text nor the question has: about five of six.
`train.sets` takes them from distilled.jsonl in the work folder.
"""

import argparse
import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from bench.split import share
from index.text.language import is_language
from index.text.words import terms
from rag.llm.base import Message
from rag.llm.llama_cpp import LlamaCpp
from train.sets import WRITTEN
from train.settings import WORK, weights
from train.sources import Question, Window, lines, passages
from train.statements import statement

_TASK = (
    "You are given a text, a question and the words of the text that answer it. Answer the "
    "question in one complete sentence that names the subject of the question and contains the "
    "answer. Add nothing that is not in the text. Write in the language of the question."
)
_EXAMPLES = (
    (
        "Le conseil de Kervalec a voté mardi la rénovation du vieux port. Les travaux coûteront "
        "4,2 millions d'euros.",
        "Combien coûtera la rénovation ?",
        "4,2 millions d'euros",
        "La rénovation du vieux port coûtera 4,2 millions d'euros.",
    ),
    (
        "The alder warbler nests in reeds and feeds on small insects.",
        "What does it eat?",
        "small insects",
        "The alder warbler eats small insects.",
    ),
    (
        "La femelle pond quatre ou cinq œufs, qui éclosent après deux semaines.",
        "Combien d'œufs pond-elle ?",
        "quatre ou cinq",
        "La femelle pond quatre ou cinq œufs.",
    ),
)
_LONGEST = 260  # characters of an answer
_NAME = re.compile(r"(?<!^)(?<![.!?] )\b[A-ZÀ-Þ][\w’'-]+")


def main(arguments: Sequence[str] | None = None) -> None:
    """Write answers until there are enough."""
    parser = argparse.ArgumentParser(prog="python -m train.distil")
    parser.add_argument("--work", type=Path, default=WORK)
    parser.add_argument("--small", action="store_true", help="the 0.5B model")
    parser.add_argument("--questions", type=int, default=300, help="to try, in all")
    options = parser.parse_args(arguments)
    options.work.mkdir(parents=True, exist_ok=True)
    path = options.work / "distilled.jsonl"
    tried = lines(path) if path.exists() else []
    known = {row["_id"] for row in tried}
    model = LlamaCpp(weights(small=options.small), prefixes=options.work / "no-prefixes")
    with path.open("a", encoding="utf-8") as file:
        for window, question in _unanswered():
            if len(known) >= options.questions:
                break
            if question.id in known:
                continue
            known.add(question.id)
            answer = _written(model, window.text, question)
            good = acceptable(answer, question, window.text)
            row = {"_id": question.id, **({"answer": answer} if good else {"rejected": answer})}
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
            file.flush()
            print(f"{len(known)} {'kept' if good else 'not '} {question.text} {answer}", flush=True)
    model.close()


def acceptable(answer: str, question: Question, text: str) -> bool:
    """Whether an answer is one sentence that holds the answering words and nothing that isn't in
    text or question.
    """
    language = question.language
    own, known = terms(answer, language), set(terms(f"{text} {question.text}", language))
    words = [set(terms(form, language)) for form in question.words]
    shortest = min(len(form) for form in words)
    if not answer or "\n" in answer or len(answer) > _LONGEST or len(own) < shortest + 2:
        return False
    names = {term for name in _NAME.findall(answer) for term in terms(name, language)}
    figures = {term for term in own if any(sign.isdigit() for sign in term)}
    holds = any(form <= set(own) for form in words)
    return holds and names | figures <= known and is_language(answer, language)


def _unanswered() -> Iterator[tuple[Window, Question]]:
    """The questions that have no sentence yet, in an order that is always the same; both languages
    in turn.
    """
    written = {row["_id"] for path in WRITTEN.glob("answers*.jsonl") for row in lines(path)}
    found = [
        (window, question)
        for window in passages(validation=False)
        for question in window.questions
        if question.words and question.id not in written
        if not statement(question.text, min(question.words, key=len), window.text, window.language)
    ]
    found.sort(key=lambda pair: share(pair[1].id))
    by_language = [[pair for pair in found if pair[0].language == each] for each in ("fr", "en")]
    for pair in zip(*by_language, strict=False):
        yield from pair


def _written(model: LlamaCpp, text: str, question: Question) -> str:
    messages = [Message("system", _TASK)]
    for example, asked, words, answer in _EXAMPLES:
        messages += [_asked(example, asked, words), Message("assistant", answer)]
    model.prepare(messages)
    messages.append(_asked(text, question.text, min(question.words, key=len)))
    return "".join(model.stream(messages, max_tokens=80)).strip()


def _asked(text: str, question: str, words: str) -> Message:
    return Message("user", f"Text: {text}\n\nQuestion: {question}\nAnswering words: {words}")


if __name__ == "__main__":
    main()
