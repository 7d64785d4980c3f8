"""`aihandler review`: what has no valid answer, for a person to decide."""

from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from aihandler.cli.options import config_option, echo_json, json_option
from aihandler.cli.page import counted, wrapped

if TYPE_CHECKING:
    from aihandler.domain.ports import ReviewItem
    from aihandler.domain.task import Json


@click.group()
def review() -> None:
    """Decide what no model could: list, show, accept, correct.

    A correction becomes the answer of the document and a labelled example of the task.
    """


command = review


@review.command("list")
@click.option("--task", help="Only this task.")
@config_option
@json_option
def list_reviews(task: str | None, config: Path, as_json: bool) -> None:
    """List what waits, oldest first."""
    from aihandler.handler import Handler

    handler = Handler.load(config)
    if task is not None:
        handler.task(task)
    with handler.read_ledger() as ledger:
        items = ledger.queries.open_reviews(task)
    if as_json:
        echo_json([_data(item) for item in items])
        return
    for item in items:
        step = item.step or item.task
        where = item.document_id or "a call"
        click.echo(f"{item.id}  {step}, {item.data_class.value}: {where}")
        for line in wrapped(" " * 14, [item.reason]):
            click.echo(line)
    click.echo(f"{counted(len(items), 'item')} in review")


@review.command("show")
@click.argument("review_id")
@config_option
@json_option
def show_review(review_id: str, config: Path, as_json: bool) -> None:
    """Show one item: the input, what was tried, the best answer that was not accepted."""
    from aihandler.handler import Handler

    with Handler.load(config).read_ledger() as ledger:
        item = ledger.queries.review_item(review_id)
    if as_json:
        echo_json(_data(item))
        return
    click.echo(f"{item.id}: {item.document_id}, step {item.step or item.task}, {item.state}")
    click.echo(f"class    {item.data_class.value}")
    click.echo(f"why      {item.reason}")
    click.echo(f"proposal {msgspec.json.encode(item.proposal).decode()}")
    for field, text in _input(item).items():
        click.echo(f"--- {field}\n{text}")


@review.command("accept")
@click.argument("review_id")
@config_option
def accept_review(review_id: str, config: Path) -> None:
    """Take the proposal as the answer."""
    from aihandler.handler import Handler

    with Handler.load(config).read_ledger() as ledger:
        ledger.accept_review(review_id)
    click.echo(f"{review_id} accepted; run the same command again to update the outputs")


@review.command("correct")
@click.argument("review_id")
@click.argument("value")
@config_option
def correct_review(review_id: str, value: str, config: Path) -> None:
    """Make VALUE (JSON; for a text or a label the bare words will do) the answer.

    It must be valid for the task, as any other answer.
    """
    from aihandler.handler import Handler

    handler = Handler.load(config)
    with handler.read_ledger() as ledger:
        item = ledger.queries.review_item(review_id)
        ledger.correct_review(review_id, handler.checked_value(item.task, _parsed(value)))
    click.echo(f"{review_id} corrected; kept as an example of task {item.task}")


def _parsed(value: str) -> "Json":
    try:
        return msgspec.json.decode(value)
    except msgspec.DecodeError:
        return value


def _input(item: "ReviewItem") -> dict[str, str]:
    return msgspec.json.decode(item.input, type=dict[str, str]) if item.input else {}


def _data(item: "ReviewItem") -> dict[str, "Json"]:
    return {
        "id": item.id,
        "task": item.task,
        "document": item.document_id,
        "step": item.step,
        "run": item.run_id,
        "class": item.data_class.value,
        "state": item.state,
        "reason": item.reason,
        "proposal": item.proposal,
        "input": _input(item),
        "attempts": msgspec.json.decode(item.attempts) if item.attempts else [],
    }
