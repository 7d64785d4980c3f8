"""`aihandler revive`: switches on again what was switched off."""

from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from aihandler.cli.administering import administration
from aihandler.cli.kill import KINDS, check_name
from aihandler.cli.options import config_option

if TYPE_CHECKING:
    from aihandler.domain.api_key import SwitchKind


@click.command()
@click.argument("kind", type=click.Choice(KINDS), required=False)
@click.argument("name", default="")
@config_option
def revive(kind: str | None, name: str, config: Path) -> None:
    """Switch on what `aihandler kill` switched off; without arguments, list it."""
    store = administration(config)
    if kind is None:
        for switch in store.switches():
            what = " ".join((switch.kind, switch.name)).strip()
            click.echo(f"{what}: {switch.reason} (by {switch.by})")
        return
    check_name(kind, name)
    changed = store.switch_on(cast("SwitchKind", kind), name)
    what = " ".join((kind, name)).strip()
    click.echo(f"{what} is on again" if changed else f"{what} was not off")


command = revive
