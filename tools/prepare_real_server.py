"""Prepares the real model server of the tests: llama-cpp-python in an environment of its own.

Everything lies in `~/.cache/aihandler` (or `$AIHANDLER_CACHE`), outside the checkout:

    wheels/        the compiled wheel, kept for ever: the first build takes about 15 minutes of CPU
    real-server/   a virtual environment with the server and nothing of ours

Needs a C and C++ compiler the first time; cmake and ninja come from the package index. Running it
again does nothing. Prints the path of the environment's Python at the end.
"""

import shutil
import time
from pathlib import Path

from environments import alone, cache_folder, new_environment, pip, runs, say

VERSION = "0.3.36"
CONSTRAINTS = Path(__file__).with_name("real_server_constraints.txt")


def main() -> int:
    """Builds what is missing."""
    cache = cache_folder()
    with alone(cache, "real-server"):
        return _prepare(cache)


def _prepare(cache: Path) -> int:
    home = cache / "real-server"
    python = home / "bin" / "python"
    stamp = home / "prepared.txt"
    wanted = f"llama-cpp-python {VERSION}\n{CONSTRAINTS.read_text(encoding='utf-8')}"
    if stamp.is_file() and stamp.read_text(encoding="utf-8") == wanted and _works(python):
        say(f"the real server is ready: {python}")
        return 0
    new_environment(home)
    wheel = _wheel(cache / "wheels", python)
    if wheel is None:
        return 1
    say("installing the server")
    if not pip(python, "install", "--constraint", str(CONSTRAINTS), f"{wheel}[server]"):
        return 1
    if not _works(python):
        say("the server was installed, but cannot be imported")
        return 1
    stamp.write_text(wanted, encoding="utf-8")
    say(f"the real server is ready: {python}")
    return 0


def _wheel(folder: Path, python: Path) -> Path | None:
    folder.mkdir(exist_ok=True)
    pattern = f"llama_cpp_python-{VERSION}-*.whl"
    found = sorted(folder.glob(pattern))
    if found:
        say(f"using the wheel {found[0]}")
        return found[0]
    if not (_any_of("cc", "gcc", "clang") and _any_of("c++", "g++", "clang++")):
        say("no C and C++ compiler is installed; install one (Debian: apt-get install g++)")
        return None
    say("compiling llama-cpp-python once; this takes 8 to 25 minutes")
    began = time.monotonic()
    source = ("--no-deps", "--no-binary", "llama-cpp-python", f"llama-cpp-python=={VERSION}")
    if not pip(python, "wheel", "--wheel-dir", str(folder), *source):
        return None
    say(f"compiled in {time.monotonic() - began:.0f} s")
    return next(iter(sorted(folder.glob(pattern))), None)


def _works(python: Path) -> bool:
    return runs(python, "import llama_cpp.server.app")


def _any_of(*names: str) -> bool:
    return any(shutil.which(name) for name in names)


if __name__ == "__main__":
    raise SystemExit(main())
