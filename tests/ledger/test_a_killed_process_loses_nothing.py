import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from ledger_making import opened

from aihandler.domain.keys import digest
from aihandler.ledger import Ledger

# Says on its standard output what was acknowledged, one line each, then dies whenever it is told.
CHILD = """
import asyncio, itertools, os, sys
from ledger_making import accepted, intent, opened, settlement
from pathlib import Path

async def worker(ledger, names):
    for name in names:
        entry = await ledger.journal.intend(intent(name))
        os.write(1, f"intent {entry} {name}\\n".encode())
        ledger.journal.sent(entry)
        await ledger.journal.settle(entry, settlement(name))
        os.write(1, f"settled {entry} {name}\\n".encode())
        await ledger.journal.accept(accepted(name, name))
        os.write(1, f"accepted {entry} {name}\\n".encode())

async def main():
    ledger = opened(Path(sys.argv[1]))
    names = (f"{sys.argv[2]}-{n}" for n in itertools.count())
    await asyncio.gather(*(worker(ledger, names) for _ in range(16)))

asyncio.run(main())
"""


def killed_after(folder: Path, life: int, seconds: float) -> list[list[str]]:
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, str(folder), str(life)],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parent)},
    )
    assert child.stdout is not None
    first = child.stdout.readline()
    time.sleep(seconds)
    child.send_signal(signal.SIGKILL)
    rest = child.stdout.read()
    child.stdout.close()
    child.wait()
    lines = (first + rest).decode().splitlines()
    return [line.split() for line in lines]


def check(ledger: Ledger, acknowledged: list[list[str]]) -> None:
    for what, entry_id, name in acknowledged:
        (call,) = ledger.queries.show(f"call-{name}", with_content=True)
        (attempt,) = call.attempts
        assert attempt.id == int(entry_id)
        if what == "settled":
            assert attempt.state == "settled"
            assert attempt.reply is not None
            assert attempt.reply.text == name
        if what == "accepted":
            assert ledger.journal.done(digest("work", name)) is not None


def kill_and_check(folder: Path, kills: int) -> None:
    rng = random.Random(7)
    everything: list[list[str]] = []
    for life in range(kills):
        acknowledged = killed_after(folder, life, rng.uniform(0.0, 0.15))
        with opened(folder) as ledger:
            check(ledger, acknowledged)
            # Each of the 16 workers has at most one call in the air.
            assert ledger.recovery.calls <= 16
            assert ledger.recovery.nano == 500 * ledger.recovery.calls
        everything += acknowledged
    with opened(folder) as ledger:
        check(ledger, everything)
        assert ledger.recovery.calls == 0


def test_what_was_acknowledged_before_a_kill_is_there_after(tmp_path: Path) -> None:
    kill_and_check(tmp_path, 10)


@pytest.mark.nightly
def test_what_was_acknowledged_before_each_of_100_kills_is_there_after(tmp_path: Path) -> None:
    kill_and_check(tmp_path, 100)
