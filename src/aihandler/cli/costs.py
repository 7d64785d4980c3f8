"""`aihandler costs`: what was spent, by task, deployment, day, validity, mode or tag."""

import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from aihandler.cli.budget_table import show_budgets
from aihandler.cli.options import config_option, echo_json, json_option
from aihandler.cli.page import difference, seconds, table, usd

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aihandler.ledger import CostRow, Counterfactual, ValidRate

_GROUPS = "task, deployment, day, step, validity, mode, tenant, run or tag:NAME"


@click.command()
@click.option("--by", default="task", show_default=True, help=f"Group by {_GROUPS}.")
@click.option("--as", "elsewhere", metavar="DEPLOYMENT", help="Price the same answers elsewhere.")
@click.option("--run", "run_id", help="Only this run.")
@click.option("--days", type=click.FloatRange(min=0), help="Only the last so many days.")
@click.option("--budgets", is_flag=True, help="What is left of each budget.")
@config_option
@json_option
def costs(
    by: str,
    elsewhere: str | None,
    run_id: str | None,
    days: float | None,
    budgets: bool,
    config: Path,
    as_json: bool,
) -> None:
    """Print what was spent, from the ledger.

    With --as, what the same tokens would have cost at another deployment (counterfactual: no
    such call was made). Answers of models of this process have no token counts; theirs are
    estimated from characters, and the column `estimated` says how many.

    By validity, also how many answers were valid, by deployment, task and mode: how the schema was
    asked for. With --json these are `costs` and `rates`.

    With --budgets, what each budget has spent and reserved in its present period, and what is left.
    """
    from aihandler.handler import Handler

    handler = Handler.load(config)
    if budgets:
        show_budgets(handler, as_json=as_json)
        return
    since = time.time() - days * 86_400 if days is not None else None
    with handler.read_ledger() as ledger:
        if elsewhere is None:
            rows = ledger.queries.costs(by, run=run_id, since=since)
            if by == "validity":
                rates = ledger.queries.valid_rates(run=run_id, since=since)
                if as_json:
                    echo_json({"costs": rows, "rates": rates})
                    return
            elif as_json:
                echo_json(rows)
                return
            _show(rows, by)
            if by == "validity" and rates:
                _show_rates(rates)
            for change in ledger.queries.changes(since=since):
                click.echo(f"{change}, since call {change.call_id}")
            return
        deployment = handler.deployment(elsewhere)
        priced = ledger.queries.costs_as(deployment, handler.prices, by=by, run=run_id, since=since)
        echo_json(priced) if as_json else _show_elsewhere(priced, by, elsewhere)


command = costs


def _show(rows: "Sequence[CostRow]", by: str) -> None:
    if not rows:
        click.echo("the ledger has no entry yet")
        return
    numbers = ("calls", "valid", "tokens", "cost", "share", "p50", "p95")
    shown = [
        (
            row.key or "-",
            f"{row.calls:,}",
            f"{sum(row.validity.values()):,}",
            f"{row.usage.total:,}",
            usd(row.marginal_nano),
            usd(row.allocated_nano),
            seconds(row.latency_p50_s),
            seconds(row.latency_p95_s),
            _remarks(row),
        )
        for row in rows
    ]
    click.echo(table((by, *numbers, "remarks"), shown, numbers=numbers))
    total = sum(row.marginal_nano + row.allocated_nano + row.idle_nano for row in rows)
    unpriced = sum(row.unpriced for row in rows)
    more = f", and {unpriced:,} of unknown price" if unpriced else ""
    click.echo(f"\nin all {usd(total)}{more}")
    if any(row.allocated_nano or row.idle_nano for row in rows):
        click.echo("share: of machines that are paid by the hour; the rest of their hours is idle")


def _show_rates(rates: "Sequence[ValidRate]") -> None:
    numbers = ("answers", "valid", "rate", "exact", "repaired", "reasked", "escalated")
    shown = [
        (
            rate.deployment,
            rate.task,
            rate.mode or "-",
            f"{rate.answers:,}",
            f"{rate.valid:,}",
            f"{rate.rate:.1%}",
            *(f"{n:,}" for n in (rate.exact, rate.repaired, rate.reasked, rate.escalated)),
        )
        for rate in rates
    ]
    click.echo("\n" + table(("deployment", "task", "mode", *numbers), shown, numbers=numbers))


def _remarks(row: "CostRow") -> str:
    remarks = [
        f"{usd(row.idle_nano)} idle" if row.idle_nano else "",
        f"{row.unpriced:,} unpriced" if row.unpriced else "",
        f"{row.in_doubt:,} in doubt, up to {usd(row.in_doubt_nano)}" if row.in_doubt else "",
        f"{row.reviews:,} in review" if row.reviews else "",
        f"providers say {usd(row.reported_nano)} ({difference(row.reported_more_nano)})"
        if row.reported_nano
        else "",
    ]
    return ", ".join(remark for remark in remarks if remark)


def _show_elsewhere(rows: "Sequence[Counterfactual]", by: str, name: str) -> None:
    if not rows:
        click.echo("the ledger has no entry yet")
        return
    numbers = ("calls", "tokens in", "tokens out", "cost")
    shown = [
        (
            row.key or "-",
            f"{row.calls:,}",
            f"{row.usage.prompt:,}",
            f"{row.usage.total - row.usage.prompt:,}",
            usd(row.nano),
        )
        for row in rows
    ]
    click.echo(f"the same answers by {name}; no such call was made")
    click.echo(table((by, *numbers), shown, numbers=numbers))
    estimated = sum(row.estimated for row in rows)
    known = [row.nano for row in rows if row.nano is not None]
    click.echo(f"\nin all {usd(sum(known) if known else None)}")
    if estimated:
        click.echo(
            f"tokens of {estimated:,} answers are estimated at four characters each; "
            "the wording of a prompt comes on top"
        )
