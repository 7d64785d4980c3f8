"""A load generator in a process of its own: `python -m bench.gateway.load` with JSON on its input.

Closed loop (`rate` 0): every connection asks again at once. Open loop: requests come at a fixed
rate, and their time counts from the moment at which they were due.
"""

import asyncio
import collections
import json
import sys
import time
from collections.abc import Mapping
from typing import cast

import msgspec


class Job(msgspec.Struct, frozen=True):
    """What to ask, how often, for how long."""

    port: int
    seconds: float
    connections: int = 32
    rate: float = 0.0
    streamed: bool = False
    model: str = "chat"
    path: str = "/v1/chat/completions"
    headers: Mapping[str, str] = {}


class Measured(msgspec.Struct, frozen=True):
    """What came of it; times in milliseconds, those to the first byte of the body in `first_`."""

    requests: int = 0
    errors: int = 0
    seconds: float = 0.0
    p50_ms: float = 0.0
    p99_ms: float = 0.0
    first_p50_ms: float = 0.0
    first_p99_ms: float = 0.0
    # The beginning of the first answer that was none.
    told: str = ""


def request_of(job: Job) -> bytes:
    """A chat request of 1.5 KB."""
    system = "You sort the mail of a small firm. Be brief and be exact. " * 6
    text = "The invoice of last month shows a double charge, and the export button fails. " * 13
    body = json.dumps(
        {
            "model": job.model,
            "messages": [{"role": "system", "content": system}, {"role": "user", "content": text}],
            "temperature": 0.2,
            "max_tokens": 128,
            **({"stream": True} if job.streamed else {}),
        }
    ).encode()
    extra = "".join(f"{name}: {value}\r\n" for name, value in job.headers.items())
    head = (
        f"POST {job.path} HTTP/1.1\r\nhost: 127.0.0.1:{job.port}\r\n"
        f"content-type: application/json\r\n{extra}content-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


class Generator:
    """Keeps count."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.request = request_of(job)
        self.times: list[tuple[float, float]] = []
        self.errors = 0
        self.told = ""
        self.over = False
        self.idle: collections.deque[Client] = collections.deque()
        self.due: collections.deque[float] = collections.deque()

    def free(self, client: "Client") -> None:
        """A connection has nothing to do."""
        if self.over:
            return
        if self.job.rate == 0:
            client.ask(time.perf_counter())
        elif self.due:
            client.ask(self.due.popleft())
        else:
            self.idle.append(client)

    async def run(self) -> Measured:
        """Asks until the time is over, and lets the last answers come."""
        loop = asyncio.get_running_loop()
        clients = [Client(self) for _ in range(self.job.connections)]
        for client in clients:
            await loop.create_connection(lambda c=client: c, "127.0.0.1", self.job.port)  # type: ignore[misc]
        began = time.perf_counter()
        for client in clients:
            self.free(client)
        await (self._pace(began) if self.job.rate else asyncio.sleep(self.job.seconds))
        self.over = True
        seconds = time.perf_counter() - began
        for _ in range(100):
            if not any(client.busy for client in clients):
                break
            await asyncio.sleep(0.05)
        for client in clients:
            client.close()
        return self._measured(seconds)

    async def _pace(self, began: float) -> None:
        for number in range(int(self.job.rate * self.job.seconds)):
            due = began + number / self.job.rate
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            if self.idle:
                self.idle.popleft().ask(due)
            else:
                self.due.append(due)

    def _measured(self, seconds: float) -> Measured:
        whole = sorted(end for end, _ in self.times) or [0.0]
        first = sorted(begin for _, begin in self.times) or [0.0]
        return Measured(
            len(self.times),
            self.errors,
            seconds,
            *(
                1000 * values[min(len(values) - 1, int(len(values) * share))]
                for values in (whole, first)
                for share in (0.5, 0.99)
            ),
            told=self.told,
        )


class Client(asyncio.Protocol):
    """One connection."""

    def __init__(self, generator: Generator) -> None:
        self.generator = generator
        self.busy = False
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)

    def ask(self, due: float) -> None:
        """Sends a request that was due then."""
        self.busy, self.due, self.first = True, due, 0.0
        self.got, self.size, self.length = b"", 0, -1
        assert self.transport is not None
        self.transport.write(self.generator.request)

    def data_received(self, data: bytes) -> None:
        if self.length == -1:
            self.got += data
            head, blank, body = self.got.partition(b"\r\n\r\n")
            if not blank:
                return
            self._head(head.lower())
            data = body
        if data and not self.first:
            self.first = time.perf_counter() - self.due
        self.size += len(data)
        chunked = self.length == -2
        if data.endswith(b"0\r\n\r\n") if chunked else self.size >= self.length:
            self._ended()

    def _head(self, head: bytes) -> None:
        self.status = head[9:12]
        _, found, rest = head.partition(b"content-length:")
        self.length = int(rest.split(b"\r\n")[0]) if found else -2

    def _ended(self) -> None:
        generator = self.generator
        self.busy = False
        if self.status == b"200":
            generator.times.append((time.perf_counter() - self.due, self.first))
        else:
            generator.errors += 1
            generator.told = generator.told or self.got[:600].decode("latin-1")
        generator.free(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - a Protocol's shape
        if self.busy:
            self.busy = False
            self.generator.errors += 1

    def close(self) -> None:
        if self.transport is not None:
            self.transport.abort()


def main() -> None:
    import uvloop

    job = msgspec.json.decode(sys.stdin.buffer.read(), type=Job)
    sys.stdout.buffer.write(msgspec.json.encode(uvloop.run(Generator(job).run())))


if __name__ == "__main__":
    main()
