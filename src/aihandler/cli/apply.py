"""`aihandler apply`: a running gateway serves by another configuration."""

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from aihandler.cli.administering import administration
from aihandler.cli.options import config_option
from aihandler.errors import InputError

if TYPE_CHECKING:
    from aihandler.ledger.configurations import Change

# A gateway looks every second; new workers take a moment to start.
_WITHIN_S = 60.0
_LOOK_S = 0.1


@click.command("apply", short_help="Let a running gateway serve by the configuration as it is now.")
@click.option("--expect", default="", help="Digest of the configuration that is to be replaced.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@config_option
def command(expect: str, *, as_json: bool, config: Path) -> None:
    """Checks the file, then has the gateway of its ledger start workers with it.

    Requests under way end as they began. A wrong file, or one that was overtaken by another
    change, leaves in force what is. Exits 1 when it holds and a deployment's key has no value.
    """
    change = _applied(config, expect)
    if as_json:
        sys.stdout.buffer.write(msgspec.json.encode(change) + b"\n")
    elif change.state == "in force":
        click.echo(f"{change.digest} is in force")
    if change.state != "in force":
        raise InputError(
            f"the gateway did not take {change.digest}: {change.reason or 'it did not answer'}",
            hint="what was in force still is; see the gateway's log",
        )
    if change.reason:
        # The keys are the gateway's: what is set here is of no use to it.
        click.echo(f"but where the gateway runs {change.reason}", err=True)
        raise SystemExit(1)


def _applied(config: Path, expect: str) -> "Change":
    from aihandler.config import load
    from aihandler.gateway.snapshots import digest_of, write_snapshot
    from aihandler.surroundings import ledger_path

    configuration = load(config)
    spools = spools_of(ledger_path(configuration))
    if not any(map(_is_written, spools.glob("*.spool"))):
        raise InputError(
            f"no gateway serves from the ledger of {str(config)!r}",
            hint="`aihandler serve` starts one, with the file as it is then",
        )
    store = administration(config)
    last = store.last_configuration()
    if last is not None and not expect and last.digest == digest_of(configuration):
        return last
    # Before the change is asked for: the gateway may look at once.
    digest = write_snapshot(spools, configuration)
    asked = store.apply_configuration(
        digest, str(config.absolute()), expect=expect or (last.digest if last else "")
    )
    until = time.monotonic() + _WITHIN_S
    while asked.state == "asked" and time.monotonic() < until:
        time.sleep(_LOOK_S)
        asked = store.configuration_change(asked.id)
    return asked


def spools_of(ledger: Path) -> Path:
    """The folder of a gateway beside its ledger."""
    return ledger.with_name(f"{ledger.name}.spools")


def _is_written(spool: Path) -> bool:
    from aihandler.ledger.spool import is_written

    return is_written(spool)
