"""Writes requirements-dev.txt: what pyproject.toml asks for, pinned by version and hash.

Needs pip-tools, which it installs into an environment of its own. Names no index, so that the
file works wherever packages come from.
"""

import subprocess
import sys
import tempfile
import tomllib
import venv
from pathlib import Path

ROOT = Path(__file__).parent.parent
NOTE = "# Everything that tests and CI run with, by hash. Made by `make lock`.\n"
OPTIONS = (
    "--quiet", "--generate-hashes", "--strip-extras", "--allow-unsafe", "--no-header",
    "--no-annotate", "--no-emit-index-url", "--no-emit-find-links",
)  # fmt: skip


def main() -> int:
    """Resolves and writes; 1 when it cannot be resolved."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    wanted = [*project["project"]["dependencies"], *project["dependency-groups"]["dev"]]
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        venv.create(home / "venv", with_pip=True)
        python = str(home / "venv" / "bin" / "python")
        subprocess.run([python, "-m", "pip", "install", "--quiet", "pip-tools"], check=True)
        (home / "dev.in").write_text("\n".join(wanted), encoding="utf-8")
        compiled = subprocess.run(
            [python, "-m", "piptools", "compile", *OPTIONS, "-o", "dev.txt", "dev.in"],
            cwd=home,
            check=False,
        )
        if compiled.returncode:
            return 1
        pins = (home / "dev.txt").read_text(encoding="utf-8")
    (ROOT / "requirements-dev.txt").write_text(NOTE + pins, encoding="utf-8")
    sys.stdout.write("wrote requirements-dev.txt\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
