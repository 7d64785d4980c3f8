"""`aihandler kill`: switches something off, in every worker within 1.5 s."""

from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from aihandler.cli.administering import administration
from aihandler.cli.options import config_option
from aihandler.errors import InputError

if TYPE_CHECKING:
    from aihandler.domain.api_key import SwitchKind
    from aihandler.ledger.administration import Administration

# Of thousands of keys a list helps nobody.
_SHOWN = 20
KINDS = ("all", "provider", "deployment", "model", "task", "key", "class")


@click.command()
@click.argument("kind", type=click.Choice(KINDS))
@click.argument("name", default="")
@click.option(
    "--reason", default="switched off by hand", show_default=True, help="Told to clients."
)
@config_option
def kill(kind: str, name: str, reason: str, config: Path) -> None:
    """Switch something off in a running gateway; it stays off until `aihandler revive`.

    KIND is all, provider, deployment, model, task, key or class; NAME is left out for all. Within
    1.5 seconds nothing new is sent, retries and fallbacks of running calls included; what was sent
    before goes on to its end.
    """
    check_name(kind, name)
    store = administration(config, make=True)
    switch = store.switch_off(cast("SwitchKind", kind), name, reason)
    click.echo(f"{' '.join((kind, name)).strip()} is off: {switch.reason}")
    known = _known(kind, store, config)
    if name and name not in known:
        # It stays off all the same: another configuration may be in force.
        there = ", ".join(map(repr, sorted(known)[:_SHOWN])) or "none"
        if len(known) > _SHOWN:
            there += f" and {len(known) - _SHOWN} more"
        click.echo(f"but no {kind} is called {name!r} (at {config}); there is {there}", err=True)
        raise SystemExit(1)


command = kill


def check_name(kind: str, name: str) -> None:
    """Raises InputError when `all` has a name, or anything else has none."""
    if (kind == "all") == bool(name):
        hint = "`aihandler kill all`, or `aihandler kill deployment NAME`"
        raise InputError(f"{kind!r} takes {'no' if kind == 'all' else 'a'} name", hint=hint)


def _known(kind: str, store: "Administration", config: Path) -> set[str]:
    from aihandler.config import load
    from aihandler.domain.labels import DataClass

    file = load(config)
    match kind:
        case "provider":
            return {one.provider for one in file.deployments.values() if one.provider}
        case "model":
            return {one.model.name for one in file.deployments.values()}
        case "deployment":
            return set(file.deployments)
        case "task":
            return {*file.tasks, *(f"model/{name}" for name in file.deployments)}
        case "key":
            return {stored.key.name for stored in store.stored_keys()}
    return {one.value for one in DataClass}
