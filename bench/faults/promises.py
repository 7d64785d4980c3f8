"""What has to hold after every run, whatever was broken in it."""

import contextlib
import re
import sqlite3
from collections.abc import Sequence

import msgspec

from aihandler.testing import read_bill
from bench.faults.asking import Told, get
from bench.faults.ground import PRICES, TASK_S, Ground, Provider, Running, until

_NANO_PER_TOKEN = tuple(price * 1000 for price in PRICES)
_ENTRIES = """
SELECT deployment, call_id, state, outcome, reason, marginal_nano, doubt_nano, usage_state
FROM entry ORDER BY id
"""
_FINAL = {"settled", "in_doubt"}


class Entry(msgspec.Struct, frozen=True, array_like=True):
    """One attempt, as the ledger has it."""

    deployment: str
    call_id: str
    state: str
    outcome: str | None
    reason: str
    settled_nano: int
    doubt_nano: int
    usage_state: str | None


class Seen(msgspec.Struct, frozen=True):
    """A run: what clients were told, how long it took, and what was open before it."""

    told: Sequence[Told]
    seconds: float
    files_before: int | None = None
    marker: bytes = b""
    # What a right answer may say.
    texts: frozenset[str] = frozenset()


def entries(ground: Ground) -> list[Entry]:
    """All rows of the ledger."""
    uri = f"{ground.ledger.absolute().as_uri()}?mode=ro"
    with contextlib.closing(sqlite3.connect(uri, uri=True, timeout=15)) as ledger:
        return [msgspec.convert(row, Entry) for row in ledger.execute(_ENTRIES)]


async def broken(ground: Ground, running: Running, seen: Seen) -> list[str]:
    """The promises that do not hold; none, if all is well."""
    found = await _ends(ground, seen)
    rows = entries(ground)
    for provider in ground.providers.values():
        found += _money(provider, [row for row in rows if row.deployment == provider.name])
    found += _retries(rows, seen)
    found += _answers(seen)
    found += _secrets(ground, seen)
    found += await _leaks(ground, running, seen)
    return found


async def _ends(ground: Ground, seen: Seen) -> list[str]:
    named = {t.headers["x-aihandler-call"] for t in seen.told if "x-aihandler-call" in t.headers}

    def ended() -> bool:
        rows = entries(ground)
        known = {row.call_id for row in rows}
        return named <= known and all(row.state in _FINAL for row in rows)

    with contextlib.suppress(AssertionError):
        await until(ended, within_s=20)
        return []
    rows = entries(ground)
    missing = len(named - {row.call_id for row in rows})
    unended = sum(row.state not in _FINAL for row in rows)
    return [f"{missing} answered calls are not in the ledger, {unended} attempts have no end"]


def _money(provider: Provider, rows: Sequence[Entry]) -> list[str]:
    assert provider.bill is not None
    billed = sum(
        line.usage.prompt_tokens * _NANO_PER_TOKEN[0]
        + line.usage.completion_tokens * _NANO_PER_TOKEN[1]
        for line in read_bill(provider.bill)
    )
    counted = [row for row in rows if row.usage_state == "reported"]
    settled = sum(row.settled_nano for row in counted)
    # What nobody counted is a guess of ours: it bounds the bill from above, never from below.
    guessed = sum(row.settled_nano for row in rows) - settled
    most = settled + guessed + sum(row.doubt_nano for row in rows)
    if not settled <= billed <= most:
        told = f"{provider.name}: settled {settled} <= bill {billed} <= {most}"
        return [f"{told} nano-dollars does not hold"]
    if most == settled and settled != billed:
        return [f"{provider.name}: usage arrived, but settled {settled} is not the bill {billed}"]
    return []


def _retries(rows: Sequence[Entry], seen: Seen) -> list[str]:
    again = sum(row.reason in {"retry", "hedge"} for row in rows)
    most = 0.2 * len(seen.told) + 10 * (seen.seconds + 1)
    return [f"{again} retries for {len(seen.told)} requests"] if again > most else []


def _answers(seen: Seen) -> list[str]:
    found = []
    for told in seen.told:
        if told.kind not in {"answer", "error event"} and not told.kind.startswith("error "):
            found.append(f"{told.model}: {told.kind}")
        if told.kind == "answer" and seen.texts and told.text not in seen.texts:
            found.append(f"{told.model}: a wrong answer, {told.text[:40]!r}")
        if told.model[:2] in {"t-", "v-"} and told.elapsed_s > TASK_S + 1:
            found.append(f"{told.model}: ended after {told.elapsed_s:.1f} s")
    return sorted(set(found))


def _secrets(ground: Ground, seen: Seen) -> list[str]:
    if not seen.marker:
        return []
    return [
        f"restricted bytes reached {provider.name}"
        for provider in ground.providers.values()
        if provider.hosting == "vendor" and seen.marker in provider.now.received
    ]


async def _leaks(ground: Ground, running: Running, seen: Seen) -> list[str]:
    if not running.alive:
        return []
    under_way = 1
    # The page that tells is itself under way in no count.
    for _ in range(100):
        page = await get(running.port, "/metrics")
        found = re.search(r"^aihandler_requests_open (\S+)", page, re.MULTILINE)
        under_way = int(float(found[1])) - 1 if found else 0
        if under_way <= 0:
            break
    leaks = [f"{under_way} requests are still under way"] if under_way > 0 else []
    if seen.files_before is not None:
        leaks += await _files(running, seen.files_before)
    spools = list(ground.ledger.with_name(f"{ground.ledger.name}.spools").glob("*.spool"))
    if len(spools) != len(running.workers()):
        leaks.append(f"{len(spools)} spools for {len(running.workers())} workers")
    return leaks


async def _files(running: Running, before: int) -> list[str]:
    with contextlib.suppress(AssertionError):
        await until(lambda: running.sockets()[0] <= before, within_s=5)
    files, _, forgotten = running.sockets()
    found = [f"{files} files and sockets, {before} before"] if files > before else []
    return [*found, f"{forgotten} connections are half closed"] if forgotten else found
