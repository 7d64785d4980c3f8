"""`aihandler explain TASK`: where one request may go, in which order, and why."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from aihandler.cli.options import config_option, echo_json, json_option, usd

if TYPE_CHECKING:
    from aihandler.domain.attempt import Candidate, Plan


@click.command()
@click.argument("task")
@click.option("--input", "source", type=click.Path(path_type=Path), help="A document to plan for.")
@click.option("--class", "data_class", help="Class of the input, when it states none itself.")
@click.option("--key", help="Who asks: a key of the configuration.")
@config_option
@json_option
def explain(
    task: str,
    source: Path | None,
    data_class: str | None,
    key: str | None,
    config: Path,
    as_json: bool,
) -> None:
    """Print the plan for one request to TASK, without calling anything.

    Exits 3 when no deployment may be asked.
    """
    # Imported here so that `aihandler --help` stays quick.
    from aihandler.cli.inputs import fields_for
    from aihandler.handler import Handler

    handler = Handler.load(config)
    fields, own_class = fields_for(handler.task(task), source)
    plan = handler.explain(task, data_class=own_class or data_class, key=key, **fields)
    if as_json:
        echo_json(plan)
    else:
        _show(plan)
    raise SystemExit(0 if plan.candidates else 3)


command = explain


def _show(plan: "Plan") -> None:
    sources = ", ".join(f"{s.what}: {s.data_class.value}" for s in plan.labels.sources)
    click.echo(f"task {plan.task}, data class {plan.labels.data_class.value} ({sources})")
    click.echo(f"order: {plan.order}" if plan.order else "")
    for place, candidate in enumerate(plan.candidates, start=1):
        click.echo(f"  {place}. {_told(candidate)}")
    if not plan.candidates:
        click.echo("  no deployment may be asked")
    if plan.exclusions:
        click.echo("left out:")
    for exclusion in plan.exclusions:
        click.echo(f"  {exclusion.deployment}: {exclusion.reason} [{exclusion.gate}]")


def _told(candidate: "Candidate") -> str:
    quality = candidate.quality
    evidence = f", quality {quality.rate:.3f} ({quality.source}, n={quality.n})" if quality else ""
    cost = f"at most about {usd(candidate.expected_nano)}" if candidate.expected_nano else "no cost"
    if candidate.expected_nano is None:
        cost = "unpriced"
    return f"{candidate.deployment}: {candidate.reason}; {cost}{evidence}"
