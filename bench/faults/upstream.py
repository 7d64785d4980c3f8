"""Faults of servers: a deployment for each, all in one gateway, each asked in eight ways."""

import asyncio
import secrets
import ssl
from collections.abc import Iterable
from pathlib import Path

import msgspec

from aihandler.testing import Scripted, Trouble, troubles
from bench.faults.asking import Told, ask
from bench.faults.ground import Ground
from bench.faults.outcome import Outcome, Watch, kinds
from bench.faults.promises import Seen, broken

_LONG = 10_000_000


class Fault(msgspec.Struct, frozen=True):
    """A trouble, and whether a client that asks this deployment alone gets its answer anyway."""

    name: str
    trouble: Trouble | None = None
    answers: bool = False
    url: str = ""
    counts: bool = True
    patience_s: float = 0.8
    wrong_certificate: bool = False


def faults() -> list[Fault]:
    """The matrix."""
    made = [
        Fault("dribble: one byte at a time", troubles.dribble(), answers=True, patience_s=5.0),
        Fault("characters cut in two", troubles.split_utf8(), answers=True),
        Fault("slow headers", troubles.slow_head(pause_s=0.05), answers=True),
        Fault("headers that take too long", troubles.slow_head(pause_s=1.0)),
        Fault("connection closed after each answer", troubles.hang_up(_LONG), answers=True),
        Fault("half-closed after the answer", troubles.half_close(_LONG), answers=True),
        Fault("no first byte", troubles.stall(0)),
        Fault("garbage JSON", troubles.garbage_json()),
        Fault("wrong content type", troubles.wrong_content_type()),
        Fault("invalid SSE", troubles.invalid_sse()),
        Fault("a line of 10 MB", troubles.long_line(_LONG), answers=True, patience_s=5.0),
        Fault("200 with an error in it", troubles.error_in_200()),
        Fault("no counts of tokens", answers=True, counts=False),
        Fault("no HTTP at all", troubles.not_http()),
        Fault("a name that does not resolve", url="http://nowhere.invalid:9"),
        Fault("nobody listens", url="http://127.0.0.1:9"),
        Fault("a certificate of somebody else", wrong_certificate=True),
    ]
    for bytes_ in (1, 60, 200, 500):
        made += [
            Fault(f"stall after {bytes_} bytes", troubles.stall(bytes_)),
            Fault(f"half-close after {bytes_} bytes", troubles.half_close(bytes_)),
            Fault(f"reset after {bytes_} bytes", troubles.reset(bytes_)),
        ]
    for status in (429, 500, 502, 503, 529):
        made += [
            Fault(f"{status}", troubles.says(status)),
            Fault(f"{status}, Retry-After 1", troubles.says(status, retry_after="1")),
            Fault(f"{status}, Retry-After 60", troubles.says(status, retry_after="60")),
        ]
    return made


async def run(folder: Path, chosen: Iterable[Fault], *, rounds: int) -> list[Outcome]:
    """Tries every fault, and looks at the promises over all of them."""
    ground, marker = Ground(folder), f"marker-{secrets.token_hex(8)}"
    ground.provider("spare")
    ground.provider("vendor", hosting="vendor")
    named = {f"f{number}": fault for number, fault in enumerate(chosen)}
    for name, fault in named.items():
        _deployment(ground, name, fault)
    async with ground, ground.gateway() as gateway:
        port, watch = gateway.port, Watch()
        await ask(port, "spare")
        before = gateway.sockets()[0]
        told = await _all(port, named, marker=marker, rounds=rounds)
        everything = [one for group in told.values() for one in group]
        texts = frozenset({*(p.text for p in ground.providers.values()), "x" * _LONG})
        seen = Seen(everything, watch.seconds, before, marker.encode(), texts)
        wrong = await broken(ground, gateway, seen)
        again = await ask(port, "spare")
    if again.kind != "answer":
        wrong.append(f"afterwards a healthy server is not asked: {again.kind}")
    return [_outcome(name, fault, told[name], wrong) for name, fault in named.items()] + [
        Outcome("server", "all of them", f"{len(everything)} requests", _others(wrong, named))
    ]


def _deployment(ground: Ground, name: str, fault: Fault) -> None:
    reply = Scripted(
        f"Grüße von {name}: 你好, 世界. " * 30, fault=None if fault.counts else "no_usage"
    )
    provider = ground.provider(name, reply, troubles=fault.trouble, patience_s=fault.patience_s)
    provider.url = fault.url
    if fault.wrong_certificate:
        provider.tls = _somebody_else()
    ground.tasks[f"t-{name}"] = (name, "spare")
    ground.tasks[f"v-{name}"] = (name, "vendor")


async def _all(
    port: int, named: dict[str, Fault], *, marker: str, rounds: int
) -> dict[str, list[Told]]:
    places = asyncio.Semaphore(6)

    async def one(name: str) -> list[Told]:
        async with places:
            told: list[Told] = []
            for _ in range(rounds):
                for streamed in (False, True):
                    told += await asyncio.gather(
                        ask(port, name, streamed=streamed),
                        ask(port, f"t-{name}", streamed=streamed),
                        ask(port, f"v-{name}", streamed=streamed),
                        ask(
                            port,
                            f"v-{name}",
                            text=f"secret {marker}",
                            streamed=streamed,
                            data_class="restricted",
                        ),
                    )
            return told

    groups = await asyncio.gather(*(one(name) for name in named))
    return dict(zip(named, groups, strict=True))


def _outcome(name: str, fault: Fault, told: list[Told], wrong: list[str]) -> Outcome:
    alone = [one for one in told if one.model == name]
    helped = [one for one in told if one.model == f"t-{name}"]
    found = [line for line in wrong if _about(line, name)]
    if fault.answers and kinds(alone) != "answer":
        found.append(f"an answer was expected, not {kinds(alone)}")
    if not fault.answers and any(one.kind == "answer" for one in alone):
        found.append("an answer came where none could be right")
    happened = f"alone: {kinds(alone)}; with another: {kinds(helped)}"
    return Outcome("server", fault.name, happened, tuple(found))


def _about(line: str, name: str) -> bool:
    return line.partition(":")[0] in {name, f"t-{name}", f"v-{name}"}


def _others(wrong: list[str], named: dict[str, Fault]) -> tuple[str, ...]:
    return tuple(line for line in wrong if not any(_about(line, name) for name in named))


def _somebody_else() -> ssl.SSLContext:
    import trustme

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("elsewhere.example").configure_cert(context)
    return context
