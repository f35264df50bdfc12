"""How a model does on twenty questions about the first document: the way to choose one."""

import json
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from statistics import median

from index.text.language import is_language
from index.text.words import fold
from rag.i18n import say
from rag.library import open_library
from rag.settings import SEEDS, Settings

_QUESTIONS = Path(__file__).parent / "data" / "trial.jsonl"


def trial(settings: Settings, model: str, said: Callable[[str], None], language: str) -> None:
    """Ask a model the questions and say what became of them.

    A question's `words` are groups of forms, one form of each has to be in the answer; one without
    any has to be declined.

    Args:
        settings: the library and the store are not used.
        model: as the setting of that name.
        said: called with each line as it comes.
        language: of the lines.

    Raises:
        UserError: what loading the model raises.
    """
    rows = [json.loads(line) for line in _QUESTIONS.read_text(encoding="utf-8").splitlines()]
    right, declined, spoken, waits = 0, 0, 0, list[float]()
    asked = sum(bool(row["words"]) for row in rows)
    began = time.perf_counter()
    with open_library(replace(settings, model=model, library=SEEDS, store="")) as library:
        for row in rows:
            answer = library.ask(row["text"])
            text = fold(answer.answer)
            good = all(any(form in text for form in group) for group in row["words"])
            good &= answer.refused != bool(row["words"])
            right += good and bool(row["words"])
            declined += good and not row["words"]
            spoken += is_language(answer.answer, row["language"])
            waits.append(answer.timings.first_token)
            said(f"{'✓' if good else '✗'} {row['text']}\n  {answer.answer}")
    values: dict[str, object] = {"asked": asked, "hopeless": len(rows) - asked, "count": len(rows)}
    values |= {"right": right, "declined": declined, "spoken": spoken}
    minutes = (time.perf_counter() - began) / 60
    values |= {"wait": f"{median(waits):.1f}", "minutes": f"{minutes:.1f}"}
    said(say("trial", language, model=model or "default", **values))
