"""Prepares the second real server of the tests: `transformers serve` in an environment of its own.

It lies in `~/.cache/aihandler/transformers-server` (or below `$AIHANDLER_CACHE`) and takes 1.2 GB
with the CPU build of PyTorch, more with another one. No model is downloaded: the tests make one
with `make_tiny_model.py`. Running it again does nothing. Prints the environment's Python.
"""

import shutil
from pathlib import Path

from environments import alone, cache_folder, new_environment, pip, runs, say

CONSTRAINTS = Path(__file__).with_name("transformers_server_constraints.txt")
_NEEDED_GB = 8


def main() -> int:
    """Installs what is missing."""
    cache = cache_folder()
    with alone(cache, "transformers-server"):
        return _prepare(cache / "transformers-server")


def _prepare(home: Path) -> int:
    python, stamp = home / "bin" / "python", home / "prepared.txt"
    wanted = CONSTRAINTS.read_text(encoding="utf-8")
    if stamp.is_file() and stamp.read_text(encoding="utf-8") == wanted and _works(python):
        say(f"transformers serve is ready: {python}")
        return 0
    free_gb = shutil.disk_usage(home.parent).free / 1e9
    if free_gb < _NEEDED_GB:
        say(f"{home.parent} has {free_gb:.0f} GB free; PyTorch may take {_NEEDED_GB}: make room")
        return 1
    new_environment(home)
    say("installing PyTorch and transformers; this is a large download")
    if not pip(
        python, "install", "--constraint", str(CONSTRAINTS), "torch", "transformers[serving]"
    ):
        return 1
    if not _works(python):
        say("it was installed, but cannot be imported")
        return 1
    stamp.write_text(wanted, encoding="utf-8")
    say(f"transformers serve is ready: {python}")
    return 0


def _works(python: Path) -> bool:
    return runs(python, "import fastapi, torch, transformers, uvicorn")


if __name__ == "__main__":
    raise SystemExit(main())
