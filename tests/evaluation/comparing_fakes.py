"""Two models behind a loopback server, and a task to compare them at."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from aihandler.evaluation.compare import Comparing, Order, Seen
from aihandler.evaluation.datasets import from_file
from aihandler.handler import Handler
from aihandler.testing import FakeServer

CONFIGURATION = """
version: 1
deployments:
  small: {{backend: openai, model: small, url: "{url}/v1", hosting: self}}
  large: {{backend: openai, model: large, url: "{url}/v1", hosting: vendor, provider: acme,
          price: {{input: 1, output: 10}}}}
policy:
  public: {{hosting: [self, vendor]}}
  internal: {{hosting: [self, vendor]}}
  confidential: {{hosting: self}}
tasks:
  triage:
    prompt: "Which label?\\n{{{{ text }}}}"
    output: {{label: [bug, billing]}}
    candidates: [small, large]
    max_output_tokens: 10
    otherwise: review
    limits: {{reasks: 0}}
"""
ROWS = 6
Script = Callable[[dict[str, Any]], Any]


def text_of(request: dict[str, Any]) -> str:
    return str(request["messages"][-1]["content"])


def right(request: dict[str, Any]) -> str:
    """The large one is always right, the small one says `bug`."""
    if request["model"] == "small":
        return "bug"
    return "billing" if "invoice" in text_of(request) else "bug"


def configured(folder: Path, server: FakeServer, configuration: str = CONFIGURATION) -> Path:
    """A folder with a configuration and six labelled examples."""
    (folder / "aihandler.yaml").write_text(configuration.format(url=server.url))
    lines = [
        {"input": f"invoice {n} is wrong", "expected": "billing", "tags": ["money"]}
        if n % 2
        else {"input": f"button {n} does nothing", "expected": "bug"}
        for n in range(ROWS)
    ]
    (folder / "data.jsonl").write_text("\n".join(json.dumps(line) for line in lines))
    return folder


def order(folder: Path, handler: Handler, **settings: Any) -> Order:
    data = from_file(folder / "data.jsonl", handler.task("triage"))
    return Order("triage", ("small", "large"), data, **settings)


async def compared(handler: Handler, wanted: Order) -> tuple[Comparing, list[Seen]]:
    async with handler:
        comparing = Comparing(handler, wanted)
        seen = [one async for one in comparing.observations()]
        return comparing, seen
