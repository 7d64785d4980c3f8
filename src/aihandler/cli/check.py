"""`aihandler check`: validates the configuration and proves where data can go."""

import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from aihandler.cli.options import config_option, echo_json, json_option

if TYPE_CHECKING:
    from aihandler.handler import Handler
    from aihandler.policy import Finding, Proof


@click.command()
@click.option("--reasons", is_flag=True, help="Also why each other deployment is left out.")
@config_option
@json_option
def check(reasons: bool, config: Path, as_json: bool) -> None:
    """Validate the configuration and prove where data of each class can go, on every path.

    Exits 1 when there is an error, 2 when the file itself is wrong.
    """
    from aihandler.handler import Handler

    handler = Handler.load(config)
    proof = prove_data_flow(handler)
    if as_json:
        echo_json(proof)
    else:
        _show(proof, handler.configuration.file, reasons=reasons)
    raise SystemExit(0 if proof.ok else 1)


command = check


def prove_data_flow(handler: "Handler") -> "Proof":
    """The proof with what the ledger knows: measured quality, and the class of corrections."""
    from aihandler.policy import prove

    today = datetime.datetime.now(datetime.UTC).date()
    return prove(
        handler.configuration,
        today=today,
        corrections=handler.correction_classes(),
        measured=handler.snapshot().quality,
    )


def _show(proof: "Proof", file: str, *, reasons: bool) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in ("where", "class", "path", "can reach"):
        table.add_column(name)
    before = ""
    for row in proof.table:
        place = row.place if row.place != before else ""
        before = row.place
        reach = ", ".join(row.reachable) or "[red]nothing[/]"
        table.add_row(place, row.data_class.value, row.path, reach)
        for exclusion in row.excluded if reasons else ():
            why = f"{exclusion.deployment}: {exclusion.reason} ({exclusion.gate})"
            table.add_row("", "", "", f"[dim]not {why}[/]")
    Console(highlight=False).print(table)
    for finding in proof.findings:
        click.echo(told(finding, file))
    counts = f"{len(proof.errors)} errors, {len(proof.warnings)} warnings"
    click.echo(counts if proof.findings else "no errors, no warnings")


def told(finding: "Finding", file: str) -> str:
    """A finding as `file:line: level: message (at path)` and its hint."""
    place = f"{file}:{finding.line}" if finding.line else file
    hint = f"\n    {finding.hint}" if finding.hint else ""
    return f"{place}: {finding.level}: {finding.message} (at {finding.path}){hint}"
