"""Starts the workers, folds what they write into the ledger, and replaces those that die.

A plain loop of one process: it takes no request and opens no connection to a model, so nothing
that a request does can stop it.
"""

import contextlib
import logging
import os
import select
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import FrameType

import msgspec

from aihandler.assembly import SystemClock, encryption_key, ledger_path, prices_of
from aihandler.config import load
from aihandler.errors import StorageError
from aihandler.gateway.listening import listen
from aihandler.gateway.orders import LOOK_EVERY_S, READY, Orders
from aihandler.gateway.pepper import read_pepper
from aihandler.gateway.snapshots import read_snapshot, snapshot_path, write_snapshot
from aihandler.gateway.windows import make_windows
from aihandler.ledger import FoldedLedger
from aihandler.ledger.administration import Administration
from aihandler.ledger.cache import make_cache
from aihandler.ledger.configurations import Change
from aihandler.ledger.folding import Folding
from aihandler.ledger.repeats import make_repeats
from aihandler.ledger.spool import is_written

_log = logging.getLogger(__name__)
# At most this much of what workers wrote is lost with the machine; stated in the documents.
FOLD_EVERY_S = 0.02
# A worker that dies at once each time is not started more often than this.
_RESTART_S = (0.0, 0.5, 1.0, 2.0, 5.0, 10.0)
_STABLE_S = 30.0
_START_WITHIN_S = 30.0
_SPOOL_BYTES = 64 * 1024 * 1024
# A full disk, a lock that somebody holds, a damaged page: records wait in the spools meanwhile.
_NOT_WRITTEN = (StorageError, sqlite3.Error, OSError, msgspec.DecodeError)
_COMPLAIN_EVERY_S = 5.0


class Settings(msgspec.Struct, frozen=True):
    """How the gateway is started."""

    configuration: Path
    host: str = "127.0.0.1"
    port: int = 8080
    workers: int = 1
    drain_s: float = 30.0
    insecure: bool = False


class _Worker:
    """One life of one worker."""

    def __init__(self, slot: int, process: subprocess.Popen[bytes], folding: Folding) -> None:
        self.slot = slot
        self.process = process
        self.folding = folding
        self.began = time.monotonic()
        # Its configuration has been replaced: it ends, and nobody takes its place.
        self.retired = False


class Supervisor:
    """Runs until SIGTERM or SIGINT; then the workers finish what is under way."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._configuration = load(settings.configuration)
        path = ledger_path(self._configuration)
        if not settings.insecure:
            # Nobody could come in: said before anything is opened.
            read_pepper(path, os.environ)
        self._spools = path.with_name(f"{path.name}.spools")
        self._spools.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._windows = self._spools / "windows"
        _await_the_last(self._spools, within_s=settings.drain_s + 2 * LOOK_EVERY_S)
        # While a configuration changes, the workers of both have regions of their own.
        make_windows(self._windows, workers=2 * settings.workers)
        self._first_slot = 0
        self._ledger = FoldedLedger(
            path,
            clock=SystemClock(),
            encryption_key=encryption_key(self._configuration, os.environ),
            keep_content=self._configuration.ledger.keep_content,
        )
        make_repeats(path, wall=time.time())
        _make_cache(path)
        self._store = Administration(path, clock=SystemClock(), who="gateway")
        self._digest = write_snapshot(self._spools, self._configuration)
        self._store.begin_configuration(self._digest, str(settings.configuration.absolute()))
        self._looked_at = time.monotonic()
        self._workers: dict[int, _Worker] = {}
        self._deaths: dict[int, int] = {}
        self._due: dict[int, float] = {}
        self._lives = 0
        self._stopping = False
        self._complained = float("-inf")
        self.listening = listen(settings.host, settings.port)

    @property
    def address(self) -> str:
        """Where clients find the gateway."""
        host, port = self.listening.getsockname()[:2]
        return f"http://{host}:{port}"

    def run(self, *, ready: Callable[[str], None]) -> None:
        """Serves. `ready` is called once, when every worker takes requests."""
        left = self._ledger.fold_left_over(self._spools)
        if any(left.values()):
            _log.warning("%d attempts of an earlier gateway are in doubt", sum(left.values()))
        self._ledger.keep_prices(prices_of(self._configuration, SystemClock()))
        with _signals(self._stop):
            for slot in self._slots():
                self._start(slot)
            ready(self.address)
            while self._workers or self._due:
                self._turn()
        self._ledger.close()
        self.listening.close()

    def _turn(self) -> None:
        began = time.monotonic()
        folded = sum(self._fold(worker) for worker in tuple(self._workers.values()))
        for worker in tuple(self._workers.values()):
            if worker.process.poll() is not None:
                self._bury(worker)
        for slot, due in tuple(self._due.items()):
            if due <= time.monotonic():
                del self._due[slot]
                self._start_again(slot)
        if began - self._looked_at >= LOOK_EVERY_S and not self._stopping:
            self._looked_at = began
            self._look()
        # Much to fold: go on at once. Else gather, so that one sync serves many records.
        if folded < 1024:
            time.sleep(max(0.0, FOLD_EVERY_S - (time.monotonic() - began)))

    def _fold(self, worker: _Worker) -> int:
        try:
            return worker.folding.fold()
        except _NOT_WRITTEN as error:
            self._complain(error)
            return 0

    def _complain(self, error: Exception) -> None:
        # Every turn finds it anew; the log need not.
        if time.monotonic() - self._complained >= _COMPLAIN_EVERY_S:
            self._complained = time.monotonic()
            _log.error("the ledger cannot be written: %s", error)

    def _slots(self) -> range:
        return range(self._first_slot, self._first_slot + self._settings.workers)

    def _look(self) -> None:
        """Takes up a configuration that was asked for."""
        try:
            asked = self._store.last_configuration()
            if asked is None or asked.state != "asked":
                return
            reason = self._change_to(asked)
            self._store.end_configuration(asked, "refused" if reason else "in force", reason)
        except StorageError as error:
            self._complain(error)

    def _change_to(self, asked: Change) -> str:
        """Why the old one stays in force; empty when the new one is."""
        path = snapshot_path(self._spools, asked.digest)
        try:
            configuration = read_snapshot(path)
        except StorageError as error:
            return error.message
        if configuration.ledger != self._configuration.ledger:
            return "what it says of the ledger holds only from a start on"
        old = (self._configuration, self._digest, self._first_slot, dict(self._due))
        workers = tuple(self._workers.values())
        self._configuration, self._digest = configuration, asked.digest
        self._first_slot = self._settings.workers - self._first_slot
        self._due.clear()
        if not all(self._start(slot) for slot in self._slots()):
            self._configuration, self._digest, self._first_slot, self._due = old
            self._retire(set(self._workers.values()) - set(workers))
            return "its workers did not start"
        self._ledger.keep_prices(prices_of(configuration, SystemClock()))
        self._retire(workers)
        snapshot_path(self._spools, old[1]).unlink(missing_ok=True)
        return ""

    def _retire(self, workers: Iterable[_Worker]) -> None:
        for worker in workers:
            worker.retired = True
            worker.process.terminate()

    def _start_again(self, slot: int) -> None:
        try:
            self._start(slot)
        except _NOT_WRITTEN as error:
            # There may be no room for its spool.
            self._complain(error)
            self._due[slot] = time.monotonic() + _COMPLAIN_EVERY_S

    def _start(self, slot: int) -> bool:
        """False when it did not get ready; it is buried then, as any that ends."""
        if self._stopping:
            return False
        self._lives += 1
        path = self._spools / f"worker-{slot}-{os.getpid()}-{self._lives}.spool"
        folding, first_id = self._ledger.new_spool(path, size=_SPOOL_BYTES)
        ready_read, ready_write = os.pipe()
        listening = self.listening.fileno()
        process = subprocess.Popen(
            [sys.executable, "-m", "aihandler.gateway.worker"],
            stdin=subprocess.PIPE,
            pass_fds=(listening, ready_write),
        )
        orders = Orders(
            configuration=str(snapshot_path(self._spools, self._digest)),
            spool=str(path),
            first_id=first_id,
            listening=listening,
            ready=ready_write,
            drain_s=self._settings.drain_s,
            insecure=self._settings.insecure,
            windows=str(self._windows),
            slot=slot,
        )
        assert process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            process.stdin.write(msgspec.json.encode(orders) + b"\n")
            process.stdin.close()
        os.close(ready_write)
        self._workers[slot] = _Worker(slot, process, folding)
        return _await_ready(ready_read)

    def _bury(self, worker: _Worker) -> None:
        """Folds what a dead worker left, books its doubt, and has its slot filled again."""
        try:
            while worker.folding.fold():
                pass
            doubtful = worker.folding.bury()
        except _NOT_WRITTEN as error:
            # Tried again each turn; at the end what it left stays for the next gateway.
            self._complain(error)
            if self._stopping:
                del self._workers[worker.slot]
            return
        worker.folding.spool.close()
        worker.folding.spool.path.unlink()
        del self._workers[worker.slot]
        if self._stopping or worker.retired:
            return
        lived_s = time.monotonic() - worker.began
        deaths = 0 if lived_s > _STABLE_S else self._deaths.get(worker.slot, 0) + 1
        self._deaths[worker.slot] = deaths
        pause_s = _RESTART_S[min(deaths, len(_RESTART_S) - 1)]
        self._due[worker.slot] = time.monotonic() + pause_s
        _log.error(
            "worker %d ended (%s), %d attempts are in doubt; the next starts in %.1f s",
            worker.slot,
            worker.process.returncode,
            doubtful,
            pause_s,
        )

    def _stop(self, _signal: int, _frame: FrameType | None) -> None:
        self._stopping = True
        self._due.clear()
        for worker in self._workers.values():
            worker.process.terminate()


def _make_cache(ledger: Path) -> None:
    try:
        make_cache(ledger, wall=time.time())
    except StorageError as error:
        # Models are asked each time then, which is dearer and not wrong.
        _log.warning("no answers are kept for equal requests: %s", error)


def _await_the_last(spools: Path, *, within_s: float) -> None:
    """Waits for workers whose supervisor was killed: they finish what is under way, and hold money.

    Raises StorageError.
    """
    until = time.monotonic() + within_s
    while written := [path for path in spools.glob("*.spool") if is_written(path)]:
        if time.monotonic() > until:
            raise StorageError(
                f"a worker of an earlier gateway still writes {str(written[0])!r}",
                hint="end that process, then start again",
            )
        time.sleep(FOLD_EVERY_S)


def _await_ready(descriptor: int) -> bool:
    try:
        readable, _, _ = select.select([descriptor], [], [], _START_WITHIN_S)
        return bool(readable) and os.read(descriptor, len(READY)) == READY
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _signals(stop: object) -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    for number in before:
        signal.signal(number, stop)  # type: ignore[arg-type]  # a handler
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
