"""The worker that trains: `python -m aihandler.backends.builtin.train FILE`, a lesson on stdin.

A process of its own, so that numpy's work holds up no event loop and its memory goes back; one
lock a model, so that many processes that want the same one train it once.
"""

import fcntl
import os
import sys
from pathlib import Path

import msgspec

from aihandler.backends.builtin.lesson import TEXT_CHARS, Lesson
from aihandler.errors import AIHandlerError

__all__ = ["main", "teach"]


def main() -> int:
    """Reads a lesson and leaves the model at the path given; says on stderr why it could not."""
    try:
        given = msgspec.json.decode(sys.stdin.buffer.read(), type=Lesson)
        teach(given, Path(sys.argv[1]))
    except (AIHandlerError, OSError, MemoryError, msgspec.MsgspecError) as error:
        # The last line is what the parent shows; it holds no text of an example.
        sys.stderr.write(f"{type(error).__name__}: {error}\n")
        return 1
    return 0


def teach(given: Lesson, path: Path) -> None:
    """Trains and saves, unless someone else has done so by the time that it is our turn."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    lock = os.open(path.with_suffix(".lock"), os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        # Freed by the kernel however this process ends.
        fcntl.flock(lock, fcntl.LOCK_EX)
        if _usable(path):
            return
        from aihandler.linear.features import Space
        from aihandler.linear.learn import learn
        from aihandler.linear.store import save

        save(learn(given.texts, given.answers, space=Space(text_chars=TEXT_CHARS)), path)
    finally:
        os.close(lock)


def _usable(path: Path) -> bool:
    from aihandler.errors import InputError
    from aihandler.linear.store import load

    try:
        load(path)
    except (FileNotFoundError, InputError):
        return False
    return True


if __name__ == "__main__":
    sys.exit(main())
