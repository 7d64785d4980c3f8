"""One worker of the gateway: `python -m aihandler.gateway.worker`, started by the supervisor."""

import asyncio
import os
import sys
from pathlib import Path

import msgspec

from aihandler.assembly import SystemClock, encryption_key, ledger_path
from aihandler.config import load
from aihandler.gateway.admission import Everyone
from aihandler.gateway.app import Gateway
from aihandler.gateway.listening import inherited
from aihandler.gateway.serving import Serving
from aihandler.handler import Handler
from aihandler.ledger import SpooledLedger

READY = b"ready\n"


class Orders(msgspec.Struct, frozen=True):
    """What the supervisor tells a worker: one line of JSON on its standard input."""

    configuration: str
    spool: str
    first_id: int
    # Descriptors that the worker inherits: the listening socket, and a pipe to say `ready` on.
    listening: int
    ready: int
    drain_s: float = 30.0
    insecure: bool = False


async def serve(orders: Orders) -> None:
    """Serves until it is told to stop; what is under way is finished first."""
    # Imported here: nothing but a worker needs a server.
    import uvicorn

    configuration, clock = load(Path(orders.configuration)), SystemClock()
    ledger = SpooledLedger(
        ledger_path(configuration),
        clock=clock,
        encryption_key=encryption_key(configuration, os.environ),
        spool=Path(orders.spool),
        first_id=orders.first_id,
    )
    async with Handler(configuration, ledger=ledger) as handler:
        app = Gateway(Serving(configuration, handler, clock=clock), Everyone())
        server = uvicorn.Server(
            uvicorn.Config(
                app,
                http="httptools",
                loop="uvloop",
                lifespan="off",
                log_level="warning",
                access_log=False,
                server_header=False,
                date_header=False,
                timeout_graceful_shutdown=int(orders.drain_s),
                timeout_keep_alive=75,
            )
        )
        listening = inherited(orders.listening)
        running = asyncio.ensure_future(server.serve(sockets=[listening]))
        while not server.started and not running.done():  # noqa: ASYNC110  # uvicorn has no event for it
            await asyncio.sleep(0.005)
        os.write(orders.ready, READY)
        os.close(orders.ready)
        await running


def main() -> None:
    """Reads its orders and serves."""
    import uvloop

    orders = msgspec.json.decode(sys.stdin.buffer.readline(), type=Orders)
    uvloop.run(serve(orders))


if __name__ == "__main__":
    main()
