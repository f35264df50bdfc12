"""Fits what tells one kind of message from another (`rag/classifier.py`) and measures it.

    python -m train.intents

Examples: `data/intents.tsv`, an intent, a message in French and the same in English a line, either
of which may be missing; what stands in braces is taken from `data/intent_things.toml`. A line with
all that is made of it, and lines almost alike, stay in one half of `bench.split`: the working half
is fitted to, the other only measured on. Lines of `data/intents_fitted.tsv` are all fitted to, but
for those almost like one that is measured on.
"""

import random
import re
import tomllib
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from hashlib import sha1
from itertools import combinations
from pathlib import Path

import numpy as np
from scipy.sparse import csr_matrix
from sklearn.linear_model import LogisticRegression

from bench.split import reporting
from index.embedder import Embedder
from index.text.words import fold
from rag.classifier import WEIGHTS, Classifier, Floats, joined, letters, plain_case
from rag.library import load_embedder
from rag.settings import from_environment
from train.settings import WORK

_DATA = Path(__file__).with_name("data")
_AT_ONCE = 500  # messages embedded between two savings
_FILLED = 2  # messages made of a line with braces, in each language
_FITTED = "fitted"  # the group of what is fitted to whatever its digest
_PENALTY = 30.0  # the inverse strength of the penalty on weights
_ALIKE = 0.7  # the share of common groups of three letters from which on two lines are one
_POLITE = {
    "fr": ("Bonjour, {}", "{} s'il te plaît", "{} svp", "S'il vous plaît, {}", "{} merci"),
    "en": ("Hello, {}", "{} please", "{} pls", "Please, {}", "{} thanks"),
}


@dataclass(frozen=True)
class Example:
    """A message; `group` is the same for all that must stay in one half."""

    label: str
    text: str
    language: str
    group: str
    varied: bool = False  # made of another by the program

    @property
    def measured(self) -> bool:
        """Whether it is only measured on."""
        return self.group != _FITTED and reporting(self.group)


def main() -> None:
    """Fit, write the weights, print how many messages of the other half are understood."""
    examples = varied(list(written()))
    embedder = load_embedder(from_environment())
    vectors = embedded([plain_case(each.text) for each in examples], embedder)
    seen = np.stack([letters(each.text) for each in examples])
    rows = np.stack([joined(*each) for each in zip(vectors, seen, strict=True)])
    fitting = np.array([not each.measured for each in examples])
    labels = np.array([each.label for each in examples])
    name = embedder.fingerprint.split("|")[0]
    fitted = Classifier(
        tuple(sorted(set(labels))),
        fit(rows[fitting], labels[fitting]),
        fit(seen[fitting], labels[fitting]),
        name,
    )
    np.savez_compressed(
        WEIGHTS,
        labels=fitted.labels,
        weights=fitted.weights.astype(np.float16),
        alone=fitted.alone.astype(np.float16),
        embedder=name,
    )
    report(fitted, examples, vectors)


def written() -> Iterator[Example]:
    """The examples as they are written, braces filled."""
    things = tomllib.loads((_DATA / "intent_things.toml").read_text(encoding="utf-8"))
    split, added = (
        [line.split("\t") for line in (_DATA / name).read_text(encoding="utf-8").splitlines()]
        for name in ("intents.tsv", "intents_fitted.tsv")
    )
    groups = grouped(split)
    measured = [row for row, group in zip(split, groups, strict=True) if reporting(group)]
    known = [_shapes(row) for row in measured]
    added = [row for row in added if not any(_alike(_shapes(row), each) for each in known)]
    rows = zip(split + added, groups + [_FITTED] * len(added), strict=True)
    for (label, *texts), group in rows:
        for language, text in zip(("fr", "en"), texts, strict=True):
            for number in range(_FILLED if "{" in text else 1):
                if filled := fill(text, things[language], number):
                    yield Example(label, filled, language, group)


def fill(text: str, things: dict[str, str], number: int) -> str:
    """A line with things in the place of braces, always the same ones for a number."""
    chosen = random.Random(f"{number} {text}")  # noqa: S311 - no secret
    return re.sub(r"\{(\w+)\}", lambda name: pick(chosen, things[name[1]]), text)


def pick(chosen: random.Random, things: str) -> str:
    """One of the things of a list."""
    return chosen.choice(
        [each.strip() for each in things.replace("\n", "|").split("|") if each.strip()]
    )


def grouped(rows: list[list[str]]) -> list[str]:
    """The group of each line, named by a line: those of one intent that are almost alike."""
    parents = list(range(len(rows)))

    def root(place: int) -> int:
        while parents[place] != place:
            place = parents[place]
        return place

    shapes = [_shapes(row) for row in rows]
    for first, second in combinations(range(len(rows)), 2):
        if rows[first][0] == rows[second][0] and _alike(shapes[first], shapes[second]):
            parents[root(second)] = root(first)
    return ["".join(rows[root(place)]) for place in range(len(rows))]


def _shapes(row: list[str]) -> list[set[str]]:
    return [_shape(text) for text in row[1:]]


def _alike(first: list[set[str]], second: list[set[str]]) -> bool:
    """Whether two lines are almost the same in one of the languages."""
    return any(
        len(one & other) > _ALIKE * len(one | other)
        for one, other in zip(first, second, strict=True)
    )


def _shape(text: str) -> set[str]:
    """The groups of three letters of a text."""
    plain = "".join(filter(str.isalnum, fold(text)))
    return {plain[at : at + 3] for at in range(max(1, len(plain) - 2))} if plain else set()


def varied(examples: list[Example]) -> list[Example]:
    """The examples, and each once more as people in a hurry or polite ones would type it."""
    return examples + [replace(each, text=vary(each), varied=True) for each in examples]


def vary(example: Example) -> str:
    """Another form of a message, always the same one."""
    chosen = random.Random(f"vary {example.text}")  # noqa: S311 - no secret
    text = example.text
    kind = chosen.randrange(5)
    if kind == 0:
        return fold(text).strip(" ?!.")
    if kind == 1:
        return text.upper()
    if kind == 2 and example.label not in ("hello", "thanks"):
        return chosen.choice(_POLITE[example.language]).format(
            text[0].lower() + text[1:].rstrip(" .")
        )
    if len(text) > 6:  # a typing error
        place = chosen.randrange(1, len(text) - 2)
        swapped = text[:place] + text[place + 1] + text[place] + text[place + 2 :]
        return chosen.choice(
            (swapped, text[:place] + text[place + 1 :], text[:place] + text[place] + text[place:])
        )
    return text.lower()


def embedded(texts: list[str], embedder: Embedder) -> Floats:
    """The vectors of texts, those known from an earlier run from a file."""
    kept = WORK / "intents.npz"
    known: dict[str, Floats] = {}
    if kept.exists():
        with np.load(kept) as file:
            known = dict(zip(file["keys"].tolist(), file["vectors"], strict=True))
    keys = [
        sha1(f"{embedder.fingerprint} {text}".encode(), usedforsecurity=False).hexdigest()
        for text in texts
    ]
    new = [(key, text) for key, text in zip(keys, texts, strict=True) if key not in known]
    kept.parent.mkdir(parents=True, exist_ok=True)
    for at in range(0, len(new), _AT_ONCE):
        part = dict(new[at : at + _AT_ONCE])
        codes = embedder.embed_queries(list(part.values()))
        known |= {key: code.vector for key, code in zip(part, codes, strict=True)}
        np.savez(kept, keys=list(known), vectors=np.stack(list(known.values())))
    return np.stack([known[key] for key in keys])


def fit(rows: Floats, labels: np.ndarray) -> Floats:
    """(labels, features + 1) the weights of a multinomial regression."""
    model = LogisticRegression(C=_PENALTY, max_iter=300).fit(csr_matrix(rows), labels)
    return np.hstack([model.coef_, model.intercept_[:, None]]).astype(np.float32)


def report(fitted: Classifier, examples: list[Example], vectors: Floats) -> None:
    """Print the share that is understood, of what wasn't fitted to."""
    right: dict[tuple[str, bool], list[bool]] = defaultdict(list)
    for example, vector in zip(examples, vectors, strict=True):
        if example.measured:
            odds = fitted.probabilities(example.text, vector, fitted.embedder)
            same = max(odds, key=odds.__getitem__).split(".")[0] == example.label.split(".")[0]
            for name in ("all", example.label.split(".")[0], example.language):
                right[name, example.varied].append(same)
    for (name, made), found in sorted(right.items()):
        print(f"{name:12} {'varied' if made else 'written'} {np.mean(found):.3f} of {len(found)}")


if __name__ == "__main__":
    main()
