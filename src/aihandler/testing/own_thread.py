"""An event loop in a thread of its own, for tests that have none."""

import asyncio
import contextlib
import threading
from typing import Protocol


class Startable(Protocol):
    """What lives in an event loop."""

    async def start(self) -> object:
        """Begins."""
        ...

    async def close(self) -> None:
        """Ends."""
        ...


class OwnThread:
    """Starts something in a loop of its own, and ends both with `stop`."""

    def __init__(self, server: Startable) -> None:
        self._loop = asyncio.new_event_loop()
        self._server = server
        self._failed: BaseException | None = None
        started = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(started,), daemon=True)
        self._thread.start()
        started.wait()
        if self._failed is not None:
            raise self._failed

    def stop(self) -> None:
        """Closes what was started, then the loop."""
        asyncio.run_coroutine_threadsafe(self._server.close(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def _run(self, started: threading.Event) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(self._server.start())
        except BaseException as error:  # noqa: BLE001 - raised again in the thread that asked
            self._failed = error
            self._loop.close()
            return
        finally:
            started.set()
        with contextlib.suppress(RuntimeError):
            self._loop.run_forever()
