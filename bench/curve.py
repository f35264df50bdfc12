"""How often answers are right and how soon they begin, by how much is read before the model writes.

    python -m bench.curve

The points differ in how many excerpts are read at most, and how sure the model must be of one to
write from it before it reads the next (0: from the first at once; 1: from the likeliest of all).
Everything was read once before, so no point gains by what another one read. `piaf_fr` needs
../shared/data.
"""

import statistics
import sys
import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from bench.answers import DATA, Question, questions_of, right
from bench.report import RESULTS, heading, keep
from bench.retrieval import indexed
from rag import prompts
from rag.answerer import Answerer
from rag.confidence import THRESHOLDS
from rag.library import open_library
from rag.settings import ROOT, from_environment

POINTS = ((1, 0.0), (2, 0.5), (3, 0.5), (3, 1.0))  # most excerpts, how sure
IN_USE = (THRESHOLDS.excerpts, THRESHOLDS.relevant)
_PIAF = 30  # questions


def main() -> int:
    """Measure, print the table, keep it and the picture."""
    print(heading(), flush=True)
    found: dict[str, list[dict[str, Any]]] = {}
    with open_library(from_environment()) as library:
        asked = [
            question for question in questions_of("article")[0] if question.kind == "answerable"
        ]
        assistant = library.assistant()
        assistant.prepare(threading.Event())
        found["article"] = _points("article", assistant, asked)
        if DATA.is_dir():
            questions, corpus = questions_of("piaf_fr", _PIAF)
            assert corpus
            with indexed(corpus, library.embedder) as store:
                assistant = library.assistant(store)
                for question in questions:
                    for excerpt in assistant.find(question.text, question.language, None)[1]:
                        assistant.generator.prepare(prompts.beginning(excerpt))
                found["piaf_fr"] = _points("piaf_fr", assistant, questions)
        else:
            print(
                f"{DATA}: no such folder. The public sets aren't part of the repository; "
                "piaf_fr was not measured."
            )
    _plot(found, RESULTS / "curve.png")
    print("kept in", keep("curve", found).relative_to(ROOT))
    return 0


def _points(name: str, assistant: Answerer, questions: Sequence[Question]) -> list[dict[str, Any]]:
    points = []
    for most, sure in POINTS:
        assistant.thresholds = replace(THRESHOLDS, excerpts=most, relevant=sure)
        answers = [assistant.answer(question.text) for question in questions]
        firsts = [answer.timings.first_token for answer in answers]
        marks = [
            right(each, answer.answer, refused=answer.refused)
            for each, answer in zip(questions, answers, strict=True)
        ]
        point = {
            "excerpts": most,
            "sure": sure,
            "right": sum(marks),
            "of": len(marks),
            "first word, s": statistics.median(firsts),
            "whole answer, s": statistics.median(answer.timings.total for answer in answers),
            "declined": sum(answer.refused for answer in answers),
            "first words, s": firsts,
        }
        points.append(point)
        spread = f"{statistics.median(firsts):.2f} s ({min(firsts):.2f}-{max(firsts):.2f})"
        print(
            f"{name:8} at most {most}, sure {sure:.1f}: right {sum(marks)} of {len(marks)}, "
            f"first word {spread}",
            flush=True,
        )
    return points


def _plot(found: dict[str, list[dict[str, Any]]], path: Path) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5 * len(found), 4), layout="constrained")
    axes = figure.subplots(1, len(found), squeeze=False)
    for (name, points), axis in zip(found.items(), axes[0], strict=True):
        for point in points:
            place = point["first word, s"], point["right"] / point["of"]
            used = (point["excerpts"], point["sure"]) == IN_USE
            label = f"{point['excerpts']}, {point['sure']:.1f}{' (in use)' if used else ''}"
            axis.plot(*place, "o", color="tab:red" if used else "tab:gray")
            axis.annotate(label, place, (5, -12 if used else 5), textcoords="offset points")
        axis.set_xlabel("seconds to the first word, median")
        axis.set_ylabel("right")
        axis.set_title(f"{name}: excerpts at most, how sure")
        axis.margins(0.25)
    figure.savefig(path, dpi=110)


if __name__ == "__main__":
    sys.exit(main())
