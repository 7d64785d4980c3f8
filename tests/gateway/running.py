"""A gateway on loopback in a thread of its own, before fake servers."""

import asyncio
import contextlib
import http.client
import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import uvicorn

from aihandler import Handler
from aihandler.gateway.admission import Everyone
from aihandler.gateway.app import Gateway
from aihandler.gateway.repeating import Repeating
from aihandler.gateway.serving import Serving
from aihandler.ledger.repeats import Repeats, make_repeats
from aihandler.testing import FakeServer

POLICY = """
policy:
  public: {hosting: [self, managed, vendor]}
  internal: {hosting: [self, managed, vendor]}
"""
DEPLOYMENT = """
  {name}:
    {{backend: {backend}, url: "{url}", model: {name}-1, hosting: {hosting}, profile: {profile}}}
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "aihandler.yaml"
    path.write_text(text)
    return path


def deployments(
    servers: dict[str, FakeServer], *, backend="openai", profile="vllm", hosting="self"
):
    rows = [
        DEPLOYMENT.format(name=n, backend=backend, url=s.url, hosting=hosting, profile=profile)
        for n, s in servers.items()
    ]
    return "version: 1\ndeployments:" + "".join(rows)


@contextlib.contextmanager
def gateway(
    configuration: Path,
    *,
    admission=None,
    owner="a",
    inspectors=(),
    rates=None,
    looks=(),
    into=None,
) -> Iterator[str]:
    """The url of a gateway that serves this configuration.

    `inspectors` are the gateway's, `looks` those of its Handler; its Serving is added to `into`.
    """
    ready, box = threading.Event(), {}

    async def serve() -> None:
        handler = Handler.load(configuration, inspectors=looks)
        try:
            box["repeating"] = repeating = repeating_of(handler, owner)
            serving = Serving(
                handler.configuration,
                handler,
                clock=handler.clock,
                repeating=repeating,
                inspectors=inspectors,
                rates=rates,
            )
            if into is not None:
                into.append(serving)
            app = Gateway(serving, admission or Everyone())
            config = uvicorn.Config(
                app, port=0, http="httptools", lifespan="off", log_level="warning", access_log=False
            )
            box["server"] = server = uvicorn.Server(config)
            running = asyncio.ensure_future(server.serve())
            while not server.started and not running.done():
                await asyncio.sleep(0.01)
            box["port"] = server.servers[0].sockets[0].getsockname()[1]
            ready.set()
            await running
        finally:
            ready.set()
            if "repeating" in box:
                box["repeating"].close()
            await handler.close()

    thread = threading.Thread(target=lambda: asyncio.run(serve()), daemon=True)
    thread.start()
    assert ready.wait(20)
    try:
        yield f"http://127.0.0.1:{box['port']}"
    finally:
        box["server"].should_exit = True
        thread.join(20)
        assert not thread.is_alive()


def repeating_of(handler: Handler, owner: str) -> Repeating:
    ledger, clock = handler.ledger_path, handler.clock
    make_repeats(ledger, wall=clock.wall())
    repeats = Repeats(ledger, clock=clock, owner=owner, lives=bool, encryption_key=None)
    return Repeating(repeats, keep=handler.configuration.ledger.keep_content)


def until(holds, within_s=5.0):
    """Waits for something that happens elsewhere."""
    end = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < end, "did not happen in time"
        time.sleep(0.01)


def asked(url: str, path: str, body: object, *headers: tuple[str, str]) -> tuple[int, bytes]:
    """Status and body of one POST; a header may stand several times."""
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=20)
    try:
        raw = json.dumps(body).encode()
        connection.putrequest("POST", path)
        for name, value in (*headers, ("content-length", str(len(raw)))):
            connection.putheader(name, value)
        connection.endheaders(raw)
        reply = connection.getresponse()
        return reply.status, reply.read()
    finally:
        connection.close()
