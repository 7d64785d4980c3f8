"""Short forms for making what the ledger takes."""

import asyncio
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec

from aihandler.domain.answer import Answer, Finish, Reply, Validity
from aihandler.domain.conversation import Text, message
from aihandler.domain.deployment import Deployment, Hosting, HourlyCost, Limits, Model, Price
from aihandler.domain.keys import digest
from aihandler.domain.labels import DataClass
from aihandler.domain.ports import Accepted, Intent, ReviewItem, Settlement
from aihandler.domain.usage import Cost, Usage
from aihandler.ledger import Ledger, open_ledger

NOON = 1_790_000_000.0 - 1_790_000_000.0 % 86_400 + 43_200


class StandingClock:
    """Wall time that moves only when told."""

    def __init__(self, wall: float = NOON) -> None:
        self.now = wall

    def monotonic(self) -> float:
        return self.now

    def wall(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds
        await asyncio.sleep(0)


def opened(folder: Path, **settings: Any) -> Ledger:
    settings.setdefault("clock", StandingClock())
    return open_ledger(folder / "ledger.sqlite", **settings)


def intent(name: str = "one", **given: Any) -> Intent:
    known: dict[str, Any] = {
        "key": digest("attempt", name),
        "call_id": f"call-{name}",
        "task": "triage",
        "task_version": "v1",
        "deployment": "vendor",
        "model": "large",
        "reason": "first",
        "data_class": DataClass.INTERNAL,
        "clearance": "c" * 32,
        "expected_nano": 500,
        "started_at": NOON,
        "request": request(f"the text of {name}"),
    }
    return Intent(**(known | given))


def request(text: str) -> bytes:
    return msgspec.json.encode([message("user", text)])


def settlement(text: str = "billing", *, finish: Finish = "stop", **given: Any) -> Settlement:
    known: dict[str, Any] = {
        "outcome": "valid",
        "cost": Cost(marginal=700),
        "latency_s": 0.25,
        "usage": Usage(100, output=10),
        "validity": Validity.EXACT,
        "reply": msgspec.json.encode(Reply((Text(text),), finish)),
    }
    return Settlement(**(known | given))


def answer(value: object, *, call_id: str = "call-one") -> bytes:
    return msgspec.json.encode(
        Answer(value, Validity.EXACT, "vendor", None, Cost(700), call_id, DataClass.INTERNAL)
    )


def accepted(name: str, value: object = "billing", **given: Any) -> Accepted:
    encoded = answer(value, call_id=f"call-{name}")
    return Accepted(digest("work", name), digest("answer", value), encoded, **given)


def review(name: str = "one", **given: Any) -> ReviewItem:
    known: dict[str, Any] = {
        "id": f"review-{name}",
        "work_key": digest("work", name),
        "task": "triage",
        "data_class": DataClass.CONFIDENTIAL,
        "reason": "no candidate answered validly",
        "created_at": NOON,
        "run_id": "run-1",
        "document_id": f"{name}.txt",
        "step": "triage",
        "input": msgspec.json.encode({"text": f"the text of {name}"}),
        "proposal": "other",
    }
    return ReviewItem(**(known | given))


def deployment(
    name: str = "vendor",
    *,
    price: Price | None = None,
    usd_per_hour: str = "",
    concurrency: int = 16,
    backend: str = "openai",
) -> Deployment:
    return Deployment(
        name,
        backend,
        Model("large"),
        Hosting.VENDOR,
        price=price,
        hourly_cost=HourlyCost(Decimal(usd_per_hour)) if usd_per_hour else None,
        limits=Limits(concurrency=concurrency),
    )


async def call(
    ledger: Ledger,
    name: str = "one",
    *,
    settled: Settlement | None = None,
    **given: Any,
) -> int:
    """One attempt from intent to settlement."""
    entry_id = await ledger.journal.intend(intent(name, **given))
    ledger.journal.sent(entry_id)
    await ledger.journal.settle(entry_id, settled or settlement())
    return entry_id


def bytes_on_disk(folder: Path) -> Mapping[str, bytes]:
    return {f.name: f.read_bytes() for f in folder.iterdir() if f.is_file()}
