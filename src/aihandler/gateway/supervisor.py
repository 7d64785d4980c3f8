"""Keeps a gateway going: folds what workers write, replaces those that die, changes configurations.

A plain loop of one process: it takes no request and opens no connection to a model, so nothing
that a request does can stop it. No turn of it waits for a worker, so folding never stands still
because one starts or ends.
"""

import contextlib
import logging
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType

import msgspec

from aihandler.config import load
from aihandler.config.configuration import Configuration
from aihandler.errors import StorageError
from aihandler.gateway.board import make_board, subjects_of
from aihandler.gateway.housekeeping import Housekeeping
from aihandler.gateway.listening import address_of, listen
from aihandler.gateway.lives import Worker
from aihandler.gateway.orders import LOOK_EVERY_S, TOLD_WITHIN_S, Orders
from aihandler.gateway.pepper import read_pepper
from aihandler.gateway.snapshots import read_snapshot, snapshot_path, write_snapshot
from aihandler.gateway.tally import make_tallies
from aihandler.gateway.trials import Trial
from aihandler.gateway.windows import make_windows
from aihandler.gateway.workers import NOT_WRITTEN, Complaints, Workers
from aihandler.ledger import FoldedLedger, Watch, bring_up_to_date
from aihandler.ledger.administration import Administration
from aihandler.ledger.cache import make_cache
from aihandler.ledger.configurations import Change, ChangeState
from aihandler.ledger.lock import RunLock
from aihandler.ledger.repeats import make_repeats
from aihandler.ledger.spool import is_written
from aihandler.ledger.store import storage_errors
from aihandler.surroundings import SystemClock, encryption_key, ledger_path, prices_of, without_key

_log = logging.getLogger(__name__)
# At most this much of what workers wrote is lost with the machine; stated in the documents.
FOLD_EVERY_S = 0.04
# Those in force or on trial, and two before them that finish calls. Each region costs every look.
_GENERATIONS = 3
# Until a worker sees that its supervisor is gone, and until all that it cuts off are told.
_MORE_S = 2 * LOOK_EVERY_S + 2 * TOLD_WITHIN_S


class Settings(msgspec.Struct, frozen=True):
    """How the gateway is started."""

    configuration: Path
    host: str = "127.0.0.1"
    port: int = 8080
    workers: int = 1
    drain_s: float = 30.0
    insecure: bool = False


class Supervisor:
    """Runs until SIGTERM or SIGINT; then the workers finish what is under way."""

    def __init__(self, settings: Settings, *, watch: Watch | None = None) -> None:
        """`watch` is called while a ledger of an earlier version is brought up to date."""
        self._settings = settings
        self._configuration = load(settings.configuration)
        path = ledger_path(self._configuration)
        if not settings.insecure:
            # Nobody could come in: said before anything is opened.
            read_pepper(path, os.environ)
        self._spools = path.with_name(f"{path.name}.spools")
        self._spools.mkdir(mode=0o700, parents=True, exist_ok=True)
        with storage_errors(path):
            # Another one that serves is not waited for: who has the ledger is told at once.
            RunLock(path).release()
        _await_the_last(self._spools, within_s=settings.drain_s + _MORE_S)
        bring_up_to_date(path, clock=SystemClock(), watch=watch)
        self._ledger = FoldedLedger(
            path,
            clock=SystemClock(),
            encryption_key=encryption_key(self._configuration, os.environ),
            keep_content=self._configuration.ledger.keep_content,
        )
        # Made once the ledger is ours: another gateway's workers may have theirs in memory.
        # Workers of earlier configurations have regions of their own while they finish.
        slots = _GENERATIONS * settings.workers
        windows = self._spools / "windows"
        make_windows(windows, workers=slots)
        self._board = make_board(self._spools / "board", slots=slots)
        self._board.name(subjects_of(self._configuration))
        tallies = make_tallies(self._spools / "tallies", slots=slots)
        make_repeats(path, wall=time.time())
        _make_cache(path)
        self._store = Administration(path, clock=SystemClock(), who="gateway")
        digest = write_snapshot(self._spools, self._configuration)
        self._store.begin_configuration(digest, str(settings.configuration.absolute()))
        self._looked_at = time.monotonic()
        self._trial: Trial | None = None
        # How a change ended, until the ledger knows.
        self._ended: tuple[Change, ChangeState, str] | None = None
        self._complaints = Complaints()
        self.listening = listen(settings.host, settings.port)
        orders = Orders(
            listening=self.listening.fileno(),
            drain_s=settings.drain_s,
            insecure=settings.insecure,
            windows=str(windows),
            board=str(self._spools / "board"),
            tallies=str(self._spools / "tallies"),
        )
        self._workers = Workers(
            self._ledger,
            self._spools,
            orders=orders,
            slots=slots,
            complaints=self._complaints,
            housekeeping=Housekeeping(tallies, self._board),
        )
        self._workers.digest = digest

    @property
    def address(self) -> str:
        """Where clients find the gateway."""
        host, port = self.listening.getsockname()[:2]
        return address_of(host, port)

    def run(self, *, ready: Callable[[str], None]) -> None:
        """Serves. `ready` is called once, when every worker takes requests."""
        left = self._ledger.fold_left_over(self._spools)
        if any(left.values()):
            _log.warning("%d attempts of an earlier gateway are in doubt", sum(left.values()))
        self._ledger.keep_prices(prices_of(self._configuration, SystemClock()))
        if lacking := _lacking(self._configuration):
            _log.warning("%s", lacking)
        with _signals(self._stop):
            for slot in range(self._settings.workers):
                self._workers.start(slot, self._workers.digest)
            told = False
            while self._workers:
                self._turn()
                if not told and self._workers.are_ready:
                    told = True
                    ready(self.address)
        self._ledger.close()
        self.listening.close()

    def _turn(self) -> None:
        began = time.monotonic()
        folded = self._workers.fold()
        self._workers.watch()
        if not self._workers.stopping:
            self._go_on_with_trial()
            if began - self._looked_at >= LOOK_EVERY_S:
                self._looked_at = began
                self._look()
        # Much to fold: go on at once. Else gather, so that one sync serves many records.
        if folded < 1024:
            time.sleep(max(0.0, FOLD_EVERY_S - (time.monotonic() - began)))

    def _look(self) -> None:
        """Takes up a configuration that was asked for, and tells what became of one."""
        try:
            if self._ended is not None:
                self._store.end_configuration(*self._ended)
                self._ended = None
            last = self._store.last_configuration()
            if last is not None and last.state == "asked" and self._trial is None:
                self._try(last)
        except StorageError as error:
            self._complaints.note(error)

    def _try(self, asked: Change) -> None:
        """Starts workers with it, and lets those that serve go on."""
        free = self._workers.free_slots()
        if len(free) < self._settings.workers:
            # Workers of earlier changes still finish what is under way: looked at again.
            self._workers.make_room(self._settings.workers)
            return
        try:
            configuration = read_snapshot(snapshot_path(self._spools, asked.digest))
        except StorageError as error:
            self._end(asked, "refused", error.message)
            return
        if configuration.ledger != self._configuration.ledger:
            self._end(asked, "refused", "what it says of the ledger holds only from a start on")
            return
        tried: list[Worker] = []
        try:
            self._board.name(subjects_of(configuration))
            for slot in free[: self._settings.workers]:
                # One by one: those that have begun are known when the next one fails.
                tried.append(self._workers.start(slot, asked.digest, stays=False))  # noqa: PERF401
        except NOT_WRITTEN as error:
            self._complaints.note(error)
            self._workers.retire(tried)
            self._end(asked, "refused", f"its workers could not be started: {error}")
            return
        self._trial = Trial(asked, configuration, tried)

    def _go_on_with_trial(self) -> None:
        trial = self._trial
        if trial is None or not trial.is_over:
            return
        if not trial.holds:
            self._trial = None
            self._workers.retire(trial.workers)
            self._end(trial.asked, "refused", "its workers did not start")
            return
        try:
            self._ledger.keep_prices(prices_of(trial.configuration, SystemClock()))
        except NOT_WRITTEN as error:
            # Costs will refer to them; the next turn tries again.
            self._complaints.note(error)
            return
        self._trial = None
        before = self._workers.digest
        self._configuration = trial.configuration
        self._workers.replace_by(trial.workers, trial.asked.digest)
        if before != trial.asked.digest:
            snapshot_path(self._spools, before).unlink(missing_ok=True)
        # It holds all the same: others may be asked, and a file may name more than is used here.
        self._end(trial.asked, "in force", _lacking(trial.configuration))

    def _end(self, asked: Change, state: ChangeState, reason: str) -> None:
        self._ended = (asked, state, reason)
        # Whoever asked is waiting.
        self._looked_at = float("-inf")

    def _stop(self, _signal: int, _frame: FrameType | None) -> None:
        self._workers.stop()


def _make_cache(ledger: Path) -> None:
    try:
        make_cache(ledger, wall=time.time())
    except StorageError as error:
        # Models are asked each time then, which is dearer and not wrong.
        _log.warning("no answers are kept for equal requests: %s", error)


def _lacking(configuration: Configuration) -> str:
    """Which deployments have a key without a value here; empty where none has."""
    lacking = without_key(configuration, os.environ)
    return "; ".join(f"{name!r} cannot be asked: {why}" for name, why in lacking.items())


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
