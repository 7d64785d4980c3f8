"""What a workflow costs beyond the model call: executor, engine and journal, per item.

`python -m bench.executor [--items N]`. A local server in another process answers at once. CPU of
this process (all threads) is taken for the whole job, then for the same calls through the
transport alone, then for prompt and validation alone; the rest is ours. Commits are fully synced.
"""

import argparse
import asyncio
import contextlib
import os
import resource
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from pathlib import Path

from aihandler.config.configuration import Configuration, LedgerSettings
from aihandler.domain.conversation import Request, Sampling
from aihandler.domain.deployment import Deployment, Hosting, Limits, Model, Price
from aihandler.domain.document import Document
from aihandler.domain.labels import DataClass
from aihandler.domain.task import JsonOutput, Prompt, PromptMessage, Task, TaskStep, Workflow
from aihandler.engine.prompting import Prompts
from aihandler.handler import Handler
from aihandler.testing import spawn_server
from aihandler.validation import Validator

SCHEMA = {
    "type": "object",
    "properties": {"category": {"enum": ["billing", "bug"]}, "priority": {"type": "integer"}},
    "required": ["category", "priority"],
    "additionalProperties": False,
}
REPLY = '{"category": "billing", "priority": 2}'
TEXT = "The invoice from last month shows a double charge and the export button fails. " * 4
CONCURRENCY = 64


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--items", type=int, default=100_000)
    items = parser.parse_args().items
    with spawn_server("--reply", REPLY) as server, tempfile.TemporaryDirectory() as folder:
        configuration = configured(Path(folder), f"{server.url}/v1")
        whole = run(job(configuration, items))
        resumed = run(job(configuration, items))
        transport = run(calls_alone(configuration, min(items, 20_000)))
        local = prompt_and_validation(configuration, min(items, 20_000))
    ours = whole["cpu_us"] - transport["cpu_us"] - local
    print(f"load average {os.getloadavg()[0]:.1f}, {items:,} items, {CONCURRENCY} at once")
    print(
        f"whole job              {whole['cpu_us']:8.0f} us CPU an item  "
        f"{whole['per_s']:8.0f} items/s"
    )
    print(f"  transport alone      {transport['cpu_us']:8.0f}")
    print(f"  prompt + validation  {local:8.0f}")
    print(f"  executor + journal   {ours:8.0f}   (goal 250)")
    print(
        f"all done before        {resumed['cpu_us']:8.0f} us CPU an item  "
        f"{resumed['per_s']:8.0f} items/s"
    )
    print(f"peak memory            {whole['peak_mb']:8.0f} MB")


def configured(folder: Path, url: str) -> Configuration:
    task = Task(
        "triage",
        "1",
        output=JsonOutput(SCHEMA),
        prompt=Prompt((PromptMessage("user", "Category and priority as JSON: {{ text }}"),)),
        candidates=("fast",),
        max_output_tokens=64,
    )
    fast = Deployment(
        "fast",
        "openai",
        Model("fast-1"),
        Hosting.SELF,
        urls=(url,),
        price=Price(Decimal(3), Decimal(15)),
        limits=Limits(concurrency=CONCURRENCY),
    )
    return Configuration(
        file="bench",
        root=str(folder),
        ledger=LedgerSettings("ledger.sqlite"),
        deployments={"fast": fast},
        tasks={"triage": task},
        workflows={
            "job": Workflow("job", (TaskStep("triage", "triage"),), concurrency=CONCURRENCY)
        },
    )


def run(work: Callable[[], "asyncio.Future[int]"]) -> Mapping[str, float]:
    import uvloop

    before, started = time.process_time(), time.perf_counter()
    count = uvloop.run(work())
    cpu, wall = time.process_time() - before, time.perf_counter() - started
    peak_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {"cpu_us": cpu / count * 1e6, "per_s": count / wall, "peak_mb": peak_kb / 1024}


def job(configuration: Configuration, items: int):
    async def work() -> int:
        async with Handler(configuration) as handler:
            count = 0
            ended = handler.run_documents("job", documents(items))
            async with contextlib.aclosing(ended) as all_ended:
                async for one in all_ended:
                    count += one.result.steps["triage"].state == "done"
            assert count == items
            return count

    return work


def documents(items: int) -> Iterator[Document]:
    for number in range(items):
        yield Document(str(number), {"text": f"{number}: {TEXT}"}, DataClass.INTERNAL)


def calls_alone(configuration: Configuration, items: int):
    async def work() -> int:
        async with Handler(configuration) as handler:
            deployment = configuration.deployments["fast"]
            task = configuration.tasks["triage"]
            clearance = handler.clearance("triage", DataClass.INTERNAL)
            caller = handler.caller(deployment)
            requests = iter(range(items))

            async def one() -> None:
                messages = Prompts().messages(task, deployment, {"text": TEXT})
                request = Request("triage", messages, {}, task.output, Sampling(0.0))
                for _ in requests:
                    await caller.call(
                        request,
                        deployment,
                        clearance,
                        deadline=time.monotonic() + 60,
                        sent=lambda: None,
                    )

            await asyncio.gather(*(one() for _ in range(CONCURRENCY)))
            return items

    return work


def prompt_and_validation(configuration: Configuration, items: int) -> float:
    task, deployment = configuration.tasks["triage"], configuration.deployments["fast"]
    prompts, validator = Prompts(), Validator(task.output)
    before = time.process_time()
    for _ in range(items):
        prompts.messages(task, deployment, {"text": TEXT})
        validator.check(REPLY, finish="stop", source=TEXT)
    return (time.process_time() - before) / items * 1e6


if __name__ == "__main__":
    main()
