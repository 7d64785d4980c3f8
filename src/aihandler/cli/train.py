"""`aihandler train TASK`: trains the built-in classifier of a task on its examples."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import click

from aihandler.cli.options import config_option, echo_json, json_option
from aihandler.cli.page import seconds

if TYPE_CHECKING:
    from aihandler.backends.builtin.caller import TrainReport
    from aihandler.handler import Handler


@click.command()
@click.argument("task")
@config_option
@json_option
def train(task: str, config: Path, as_json: bool) -> None:
    """Train the built-in classifier of TASK on its labelled examples.

    A run does this by itself at first use; here you see how good it is. Accuracy is
    cross-validated: measured on examples that the measured model was not trained on.
    """
    from aihandler.handler import Handler

    report = asyncio.run(_train(Handler.load(config), task))
    if as_json:
        echo_json(report)
        return
    click.echo(
        f"{report.examples} examples, {report.classes} classes, "
        f"trained in {seconds(report.seconds)}"
    )
    click.echo(f"accuracy  {report.accuracy:.1%} of answers wholly right, in cross-validation")
    click.echo(
        f"threshold {report.threshold:.2f}: less sure than that, it passes the text on; "
        f"it answers {report.coverage:.1%}"
    )
    click.echo(f"model     {report.path}")


command = train


async def _train(handler: "Handler", task: str) -> "TrainReport":
    async with handler:
        return await handler.train(task)
