"""A client on plain sockets: it sees every byte of an answer, and whether it ended as it should."""

import asyncio
import contextlib
import json
import time
from collections.abc import Mapping
from typing import Any

import httptools
import msgspec


class Told(msgspec.Struct, frozen=True):
    """What a client got. `whole`: the answer ended as HTTP says that it ends."""

    model: str
    streamed: bool
    status: int
    headers: Mapping[str, str]
    body: bytes
    whole: bool
    elapsed_s: float

    @property
    def text(self) -> str:
        """The words of the answer."""
        if not self.streamed:
            return str(_read(self.body)["choices"][0]["message"]["content"])
        lines = (line[6:] for line in self.body.split(b"\n") if line.startswith(b"data: {"))
        choices = (choice for line in lines for choice in _read(line).get("choices", ()))
        return "".join(choice.get("delta", {}).get("content") or "" for choice in choices)

    @property
    def kind(self) -> str:
        """`answer`, `error STATUS`, `error event`, or what is none of these."""
        if self.status == 0:
            return "no answer"
        if self.status >= 400:
            said = _read(self.body).get("error")
            told = isinstance(said, dict) and bool(said.get("message"))
            return f"error {self.status}" if told and self.whole else "an error without words"
        if self.streamed and b'"error"' in self.body:
            clean = b"data: [DONE]\n\n" in self.body
            return "a clean end after an error" if clean else "error event"
        if not self.whole or (self.streamed and b"data: [DONE]" not in self.body):
            return "an answer that is cut"
        return "answer"


class _Parts:
    def __init__(self) -> None:
        self.headers: dict[str, str] = {}
        self.body: list[bytes] = []
        self.whole = False

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_body(self, data: bytes) -> None:
        self.body.append(data)

    def on_message_complete(self) -> None:
        self.whole = True


async def ask(
    port: int,
    model: str,
    *,
    text: str = "hi",
    streamed: bool = False,
    data_class: str = "",
    key: str = "",
    within_s: float = 60.0,
) -> Told:
    """Asks as a client of chat completions does."""
    body = {"model": model, "messages": messages(text), "stream": streamed}
    if streamed:
        body["stream_options"] = {"include_usage": True}
    extra = f"x-aihandler-class: {data_class}\r\n" if data_class else ""
    extra += f"authorization: Bearer {key}\r\n" if key else ""
    raw = json.dumps(body).encode()
    return await send(port, raw, model=model, streamed=streamed, extra=extra, within_s=within_s)


def messages(text: str) -> list[dict[str, str]]:
    """Two messages: one alone would be a task's input, and go through its own wording."""
    return [{"role": "system", "content": "Be brief."}, {"role": "user", "content": text}]


async def send(
    port: int,
    raw: bytes,
    *,
    model: str = "",
    streamed: bool = False,
    extra: str = "",
    path: str = "/v1/chat/completions",
    within_s: float = 60.0,
) -> Told:
    """Sends bytes; an answer that does not end in time, or in order, is told as it is."""
    began = time.monotonic()
    parts = _Parts()
    parser = httptools.HttpResponseParser(parts)
    status = 0
    with contextlib.suppress(OSError, TimeoutError, httptools.HttpParserError):
        async with asyncio.timeout(within_s):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            try:
                head = f"POST {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n{extra}"
                writer.write(f"{head}content-length: {len(raw)}\r\n\r\n".encode() + raw)
                while not parts.whole and (data := await reader.read(256 * 1024)):
                    parser.feed_data(data)
                    status = parser.get_status_code()
            finally:
                writer.close()
                with contextlib.suppress(OSError):
                    await writer.wait_closed()
    body = b"".join(parts.body)
    elapsed_s = time.monotonic() - began
    return Told(model, streamed, status, parts.headers, body, parts.whole, elapsed_s)


async def get(port: int, path: str) -> str:
    """A page."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        head = f"GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n"
        writer.write(head.encode())
        return (await reader.read()).decode()
    finally:
        writer.close()
        await writer.wait_closed()


def _read(raw: bytes) -> dict[str, Any]:
    try:
        found = json.loads(raw)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
