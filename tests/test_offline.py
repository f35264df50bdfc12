"""Once the weights are there, nothing asks the network."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from rag.settings import ROOT

QUESTION = "Combien Microsoft investit-il dans Mistral AI ?"
# Where the system lets nobody have a network of their own, sockets to elsewhere are refused from within.
GUARD = """
import socket
_connect = socket.socket.connect
def connect(self, address):
    if self.family in (socket.AF_INET, socket.AF_INET6) and address[0] not in ("127.0.0.1", "::1", "localhost"):
        raise AssertionError(f"asked the network: {address}")
    return _connect(self, address)
socket.socket.connect = connect
def getaddrinfo(host, *rest, **named):
    raise AssertionError(f"asked for an address: {host}")
socket.getaddrinfo = getaddrinfo
"""


def _cut_off(command: list[str], tmp_path: Path) -> subprocess.CompletedProcess[str]:
    """Run a command without a network: in a network of its own with nothing in it, else with sockets guarded."""
    environment = {
        name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")
    }
    environment["HF_HOME"] = str(tmp_path / "hub")  # nothing that an earlier run left there helps
    if (
        shutil.which("unshare")
        and subprocess.run(["unshare", "-rn", "true"], check=False).returncode == 0
    ):
        command = ["unshare", "-rn", *command]
    else:
        (tmp_path / "sitecustomize.py").write_text(GUARD)
        environment["PYTHONPATH"] = str(tmp_path)
    return subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=300
    )


@pytest.mark.parametrize("command", [["index"], ["ask", QUESTION, "--json", "--model", "small"]])
def test_it_works_without_a_network(command: list[str], home: Path, tmp_path: Path) -> None:
    own = tmp_path / "home"
    own.mkdir()
    (own / "weights").symlink_to((home / "weights").resolve(), target_is_directory=True)
    run = _cut_off([sys.executable, "-m", "rag", *command, "--home", str(own)], tmp_path)
    assert run.returncode == 0, run.stderr
    if command[0] == "ask":
        assert json.loads(run.stdout)["passages"][0]["document"] == "mistral-microsoft.md"
    assert "Traceback" not in run.stderr


def test_what_is_absent_without_a_network_is_told(tmp_path: Path) -> None:
    run = _cut_off(
        [sys.executable, "-m", "rag", "ask", QUESTION, "--home", str(tmp_path / "new")], tmp_path
    )
    assert run.returncode == 1
    assert "e5-small-q4.bin" in run.stderr
    assert "--use" in run.stderr
    assert "Traceback" not in run.stderr
