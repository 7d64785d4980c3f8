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
    help="Percent by which a total may differ; more is a drift.",
)
@click.option(
    "--least",
    type=click.IntRange(min=0),
    default=1000,
    show_default=True,
    help="Differences of fewer tokens never alarm.",
)
@click.option(
    "--least-usd",
    type=click.FloatRange(min=0),
    default=0.01,
    show_default=True,
    help="Differences of less money never alarm.",
)
@click.option(
    "--alias",
    "aliases",
    multiple=True,
    metavar="THEIRS=OURS",
    help="A model by the provider's name, and by the ledger's; may be repeated.",
)
@click.option("--by-day", is_flag=True, help="Show every day that differs, not the totals alone.")
@config_option
@json_option
def reconcile(
    invoice: Path,
    deployments: tuple[str, ...],
    tolerance: float,
    least: int,
    least_usd: float,
    aliases: tuple[str, ...],
    by_day: bool,
    config: Path,
    as_json: bool,
) -> None:
    """Compare a provider's export of usage or costs (OpenAI, Anthropic) with the ledger.

    CSV of a console or JSON of an API; by model and kind of token, or in dollars by model, over the
    days of the export, in UTC. Exits 1 when a total differs by more than the tolerance: another
    program uses the key, calls were lost, or counts or prices are wrong. Exits 2 when the file
    cannot be read.
    """
    from aihandler.advisor.invoices import read_invoice
    from aihandler.advisor.reconcile import reconcile as compared
    from aihandler.domain.usage import NANO
    from aihandler.handler import Handler

    handler = Handler.load(config)
    for name in deployments:
        handler.deployment(name)
    read = read_invoice(_text(invoice), name=str(invoice), aliases=_aliases(aliases))
    with handler.read_ledger() as ledger:
        usage = ledger.queries.usage_by_day(read.first, read.last)
    result = compared(
        read,
        usage,
        deployments=deployments,
        tolerance=Fraction(str(tolerance)) / 100,
        least=least if read.measure == "tokens" else round(least_usd * NANO),
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


def _aliases(given: "Sequence[str]") -> dict[str, str]:
    from aihandler.errors import InputError

    pairs = [each.partition("=") for each in given]
    for whole, (theirs, _, ours) in zip(given, pairs, strict=True):
        if not theirs or not ours:
            raise InputError(
                f"--alias {whole!r} is no pair of names",
                hint="write the provider's name, `=`, and the model as the ledger has it",
            )
    return {theirs.strip(): ours.strip() for theirs, _, ours in pairs}


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
            "USD" if result.measure == "usd" else each.kind,
            *_amounts(each, result),
            f"{float(each.share):.2%}",
            "drift" if each in result.drifting else "",
        )
        for each in differences
    ]
    click.echo(table(("day", "model", "kind", *numbers, ""), rows, numbers=numbers))


def _amounts(each: "Difference", result: "Reconciliation") -> tuple[str, str, str]:
    if result.measure == "tokens":
        return f"{each.billed:,}", f"{each.booked:,}", f"{each.more:+,}"
    billed, booked, more = (x / 1_000_000_000 for x in (each.billed, each.booked, each.more))
    return f"{billed:,.4f}", f"{booked:,.4f}", f"{more:+,.4f}"


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
        "measure": result.measure,
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
