"""CPU per call of the transport and of the codec, against a server of another process that answers
at once: `python bench/transport.py`. Each round prints microseconds of this process's CPU.
"""

import argparse
import asyncio
import contextlib
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import cast

from aihandler.backends import HttpCaller, OpenAIChat, Transport, load_profiles
from aihandler.backends.codec import HttpCall
from aihandler.domain.conversation import Request, Sampling, message
from aihandler.domain.deployment import Deployment, Hosting, Model
from aihandler.testing import allow

CONNECTIONS = 32
_CHUNK = (
    b'data: {"id":"x","object":"chat.completion.chunk","created":1,"model":"m",'
    b'"choices":[{"index":0,"delta":{"content":" token"},"finish_reason":null}]}\n\n'
)
_STREAM_END = (
    b'data: {"id":"x","model":"m","choices":[{"index":0,"delta":{},"finish_reason":"stop"}],'
    b'"usage":{"prompt_tokens":10,"completion_tokens":50,"total_tokens":60}}\n\ndata: [DONE]\n\n'
)
_WHOLE = (
    b'{"id":"x","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,'
    b'"message":{"role":"assistant","content":"' + b"The answer is an answer. " * 16 + b'"},'
    b'"finish_reason":"stop"}],"usage":{"prompt_tokens":10,"completion_tokens":50,'
    b'"total_tokens":60}}'
)


class _Static(asyncio.Protocol):
    """Answers every request that ends where a piece ends, without looking at it."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        head = b"HTTP/1.1 200 OK\r\ncontent-type: %s\r\ncontent-length: %d\r\n\r\n"
        self.whole = head % (b"application/json", len(_WHOLE)) + _WHOLE
        events = [*([_CHUNK] * 50), _STREAM_END]
        size = sum(map(len, events))
        self.stream = [head % (b"text/event-stream", size), *events]

    def data_received(self, data: bytes) -> None:
        if b'"stream":true' in data:
            for piece in self.stream:
                self.transport.write(piece)
        else:
            self.transport.write(self.whole)


async def serve() -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(_Static, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


@contextlib.contextmanager
def static_server() -> Iterator[str]:
    command = [sys.executable, __file__, "--serve"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
        finally:
            process.kill()


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


async def _per_call_us(once: Callable[[], Awaitable[None]], calls: int) -> float:
    numbers = iter(range(calls))

    async def work() -> None:
        for _ in numbers:
            await once()

    began = _cpu_s()
    await asyncio.gather(*(work() for _ in range(CONNECTIONS)))
    return (_cpu_s() - began) / calls * 1e6


async def measure(url: str, *, calls: int, rounds: int) -> dict[str, list[float]]:
    deployment = Deployment("d", "openai", Model("m"), Hosting.SELF, urls=(url,), profile="openai")
    clearance = allow(deployment)
    transport = Transport(monotonic=time.monotonic, secrets=lambda _: "")
    caller = HttpCaller(transport, codec=OpenAIChat(), profiles=load_profiles())
    prompt = (message("system", "Say which kind it is."), message("user", "word " * 280))
    request = Request("triage", prompt, sampling=Sampling(temperature=0.0, max_output_tokens=64))
    call: HttpCall = OpenAIChat().encode(
        request, deployment, load_profiles()["openai"], streamed=False
    )

    def until() -> float:
        return time.monotonic() + 60

    async def bytes_only() -> None:
        response = await transport.send(call, deployment, clearance, deadline=until(), sent=_none)
        await response.read()

    async def whole() -> None:
        await caller.call(request, deployment, clearance, deadline=until(), sent=_none)

    async def streamed() -> None:
        async for _ in caller.stream(request, deployment, clearance, deadline=until(), sent=_none):
            pass

    found: dict[str, list[float]] = {"transport": [], "with codec": [], "streamed, 51 events": []}
    for _ in range(rounds + 1):
        found["transport"].append(await _per_call_us(bytes_only, calls))
        found["with codec"].append(await _per_call_us(whole, calls))
        found["streamed, 51 events"].append(await _per_call_us(streamed, calls // 10))
    await caller.close()
    # The first round opens connections and warms caches.
    return {name: values[1:] for name, values in found.items()}


def _none() -> None:
    pass


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--calls", type=int, default=5000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--asyncio", action="store_true", help="without uvloop")
    chosen = parser.parse_args()
    runner = asyncio.run
    if not chosen.asyncio:
        import uvloop

        runner = uvloop.run
    if chosen.serve:
        with contextlib.suppress(KeyboardInterrupt):
            runner(serve())
        return
    with static_server() as url:
        found = runner(measure(url, calls=chosen.calls, rounds=chosen.rounds))
    print(f"CPU us per call, {CONNECTIONS} connections, load {os.getloadavg()[0]:.1f}")
    for name, values in found.items():
        middle = statistics.median(values)
        print(f"  {name:20} {middle:7.1f}  ({min(values):.1f}..{max(values):.1f})")


if __name__ == "__main__":
    main()
