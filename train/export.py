"""Write what was trained as the file that the program takes up (`rag.llm.trained`).

    python -m train.export              into the work folder, prefixes/
    python -m train.export --ship       into the program's own folder
    python -m train.export --keep       into train/checkpoints/, to go on from it elsewhere
    python -m train.export --last       the last step's instead of the average of the last fifty
    python -m train.export --share 1    all of what was trained

What the program gets is half-way between the plain instruction and what was trained, number by
number (arXiv 2109.01903): it reads as well, and misleads less on texts unlike those of the sets.

Keys and values become bytes, with a scale and an offset for each layer and number of a token: half
the size of float16, and the rounding is less than a thousandth of the numbers' range.
"""

import argparse
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from safetensors.numpy import save_file
from torch import Tensor

from rag.llm import trained
from train.model import opened
from train.packing import TASKS, instruction
from train.prefix import Prefix, untrained
from train.settings import CHECKPOINTS, WORK, folder, weights
from train.tokens import Tokenizer


def write(keys: Tensor, values: Tensor, tokens: Sequence[int], model: Path, path: Path) -> Path:
    """Write a prefix and its checksum.

    Args:
        keys: (layers, kv_heads, tokens, width), with their positions.
        values: the same shape.
        tokens: of the instruction.
        model: the GGUF file.
        path: of the file; its folder is made where it is missing, other prefixes of it stay.
    """
    parts = {}
    for name, numbers in (("keys", keys), ("values", values)):
        flat = numbers.permute(0, 2, 1, 3).flatten(2).cpu().numpy().astype(np.float32)
        low, high = flat.min(1, keepdims=True), flat.max(1, keepdims=True)
        scale = np.maximum(high - low, 1e-6) / 255
        parts[name] = np.rint((flat - low) / scale).astype(np.uint8)
        parts[f"{name}_scale"], parts[f"{name}_offset"] = scale, low
    with model.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    about = {"format": trained.FORMAT, "model": digest, "tokens": json.dumps(list(tokens))}
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(parts, path, metadata=about)
    sums = path.parent / "SHA256SUMS"
    lines = sums.read_text(encoding="utf-8").splitlines() if sums.exists() else []
    lines = [line for line in lines if not line.endswith(path.name)]
    lines.append(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}")
    sums.write_text("\n".join(sorted(lines)) + "\n", encoding="utf-8")
    return path


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the prefix that was trained."""
    parser = argparse.ArgumentParser(prog="python -m train.export")
    parser.add_argument("--work", type=Path, default=WORK)
    parser.add_argument("--task", choices=TASKS, default="answer", help="see train/README.md")
    parser.add_argument("--small", action="store_true", help="the 0.5B model")
    parser.add_argument("--ship", action="store_true", help="into the program's folder")
    parser.add_argument("--keep", action="store_true", help="into train/checkpoints/")
    parser.add_argument("--share", type=float, default=0.5, help="0 to 1, of what was trained")
    parser.add_argument("--last", action="store_true", help="not the average")
    options = parser.parse_args(arguments)
    path = weights(small=options.small)
    tokens, work = instruction(Tokenizer(path), options.task), folder(options.work, options.task)
    state = torch.load(work / f"checkpoint-{path.stem}.pt", map_location="cpu")
    prefix = Prefix(untrained(opened(path), tokens, work), state["first"])
    share = 1.0 if options.keep else options.share
    with torch.no_grad():
        plain = prefix.all()
        prefix.load_state_dict(state["prefix" if options.last else "averaged"], strict=False)
        keys, values = (
            torch.lerp(before, after, share)
            for before, after in zip(plain, prefix.all(), strict=True)
        )
    shipped = trained.FOLDER if options.ship else options.work / "prefixes"
    shipped = CHECKPOINTS if options.keep else shipped
    name = f"{path.stem}.{options.task}.safetensors"
    print(f"step {state['step']}: {write(keys, values, tokens, path, shipped / name)}")


if __name__ == "__main__":
    main()
