"""`aihandler dataset from-ledger`: data for comparisons out of what was asked and answered."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from aihandler.cli.options import config_option
from aihandler.cli.page import counted
from aihandler.cli.private import write_private

if TYPE_CHECKING:
    from aihandler.evaluation.past import Past


@click.group()
def dataset() -> None:
    """Make labelled data for `aihandler compare`."""


command = dataset


@dataset.command("from-ledger")
@click.option("--task", required=True, help="Whose answers are taken.")
@click.option("--limit", type=click.IntRange(min=1), help="At most so many.")
@click.option("--seed", default=7, show_default=True, help="What chance begins with.")
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="JSON Lines to write, readable by you alone. Left out: to the terminal.",
)
@config_option
def from_ledger(task: str, limit: int | None, seed: int, out: Path | None, config: Path) -> None:
    """Sample what was asked of --task and how it was answered, as JSON Lines.

    Corrections of reviews come first; then valid answers, spread over days and deployments as the
    work was. Each line keeps the data class of its document, and `aihandler compare` sends it to
    no deployment that may not see it. An answer that was accepted is not proven right: look over
    the `expected` of every line that does not say `corrected`.
    """
    from aihandler.evaluation import past
    from aihandler.handler import Handler

    found = past.from_ledger(Handler.load(config), task, limit=limit, seed=seed)
    lines = past.as_lines(found.dataset)
    if out is None:
        click.echo(lines.decode(), nl=False)
    else:
        write_private(out, lines)
    for line in _told(found):
        click.echo(line, err=True)


def _told(found: "Past") -> list[str]:
    items = counted(len(found.dataset.items), "item")
    lines = [f"{items}: {found.corrected} corrected, {found.answered} answered by a deployment"]
    if found.gone:
        lines.append(f"{found.gone} left out: their texts were forgotten, or never kept")
    if found.unreadable:
        lines.append(
            f"{found.unreadable} left out: the task's input cannot be told from what was sent, "
            "for its prompt has changed since, or changes its input"
        )
    if found.answered:
        lines.append("answered is not proven right: look `expected` over before you compare")
    return lines
