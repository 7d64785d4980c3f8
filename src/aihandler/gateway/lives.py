"""One life of one worker process: begun without waiting, watched until it takes requests."""

import contextlib
import os
import select
import subprocess
import sys
import time

import msgspec

from aihandler.gateway.orders import READY, RETIRE, Orders
from aihandler.ledger.folding import Folding

# A worker that has not said `ready` by then is ended: another one may do better.
START_WITHIN_S = 30.0


class Worker:
    """One life of one worker. `said` is the end of the pipe on which it says that it is ready."""

    def __init__(
        self, slot: int, process: subprocess.Popen[bytes], folding: Folding, *, said: int
    ) -> None:
        self.slot = slot
        self.process = process
        self.folding = folding
        self.began = time.monotonic()
        self.is_ready = False
        # When it dies another takes its place. Not so for one whose configuration has been
        # replaced, or is only tried.
        self.stays = True
        # Others serve in its place, and it only finishes what it has.
        self.is_retired = False
        self._said: int | None = said

    @property
    def is_dead(self) -> bool:
        """Whether the process has ended."""
        return self.process.poll() is not None

    @property
    def is_late(self) -> bool:
        """Whether it should have said by now that it takes requests."""
        return not self.is_ready and time.monotonic() - self.began > START_WITHIN_S

    def retire(self) -> None:
        """Has it finish what is under way, and nobody take its place."""
        self.stays, self.is_retired = False, True
        if not self.is_dead:
            self.process.send_signal(RETIRE)

    def listen(self) -> None:
        """Hears whether it is ready; waits for nothing."""
        if self._said is None:
            return
        readable, _, _ = select.select([self._said], [], [], 0)
        if readable:
            # Nothing to read is the end of one that died before it was ready.
            self.is_ready = os.read(self._said, len(READY)) == READY
            self.close()

    def close(self) -> None:
        """Listens no more."""
        if self._said is not None:
            os.close(self._said)
            self._said = None


def begin(folding: Folding, orders: Orders) -> Worker:
    """Starts a worker process, and does not wait for it."""
    said, ready = os.pipe()
    try:
        process = subprocess.Popen(
            [sys.executable, "-m", "aihandler.gateway.worker"],
            stdin=subprocess.PIPE,
            pass_fds=(orders.listening, ready),
        )
    except OSError:
        os.close(said)
        raise
    finally:
        os.close(ready)
    assert process.stdin is not None
    with contextlib.suppress(BrokenPipeError):
        told = msgspec.structs.replace(orders, ready=ready)
        process.stdin.write(msgspec.json.encode(told) + b"\n")
        process.stdin.close()
    return Worker(orders.slot, process, folding, said=said)
