"""Write requirements.lock: every package that the app needs, in its version and with its file's
SHA-256, as pip resolves it here.

    make lock

It holds for the system, processor and Python that it is made on. torch stays out: each registry
has builds of its own of it.
"""

import json
import platform
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
_OUT = ("torch", "triton", "nvidia-", "cuda-")


def main() -> int:
    """Resolve without installing, write the lock."""
    pip = [
        sys.executable,
        "-m",
        "pip",
        "--disable-pip-version-check",
        "install",
        "--quiet",
        "--dry-run",
        "--ignore-installed",
    ]
    report = subprocess.run(  # noqa: S603 - pip itself
        [*pip, "--report", "-", "-r", ROOT / "requirements.txt"], capture_output=True, check=True
    )
    lines = []
    for package in json.loads(report.stdout)["install"]:
        name, version = (
            package["metadata"]["name"].lower().replace("_", "-"),
            package["metadata"]["version"],
        )
        digest = package["download_info"]["archive_info"]["hashes"]["sha256"]
        if not name.startswith(_OUT):
            lines.append(f"{name}=={version} \\\n    --hash=sha256:{digest}\n")
    system = f"{platform.system()} {platform.machine()}"
    where = f"{system}, {platform.python_implementation()} {platform.python_version()}"
    head = (
        f"# Made by `make lock` on {where}. "
        "`make chat LOCKED=1` installs from it, torch from requirements.txt.\n"
    )
    (ROOT / "requirements.lock").write_text(head + "".join(sorted(lines)), encoding="utf-8")
    print(f"{len(lines)} packages in requirements.lock, for {where}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
