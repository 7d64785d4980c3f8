"""One worker of the gateway: `python -m aihandler.gateway.worker`, started by the supervisor."""

import asyncio
import gc
import logging
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
import uvicorn

from aihandler.config.configuration import Configuration
from aihandler.errors import AIHandlerError
from aihandler.gateway.admission import Admission, Everyone, KeyRing
from aihandler.gateway.app import Gateway
from aihandler.gateway.board import SharedBoard
from aihandler.gateway.connections import Connection, end_slow_ones
from aihandler.gateway.counting import Counting
from aihandler.gateway.ending import Server, longest_s
from aihandler.gateway.exposition import Counts, Exposition
from aihandler.gateway.figures import Figures
from aihandler.gateway.listening import inherited
from aihandler.gateway.logs import log_as_lines
from aihandler.gateway.orders import LOOK_EVERY_S, READY, Orders
from aihandler.gateway.pepper import read_pepper
from aihandler.gateway.rates import Rates
from aihandler.gateway.repeating import Repeating
from aihandler.gateway.serving import Serving
from aihandler.gateway.snapshots import read_snapshot
from aihandler.gateway.tally import Tallies
from aihandler.gateway.windows import Windows
from aihandler.handler import Handler
from aihandler.ledger import SpooledLedger
from aihandler.ledger.news import Looking, News
from aihandler.ledger.repeats import Repeats
from aihandler.surroundings import SystemClock, encryption_key, ledger_path

_log = logging.getLogger(__name__)
_TIDY_EVERY_S = 600.0
_COLLECT_AT_OBJECTS = 20_000


async def serve(orders: Orders) -> None:
    """Serves until it is told to stop; what is under way is finished first."""
    configuration, clock = read_snapshot(Path(orders.configuration)), SystemClock()
    supervisor = os.getppid()
    ledger = SpooledLedger(
        ledger_path(configuration),
        clock=clock,
        encryption_key=encryption_key(configuration, os.environ),
        spool=Path(orders.spool),
        first_id=orders.first_id,
        taken_from=lambda: os.getppid() == supervisor,
    )
    board = SharedBoard(Path(orders.board), slot=orders.slot)
    tallies = Tallies(Path(orders.tallies))
    exposition = Exposition(tallies.all, board, configuration=configuration, clock=clock)
    counts = Counts(Figures(tallies.of(orders.slot)), exposition)
    ledger.journal = Counting(ledger.journal, counts.figures)
    async with Handler(configuration, ledger=ledger, board=board) as handler:
        handler.watch_cache(counts.figures.cached)
        rates = Rates(Windows(Path(orders.windows), slot=orders.slot), clock=clock)
        repeating = _repeating(configuration, Path(orders.spool), clock)
        serving = Serving(configuration, handler, clock=clock, rates=rates, repeating=repeating)
        admission, looking = _admission(serving, orders, ledger_path(configuration), clock)
        app = Gateway(serving, admission, counts=counts)
        server = Server(
            _config(app),
            serving.ending,
            drain_s=orders.drain_s,
            # A call may have to come in first, and to be told after.
            longest_s=longest_s(configuration) + orders.drain_s,
        )
        listening = inherited(orders.listening)
        running = asyncio.ensure_future(server.serve(sockets=[listening]))
        while not server.started and not running.done():  # noqa: ASYNC110  # uvicorn has no event for it
            await asyncio.sleep(0.005)
        _settle()
        os.write(orders.ready, READY)
        os.close(orders.ready)
        watching = asyncio.ensure_future(_stop_without(supervisor, server))
        tidying = asyncio.gather(
            repeating.tidy(),
            _forget_expired(handler),
            end_slow_ones(server.server_state.connections),
        )
        try:
            await running
        finally:
            looking.cancel()
            watching.cancel()
            tidying.cancel()
            # A future that nobody waits for is complained about at the end.
            await asyncio.gather(looking, watching, tidying, return_exceptions=True)
            repeating.close()


def _config(app: Gateway) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=Connection,
        loop="uvloop",
        lifespan="off",
        # Else uvicorn writes lines of its own form.
        log_config=None,
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        date_header=False,
        timeout_keep_alive=75,
    )


def _settle() -> None:
    """What is there at the start is there at the end: the collector need not look at it again.

    Requests leave hardly any cycles behind them, so it looks seldom at the rest: at 700 objects,
    its own way, it looks with each second request, for a twentieth of the processor.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_COLLECT_AT_OBJECTS)


def _repeating(configuration: Configuration, spool: Path, clock: SystemClock) -> Repeating:
    def lives(life: str) -> bool:
        # The supervisor removes a spool when all that its worker did is in the ledger.
        return spool.with_name(life).exists()

    repeats = Repeats(
        ledger_path(configuration),
        clock=clock,
        owner=spool.name,
        lives=lives,
        encryption_key=encryption_key(configuration, os.environ),
    )
    return Repeating(repeats, keep=configuration.ledger.keep_content)


def _admission(
    serving: Serving, orders: Orders, ledger: Path, clock: SystemClock
) -> tuple[Admission, asyncio.Task[None]]:
    """Who is let in; and what looks every second for keys and switches that changed."""
    looking = Looking(ledger)
    ring = None if orders.insecure else KeyRing(read_pepper(ledger, os.environ), clock=clock)
    admission = ring or Everyone()
    _renew(looking.look(), serving, ring)
    return admission, asyncio.ensure_future(_look(looking, serving, ring))


async def _look(looking: Looking, serving: Serving, ring: KeyRing | None) -> None:
    loop = asyncio.get_running_loop()
    # A thread of its own: thousands of keys take a while to read, and where all other threads are
    # busy a switch must not wait for one.
    aside = ThreadPoolExecutor(1, "keys")
    try:
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            try:
                _renew(await loop.run_in_executor(aside, looking.look), serving, ring)
            except AIHandlerError as error:
                # What was known holds on; a store that is away must not let anybody in or out.
                _log.warning("keys and switches cannot be read: %s", error)
    finally:
        aside.shutdown(wait=False)


async def _forget_expired(handler: Handler) -> None:
    while True:
        await asyncio.sleep(_TIDY_EVERY_S)
        try:
            await asyncio.to_thread(handler.forget_expired)
        except AIHandlerError as error:
            _log.warning("kept answers could not be forgotten: %s", error)


async def _stop_without(supervisor: int, server: Server) -> None:
    """Nobody folds what is written and nobody counts what is spent: the next gateway waits."""
    while os.getppid() == supervisor:  # noqa: ASYNC110  # the system has no event for it
        await asyncio.sleep(LOOK_EVERY_S)
    _log.error("the supervisor is gone: finishing what is under way")
    server.stop()


def _renew(news: News | None, serving: Serving, ring: KeyRing | None) -> None:
    if news is None:
        serving.still_holds()
        return
    serving.renew(news.switches)
    if ring is not None:
        ring.renew(news.keys)


def main() -> None:
    """Reads its orders and serves."""
    import uvloop

    log_as_lines()
    orders = msgspec.json.decode(sys.stdin.buffer.readline(), type=Orders)
    uvloop.run(serve(orders))


if __name__ == "__main__":
    main()
