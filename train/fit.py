"""Train the prefix. Goes on where it stopped, whatever stopped it.

    python -m train.fit                 the default model, on train.jsonl of the work folder
    python -m train.fit --small         the 0.5B model, to try a recipe
    touch WORK/stop                     ends it after the step, with a checkpoint

Only the instruction's keys and values of the upper layers move; all weights stay. What the lower
layers make of a text doesn't change then: it is computed once and kept on disk (`hidden/`), so
later epochs run the upper layers alone.
"""

import argparse
import hashlib
import os
import random
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rag import prompts
from rag.llm import trained
from train.model import Model, opened
from train.packing import END, TASKS, Lesson, instruction, packed
from train.prefix import Prefix, untrained
from train.settings import CHECKPOINTS, WORK, folder, weights
from train.sources import lines
from train.tokens import Tokenizer

_AVERAGED = 0.98  # what an average of the prefix keeps a step
_SAVED = 240  # seconds between checkpoints


class Trainer:
    """A model, the prefix and its optimizer.

    Args:
        options: see `main`.
    """

    def __init__(self, options: argparse.Namespace) -> None:
        torch.manual_seed(options.seed)
        self.options, self.work = options, options.work
        self.path = path = weights(small=options.small)
        self.tokenizer = Tokenizer(path)
        self.before = instruction(self.tokenizer, options.task)
        source = opened(path)
        start = untrained(source, self.before, self.work)
        layers = len(start.keys)
        self.first = layers // 2 if options.first is None else options.first
        self.lower, self.upper = range(self.first), range(self.first, layers)
        on_cpu = options.device == "cpu"
        self.model = Model(
            source,
            device=options.device,
            outliers=start.outliers if on_cpu and not options.float32 else None,
            trained_from=self.first,
        )
        self.prefix = Prefix(start, self.first).to(options.device)
        self.averaged = {name: each.detach().clone() for name, each in self._parameters()}
        self.optimizer = torch.optim.Adam(
            [each for _, each in self._parameters()], lr=options.rate, betas=(0.9, 0.98)
        )
        self.kept = self.work / f"hidden-{path.stem}-{self.first}"
        self.kept.mkdir(parents=True, exist_ok=True)
        self.checkpoint = self.work / f"checkpoint-{path.stem}.pt"
        self.step = 0
        self.vocabulary = torch.empty(0, dtype=torch.int64)
        self.output = torch.empty(0)

    def _parameters(self) -> list[tuple[str, nn.Parameter]]:
        return list(self.prefix.named_parameters())

    def know(self, rows: Sequence[dict[str, Any]]) -> None:
        """Cut the output down to the tokens that these rows hold: the others are never right, and
        cost five times as much.
        """
        texts = {row["text"] for row in rows}
        texts |= {
            f"{space}{each['answer']}"
            for row in rows
            for each in row["questions"]
            if each["answer"]
            for space in ("", " ")
        }
        texts |= {opening for pair in prompts.OPENINGS.values() for opening in pair}
        known = {token for text in texts for token in self.tokenizer.encode(text)}
        known |= set(self.tokenizer.encode(END, markers=True))
        self.vocabulary = torch.tensor(sorted(known))
        self.output = self.model.output(self.vocabulary)

    def lesson(self, row: dict[str, Any]) -> Lesson:
        """A row as tokens."""
        return packed(row, self.tokenizer, self.before)

    def loss(self, lesson: Lesson) -> tuple[Tensor, Tensor]:
        """The sum of the weighted losses and the scores (labels, vocabulary)."""
        device = self.options.device
        hidden = self._lower(lesson).to(device)
        states = self.model.run(
            hidden,
            lesson.pack.to(device),
            self.prefix.layer,
            self.upper,
            wanted=torch.unique(lesson.places).to(device),
        )
        places = torch.searchsorted(torch.unique(lesson.places), lesson.places).to(device)
        scores = self.model.normed(states)[places] @ self.output.t()
        labels = torch.searchsorted(self.vocabulary, lesson.labels).to(device)
        each = F.cross_entropy(scores, labels, reduction="none")
        return (each * lesson.weights.to(device)).sum(), scores

    def _lower(self, lesson: Lesson) -> Tensor:
        """(tokens, hidden) after the lower layers, computed once."""
        ids = lesson.pack.ids
        key = hashlib.sha256(ids.numpy().tobytes() + lesson.pack.positions.numpy().tobytes())
        path = self.kept / f"{key.hexdigest()[:24]}.npy"
        if path.exists():
            return torch.from_numpy(np.load(path)).float()
        device = self.options.device
        with torch.no_grad():
            hidden = self.model.embedded(ids).to(device)
            hidden = self.model.run(
                hidden, lesson.pack.to(device), self.prefix.layer, self.lower
            ).cpu()
        part = path.with_suffix(f".{os.getpid()}.part")
        with part.open("wb") as file:
            np.save(file, hidden.half().numpy())
        part.replace(path)
        return hidden.half().float()

    def learn(self, lessons: Sequence[Lesson]) -> dict[str, float]:
        """One step on some lessons: the losses of the first words and of the answering ones, and
        how many were right.
        """
        rate = self.options.rate * min(1.0, (self.step + 1) / self.options.warm_up)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        total = sum(float(lesson.weights.sum()) for lesson in lessons)
        figures = Figures()
        for lesson in lessons:
            loss, scores = self.loss(lesson)
            (loss / total).backward()  # type: ignore[no-untyped-call]
            figures.add(lesson, scores.detach().cpu(), self.vocabulary, float(loss.detach()))
        nn.utils.clip_grad_norm_(self.prefix.parameters(), 1.0)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        self.step += 1
        kept = min(_AVERAGED, self.step / (self.step + 10))
        with torch.no_grad():
            for name, now in self._parameters():
                self.averaged[name].lerp_(now, 1 - kept)
        return figures.means(total)

    def save(self) -> None:
        """Write the checkpoint, whole or not at all."""
        state = {
            "step": self.step,
            "first": self.first,
            "prefix": self.prefix.state_dict(),
            "averaged": self.averaged,
            "optimizer": self.optimizer.state_dict(),
        }
        part = self.checkpoint.with_suffix(".part")
        torch.save(state, part)
        part.replace(self.checkpoint)

    def resume(self) -> None:
        """Go on from the checkpoint, else from what is kept in the repository, if anything is."""
        if self.checkpoint.exists():
            state = torch.load(self.checkpoint, map_location=self.options.device)
            if state["first"] != self.first:
                raise ValueError(f"{self.checkpoint} is trained from layer {state['first']}")
            self.prefix.load_state_dict(state["prefix"], strict=False)
            self.averaged = state["averaged"]
            self.optimizer.load_state_dict(state["optimizer"])
            self.step = state["step"]
        elif shipped := self._shipped():
            self.prefix.take(torch.from_numpy(shipped.keys), torch.from_numpy(shipped.values))
            self.averaged = {name: each.detach().clone() for name, each in self._parameters()}

    def _shipped(self) -> trained.TrainedPrefix | None:
        with self.path.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
        known = [*trained.load(CHECKPOINTS, digest), *trained.load(trained.FOLDER, digest)]
        return next((each for each in known if each.tokens == self.before), None)


class Figures:
    """Sums over lessons of what went right."""

    def __init__(self) -> None:
        self._sums = dict.fromkeys(("loss", "first", "firsts", "deciding", "decided"), 0.0)

    def add(self, lesson: Lesson, scores: Tensor, vocabulary: Tensor, loss: float) -> None:
        """Count a lesson, whose scores are (labels, vocabulary)."""
        right = vocabulary[scores.argmax(-1)] == lesson.labels
        sums = self._sums
        sums["loss"] += loss
        sums["first"] += float((right & lesson.firsts).sum())
        sums["firsts"] += float(lesson.firsts.sum())
        sums["deciding"] += float((right & lesson.deciding).sum())
        sums["decided"] += float(lesson.deciding.sum())

    def means(self, weight: float) -> dict[str, float]:
        """The mean loss, and the shares of first and of answering words that were right."""
        sums = self._sums
        return {
            "loss": sums["loss"] / weight,
            "first": sums["first"] / max(sums["firsts"], 1),
            "words": sums["deciding"] / max(sums["decided"], 1),
        }


def batches(rows: int, size: int, step: int, seed: int) -> Iterator[list[int]]:
    """The numbers of the rows of each step from `step` on, in an order that is always the same."""
    a_turn = max(1, rows // size)
    while True:
        epoch, place = divmod(step, a_turn)
        order = list(range(rows))
        random.Random(f"{seed} {epoch}").shuffle(order)  # noqa: S311
        yield order[place * size : (place + 1) * size]
        step += 1


def main(arguments: Sequence[str] | None = None) -> None:
    """Train until the steps are done, a file named `stop` is in the work folder, or the process is
    killed.
    """
    parser = argparse.ArgumentParser(prog="python -m train.fit")
    parser.add_argument("--work", type=Path, default=WORK)
    parser.add_argument("--task", choices=TASKS, default="answer", help="see train/README.md")
    parser.add_argument("--small", action="store_true", help="the 0.5B model")
    parser.add_argument("--steps", type=int, default=10**9, help="how many in all")
    parser.add_argument("--batch", type=int, default=4, help="rows a step")
    parser.add_argument("--rate", type=float, default=3e-3)
    parser.add_argument("--warm-up", type=int, default=40, help="steps")
    parser.add_argument(
        "--first", type=int, help="the first layer trained; half of them if not given"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--float32", action="store_true", help="no 8-bit products")
    parser.add_argument(
        "--device", default="cuda" if torch.cuda.is_available() else "cpu", help="cpu or cuda"
    )
    options = parser.parse_args(arguments)
    options.work = folder(options.work, options.task)
    torch.set_num_threads(options.threads)
    trainer = Trainer(options)
    trainer.resume()
    rows = lines(options.work / "train.jsonl")
    trainer.know(rows)
    print(f"{len(rows)} rows; at step {trainer.step}", flush=True)
    stop = options.work / "stop"
    stop.unlink(missing_ok=True)
    mean: dict[str, float] = {}
    read, began, saved = 0, time.time(), time.time()
    for chosen in batches(len(rows), options.batch, trainer.step, options.seed):
        if trainer.step >= options.steps or stop.exists():
            break
        lessons = [trainer.lesson(rows[number]) for number in chosen]
        figures = trainer.learn(lessons)
        read += sum(len(lesson.pack.ids) for lesson in lessons)
        mean = {name: 0.95 * mean.get(name, now) + 0.05 * now for name, now in figures.items()}
        spoken = " ".join(f"{name} {value:.3f}" for name, value in mean.items())
        speed = f"{read / (time.time() - began):.0f}/s, {read / time.process_time():.0f}/cpu-s"
        print(f"step {trainer.step} {spoken} tokens {speed}", flush=True)
        if time.time() - saved > _SAVED:
            trainer.save()
            saved = time.time()
    trainer.save()


if __name__ == "__main__":
    main()
