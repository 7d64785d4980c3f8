"""A deployment at a fake server, and everything that is needed to call it."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from aihandler.backends import HttpCaller, HttpLimits, OpenAIChat, Transport, load_profiles
from aihandler.domain.answer import Reply
from aihandler.domain.conversation import Request, message
from aihandler.domain.deployment import Deployment, Hosting, Model, Secret, Timeouts
from aihandler.testing import FakeServer, allow

KEY = "sk-canary-5f2e9a7c41d04b6e"


class Bench:
    """Calls one deployment; notes how often `sent` was called."""

    def __init__(
        self,
        url: str,
        *,
        limits: HttpLimits | None = None,
        secret: str = KEY,
        **settings: Any,
    ) -> None:
        settings.setdefault("hosting", Hosting.SELF)
        settings.setdefault("timeouts", Timeouts(2.0, 2.0, 2.0, 5.0))
        self.deployment = Deployment("local", "openai", Model("nano"), urls=(url,), **settings)
        self.transport = Transport(
            monotonic=time.monotonic, secrets=lambda _: secret, limits=limits
        )
        self.caller = HttpCaller(self.transport, codec=OpenAIChat(), profiles=load_profiles())
        self.sent = 0

    def note(self) -> None:
        self.sent += 1

    async def call(self, text: str = "a question", **fields: Any) -> Reply:
        return await self.caller.call(
            Request("t", (message("user", text),), **fields),
            self.deployment,
            allow(self.deployment),
            deadline=time.monotonic() + 10,
            sent=self.note,
        )

    async def ask(self, request: Request) -> Reply:
        return await self.caller.call(
            request,
            self.deployment,
            allow(self.deployment),
            deadline=time.monotonic() + 10,
            sent=self.note,
        )

    async def ask_streamed(self, request: Request) -> list[Any]:
        events = self.caller.stream(
            request,
            self.deployment,
            allow(self.deployment),
            deadline=time.monotonic() + 10,
            sent=self.note,
        )
        return [event async for event in events]

    async def stream(self, text: str = "a question", **fields: Any) -> list[Any]:
        request = Request("t", (message("user", text),), **fields)
        clearance = allow(self.deployment)
        deadline = time.monotonic() + 10
        events = self.caller.stream(
            request, self.deployment, clearance, deadline=deadline, sent=self.note
        )
        return [event async for event in events]


@pytest.fixture
def with_server() -> Callable[..., Any]:
    """Runs `use(bench, server)` against a server with this reply."""

    def run(
        reply: Any,
        use: Callable[[Bench, FakeServer], Awaitable[Any]],
        *,
        limits: HttpLimits | None = None,
        **settings: Any,
    ) -> Any:
        async def body() -> Any:
            async with FakeServer(reply) as server:
                bench = Bench(server.url, limits=limits, **settings)
                try:
                    return await asyncio.wait_for(use(bench, server), 20)
                finally:
                    await bench.caller.close()

        return asyncio.run(body())

    return run


@pytest.fixture
def bench_at() -> Callable[..., Bench]:
    """A bench for any url."""
    return Bench


@pytest.fixture
def key() -> Secret:
    return Secret("env", "LOCAL_KEY")


@pytest.fixture
def canary() -> str:
    return KEY


@pytest.fixture
def raw_server() -> Callable[..., Any]:
    """Runs `use(bench)` against a server that sends exactly these pieces to each request."""

    def run(
        pieces: list[bytes],
        use: Callable[[Bench], Awaitable[Any]],
        *,
        hang_up: bool = True,
        limits: HttpLimits | None = None,
        runner: Callable[..., Any] = asyncio.run,
        **settings: Any,
    ) -> Any:
        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                while await reader.readuntil(b"\r\n\r\n"):
                    await reader.read(65536)
                    for piece in pieces:
                        writer.write(piece)
                        await writer.drain()
                        await asyncio.sleep(0.002)
                    if hang_up:
                        return
            except (asyncio.IncompleteReadError, ConnectionError):
                pass
            finally:
                writer.close()

        async def body() -> Any:
            server = await asyncio.start_server(answer, "127.0.0.1", 0)
            port = server.sockets[0].getsockname()[1]
            bench = Bench(f"http://127.0.0.1:{port}", limits=limits, **settings)
            try:
                return await asyncio.wait_for(use(bench), 20)
            finally:
                await bench.caller.close()
                server.close()
                await server.wait_closed()

        return runner(body())

    return run
