"""`aihandler costs`: what was spent, by task, deployment, day, validity or tag."""

import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from aihandler.cli.options import config_option, echo_json, json_option
from aihandler.cli.page import seconds, usd

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aihandler.ledger import CostRow, Counterfactual

_GROUPS = "task, deployment, day, step, validity, tenant, run or tag:NAME"


@click.command()
@click.option("--by", default="task", show_default=True, help=f"Group by {_GROUPS}.")
@click.option("--as", "elsewhere", metavar="DEPLOYMENT", help="Price the same answers elsewhere.")
@click.option("--run", "run_id", help="Only this run.")
@click.option("--days", type=click.FloatRange(min=0), help="Only the last so many days.")
@config_option
@json_option
def costs(
    by: str,
    elsewhere: str | None,
    run_id: str | None,
    days: float | None,
    config: Path,
    as_json: bool,
) -> None:
    """Print what was spent, from the ledger.

    With --as, what the same tokens would have cost at another deployment (counterfactual: no
    such call was made). Answers of models of this process have no token counts; theirs are
    estimated from characters, and the column `estimated` says how many.
    """
    from aihandler.handler import Handler

    handler = Handler.load(config)
    since = time.time() - days * 86_400 if days is not None else None
    with handler.read_ledger() as ledger:
        if elsewhere is None:
            rows = ledger.queries.costs(by, run=run_id, since=since)
            echo_json(rows) if as_json else _show(rows, by)
            return
        deployment = handler.deployment(elsewhere)
        priced = ledger.queries.costs_as(
            deployment, handler.prices, by=by, run=run_id, since=since
        )
        echo_json(priced) if as_json else _show_elsewhere(priced, by, elsewhere)


command = costs


def _show(rows: "Sequence[CostRow]", by: str) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column(by)
    for name in ("calls", "attempts", "valid", "tokens", "marginal", "allocated", "idle", "p50"):
        table.add_column(name, justify="right")
    table.add_column("remarks")
    for row in rows:
        table.add_row(
            row.key or "-",
            f"{row.calls:,}",
            f"{row.attempts:,}",
            f"{sum(row.validity.values()):,}",
            f"{row.usage.total:,}",
            usd(row.marginal_nano),
            usd(row.allocated_nano),
            usd(row.idle_nano),
            seconds(row.latency_p50_s),
            _remarks(row),
        )
    Console(highlight=False).print(table if rows else "the ledger has no entry yet")


def _remarks(row: "CostRow") -> str:
    remarks = [
        f"{row.unpriced} unpriced" if row.unpriced else "",
        f"{row.in_doubt} in doubt, up to {usd(row.in_doubt_nano)}" if row.in_doubt else "",
        f"{row.reviews} in review" if row.reviews else "",
    ]
    return ", ".join(remark for remark in remarks if remark)


def _show_elsewhere(rows: "Sequence[Counterfactual]", by: str, name: str) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, title=f"as if {name} had answered")
    table.add_column(by)
    for column in ("calls", "tokens in", "tokens out", "cost", "estimated"):
        table.add_column(column, justify="right")
    for row in rows:
        read = row.usage.input + row.usage.cache_read + row.usage.cache_write
        written = row.usage.output + row.usage.reasoning
        table.add_row(
            row.key or "-",
            f"{row.calls:,}",
            f"{read:,}",
            f"{written:,}",
            usd(row.nano),
            f"{row.estimated:,}",
        )
    Console(highlight=False).print(table if rows else "the ledger has no entry yet")
