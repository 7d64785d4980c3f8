"""Budgets as `aihandler costs --budgets` shows them."""

import datetime
from typing import TYPE_CHECKING

import click

from aihandler.cli.options import echo_json
from aihandler.cli.page import table, usd

if TYPE_CHECKING:
    from aihandler.domain.budget import BudgetState
    from aihandler.handler import Handler

_NUMBERS = ("limit", "spent", "reserved", "left")


def show_budgets(handler: "Handler", *, as_json: bool) -> None:
    """Prints every budget in its present period."""
    states = handler.budgets()
    if as_json:
        echo_json([_with_left(state) for state in states])
        return
    if not states:
        click.echo("there are no budgets: `budgets` of the configuration states some")
        return
    rows = [
        (
            state.scope,
            state.period,
            usd(state.limit_nano),
            usd(state.spent_nano),
            usd(state.reserved_nano),
            usd(state.left_nano),
            _ends(state.ends_at),
        )
        for state in states
    ]
    click.echo(table(("budget", "period", *_NUMBERS, "until"), rows, numbers=_NUMBERS))
    click.echo("\nreserved: held for calls under way, and by processes for the next ones")


def _with_left(state: "BudgetState") -> dict[str, object]:
    import msgspec

    return {**msgspec.structs.asdict(state), "left_nano": state.left_nano}


def _ends(at: float | None) -> str:
    if at is None:
        return "-"
    return f"{datetime.datetime.fromtimestamp(at, datetime.UTC):%Y-%m-%d} UTC"
