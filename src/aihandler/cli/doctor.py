"""`aihandler doctor`: does every deployment answer, and is it what the configuration says?"""

import asyncio
import datetime
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

import click
import msgspec

from aihandler.cli.options import config_option, echo_json, json_option
from aihandler.domain.deployment import Hosting
from aihandler.errors import AIHandlerError

if TYPE_CHECKING:
    from aihandler.backends.discovery import FoundServer
    from aihandler.domain.deployment import Deployment
    from aihandler.handler import Handler


CHANGES_SHOWN_S = 30 * 86_400.0


class Checked(msgspec.Struct, frozen=True):
    """What was found of one thing."""

    what: str
    state: Literal["ok", "warning", "error"]
    found: str


@click.command()
@config_option
@json_option
def doctor(config: Path, as_json: bool) -> None:
    """Check keys, servers, relays, retirements, silent changes of models, and the ledger.

    Asks each server for its version and its list of models, gets credentials where a deployment
    has some, and asks for nothing else; no data of yours is sent.
    Exits 1 when something is wrong.
    """
    from aihandler.handler import Handler

    handler = Handler.load(config)
    checked = [*asyncio.run(_asked(handler)), *_retirements(handler), *_ledger(handler)]
    if as_json:
        echo_json(checked)
    else:
        for one in checked:
            click.echo(f"{one.state:<8} {one.what}: {one.found}")
    raise SystemExit(1 if any(one.state == "error" for one in checked) else 0)


command = doctor


async def _asked(handler: "Handler") -> list[Checked]:
    return [*(await _deployments(handler)), *(await _probes(handler))]


async def _deployments(handler: "Handler") -> list[Checked]:
    unavailable = handler.snapshot().unavailable
    looks = [
        _deployment(handler, deployment, unavailable)
        for deployment in handler.configuration.deployments.values()
    ]
    return list(await asyncio.gather(*looks))


async def _deployment(
    handler: "Handler", deployment: "Deployment", unavailable: Mapping[str, str]
) -> Checked:
    what = f"deployment {deployment.name}"
    if deployment.in_process:
        return Checked(what, "ok", "runs in this process")
    if deployment.name in unavailable:
        return Checked(what, "warning", f"is not asked: {unavailable[deployment.name]}")
    if deployment.credentials is not None:
        try:
            by = await handler.credential_of(deployment)
        except AIHandlerError as error:
            hint = f" ({error.hint})" if error.hint else ""
            return Checked(what, "error", f"{error.message}{hint}")
        return Checked(what, "ok", f"{deployment.urls[0]} is not asked here; {by}")
    if not _is_here(deployment.urls[0]):
        return Checked(what, "ok", f"{deployment.urls[0]} is not on this machine: not asked")
    found = await handler.look_at(deployment)
    if found is None:
        return Checked(what, "error", f"nothing answers at {deployment.urls[0]}")
    if deployment.hosting is Hosting.SELF and _is_relayed(found, deployment.model.name):
        return Checked(what, "error", f"is `hosting: self`, and {found.name} {found.relay}")
    if found.models and deployment.model.name not in found.models:
        known = ", ".join(found.models[:5])
        return Checked(what, "warning", f"does not list {deployment.model.name!r}, but {known}")
    return Checked(what, "ok", f"{found.name} {found.version}".strip())


async def _probes(handler: "Handler") -> list[Checked]:
    """Servers of this machine that have become others since they were probed."""
    try:
        probed = handler.probed()
    except AIHandlerError:
        # What is wrong with the ledger is told below.
        return []
    found: list[Checked] = []
    for name, deployment in handler.configuration.deployments.items():
        if name not in probed or deployment.in_process or not _is_here(deployment.urls[0]):
            continue
        if why := await handler.probe_is_due(name):
            told = f"what its probe found may not hold: {why}; run `aihandler probe {name}`"
            found.append(Checked(f"deployment {name}", "warning", told))
    return found


def _is_relayed(found: "FoundServer", model: str) -> bool:
    """One model of a server may be its own, and another one somebody else's."""
    return bool(found.relay) and (not found.relayed or model in found.relayed)


def _is_here(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    return host in {"localhost", "::1"} or host.startswith("127.")


def _retirements(handler: "Handler") -> Iterator[Checked]:
    today = datetime.datetime.now(datetime.UTC).date()
    for deployment in handler.configuration.deployments.values():
        if deployment.retires is None:
            continue
        days = (deployment.retires - today).days
        state: Literal["ok", "warning", "error"] = "ok" if days > 60 else "warning"
        state = "error" if days < 0 else state
        yield Checked(f"deployment {deployment.name}", state, f"retires {deployment.retires}")


def _ledger(handler: "Handler") -> Iterator[Checked]:
    path = handler.ledger_path
    if not path.exists():
        yield Checked("ledger", "ok", f"{path} is made at the first run")
        return
    since = handler.clock.wall() - CHANGES_SHOWN_S
    try:
        with handler.read_ledger() as ledger:
            waiting = len(ledger.queries.open_reviews())
            changes = ledger.queries.changes(since=since)
    except AIHandlerError as error:
        yield Checked("ledger", "error", error.message)
        return
    for change in changes:
        day = datetime.datetime.fromtimestamp(change.at, datetime.UTC).date()
        found = f"reports {change.what} {change.after!r} since {day}, before {change.before!r}"
        yield Checked(f"deployment {change.deployment}", "warning", found)
    yield Checked("ledger", "ok", f"{path}, {waiting} in review")
