"""Environments of the real servers of tests, outside the checkout and kept between runs."""

import fcntl
import os
import subprocess
import sys
import venv
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path


def cache_folder() -> Path:
    """Where they lie: `$AIHANDLER_CACHE`, else `~/.cache/aihandler`."""
    cache = Path(os.environ.get("AIHANDLER_CACHE") or Path.home() / ".cache" / "aihandler")
    cache.mkdir(parents=True, exist_ok=True)
    return cache


@contextmanager
def alone(cache: Path, name: str) -> Iterator[None]:
    """Two runs at once would make it twice, and spoil each other's environment."""
    with (cache / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def new_environment(home: Path) -> Path:
    """Makes an empty environment in place of what is there; returns its Python."""
    say(f"making the environment {home}")
    venv.create(home, with_pip=True, clear=True)
    return home / "bin" / "python"


def pip(python: Path, *arguments: str) -> bool:
    """Runs pip of that environment; says so when it fails."""
    command = [str(python), "-m", "pip", "--disable-pip-version-check", *arguments]
    done = subprocess.run([*command, "--quiet"], check=False)
    if done.returncode:
        say(f"pip failed: {' '.join(command)}")
    return done.returncode == 0


def runs(python: Path, code: str) -> bool:
    """Whether that Python is there and runs `code` without an error."""
    command: Sequence[str] = [str(python), "-c", code]
    return python.exists() and subprocess.run(command, check=False).returncode == 0


def say(text: str) -> None:
    """One line, at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()
