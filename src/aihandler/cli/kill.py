"""`aihandler kill`: switches something off, in every worker within 1.5 s."""

from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from aihandler.cli.administering import administration
from aihandler.cli.options import config_option
from aihandler.errors import InputError

if TYPE_CHECKING:
    from aihandler.domain.api_key import SwitchKind

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

    KIND is all, provider, deployment, model, task, key or class; NAME is left out for all.
    """
    check_name(kind, name)
    switch = administration(config, make=True).switch_off(cast("SwitchKind", kind), name, reason)
    click.echo(f"{' '.join((kind, name)).strip()} is off: {switch.reason}")


command = kill


def check_name(kind: str, name: str) -> None:
    """Raises InputError when `all` has a name, or anything else has none."""
    if (kind == "all") == bool(name):
        hint = "`aihandler kill all`, or `aihandler kill deployment NAME`"
        raise InputError(f"{kind!r} takes {'no' if kind == 'all' else 'a'} name", hint=hint)
