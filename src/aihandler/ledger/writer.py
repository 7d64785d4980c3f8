"""The one thread that writes: it takes all that is queued, commits once, and wakes the waiters."""

import asyncio
import contextlib
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from pathlib import Path
from queue import SimpleQueue

from aihandler.errors import StorageError
from aihandler.ledger.batch import Batches, Operation
from aihandler.ledger.store import storage_error

_Waiter = asyncio.Future[None]
_Queued = tuple[Operation, _Waiter | None]
# Bounds the memory of one transaction, not its speed: a few hundred rows cost as little each.
_LARGEST_BATCH = 4096
# A commit costs about the same for one caller as for sixty, and a model's answer takes far longer.
_GATHER_S = 0.002


class Writer:
    """Group commit: while one batch is being synced, the next one gathers.

    Where several waited for the last batch, the next gathers for a moment longer, so that more of
    them share a sync; who is alone never waits for others. After the first error nothing more is
    written; every waiter and every later caller gets it.
    """

    def __init__(self, batches: Batches, path: Path, *, wall: Callable[[], float]) -> None:
        self._batches = batches
        self._path = path
        self._wall = wall
        self._queue: SimpleQueue[_Queued | None] = SimpleQueue()
        self._sent: deque[int] = deque()
        self._failure: StorageError | None = None
        self._closed = False
        self._crowded = False
        self._thread = threading.Thread(target=self._work, name="aihandler-ledger", daemon=True)
        self._thread.start()

    async def write(self, operation: Operation) -> None:
        """Returns once the operation is on disk. Raises StorageError."""
        self._check()
        waiter: _Waiter = asyncio.get_running_loop().create_future()
        self._queue.put((operation, waiter))
        await waiter

    def post(self, operation: Operation) -> None:
        """Queues the operation and does not wait for it."""
        self._check()
        self._queue.put((operation, None))

    async def hand_over(self, operation: Operation) -> None:
        """As `post`; waits for the disk only when much is queued, which bounds the memory."""
        if self._queue.qsize() < _LARGEST_BATCH:
            self.post(operation)
        else:
            await self.write(operation)

    def mark_sent(self, entry_id: int) -> None:
        """Rides with the next commit; wakes nobody and never fails."""
        self._sent.append(entry_id)

    def close(self) -> None:
        """Writes what is queued, then ends the thread."""
        if not self._closed:
            self._closed = True
            self._queue.put(None)
            self._thread.join()

    def _check(self) -> None:
        if self._failure is not None:
            raise _again(self._failure)
        if self._closed:
            raise StorageError(
                f"the ledger {str(self._path)!r} is closed", hint="open it again to go on writing"
            )

    def _work(self) -> None:
        ending = False
        while not ending:
            queued = [self._queue.get()]
            if self._crowded and not self._closed:
                time.sleep(_GATHER_S)
            more = min(self._queue.qsize(), _LARGEST_BATCH)
            queued.extend(self._queue.get_nowait() for _ in range(more))
            ending = None in queued
            self._commit([item for item in queued if item is not None])

    def _commit(self, queued: list[_Queued]) -> None:
        sent = [self._sent.popleft() for _ in range(len(self._sent))]
        if self._failure is None:
            try:
                self._batches.write([operation for operation, _ in queued], sent, wall=self._wall())
            except (sqlite3.Error, OSError) as error:
                self._failure = storage_error(self._path, error)
            except Exception as error:  # noqa: BLE001  # a thread that dies silently hangs everyone
                self._failure = StorageError(
                    f"writing {str(self._path)!r} failed: {error!r}",
                    hint="this is a mistake in aihandler; please report it",
                )
        waiters = [waiter for _, waiter in queued if waiter is not None]
        self._crowded = len(waiters) > 1
        _wake(waiters, self._failure)


def _wake(waiters: Iterable[_Waiter], failure: StorageError | None) -> None:
    by_loop: dict[asyncio.AbstractEventLoop, list[_Waiter]] = {}
    for waiter in waiters:
        by_loop.setdefault(waiter.get_loop(), []).append(waiter)
    for loop, waiting in by_loop.items():
        # A loop that was closed meanwhile has nobody left to wake.
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(_resolve, waiting, failure)


def _resolve(waiters: list[_Waiter], failure: StorageError | None) -> None:
    for waiter in waiters:
        if waiter.done():
            continue
        if failure is None:
            waiter.set_result(None)
        else:
            waiter.set_exception(_again(failure))


def _again(failure: StorageError) -> StorageError:
    # One exception object raised in many tasks would gather all their tracebacks.
    return StorageError(failure.message, hint=failure.hint)
