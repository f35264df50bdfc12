"""The torture of `tests.faults.torture`, in short. `make torture` runs it long."""

import os
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are forked, which Windows can't")
def test_writers_killed_at_random_moments_lose_nothing_and_leave_nothing_half_done() -> None:
    command = [sys.executable, "-m", "tests.faults.torture", "--kills", "40", "--seed", "3"]
    run = subprocess.run(
        command,
        cwd=Path(__file__).resolve().parents[2],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
