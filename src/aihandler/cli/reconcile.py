"""`aihandler reconcile`: a provider's usage export against the ledger."""

import sys
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import click

from aihandler.cli.options import config_option, echo_json, json_option
from aihandler.cli.page import table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aihandler.advisor.reconcile import Difference, Reconciliation

# As of a run that ended with something left to do.
_EXIT_DRIFT = 1


@click.command()
@click.argument("invoice", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option(
    "--deployment",
    "deployments",
    multiple=True,
    help="Compare this deployment; may be repeated. Without it: all that served those models.",
)
@click.option(
    "--tolerance",
    type=click.FloatRange(min=0, max=100),
    default=1.0,
    show_default=True,
    help="Percent by which a total may differ.",
)
@click.option(
    "--least",
    type=click.IntRange(min=0),
    default=1000,
    show_default=True,
    help="Differences of fewer tokens never alarm.",
)
@click.option("--by-day", is_flag=True, help="Show every day that differs, not the totals alone.")
@config_option
@json_option
def reconcile(
    invoice: Path,
    deployments: tuple[str, ...],
    tolerance: float,
    least: int,
    by_day: bool,
    config: Path,
    as_json: bool,
) -> None:
    """Compare a provider's usage export (CSV of OpenAI or Anthropic) with the ledger.

    By model and kind of token over the days of the export. Ends with 1 when a total differs by more
    than the tolerance: some other program uses the key, calls were lost, or counts are wrong.
    """
    from aihandler.advisor.invoices import read_invoice
    from aihandler.advisor.reconcile import reconcile as compared
    from aihandler.handler import Handler

    handler = Handler.load(config)
    for name in deployments:
        handler.deployment(name)
    read = read_invoice(_text(invoice), name=str(invoice))
    with handler.read_ledger() as ledger:
        usage = ledger.queries.usage_by_day(read.first, read.last)
    result = compared(
        read,
        usage,
        deployments=deployments,
        tolerance=Fraction(str(tolerance)) / 100,
        least_tokens=least,
    )
    echo_json(_plain(result)) if as_json else _show(result, by_day=by_day)
    sys.exit(0 if result.agrees else _EXIT_DRIFT)


command = reconcile


def _text(path: Path) -> str:
    from aihandler.errors import InputError

    try:
        return path.read_text("utf-8")
    except UnicodeDecodeError as error:
        raise InputError(
            f"{str(path)!r} is no text in UTF-8", hint="export it as CSV, not as a spreadsheet"
        ) from error


def _show(result: "Reconciliation", *, by_day: bool) -> None:
    names = ", ".join(result.deployments) or "no deployment"
    click.echo(f"{result.provider}, {result.first} to {result.last}, against {names}")
    _show_table(result.totals, result)
    if by_day:
        click.echo()
        _show_table([day for day in result.days if day.more], result)
    if result.estimated:
        click.echo(f"\n{result.estimated:,} attempts of the ledger have estimated counts")
    if result.agrees:
        click.echo(f"\nagrees within {float(result.tolerance):.2%}")
        return
    click.echo(f"\n{len(result.drifting)} totals differ by more than {float(result.tolerance):.2%}")


def _show_table(differences: "Sequence[Difference]", result: "Reconciliation") -> None:
    numbers = ("provider", "ledger", "difference", "share")
    rows = [
        (
            each.day,
            each.model,
            each.kind,
            f"{each.billed:,}",
            f"{each.booked:,}",
            f"{each.more:+,}",
            f"{float(each.share):.2%}",
            "drift" if each in result.drifting else "",
        )
        for each in differences
    ]
    click.echo(table(("day", "model", "kind", *numbers, ""), rows, numbers=numbers))


def _plain(result: "Reconciliation") -> dict[str, object]:
    def told(differences: "Sequence[Difference]") -> list[dict[str, object]]:
        return [
            {
                "day": each.day,
                "model": each.model,
                "kind": each.kind,
                "billed": each.billed,
                "booked": each.booked,
                "difference": each.more,
                "share": round(float(each.share), 6),
            }
            for each in differences
        ]

    return {
        "provider": result.provider,
        "first": result.first,
        "last": result.last,
        "deployments": result.deployments,
        "agrees": result.agrees,
        "tolerance": float(result.tolerance),
        "estimated": result.estimated,
        "drifting": told(result.drifting),
        "totals": told(result.totals),
        "days": told(result.days),
    }
