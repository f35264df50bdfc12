"""Where the work lies between the steps."""

import os
from pathlib import Path

from index.models.catalogue import GENERATOR, SMALL_GENERATOR
from rag.settings import ROOT, default_home

WORK = Path(os.environ.get("COCORICO_TRAIN") or ROOT / "build" / "train")
"""Sets, kept activations and checkpoints: about 3 GB. Not part of the repository."""


CHECKPOINTS = Path(__file__).parent / "checkpoints"
"""What was trained and isn't in the program yet, as the files that it would take up."""


def folder(work: Path, task: str) -> Path:
    """Where the sets and checkpoints of a task lie in the work folder."""
    return work if task == "answer" else work / task


def weights(*, small: bool = False) -> Path:
    """The default model's file, or the small one's."""
    return default_home() / "weights" / (SMALL_GENERATOR if small else GENERATOR).name
