"""Prepares the real model server of the tests: llama-cpp-python in an environment of its own.

Everything lies in `~/.cache/aihandler` (or `$AIHANDLER_CACHE`), outside the checkout:

    wheels/        the compiled wheel, kept for ever: the first build takes about 15 minutes of CPU
    real-server/   a virtual environment with the server and nothing of ours

Needs a C and C++ compiler the first time; cmake and ninja come from the package index. Running it
again does nothing. Prints the path of the environment's Python at the end.
"""

import fcntl
import os
import shutil
import subprocess
import sys
import time
import venv
from pathlib import Path

VERSION = "0.3.36"
CONSTRAINTS = Path(__file__).with_name("real_server_constraints.txt")


def main() -> int:
    """Builds what is missing."""
    cache = Path(os.environ.get("AIHANDLER_CACHE") or Path.home() / ".cache" / "aihandler")
    cache.mkdir(parents=True, exist_ok=True)
    # Two runs at once would build twice, and spoil each other's environment.
    with (cache / "real-server.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return _prepare(cache)


def _prepare(cache: Path) -> int:
    home = cache / "real-server"
    python = home / "bin" / "python"
    stamp = home / "prepared.txt"
    wanted = f"llama-cpp-python {VERSION}\n{CONSTRAINTS.read_text(encoding='utf-8')}"
    if stamp.is_file() and stamp.read_text(encoding="utf-8") == wanted and _works(python):
        _say(f"the real server is ready: {python}")
        return 0
    _say(f"making the environment {home}")
    venv.create(home, with_pip=True, clear=True)
    wheel = _wheel(cache / "wheels", python)
    if wheel is None:
        return 1
    _say("installing the server")
    if not _pip(python, "install", "--constraint", str(CONSTRAINTS), f"{wheel}[server]"):
        return 1
    if not _works(python):
        _say("the server was installed, but cannot be imported")
        return 1
    stamp.write_text(wanted, encoding="utf-8")
    _say(f"the real server is ready: {python}")
    return 0


def _wheel(folder: Path, python: Path) -> Path | None:
    folder.mkdir(exist_ok=True)
    pattern = f"llama_cpp_python-{VERSION}-*.whl"
    found = sorted(folder.glob(pattern))
    if found:
        _say(f"using the wheel {found[0]}")
        return found[0]
    if not (_any_of("cc", "gcc", "clang") and _any_of("c++", "g++", "clang++")):
        _say("no C and C++ compiler is installed; install one (Debian: apt-get install g++)")
        return None
    _say("compiling llama-cpp-python once; this takes 8 to 25 minutes")
    began = time.monotonic()
    source = ("--no-deps", "--no-binary", "llama-cpp-python", f"llama-cpp-python=={VERSION}")
    if not _pip(python, "wheel", "--wheel-dir", str(folder), *source):
        return None
    _say(f"compiled in {time.monotonic() - began:.0f} s")
    return next(iter(sorted(folder.glob(pattern))), None)


def _pip(python: Path, *arguments: str) -> bool:
    command = [str(python), "-m", "pip", "--disable-pip-version-check", *arguments]
    done = subprocess.run([*command, "--quiet"], check=False)
    if done.returncode:
        _say(f"pip failed: {' '.join(command)}")
    return done.returncode == 0


def _works(python: Path) -> bool:
    command = [str(python), "-c", "import llama_cpp.server.app"]
    return python.exists() and subprocess.run(command, check=False).returncode == 0


def _any_of(*names: str) -> bool:
    return any(shutil.which(name) for name in names)


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    raise SystemExit(main())
