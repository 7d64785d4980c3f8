"""A client of one `Connection`, byte by byte, before any ASGI application."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import uvicorn
from uvicorn.server import ServerState

from aihandler.gateway.connections import Connection


@contextlib.asynccontextmanager
async def connected(
    app,
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter, set[Connection]]]:
    """What the client reads and writes, and the connections that are open."""
    config = uvicorn.Config(app, http=Connection, lifespan="off", log_config=None)
    state, loop = ServerState(), asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(config, state, {}), "127.0.0.1", 0)
    where = server.sockets[0].getsockname()[:2]
    reader, writer = await asyncio.open_connection(*where, limit=2**20)
    while not state.connections:
        await asyncio.sleep(0)
    try:
        yield reader, writer, state.connections
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()
        server.close()
        await server.wait_closed()
        while state.connections:
            await asyncio.sleep(0.001)


async def send(writer: asyncio.StreamWriter, *pieces: bytes) -> None:
    """Each in a read of its own."""
    for piece in pieces:
        writer.write(piece)
        await writer.drain()
        await asyncio.sleep(0.02)


async def whole_body(receive) -> bytes | None:
    """What an ASGI application is sent; None when its client went."""
    body, more = b"", True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        body, more = body + message["body"], message["more_body"]
    return body
