"""`aihandler forget`: removes prompts and answers from the disk; the ledger keeps the figures."""

from pathlib import Path

import click

from aihandler.cli.options import config_option, echo_json, json_option


@click.command()
@click.option("--document", help="All texts of this document.")
@click.option("--tenant", help="All texts of this tenant.")
@click.option("--call", "call_id", help="The texts of this call.")
@click.option("--older-than", "days", type=click.FloatRange(min=0), help="Texts older than DAYS.")
@config_option
@json_option
def forget(
    document: str | None,
    tenant: str | None,
    call_id: str | None,
    days: float | None,
    config: Path,
    as_json: bool,
) -> None:
    """Remove texts from the disk, for good.

    Tokens, money and times stay: they hold no text. Outputs that were written to files of your
    own are yours to remove.
    """
    from aihandler.handler import Handler

    if sum(given is not None for given in (document, tenant, call_id, days)) != 1:
        raise click.UsageError("name exactly one of --document, --tenant, --call, --older-than")
    with Handler.load(config).read_ledger() as ledger:
        if days is not None:
            forgotten = ledger.forget_older_than(days)
        else:
            forgotten = ledger.forget(document_id=document, tenant=tenant, call_id=call_id)
    if as_json:
        echo_json(forgotten)
        return
    click.echo(
        f"removed {forgotten.exchanges} exchanges, {forgotten.answers} answers, "
        f"{forgotten.reviews} reviews"
        + (f", {forgotten.cached} kept for equal requests" if forgotten.cached else "")
    )
    if not forgotten.complete:
        click.echo("a run holds the files open; run this again when it has ended", err=True)
        raise SystemExit(1)


command = forget
