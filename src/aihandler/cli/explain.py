"""`aihandler explain TASK`: where one request may go, in which order, and why."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from aihandler.cli.options import config_option, echo_json, json_option
from aihandler.cli.page import seconds, usd

if TYPE_CHECKING:
    from aihandler.domain.attempt import Candidate, Compared, Plan
    from aihandler.domain.task import Task


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
    asked = handler.task(task)
    fields, own_class = fields_for(asked, source)
    plan = handler.explain(task, data_class=own_class or data_class, key=key, **fields)
    if as_json:
        echo_json(plan)
    else:
        for line in _told(plan, asked):
            click.echo(line)
    raise SystemExit(0 if plan.candidates else 3)


command = explain


def _told(plan: "Plan", task: "Task") -> Iterator[str]:
    yield f"task {plan.task}, {plan.labels.data_class.value} data"
    sources = ", ".join(f"{s.what} is {s.data_class.value}" for s in plan.labels.sources)
    yield f"  the highest class counts: {sources}"
    yield from _gates(plan, task)
    yield f"\nasked in this order ({plan.order}), the next when an answer fails or is not valid:"
    for place, candidate in enumerate(plan.candidates, start=1):
        yield f"  {place}. {_candidate(candidate)}"
        if candidate.compared is not None:
            yield f"     {_compared(candidate.compared)}"
    if not plan.candidates:
        yield "  nobody: no deployment is left"
    yield f"\nno valid answer: {_otherwise(task)}"
    if task.cache is not None:
        kept = seconds(task.cache.ttl_s)
        yield f"\nan equal request of the same team or key within {kept} is answered from the cache"


def _gates(plan: "Plan", task: "Task") -> Iterator[str]:
    """Only what the task could have asked: others are left out by not being named."""
    asked = [
        e for e in plan.exclusions if task.candidates is None or e.deployment in task.candidates
    ]
    yield "\ngates, in their order:" if asked else "\ngates: every candidate passes"
    before = ""
    for exclusion in asked:
        if exclusion.gate != before:
            yield f"  {exclusion.gate}"
        before = exclusion.gate
        yield f"    leaves out {exclusion.deployment}: {exclusion.reason}"


def _candidate(candidate: "Candidate") -> str:
    quality = candidate.quality
    known = f", quality {quality.rate:.3g}" if quality else ""
    # What was compared is told in a line of its own.
    counted = quality is not None and quality.source == "measured"
    evidence = f" (measured, {quality.n} answers)" if quality and counted else ""
    return f"{candidate.deployment}: {_cost(candidate.expected_nano)}{known}{evidence}"


def _compared(known: "Compared") -> str:
    day = time.strftime("%Y-%m-%d", time.gmtime(known.at))
    interval = "" if known.low is None else f" ({known.low:.2f}..{known.high:.2f})"
    verdict = f", {known.verdict}" if known.verdict else ""
    return f"compared {day} on {known.n} examples: {known.score:.2f}{interval}{verdict}"


def _cost(expected_nano: int | None) -> str:
    if expected_nano is None:
        return "its price is not known"
    return f"about {usd(expected_nano)}" if expected_nano else "costs nothing more"


def _otherwise(task: "Task") -> str:
    match task.otherwise:
        case "review":
            return "it waits for a person (`aihandler review list`)"
        case "error":
            return "it ends as an error"
        case default:
            return f"the answer is {default.value!r}, marked as default"
