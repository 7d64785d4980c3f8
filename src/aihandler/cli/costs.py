"""`aihandler costs`: what was spent, by task, deployment, day, validity, mode or tag."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click
import msgspec

from aihandler.cli.budget_table import show_budgets
from aihandler.cli.options import config_option, echo_json, json_option, times_of_month
from aihandler.cli.page import difference, seconds, table, usd
from aihandler.cli.waiting import waiting
from aihandler.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aihandler.handler import Handler
    from aihandler.ledger import CachedCalls, CostRow, Counterfactual, Queries, ValidRate, Window

_GROUPS = (
    "task, deployment, model, day, class, key, team, user, step, validity, mode, tenant, run or "
    "tag:NAME"
)
# What keys of a gateway say whom they belong to is in tags.
_TAGS = ("key", "team", "user", "project")
_DAY_S = 86_400.0


@click.command()
@click.option("--by", default="task", show_default=True, help=f"Group by {_GROUPS}.")
@click.option("--as", "elsewhere", metavar="DEPLOYMENT", help="Price the same answers elsewhere.")
@click.option("--run", "run_id", help="Only this run.")
@click.option(
    "--days",
    type=click.FloatRange(min=0),
    help="Only the last so many days; whole ones begin at midnight (UTC).",
)
@click.option("--month", help="Only that month (202610, UTC).")
@click.option("--budgets", is_flag=True, help="What is left of each budget.")
@config_option
@json_option
def costs(
    by: str,
    elsewhere: str | None,
    run_id: str | None,
    days: float | None,
    month: str | None,
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

    What tasks with a cache did not ask again stands below, with what it would have cost.

    With --budgets, what each budget has spent and reserved in its present period, and what is left.
    """
    from aihandler.handler import Handler

    handler = Handler.load(config)
    if budgets:
        show_budgets(handler, as_json=as_json)
        return
    window = _window(run_id, days, month)
    with waiting("reading the ledger") as tick, handler.read_ledger(watch=tick) as ledger:
        asked = _Asked(ledger.queries, f"tag:{by}" if by in _TAGS else by, window)
        if elsewhere is not None:
            show = _elsewhere(asked, handler, elsewhere, as_json=as_json)
        else:
            show = _as_json(asked) if as_json else _for_people(asked, by)
    show()


command = costs

# Shown when all is read: until then a progress line may be on the screen.
_Show = Callable[[], None]


class _Asked(NamedTuple):
    queries: "Queries"
    by: str
    window: "Window"


def _window(run: str | None, days: float | None, month: str | None) -> "Window":
    from aihandler.ledger import Window

    if days is not None and month is not None:
        raise InputError("--days and --month both say when", hint="give one of them")
    if month is not None:
        return Window(run, *times_of_month(month))
    if days is None:
        return Window(run)
    since = time.time() - days * _DAY_S
    # Sums are kept by day: from midnight on no entry has to be read.
    return Window(run, since if days % 1 else since // _DAY_S * _DAY_S)


def _for_people(asked: _Asked, by: str) -> _Show:
    run, since, until = msgspec.structs.astuple(asked.window)
    if run is None:
        rows = asked.queries.costs_without_documents(asked.by, since=since, until=until)
    else:
        rows = asked.queries.costs(asked.by, run=run, since=since, until=until)
    rates = _rates(asked) if by == "validity" else ()
    changes = asked.queries.changes(since=since)
    cached = _cached(asked)

    def show() -> None:
        _show(rows, by)
        for one in cached:
            _show_cached(one)
        if rates:
            _show_rates(rates)
        for change in changes:
            click.echo(f"{change}, since call {change.call_id}")

    return show


def _as_json(asked: _Asked) -> _Show:
    run, since, until = msgspec.structs.astuple(asked.window)
    rows = asked.queries.costs(asked.by, run=run, since=since, until=until)
    told: object = rows
    if asked.by == "validity":
        told = {"costs": rows, "rates": _rates(asked)}
    elif asked.by == "task":
        told = _with_cached(rows, _cached(asked))
    return lambda: echo_json(told)


def _with_cached(
    rows: "Sequence[CostRow]", cached: "Sequence[CachedCalls]"
) -> list[dict[str, object]]:
    """Also the tasks of which nothing was asked, because all of it was there."""
    from aihandler.ledger import CostRow

    by_task = {one.task: one for one in cached}
    more = [CostRow(key=task) for task in by_task.keys() - {row.key for row in rows}]
    return [
        {**msgspec.structs.asdict(row), "from_cache": by_task.get(row.key)}
        for row in (*rows, *sorted(more, key=lambda row: row.key))
    ]


def _cached(asked: _Asked) -> "Sequence[CachedCalls]":
    """Runs over documents do not look there."""
    run, since, until = msgspec.structs.astuple(asked.window)
    return asked.queries.answered_from_cache(since=since, until=until) if run is None else ()


def _rates(asked: _Asked) -> "Sequence[ValidRate]":
    run, since, until = msgspec.structs.astuple(asked.window)
    return asked.queries.valid_rates(run=run, since=since, until=until)


def _elsewhere(asked: _Asked, handler: "Handler", name: str, *, as_json: bool) -> _Show:
    deployment = handler.deployment(name)
    priced = asked.queries.costs_as(deployment, handler.prices, by=asked.by, window=asked.window)
    if as_json:
        return lambda: echo_json(priced)
    return lambda: _show_elsewhere(priced, asked.by, name)


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


def _show_cached(one: "CachedCalls") -> None:
    saved = f"{usd(one.nano)} and {one.tokens:,} tokens not asked for again"
    more = f", and {one.unpriced:,} of unknown price" if one.unpriced else ""
    click.echo(f"{one.task}: {one.calls:,} from the cache, {saved}{more}")


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
