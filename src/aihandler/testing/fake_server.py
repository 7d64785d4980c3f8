"""An OpenAI-like server on loopback that says what it is told to, and remembers what it heard."""

import asyncio
import hashlib
import os
import ssl
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Self, cast

import httptools
import msgspec

from aihandler.testing.own_thread import OwnThread
from aihandler.testing.script import (
    Bill,
    Scripted,
    bill_for,
    http_reply,
    streamed_reply,
    vectors_reply,
    whole_reply,
)

_MOST_DIMENSIONS = 65_536

Script = Callable[[dict[str, Any]], "Scripted | str"]


class _Glance(msgspec.Struct):
    model: str = ""
    stream: bool | None = False
    messages: msgspec.Raw = msgspec.Raw()
    prompt: msgspec.Raw = msgspec.Raw()


class BillLine(msgspec.Struct, frozen=True):
    """One call that was answered: `digest` names its messages, so that repeats can be counted."""

    number: int
    digest: str
    usage: Bill


class FakeServer:
    """Use it as `async with` in a running event loop, or as `with`, in a thread of its own.

    `reply` is a text, a Scripted, or a function of the decoded request. Every request to
    `/chat/completions` or `/completions` counts as a call; each one that gets an answer of 200 adds
    a line to the file `bill`, which survives the process. `received` holds every byte that came in.
    `/embeddings` answers with vectors that follow from the texts alone.
    """

    def __init__(
        self,
        reply: Scripted | str | Script = "ok",
        *,
        bill: str | Path = "",
        models: tuple[str, ...] = ("fake",),
        pages: Mapping[str, Any] | None = None,
        keep_bytes: bool = True,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.calls = 0
        self.connections = 0
        self.received = bytearray()
        self.requests: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.port = 0
        self._script = reply if callable(reply) else None
        self._constant = reply if isinstance(reply, Scripted) else Scripted(str(reply))
        self._bill_path = str(bill)
        self._bill_fd: int | None = None
        self._pages = dict(pages or {})
        self._pages.setdefault(
            "/v1/models",
            {"object": "list", "data": [{"id": m, "owned_by": "aihandler"} for m in models]},
        )
        self._keep_bytes = keep_bytes
        self._tls = tls
        self._server: asyncio.Server | None = None
        self._sessions: set[_Session] = set()
        self._empty = asyncio.Event()
        self._empty.set()
        self._thread: OwnThread | None = None

    @property
    def url(self) -> str:
        """The base url, without a path."""
        return f"http{'s' if self._tls else ''}://127.0.0.1:{self.port}"

    async def start(self, port: int = 0) -> Self:
        """Listens on a free port of loopback, unless `port` names one."""
        loop = asyncio.get_running_loop()
        if self._bill_path:
            flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
            self._bill_fd = os.open(self._bill_path, flags, 0o600)
        session = _KeepingSession if self._keep_bytes else _Session
        self._server = await loop.create_server(
            lambda: session(self), "127.0.0.1", port, ssl=self._tls, backlog=1024
        )
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def close(self) -> None:
        """Hangs up on everybody and stops listening."""
        if self._server is not None:
            self._server.close()
            self.hang_up()
            await self._empty.wait()
            await self._server.wait_closed()
            self._server = None
        if self._bill_fd is not None:
            os.close(self._bill_fd)
            self._bill_fd = None

    def hang_up(self) -> None:
        """Closes every connection and goes on listening."""
        for session in list(self._sessions):
            session.abort()

    async def __aenter__(self) -> Self:
        return await self.start()

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def __enter__(self) -> Self:
        self._thread = OwnThread(self)
        return self

    def __exit__(self, *_: object) -> None:
        assert self._thread is not None
        self._thread.stop()

    # Called by sessions.

    def heard(self, data: bytes) -> None:
        """Keeps what came in."""
        if self._keep_bytes:
            self.received += data

    def joined(self, session: "_Session") -> None:
        """Counts a connection."""
        self.connections += 1
        self._sessions.add(session)
        self._empty.clear()

    def left(self, session: "_Session") -> None:
        """Forgets a connection."""
        self._sessions.discard(session)
        if not self._sessions:
            self._empty.set()

    def answer(
        self, path: str, body: bytes, headers: dict[str, str]
    ) -> tuple[Scripted, list[bytes]]:
        """The script's words for one request, and the bytes that they are sent as."""
        if path.endswith("/embeddings"):
            return self._vectors(body)
        if not path.endswith("/completions"):
            return self._page(path)
        raw = not path.endswith("/chat/completions")
        self.calls += 1
        number = self.calls
        scripted, streamed, model = self._decide(body)
        if self._keep_bytes:
            self.headers.append(headers)
        bill = bill_for(body, scripted)
        if scripted.status == 200 and self._bill_fd is not None:
            self._write_bill(number, body, bill)
        if streamed:
            told = streamed_reply(scripted, model=model, number=number, bill=bill, raw=raw)
            return scripted, told
        return scripted, [whole_reply(scripted, model=model, number=number, bill=bill, raw=raw)]

    def _vectors(self, body: bytes) -> tuple[Scripted, list[bytes]]:
        self.calls += 1
        request = msgspec.json.decode(body)
        self.requests.append(request)
        scripted = self._constant
        if (request.get("dimensions") or 0) > _MOST_DIMENSIONS:
            # As servers do: a client may ask for more than there is memory for.
            scripted = Scripted(status=400)
        if scripted.status != 200 or scripted.body is not None:
            return scripted, [whole_reply(scripted, model="", number=0, bill=Bill(0, 0, 0))]
        return Scripted(), [http_reply(Scripted(), vectors_reply(request, body))]

    def _decide(self, body: bytes) -> tuple[Scripted, bool, str]:
        if self._script is None and not self._keep_bytes:
            glance = msgspec.json.decode(body, type=_Glance)
            return self._constant, bool(glance.stream), glance.model
        request = msgspec.json.decode(body)
        if self._keep_bytes:
            self.requests.append(request)
        said = self._constant if self._script is None else self._script(request)
        scripted = Scripted(said) if isinstance(said, str) else said
        return scripted, bool(request.get("stream")), str(request.get("model", ""))

    def _page(self, path: str) -> tuple[Scripted, list[bytes]]:
        page = self._pages.get(path)
        if page is None:
            missing = Scripted(status=404)
            return missing, [http_reply(missing, b'{"error": {"message": "no such path"}}')]
        if isinstance(page, Scripted):
            return page, [http_reply(page, page.body or page.text.encode())]
        return Scripted(), [http_reply(Scripted(), msgspec.json.encode(page))]

    def _write_bill(self, number: int, body: bytes, bill: Bill) -> None:
        glance = msgspec.json.decode(body, type=_Glance)
        asked = bytes(glance.messages) or bytes(glance.prompt)
        digest = hashlib.blake2b(asked, digest_size=16).hexdigest()
        line = msgspec.json.encode(BillLine(number, digest, bill)) + b"\n"
        assert self._bill_fd is not None
        # One write to an O_APPEND file: a line is there whole, or not at all, whoever is killed.
        os.write(self._bill_fd, line)


class _Session(asyncio.Protocol):
    """One connection of a client."""

    def __init__(self, server: FakeServer) -> None:
        self._server = server
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpRequestParser(self)
        self._path = ""
        self._body: list[bytes] = []
        self._headers: dict[str, str] = {}
        self._task: asyncio.Task[None] | None = None

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._server.joined(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - a Protocol's shape
        if self._task is not None:
            self._task.cancel()
        self._server.left(self)

    def data_received(self, data: bytes) -> None:
        self._server.heard(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self.abort()

    def on_url(self, url: bytes) -> None:
        self._path = url.decode("latin-1")

    def on_body(self, data: bytes) -> None:
        self._body.append(data)

    def on_message_complete(self) -> None:
        body, headers = b"".join(self._body), self._headers
        self._body, self._headers = [], {}
        scripted, pieces = self._server.answer(self._path, body, headers)
        calm = not (scripted.fault or scripted.delay_s or scripted.piece_delay_s)
        if calm and self._transport is not None:
            self._transport.write(b"".join(pieces))
            return
        self._task = asyncio.get_running_loop().create_task(self._perform(scripted, pieces))

    async def _perform(self, scripted: Scripted, pieces: list[bytes]) -> None:
        transport = self._transport
        assert transport is not None
        await asyncio.sleep(scripted.delay_s)
        match scripted.fault:
            case "drop":
                transport.close()
            case "silent":
                await asyncio.Event().wait()
            case "not_http":
                transport.write(b"220 mail.example ready\r\n")
                transport.close()
            case "cut" | "stall":
                whole = b"".join(pieces)
                transport.write(whole[: len(whole) * 2 // 3])
                if scripted.fault == "cut":
                    transport.close()
            case "slow":
                for byte in b"".join(pieces):
                    transport.write(bytes((byte,)))
                    await asyncio.sleep(0)
            case _:
                for piece in pieces:
                    transport.write(piece)
                    if scripted.piece_delay_s:
                        await asyncio.sleep(scripted.piece_delay_s)


class _KeepingSession(_Session):
    """Keeps headers too, which costs time that a bench does not have."""

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers[name.decode("latin-1").lower()] = value.decode("latin-1")
