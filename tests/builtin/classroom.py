"""A small task to learn, and what a caller needs around it."""

import asyncio
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from aihandler.backends.builtin.caller import BuiltinCaller
from aihandler.domain.answer import Reply
from aihandler.domain.clearance import Clearance
from aihandler.domain.conversation import Request
from aihandler.domain.deployment import HERE, Deployment, Hosting, Model
from aihandler.domain.labels import DataClass
from aihandler.domain.task import Example, Examples, JsonOutput, LabelOutput, Output, Task

TICKETS = {
    "billing": [
        "my invoice is wrong",
        "charged twice on the invoice",
        "the bill is too high",
        "please refund the payment",
        "invoice total is wrong",
        "a second payment was taken",
    ],
    "bug": [
        "the app crashes on start",
        "error when I open the app",
        "the page does not load",
        "crash after the update",
        "an error message appears",
        "the app freezes on the page",
    ],
}
TRIAGE_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "category": {"type": "string", "enum": ["billing", "bug"]},
        "priority": {"enum": ["high", "low"]},
    },
    "required": ["category", "priority"],
    "additionalProperties": False,
}


class RealClock:
    def monotonic(self) -> float:
        return time.monotonic()

    def wall(self) -> float:
        return time.time()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


def ticket_examples() -> Examples:
    rows = [Example({"text": text}, label) for label, texts in TICKETS.items() for text in texts]
    return Examples(tuple(rows), source="tickets.csv")


def triage_examples() -> Examples:
    rows = [
        Example(
            {"text": f"{text} {urgency}"},
            {"category": label, "priority": "high" if urgency == "urgent now" else "low"},
        )
        for label, texts in TICKETS.items()
        for text in texts
        for urgency in ("urgent now", "no hurry")
    ]
    return Examples(tuple(rows), source="triage.csv")


def ticket_task(**changes: Any) -> Task:
    task = Task("triage", "v1", output=LabelOutput(("billing", "bug")), examples=ticket_examples())
    return msgspec.structs.replace(task, **changes)


def triage_task(**changes: Any) -> Task:
    task = Task("triage", "v1", output=JsonOutput(TRIAGE_SCHEMA), examples=triage_examples())
    return msgspec.structs.replace(task, **changes)


def here(kind: str) -> Deployment:
    return Deployment(kind, f"builtin/{kind}", Model(kind), Hosting.SELF, region=HERE)


def cleared(*deployments: Deployment) -> Clearance:
    return Clearance(DataClass.RESTRICTED, {d.name: d.identity for d in deployments})


def caller_for(folder: Path, *tasks: Task) -> BuiltinCaller:
    return BuiltinCaller({task.name: task for task in tasks}, folder, RealClock())


async def ask(
    caller: BuiltinCaller,
    kind: str,
    fields: Mapping[str, str],
    *,
    output: Output,
    task: str = "triage",
    seconds: float = 60,
) -> Reply:
    deployment = here(kind)
    return await caller.call(
        Request(task, (), fields, output),
        deployment,
        cleared(deployment),
        deadline=time.monotonic() + seconds,
        sent=lambda: None,
    )
