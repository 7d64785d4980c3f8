"""The one-screen result of a run."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import click

from aihandler.cli.options import echo_json
from aihandler.cli.page import seconds, usd
from aihandler.domain.labels import DataClass
from aihandler.domain.task import TaskStep
from aihandler.workflow.summary import RunSummary, StepTally

if TYPE_CHECKING:
    from rich.table import Table

    from aihandler.cli.running import Job, Ran
    from aihandler.handler import Handler


def left_open(summary: RunSummary) -> int:
    """Steps that were asked for and have no valid answer."""
    return sum(count.get("review", 0) + count.get("error", 0) for count in summary.open.values())


def show_result(handler: "Handler", job: "Job", ran: "Ran", *, as_json: bool) -> None:
    """Prints what became of the run, and where everything lies."""
    if as_json:
        echo_json(_data(handler, job, ran))
        return
    from rich.console import Console

    console = Console(highlight=False)
    summary = ran.summary
    rate = summary.documents / ran.elapsed_s if ran.elapsed_s else 0.0
    before = f", {ran.reused} of them done before" if ran.reused else ""
    console.print(
        f"\n[bold]{summary.documents} documents[/] in {seconds(ran.elapsed_s)} "
        f"({rate:,.0f}/s){before}, run {ran.run_id}"
    )
    console.print(_table(summary))
    for line in _open_lines(summary):
        console.print(line)
    for line in where_data_could_go(handler, job, summary):
        console.print(line)
    click.echo(f"outputs      {', '.join(str(path) for path in job.outputs)}")
    click.echo(f"ledger       {handler.ledger_path}")
    if any(count.get("review") for count in summary.open.values()):
        click.echo("review queue `aihandler review list`")


def _table(summary: RunSummary) -> "Table":
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in ("step", "deployment"):
        table.add_column(name)
    numbers = ("answers", "first try", "repaired", "escalated", "accuracy", "p50", "p95", "cost")
    for name in numbers:
        table.add_column(name, justify="right")
    for tally in summary.steps.values():
        table.add_row(tally.step, tally.deployment, *_cells(tally))
    return table


def _cells(tally: StepTally) -> Iterator[str]:
    validity = tally.validity
    yield str(tally.answers)
    yield str(validity.get("exact", 0))
    yield str(validity.get("repaired", 0) + validity.get("reasked", 0))
    yield str(validity.get("escalated", 0))
    yield f"{tally.right / tally.compared:.1%}" if tally.compared else "-"
    ordered = sorted(tally.latency_s)
    yield seconds(quantile(ordered, 0.5))
    yield seconds(quantile(ordered, 0.95))
    cost = usd(tally.marginal_nano + tally.allocated_nano)
    yield f"{cost} + {tally.unpriced} unpriced" if tally.unpriced else cost


def quantile(ordered: list[float], share: float) -> float | None:
    """The value below which `share` of an ordered list lies; None when it is empty."""
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else None


def _open_lines(summary: RunSummary) -> Iterator[str]:
    for step, states in summary.open.items():
        told = ", ".join(f"{count} {state}" for state, count in states.items())
        yield f"{step}: {told}"
    for step, right in summary.field_right.items():
        compared = summary.field_compared[step]
        told = ", ".join(f"{n} {right[n] / compared[n]:.0%}" for n in compared)
        yield f"{step} by field, against the labels: {told}"


def where_data_could_go(
    handler: "Handler", job: "Job", summary: RunSummary
) -> Iterator[str]:
    """For each class that was met: how many documents, and which deployments were open to it."""
    for data_class in DataClass:
        count = summary.classes.get(data_class.value, 0)
        if count:
            reach = _reach(handler, job.name, data_class)
            yield f"{count} {data_class.value}: could go to {', '.join(reach) or 'nowhere'} only"


def _reach(handler: "Handler", name: str, data_class: DataClass) -> list[str]:
    steps = handler.workflow(name).steps
    tasks = dict.fromkeys(step.task for step in steps if isinstance(step, TaskStep))
    allowed = (handler.clearance(task, data_class).allowed for task in tasks)
    return list(dict.fromkeys(name for names in allowed for name in names))


def _data(handler: "Handler", job: "Job", ran: "Ran") -> Mapping[str, object]:
    summary = ran.summary
    return {
        "run": ran.run_id,
        "documents": summary.documents,
        "reused": ran.reused,
        "elapsed_s": ran.elapsed_s,
        "classes": summary.classes,
        "steps": [
            {
                "step": tally.step,
                "deployment": tally.deployment,
                "answers": tally.answers,
                "validity": tally.validity,
                "marginal_nano_usd": tally.marginal_nano,
                "allocated_nano_usd": tally.allocated_nano,
                "unpriced": tally.unpriced,
                "latency_p50_s": quantile(sorted(tally.latency_s), 0.5),
                "latency_p95_s": quantile(sorted(tally.latency_s), 0.95),
                "accuracy": tally.right / tally.compared if tally.compared else None,
                "compared": tally.compared,
            }
            for tally in summary.steps.values()
        ],
        "open": summary.open,
        "outputs": [str(path) for path in job.outputs],
        "ledger": str(handler.ledger_path),
    }
