"""`aihandler demo`: the main job over documents that ship with it, with no key and no server."""

import asyncio
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from aihandler.cli.options import echo_json, json_option
from aihandler.cli.page import bold, command_name, config_argument, usd, wrapped
from aihandler.domain.deployment import HERE, Deployment, Hosting, Limits, Model
from aihandler.domain.task import Task
from aihandler.errors import ConfigError, InputError

if TYPE_CHECKING:
    from aihandler.backends.discovery import FoundServer
    from aihandler.config import Configuration
    from aihandler.domain.ports import ReviewItem
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
    from aihandler.cli.result import result_data, show_result
    from aihandler.cli.running import Job, run_to_end
    from aihandler.config import load
    from aihandler.handler import Handler

    copy_demo(folder)
    config = folder / "aihandler.yaml"
    whole = load(config)
    found = None if no_local else asyncio.run(_find_local())
    handler = Handler(for_demo(whole, use, found))
    if found is not None:
        click.echo(_using(found), err=True)
    job = Job(
        name="office",
        inputs=(folder / "documents",),
        outputs=(folder / "results.jsonl", folder / "results.csv"),
        labels=read_labels(folder / "labels.jsonl"),
    )
    ran = run_to_end(handler, job, quiet=as_json)
    if as_json:
        echo_json(result_data(handler, job, ran))
        return
    show_result(handler, job, ran, reach=Handler(whole))
    for line in _what_next(Handler(whole), handler, config=config, folder=folder):
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
            # Whole or not at all: a demo that is killed here must not read half a document.
            partial = target.with_name(f".{target.name}.partial")
            partial.write_bytes(path.read_bytes())
            partial.replace(target)


async def _find_local() -> "FoundServer | None":
    """The first server with a model of its own, and of its models only these."""
    from aihandler.cli.discovering import find_servers, own_models

    for server in await find_servers():
        if models := own_models(server):
            return msgspec.structs.replace(server, models=models)
    return None


def _using(found: "FoundServer") -> str:
    return (
        f"{found.name} answers at {found.url}: its model {found.models[0]!r} is asked as "
        f"{LOCAL!r} when the models of this process are not sure; --no-local leaves it out"
    )


def for_demo(
    whole: "Configuration", use: Sequence[str], found: "FoundServer | None"
) -> "Configuration":
    """The configuration without the vendors that were not asked for, and with the local server."""
    for name in use:
        vendors = [vendor.name for vendor in _vendors(whole)]
        if name not in vendors:
            raise InputError(
                f"the demo has no vendor deployment {name!r}",
                hint=f"known are {', '.join(vendors)}",
            )
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
        region=HERE,
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


def _what_next(whole: "Handler", used: "Handler", *, config: Path, folder: Path) -> Iterator[str]:
    """What a vendor would have cost, and which open documents one could be asked about."""
    with used.read_ledger() as ledger:
        items = ledger.queries.open_reviews()
        bills = []
        for vendor in _vendors(whole.configuration):
            rows = ledger.queries.costs_as(vendor, whole.prices)
            bills.append(f"{vendor.name} {usd(sum(row.nano or 0 for row in rows))}")
    yield from wrapped("elsewhere, by list price (no such call was made): ", bills)
    yield ""
    name, option = command_name(), config_argument(config)
    again = f"{name} demo" + ("" if folder == Path("aihandler-demo") else f" --folder {folder}")
    yield from _ask_for_more(whole, used, items, again)
    if items:
        yield "  a person decides what is left:"
        yield f"    {name} review list{option}"
    yield "  the bill of a vendor, step by step:"
    yield f"    {name} costs --as claude --by step{option}"


def _ask_for_more(
    whole: "Handler", used: "Handler", items: "Sequence[ReviewItem]", again: str
) -> Iterator[str]:
    yield bold(f"next, for the {len(items):,} in review" if items else "next")
    askable = [_askable(whole, used, item) for item in items]
    counts = {n: sum(n in names for names in askable) for n in _names(whole)}
    open_to = {name: count for name, count in counts.items() if count}
    if open_to:
        told = (f"{count:,} to {n}{_key_of(whole, n)}" for n, count in open_to.items())
        yield from wrapped("  may go elsewhere: ", told)
        yield f"    {again} --use {max(open_to, key=lambda n: open_to[n])}"
    if staying := sum(not names for names in askable):
        yield f"  {staying:,} may not leave: only a model server of your own could take them"


def _names(whole: "Handler") -> list[str]:
    return [vendor.name for vendor in _vendors(whole.configuration)]


def _key_of(whole: "Handler", name: str) -> str:
    key = whole.deployment(name).key
    return f" (with {key.name})" if key is not None else ""


def _askable(whole: "Handler", used: "Handler", item: "ReviewItem") -> list[str]:
    asked = used.task(item.task).candidates or ()
    plan = whole.clearance(item.task, item.data_class)
    named = whole.task(item.task).candidates or ()
    return [n for n in named if n in plan.allowed and n not in asked]
