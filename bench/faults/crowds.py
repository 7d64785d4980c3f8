"""Many clients, slow ones, and requests that are made to be expensive."""

import asyncio
import contextlib
import json
import resource
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

from aihandler.gateway.weighing import MAX_PARTS
from aihandler.testing import Scripted
from bench.faults.asking import Told, ask, messages, send
from bench.faults.ground import Ground, Running
from bench.faults.outcome import Outcome, Watch, counted
from bench.faults.promises import Seen, broken

Pair = tuple[asyncio.StreamReader, asyncio.StreamWriter]
# Of what asks beside a crowd, none may wait longer.
_BESIDE_S = 5.0


def faults() -> dict[str, Callable[..., Awaitable[Outcome]]]:
    """The matrix."""
    return {
        "10,000 idle connections": idle_connections,
        "2,000 concurrent streams": many_streams,
        "slowloris": slowloris,
        "1 MB of nested JSON": nested_json,
        "1,000,000 keys in an object": many_keys,
        "as many parts as a body may have": most_parts,
    }


async def idle_connections(folder: Path, *, short: bool) -> Outcome:
    """Connections that say nothing."""
    count = 500 if short else 10_000
    _allow_files(count + 1000)
    async with _ground(folder) as (ground, gateway):
        before, watch = gateway.sockets()[0], Watch()
        async with _connected(gateway.port, count):
            told = await _beside(gateway.port, 20)
        wrong = await _looked(ground, gateway, told, watch=watch, before=before)
    happened = f"with {count:,} of them: {counted(told)}, the slowest {_slowest(told)}"
    return Outcome("clients", "10,000 idle connections", happened, tuple(wrong))


async def many_streams(folder: Path, *, short: bool) -> Outcome:
    """Streams that all run at once."""
    count = 100 if short else 2_000
    _allow_files(4 * count + 1000)
    async with _ground(folder, patience_s=60.0) as (ground, gateway):
        before, watch = gateway.sockets()[0], Watch()
        told = list(
            await asyncio.gather(
                *(ask(gateway.port, "slow", text=f"{n}", streamed=True) for n in range(count))
            )
        )
        wrong = await _looked(ground, gateway, told, watch=watch, before=before, beside=False)
        wrong += sorted({one.kind for one in told} - {"answer"})
    happened = f"{counted(told)} in {watch.seconds:.0f} s"
    return Outcome("clients", "2,000 concurrent streams", happened, tuple(wrong))


async def slowloris(folder: Path, *, short: bool) -> Outcome:
    """Requests whose headers come byte by byte and never end."""
    count, seconds = (50, 1.0) if short else (1_000, 10.0)
    _allow_files(count + 1000)
    async with _ground(folder) as (ground, gateway):
        before, watch = gateway.sockets()[0], Watch()
        async with _connected(gateway.port, count) as pairs:
            for _, writer in pairs:
                writer.write(b"POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\nx-slow: ")
            told: list[Told] = []
            while watch.seconds < seconds:
                for _, writer in pairs:
                    writer.write(b"a")
                told += await _beside(gateway.port, 2)
                await asyncio.sleep(0.2)
        wrong = await _looked(ground, gateway, told, watch=watch, before=before)
    happened = f"with {count:,} of them: {counted(told)}, the slowest {_slowest(told)}"
    return Outcome("clients", "slowloris", happened, tuple(wrong))


async def nested_json(folder: Path, *, short: bool) -> Outcome:  # noqa: ARG001 - as the others
    """Half a million brackets, in three places where something might follow them."""
    size = 500_000
    deep = b"[" * size + b"]" * size
    asked = json.dumps({"model": "near", "messages": messages("hi")}).encode()[:-1]
    raws = [deep, asked + b', "metadata": ' + deep + b"}", b'{"a":' * (size // 3)]
    return await _expensive(folder, "1 MB of nested JSON", raws)


async def many_keys(folder: Path, *, short: bool) -> Outcome:
    """An object of a million keys, at the top and as a value."""
    count = 100_000 if short else 1_000_000
    keys = {f"k{number}": number for number in range(count)}
    asked = {"model": "near", "messages": messages("hi")}
    raws = [
        json.dumps({**asked, **keys}).encode(),
        json.dumps({**asked, "metadata": keys}).encode(),
    ]
    return await _expensive(folder, "1,000,000 keys in an object", raws)


async def most_parts(folder: Path, *, short: bool) -> Outcome:  # noqa: ARG001 - as the others
    """Bodies just within the bounds, which are decoded: keys, and messages."""
    keys = {f"k{number}": number for number in range(MAX_PARTS - 100)}
    many = [{"role": "user", "content": "hi"}] * (MAX_PARTS // 3 - 100)
    raws = [
        json.dumps({"model": "near", "messages": messages("hi"), "metadata": keys}).encode(),
        json.dumps({"model": "near", "messages": many}).encode(),
    ]
    return await _expensive(folder, "as many parts as a body may have", raws)


async def _expensive(folder: Path, name: str, raws: list[bytes]) -> Outcome:
    async with _ground(folder) as (ground, gateway):
        before, watch = gateway.sockets()[0], Watch()
        sent = [send(gateway.port, raw, model="near") for raw in raws]
        sending = asyncio.gather(*sent)
        beside = await _beside(gateway.port, 20)
        heavy = list(await sending)
        wrong = await _looked(ground, gateway, beside, watch=watch, before=before)
        wrong += sorted({one.kind for one in heavy} - {"answer", "error 400", "error 413"})
    happened = f"{counted(heavy)}; beside them {counted(beside)}, the slowest {_slowest(beside)}"
    return Outcome("clients", name, happened, tuple(wrong))


@contextlib.asynccontextmanager
async def _ground(
    folder: Path, *, patience_s: float = 10.0
) -> AsyncIterator[tuple[Ground, Running]]:
    ground = Ground(folder)
    ground.provider("near", patience_s=patience_s)
    reply = Scripted("Words that take their time. " * 3, piece_delay_s=0.2)
    ground.provider("slow", reply, patience_s=patience_s)
    async with ground, ground.gateway() as gateway:
        await ask(gateway.port, "near")
        yield ground, gateway


@contextlib.asynccontextmanager
async def _connected(port: int, count: int) -> AsyncIterator[list[Pair]]:
    pairs: list[Pair] = []
    try:
        while len(pairs) < count:
            some = min(200, count - len(pairs))
            made = (asyncio.open_connection("127.0.0.1", port) for _ in range(some))
            pairs += await asyncio.gather(*made)
        yield pairs
    finally:
        for _, writer in pairs:
            writer.transport.abort()
        await asyncio.sleep(0.1)


async def _beside(port: int, count: int) -> list[Told]:
    return [await ask(port, "near", text=f"{n}", streamed=n % 2 == 0) for n in range(count)]


async def _looked(
    ground: Ground,
    gateway: Running,
    told: list[Told],
    *,
    watch: Watch,
    before: int,
    beside: bool = True,
) -> list[str]:
    texts = frozenset(provider.text for provider in ground.providers.values())
    wrong = await broken(ground, gateway, Seen(told, watch.seconds, before, texts=texts))
    wrong += sorted({one.kind for one in told} - {"answer"})
    if beside and any(one.elapsed_s > _BESIDE_S for one in told):
        wrong.append(f"others waited {_slowest(told)}")
    return wrong


def _slowest(told: list[Told]) -> str:
    return f"{max(one.elapsed_s for one in told) * 1000:.0f} ms"


def _allow_files(count: int) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < count:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(count, hard), hard))
