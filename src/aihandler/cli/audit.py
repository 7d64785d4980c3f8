"""`aihandler audit`: what was administered, and whether anybody has changed that since."""

import datetime
from pathlib import Path

import click

from aihandler.cli.administering import administration
from aihandler.cli.options import config_option, echo_json, json_option


@click.group()
def audit() -> None:
    """Keys made, rotated and revoked, and what was switched off, by whom."""


command = audit


@audit.command("list")
@config_option
@json_option
def list_rows(config: Path, as_json: bool) -> None:
    """List all actions, the oldest first."""
    rows = administration(config).audit_rows()
    if as_json:
        echo_json(
            [
                {"seq": r.seq, "at": r.at, "who": r.who, "action": r.action, "body": r.body}
                for r in rows
            ]
        )
        return
    for row in rows:
        at = datetime.datetime.fromtimestamp(row.at, datetime.UTC)
        click.echo(f"{row.seq:5}  {at:%Y-%m-%d %H:%M:%S}  {row.who}  {row.action}  {row.body}")


@audit.command("verify")
@config_option
@json_option
def verify(config: Path, as_json: bool) -> None:
    """Check that no action was changed, removed or put in between."""
    store = administration(config)
    rows, wrong = store.audit_rows(), store.first_wrong_row()
    last = rows[-1].digest.hex() if rows else ""
    if as_json:
        echo_json({"rows": len(rows), "first_wrong": wrong, "last_digest": last})
    elif wrong is None:
        click.echo(f"{len(rows)} actions, each as it was written; the last digest is {last or '-'}")
    else:
        click.echo(f"action {wrong} is not what was written", err=True)
    if wrong is not None:
        raise SystemExit(1)
