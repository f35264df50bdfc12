"""Where the work lies between the steps."""

import os
from pathlib import Path

from index.models.catalogue import GENERATOR, SMALL_GENERATOR
from rag.settings import ROOT, default_home

WORK = Path(os.environ.get("COCORICO_TRAIN") or ROOT / "build" / "train")
"""Sets, kept activations and checkpoints: about 3 GB. Not part of the repository."""


def weights(*, small: bool = False) -> Path:
    """The default model's file, or the small one's."""
    return default_home() / "weights" / (SMALL_GENERATOR if small else GENERATOR).name
