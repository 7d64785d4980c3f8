"""A fake server in a process of its own, which outlives a test that kills its client."""

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec

from aihandler.testing.fake_server import BillLine


class SpawnedServer(msgspec.Struct, frozen=True):
    """Where it listens, and its process id."""

    url: str
    pid: int


@contextlib.contextmanager
def spawn_server(*arguments: str) -> Iterator[SpawnedServer]:
    """Starts `python -m aihandler.testing.server` with `arguments`, and stops it at the end."""
    command = [sys.executable, "-m", "aihandler.testing.server", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 - our own module
        try:
            assert process.stdout is not None
            url = process.stdout.readline().strip()
            if not url:
                raise RuntimeError("the fake server did not start; its stderr says why")
            yield SpawnedServer(url, process.pid)
        finally:
            process.kill()


def read_bill(path: str | Path) -> list[BillLine]:
    """All lines of a bill, oldest first."""
    decode = msgspec.json.Decoder(BillLine).decode
    return [decode(line) for line in Path(path).read_bytes().splitlines()]
