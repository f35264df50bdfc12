"""Fit how a question's words look at a text (rag/look.npz) to public questions that lie beside the repository in ../shared/data.

    python -m bench.look          fit to the development half, measure on the validation half, write nothing
    python -m bench.look --write  the same to all questions, and write rag/look.npz

A matrix over the question's token vectors, a gate that weighs them and the weights of the search's signals are fitted together:
cross entropy of the softmax over a question's candidates, every set counting by the root of its size. The matrix begins as the
identity and learns little, since there are some thousand questions only.
"""

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bench import report
from bench.retrieval import DATA, Question, indexed, question_sets
from index.embedder import Embedder
from rag.look import FILE, ORDER, look_of
from rag.retriever import Retriever
from rag.settings import default_home
from weights.convert import ensure_embedder

EPOCHS, RATE = 6, 5e-4
HARDEST, OTHERS = 16, 8  # candidates a question is fitted to, besides those that answer


@dataclass(frozen=True)
class Item:
    """A question: its token vectors (q, d), its candidates' (t, d) each, what else is known of them, and which answer."""

    set: str
    question: Question
    tokens: np.ndarray
    passages: list[np.ndarray]
    names: list[str]
    vector: np.ndarray
    share: np.ndarray
    order: np.ndarray

    @property
    def right(self) -> np.ndarray:
        """(n,) which candidates answer."""
        return np.array([name in self.question.answers for name in self.names], bool)


def main() -> int:
    """Fit, measure, and write if asked to."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--write", action="store_true", help="fit to all questions and write rag/look.npz")
    options = parser.parse_args()
    if not DATA.is_dir():
        print(f"{DATA}: no such folder. The public sets aren't part of the repository; nothing was fitted.")
        return 0
    print(report.heading(), flush=True)
    embedder = Embedder(str(ensure_embedder(default_home())))
    items = [item for name, corpus, questions in question_sets(large=False) for item in _items(name, corpus, questions, embedder)]
    model = _Model(look_of(embedder).common)
    used = [item for item in items if (options.write or item.question.development) and item.right.any()]
    others = [item for item in items if not item.question.development]
    for epoch in range(EPOCHS):
        began = time.perf_counter()
        loss = model.fit(used, RATE * (1 - epoch / EPOCHS))
        print(f"epoch {epoch}: loss {loss:.4f}, {time.perf_counter() - began:.0f} s", flush=True)
    if not options.write:
        for name in dict.fromkeys(item.set for item in others):
            part = [item for item in others if item.set == name]
            before, after = (np.mean([_ndcg(item, order) for item, order in zip(part, orders, strict=True)]) for orders in (
                [item.order for item in part], [model.order(item) for item in part]
            ))  # fmt: skip
            print(f"{name:14} {len(part):4} questions of the validation half, nDCG@10 {before:.3f} as it is, {after:.3f} fitted")
        return 0
    np.savez_compressed(FILE, fingerprint=embedder.fingerprint, **model.constants())
    print(f"written: {FILE.name}, {FILE.stat().st_size / 1e3:.0f} kB")
    return 0


def _items(name: str, corpus: Any, questions: Sequence[Question], embedder: Embedder) -> list[Item]:
    with indexed(corpus, embedder) as store:
        search, known = Retriever(store, embedder), dict[int, np.ndarray]()
        items = []
        for question in questions:
            found, signals = search.candidates(question.text, question.language)
            new = [passage.id for passage in found if passage.id not in known]
            known |= {n: tokens.astype(np.float16) for n, (tokens, _) in zip(new, store.token_vectors(new), strict=True)}
            items.append(
                Item(
                    name,
                    question,
                    embedder.queries([question.text])[0].tokens,
                    [known[passage.id] for passage in found],
                    [passage.document for passage in found],
                    signals.vector,
                    signals.share,
                    signals.order,
                )
            )
        print(f"{name}: {len(items)} questions", flush=True)
        return items


class _Model:
    """What `rag.look.Look` and `rag.retriever` compute, in torch."""

    def __init__(self, common: np.ndarray) -> None:
        import torch

        self._torch = torch
        torch.manual_seed(0)
        self._random = np.random.default_rng(0)
        self._common = torch.from_numpy(common)
        dimension = len(common)
        self._matrix = torch.eye(dimension, requires_grad=True)
        self._gate = torch.zeros(dimension, requires_grad=True)
        self._weights = torch.tensor([15.0, 21.0, 0.01, 8.0, 0.8], requires_grad=True)  # in the order of ORDER
        self._sharpness = torch.tensor(20.0, requires_grad=True)
        self._steps = torch.optim.Adam(
            [
                {"params": [self._matrix], "scale": 1.0},
                {"params": [self._gate], "scale": 6.0},
                {"params": [self._weights, self._sharpness], "scale": 60.0},
            ]
        )

    def fit(self, items: Sequence[Item], rate: float) -> float:
        """Go through the items once; gives the mean loss."""
        torch = self._torch
        sizes = {name: sum(item.set == name for item in items) for name in {item.set for item in items}}
        for group in self._steps.param_groups:
            group["lr"] = rate * group["scale"]
        total = 0.0
        for step, number in enumerate(self._random.permutation(len(items))):
            item = items[number]
            hard = np.argsort(-item.order)
            some = self._random.permutation(hard[HARDEST:])[:OTHERS]
            chosen = np.unique(np.concatenate([np.flatnonzero(item.right), hard[:HARDEST], some]))
            scores = self._scores(item, chosen)
            answers = torch.from_numpy(item.right[chosen])
            loss = torch.logsumexp(scores, 0) - torch.logsumexp(scores[answers], 0)
            (loss * 5 * sizes[item.set] ** -0.5 / 8).backward()
            total += loss.item()
            if step % 8 == 7:
                self._steps.step()
                self._steps.zero_grad()
        return total / len(items)

    def order(self, item: Item) -> np.ndarray:
        """(n,) what the candidates are ordered by."""
        with self._torch.no_grad():
            return np.asarray(self._scores(item, np.arange(len(item.names))))

    def constants(self) -> dict[str, np.ndarray]:
        """What `rag.look.look_of` reads."""
        return {
            "matrix": self._matrix.detach().numpy().astype(np.float16),
            "gate": self._gate.detach().numpy().astype(np.float32),
            "order": self._weights.detach().numpy(),
            "sharpness": self._sharpness.detach().numpy(),
        }

    def _scores(self, item: Item, chosen: np.ndarray) -> Any:
        torch, normal = self._torch, self._torch.nn.functional.normalize
        passages = [item.passages[number] for number in chosen]
        counts = torch.tensor([len(passage) for passage in passages])
        plain = torch.from_numpy(item.tokens) - self._common
        texts = normal(torch.from_numpy(np.concatenate(passages).astype(np.float32)) - self._common, dim=-1)
        similar = normal(plain @ self._matrix.T, dim=-1) @ texts.T
        shares = torch.softmax(plain @ self._gate, 0)[:, None]
        owner = torch.repeat_interleave(torch.arange(len(counts)), counts).expand(len(similar), -1)
        empty = torch.zeros(len(similar), len(counts))
        best = (empty - 2).scatter_reduce(1, owner, similar, "amax")
        stands_out = (best - best.mean(1, keepdim=True)).clamp(min=0)
        matches = empty.scatter_add(1, owner, torch.exp(self._sharpness * (similar - 1))) / counts
        signals = {
            "spread": (shares * (torch.log(matches + 1e-9) / self._sharpness + 1)).sum(0),
            "contrast": ((shares * stands_out**3).sum(0) + 1e-9) ** (1 / 3),
            "late": (shares * best).sum(0),
            "vector": torch.from_numpy(item.vector[chosen]),
            "share": torch.from_numpy(item.share[chosen]),
        }
        return sum(weight * signals[name] for weight, name in zip(self._weights, ORDER, strict=True))


def _ndcg(item: Item, order: np.ndarray) -> float:
    """nDCG@10 of one question, a document counting as its best passage."""
    ranked = list(dict.fromkeys(item.names[number] for number in np.argsort(-order, kind="stable")))[:10]
    gained = sum(1 / np.log2(rank + 2) for rank, name in enumerate(ranked) if name in item.question.answers)
    return float(gained / sum(1 / np.log2(rank + 2) for rank in range(min(10, len(item.question.answers)))))


if __name__ == "__main__":
    sys.exit(main())
