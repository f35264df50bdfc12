"""What each check of the verifier catches and what it costs, with that check off.

    python -m bench.ablation             the half of the statements that the checks weren't chosen on
    python -m bench.ablation --half dev  the other half, for work on the checks

Statements are made by script from questions that people asked on public passages (SQuAD, PIAF): the
question with its answer in place of "who", "when", "combien" is true; with another figure, date,
name or place of the same passage, with two names exchanged or a denial put in, it is false. Beside
these stand sentences that small models wrote: those read by hand, and answers of other programs with
the same model, where a gold answer tells right from wrong. Each is compared with its passage and the
passages beside it. A check *catches* a false statement that would count as supported without it, and
*harms* a true one. Verdicts are kept in bench/results/ablation.jsonl. No language model is needed.
"""

import argparse
import hashlib
import json
import re
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bench.answers import DATA, fold, lines
from bench.report import RESULTS, heading, keep
from index.text.language import detect, unquoted
from rag.library import Library, open_library
from rag.settings import from_environment
from rag.verifier.facts import Fact, facts, negated

PER_KIND = 60  # false statements of each kind, half and language; of true ones, as many as of all false ones together
_MONTHS = {
    "en": "January February March April May June July August September October November December",
    "fr": "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
}
# "who", "in what year" and the like, which the answer replaces; an auxiliary behind it goes.
_ASKED = {
    "en": re.compile(
        r"^(?:who|what|where|when|how many|how much|(?:in |on |at )?(?:what|which)(?: (?:year|date|month|country|city|century))?)"
        r"(?: (?:did|does|do))?\b ",
        re.IGNORECASE,
    ),
    "fr": re.compile(
        r"^(?:qui est-ce qui|qui|quand|où|combien d[e'’] ?|combien|(?:en |à |dans )?quel(?:le)?s? (?:année|date|pays|ville|siècle)?"
        r"|quel(?:le)?s?)(?: (?:est-ce que|est-ce qu['’]))? ?",
        re.IGNORECASE,
    ),
}


@dataclass(frozen=True)
class Statement:
    """A sentence to verify beside its passages; `question` is what it answers, "" where that is unknown."""

    id: str
    kind: str
    true: bool
    language: str
    text: str
    question: str
    passages: tuple[str, ...]
