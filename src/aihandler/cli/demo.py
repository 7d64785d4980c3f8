"""`aihandler demo`: the main job over documents that ship with it, with no key and no server."""

import asyncio
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from aihandler.cli.options import json_option
from aihandler.cli.page import usd
from aihandler.domain.deployment import Deployment, Hosting, Limits, Model
from aihandler.domain.labels import DataClass
from aihandler.domain.task import Task
from aihandler.errors import ConfigError, InputError

if TYPE_CHECKING:
    from aihandler.backends.discovery import FoundServer
    from aihandler.cli.running import Job, Ran
    from aihandler.config import Configuration
    from aihandler.handler import Handler

LOCAL = "local"


@click.command()
@click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("aihandler-demo"),
    show_default=True,
    help="Where documents, outputs and ledger go.",
)
@click.option("--use", multiple=True, metavar="NAME", help="Also ask this vendor deployment.")
@click.option("--no-local", is_flag=True, help="Do not look for a model server on this machine.")
@json_option
def demo(folder: Path, use: Sequence[str], no_local: bool, as_json: bool) -> None:
    """Run triage, extraction and summaries over about 300 documents of a small company.

    Needs no key, no GPU and no server: the models run in this process. A model server on this
    machine is used when it answers; a vendor only with --use, even when its key lies in the
    environment. Stop it at any time and run it again: it goes on from there.
    """
    from aihandler.cli.inputs import read_labels
    from aihandler.cli.result import show_result
    from aihandler.cli.running import Job, run_job
    from aihandler.config import load
    from aihandler.handler import Handler

    copy_demo(folder)
    whole = load(folder / "aihandler.yaml")
    found = None if no_local else asyncio.run(_find_local())
    if found is not None and not as_json:
        click.echo(f"{found.kind} answers at {found.url}: {found.models[0]} is asked as `{LOCAL}`")
    handler = Handler(_for_demo(whole, use, found))
    job = Job(
        name="office",
        inputs=(folder / "documents",),
        outputs=(folder / "results.jsonl", folder / "results.csv"),
        labels=read_labels(folder / "labels.jsonl"),
    )
    ran = asyncio.run(run_job(handler, job, quiet=as_json))
    show_result(handler, job, ran, as_json=as_json)
    if not as_json:
        for line in _what_next(Handler(whole), handler, job, ran):
            click.echo(line)


command = demo


def copy_demo(folder: Path) -> None:
    """Copies the demonstration's files to `folder`; files that are there are left as they are."""
    from importlib.resources import as_file, files

    with as_file(files("aihandler") / "demo_data") as source:
        for path in sorted(source.rglob("*")):
            target = folder / path.relative_to(source)
            if path.is_dir() or target.exists() or "__pycache__" in path.parts:
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(path.read_bytes())


async def _find_local() -> "FoundServer | None":
    from aihandler.cli.discovering import find_servers

    servers = await find_servers()
    return next((s for s in servers if s.models and not s.relay), None)


def _for_demo(
    whole: "Configuration", use: Sequence[str], found: "FoundServer | None"
) -> "Configuration":
    for name in use:
        if name not in whole.deployments:
            vendors = ", ".join(d.name for d in _vendors(whole))
            raise InputError(f"the demo has no deployment {name!r}", hint=f"known are {vendors}")
        _require_key(whole.deployments[name])
    deployments = dict(whole.deployments)
    if found is not None:
        deployments[LOCAL] = _local(found)
    tasks = {name: _narrowed(task, whole, use, found) for name, task in whole.tasks.items()}
    return msgspec.structs.replace(whole, deployments=deployments, tasks=tasks)


def _narrowed(
    task: Task, whole: "Configuration", use: Sequence[str], found: "FoundServer | None"
) -> Task:
    """Candidates of this process, then the local server, then the vendors that were named."""
    names = task.candidates or ()
    here = [n for n in names if whole.deployments[n].in_process]
    local = [LOCAL] if found is not None else []
    vendors = [n for n in names if n in use]
    return msgspec.structs.replace(task, candidates=(*here, *local, *vendors))


def _local(found: "FoundServer") -> Deployment:
    return Deployment(
        name=LOCAL,
        backend="openai",
        model=Model(found.models[0]),
        hosting=Hosting.SELF,
        region="",
        provider="this machine",
        urls=(f"{found.url}/v1",),
        profile=found.kind,
        limits=Limits(concurrency=4),
        # A server of this machine trains nobody's model.
        agreements=frozenset({"no_training"}),
    )


def _require_key(deployment: Deployment) -> None:
    import os

    key = deployment.key
    if key is not None and key.source == "env" and not os.environ.get(key.name):
        raise ConfigError(
            f"deployment {deployment.name!r} needs a key",
            hint=f"set {key.name} in the environment",
        )


def _vendors(configuration: "Configuration") -> list[Deployment]:
    return [d for d in configuration.deployments.values() if d.hosting is not Hosting.SELF]


def _what_next(whole: "Handler", used: "Handler", job: "Job", ran: "Ran") -> Iterator[str]:
    """What a vendor would have cost, and which open documents one could be asked about."""
    with used.read_ledger() as ledger:
        yield "the same answers elsewhere (counterfactual, from list prices; no such call was made):"
        for vendor in _vendors(whole.configuration):
            rows = ledger.queries.costs_as(vendor, whole.prices, by="run", run=ran.run_id)
            nano = sum(row.nano or 0 for row in rows)
            yield f"  {vendor.name:<10} {usd(nano)}   `aihandler costs --as {vendor.name}`"
        items = ledger.queries.open_reviews()
    reachable = {i.id: _askable(whole, used, i.task, i.data_class) for i in items}
    open_to = sorted({name for names in reachable.values() for name in names})
    count = sum(bool(names) for names in reachable.values())
    if open_to:
        yield (
            f"{count} of {len(items)} documents in review could go to {', '.join(open_to)}: "
            f"`aihandler demo --use {open_to[0]}`"
        )
    if len(items) - count:
        yield f"{len(items) - count} may not leave this machine, whatever is used"


def _askable(whole: "Handler", used: "Handler", task: str, data_class: DataClass) -> list[str]:
    asked = used.task(task).candidates or ()
    plan = whole.clearance(task, data_class)
    return [n for n in whole.task(task).candidates or () if n in plan.allowed and n not in asked]
