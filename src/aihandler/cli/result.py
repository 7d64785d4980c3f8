"""The one-screen result of a run."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from aihandler.cli.page import bold, counted, seconds, table, usd, wrapped
from aihandler.cli.reach import where_data_may_go
from aihandler.domain.deployment import Hosting
from aihandler.workflow.summary import RunSummary, StepTally

if TYPE_CHECKING:
    from aihandler.cli.running import Job, Ran
    from aihandler.handler import Handler

_SHOWN_ERRORS = 3
# The route of an answer that a review brought.
_PERSON = {"review": "(a person)"}
_NUMBERS = ("answers", "first try", "repaired", "escalated", "p50", "p95", "cost")


def left_open(summary: RunSummary) -> int:
    """Steps that were asked for and have no valid answer."""
    return sum(count.get("review", 0) + count.get("error", 0) for count in summary.open.values())


def waiting(summary: RunSummary) -> int:
    """Steps that wait for a person."""
    return sum(count.get("review", 0) for count in summary.open.values())


def show_result(
    handler: "Handler", job: "Job", ran: "Ran", *, reach: "Handler | None" = None
) -> None:
    """Prints what became of the run, and where everything lies.

    `reach` has the configuration by which to tell where data may go, when it is another one than
    that of the run.
    """
    summary = ran.summary
    for line in (
        _head(job, ran),
        "",
        table(("step", "by", *_NUMBERS), _rows(handler, job.name, summary), numbers=_NUMBERS),
        "",
        *_validity(summary),
        *_errors(summary),
        *_right(summary),
        "",
        *where_data_may_go(reach or handler, job.name, summary.classes),
        *_where_data_went(handler, ran.run_id),
        "",
        *_places(handler, job, summary),
    ):
        click.echo(line)


def _head(job: "Job", ran: "Ran") -> str:
    before = f", {ran.reused:,} of them done before" if ran.reused else ""
    documents = counted(ran.summary.documents, "document")
    return bold(f"{documents} through {job.name!r} in {seconds(ran.elapsed_s)}{before}")


def _rows(handler: "Handler", name: str, summary: RunSummary) -> Iterator[Sequence[str]]:
    """For each step of the workflow, in its order: who answered, and what nobody answered."""
    for step in (step.name for step in handler.workflow(name).steps):
        shown = step
        for tally in summary.steps.values():
            if tally.step == step:
                yield shown, _PERSON.get(tally.deployment, tally.deployment), *_cells(tally)
                shown = ""
        for state, count in summary.open.get(step, {}).items():
            if state != "skipped":
                yield shown, f"({state})", f"{count:,}", *[""] * 6
                shown = ""


def _cells(tally: StepTally) -> Iterator[str]:
    validity = tally.validity
    yield f"{tally.answers:,}"
    yield f"{validity.get('exact', 0):,}"
    yield f"{validity.get('repaired', 0) + validity.get('reasked', 0):,}"
    yield f"{validity.get('escalated', 0):,}"
    ordered = sorted(tally.latency_s)
    yield seconds(quantile(ordered, 0.5))
    yield seconds(quantile(ordered, 0.95))
    cost = usd(tally.marginal_nano + tally.allocated_nano)
    yield f"{cost} + {tally.unpriced} unpriced" if tally.unpriced else cost


def quantile(ordered: list[float], share: float) -> float | None:
    """The value below which `share` of an ordered list lies; None when it is empty."""
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else None


def _validity(summary: RunSummary) -> Iterator[str]:
    answers = sum(tally.answers for tally in summary.steps.values())
    states = {s: sum(o.get(s, 0) for o in summary.open.values()) for s in ("review", "error")}
    wanted = answers + sum(states.values())
    if not wanted:
        yield "no step was asked for"
        return
    rest = [
        f"{states['review']:,} wait for a person" if states["review"] else "",
        f"{states['error']:,} ended in an error" if states["error"] else "",
    ]
    told = "; ".join(part for part in rest if part)
    yield f"valid    {answers:,} of {wanted:,} answers ({answers / wanted:.1%})" + (
        f"; {told}" if told else ""
    )


def _errors(summary: RunSummary) -> Iterator[str]:
    """The most frequent reasons; the outputs have all of them."""
    frequent = sorted(summary.errors.items(), key=lambda error: -error[1])
    for reason, count in frequent[:_SHOWN_ERRORS]:
        yield from wrapped(f"error    {count:,} x ", [reason])


def _right(summary: RunSummary) -> Iterator[str]:
    """Accuracy against the labels: of whole answers, or of what each field was filled with."""
    for step in dict.fromkeys(tally.step for tally in summary.steps.values()):
        tallies = [t for t in summary.steps.values() if t.step == step and t.compared]
        if tallies:
            fields = summary.field_compared.get(step)
            told = _fields_right(summary, step) if fields else _answers_right(tallies)
            yield from wrapped(f"right    {step}: ", told)


def _answers_right(tallies: Sequence[StepTally]) -> Iterator[str]:
    for tally in tallies:
        yield f"{tally.right / tally.compared:.1%} of {tally.compared:,} by {tally.deployment}"


def _fields_right(summary: RunSummary, step: str) -> Iterator[str]:
    """A model that leaves a field out says less than one that fills it wrongly: told apart."""
    right, filled = summary.field_right[step], summary.field_filled[step]
    compared = summary.field_compared[step]
    all_filled = sum(filled.values())
    if all_filled:
        wrong = [f"{n} {right[n] / filled[n]:.0%}" for n in compared if right[n] < filled[n]]
        told = f" ({', '.join(wrong)})" if wrong else ""
        yield f"{sum(right.values()) / all_filled:.1%} of {all_filled:,} fields filled{told}"
    left_out = [f"{n} {compared[n] - filled[n]}" for n in compared if filled[n] < compared[n]]
    if left_out:
        yield f"{sum(compared.values()) - all_filled:,} left out ({', '.join(left_out)})"


def _where_data_went(handler: "Handler", run_id: str) -> Iterator[str]:
    deployments = handler.configuration.deployments
    with handler.read_ledger() as ledger:
        rows = ledger.queries.costs("deployment", run=run_id)
    own = {name for name, d in deployments.items() if d.hosting is Hosting.SELF}
    away = [f"{row.attempts:,} at {row.key}" for row in rows if row.key not in own and row.attempts]
    if away:
        yield from wrapped("attempts elsewhere in this run: ", away)
    else:
        yield "nothing left your machines in this run"


def _places(handler: "Handler", job: "Job", summary: RunSummary) -> Iterator[str]:
    yield from wrapped("outputs  ", (str(path) for path in job.outputs))
    if queued := waiting(summary):
        yield f"review   {queued:,} wait in the queue"
    yield f"ledger   {_short(handler)}"


def _short(handler: "Handler") -> str:
    path = handler.ledger_path.absolute()
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)


def result_data(handler: "Handler", job: "Job", ran: "Ran") -> Mapping[str, object]:
    """The same for programs."""
    summary = ran.summary
    return {
        "run": ran.run_id,
        "documents": summary.documents,
        "reused": ran.reused,
        "elapsed_s": ran.elapsed_s,
        "classes": summary.classes,
        "steps": [_step_data(tally) for tally in summary.steps.values()],
        "fields": {
            step: {
                name: {
                    "labelled": labelled,
                    "filled": summary.field_filled[step][name],
                    "right": summary.field_right[step][name],
                }
                for name, labelled in fields.items()
            }
            for step, fields in summary.field_compared.items()
        },
        "open": summary.open,
        "errors": summary.errors,
        "outputs": [str(path) for path in job.outputs],
        "ledger": str(handler.ledger_path),
    }


def _step_data(tally: StepTally) -> Mapping[str, object]:
    return {
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
