"""How a worker ends: what is under way is finished in time, and what is not is told why."""

import asyncio
import contextlib
import logging
import signal
from collections.abc import Iterator

import uvicorn

from aihandler.config.configuration import Configuration
from aihandler.domain.task import TaskLimits
from aihandler.errors import AIHandlerError, Overloaded
from aihandler.gateway.orders import RETIRE, TOLD_WITHIN_S

_log = logging.getLogger(__name__)


class Stopped(Overloaded):
    """The gateway ends before the call does."""

    code = "stopped"

    def __init__(self) -> None:
        super().__init__(
            "the gateway ends, and this call would have lasted longer; it may have been paid",
            hint="ask again; `aihandler show` with the call's id says what is known",
            retry_after_s=1.0,
        )


class Ending:
    """Whether a worker cuts off what is under way; a cancellation has no other cause then."""

    def __init__(self) -> None:
        self.cuts = False

    def reason(self, error: AIHandlerError | asyncio.CancelledError) -> AIHandlerError:
        """What a client is told of it. A cancellation is raised again while nothing is cut off."""
        if isinstance(error, AIHandlerError):
            return error
        task = asyncio.current_task()
        if not self.cuts or task is None:
            raise error
        task.uncancel()
        return Stopped()


class Server(uvicorn.Server):
    """Told to stop, it finishes what is under way and returns. Its own way is to raise the signal
    again, which would end the process before the ledger is closed.

    SIGTERM and SIGINT leave `drain_s`; `RETIRE` leaves `longest_s`, and a signal that leaves less
    may follow. Then what is left is cut off.
    """

    def __init__(
        self, config: uvicorn.Config, ending: Ending, *, drain_s: float, longest_s: float
    ) -> None:
        super().__init__(config)
        self._ending = ending
        self._drain_s = drain_s
        self._longest_s = longest_s
        self._cuts_at = float("inf")
        self._timer: asyncio.TimerHandle | None = None
        self._cutting: asyncio.Task[None] | None = None

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """SIGTERM and SIGINT end the serving; the supervisor decides about the rest."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stop)
        loop.add_signal_handler(RETIRE, self._end_within, self._longest_s)
        yield

    def stop(self) -> None:
        """Takes no more requests, and finishes those under way as far as the drain allows."""
        self._end_within(self._drain_s)

    def _end_within(self, seconds: float) -> None:
        self.should_exit = True
        if self.started:
            # uvicorn looks ten times a second, and would take requests of others until then.
            for server in self.servers:
                server.close()
        loop = asyncio.get_running_loop()
        cuts_at = loop.time() + seconds
        if cuts_at >= self._cuts_at:
            return
        self._cuts_at = cuts_at
        if self._timer is not None:
            self._timer.cancel()
        self._timer = loop.call_at(cuts_at, self._cut)

    def _cut(self) -> None:
        self._cutting = asyncio.ensure_future(self._cut_off())

    async def _cut_off(self) -> None:
        self._ending.cuts = True
        # The second time for those that were queued behind others, or that nobody reads.
        for _ in range(2):
            if tasks := tuple(self.server_state.tasks):
                _log.warning("%d requests are cut off: they outlast the end", len(tasks))
                for task in tasks:
                    task.cancel()
                await asyncio.wait(tasks, timeout=TOLD_WITHIN_S)
        self.force_exit = True


def longest_s(configuration: Configuration) -> float:
    """How long a call may last at most; one of a deployment has the usual limits of a task."""
    return max([TaskLimits().total_s, *(t.limits.total_s for t in configuration.tasks.values())])
