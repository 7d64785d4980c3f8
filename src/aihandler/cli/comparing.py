"""Runs a comparison with a live bar, keeps what it shows, and shows it."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from pathlib import Path

import click
import msgspec

from aihandler.cli.bar import bar
from aihandler.cli.options import echo_json
from aihandler.cli.page import counted, seconds, usd, width
from aihandler.cli.private import write_private
from aihandler.cli.running import EXIT_TERMINATED
from aihandler.domain.usage import NANO
from aihandler.errors import InputError, StorageError
from aihandler.evaluation import datasets
from aihandler.evaluation.compare import Comparing, Order
from aihandler.evaluation.findings import Findings, findings
from aihandler.evaluation.gates import Gate, GateResult, check, exit_code, parse_gate
from aihandler.evaluation.keeping import keep
from aihandler.evaluation.observations import Comparison, Dataset, without_restricted
from aihandler.evaluation.tally import Tally
from aihandler.handler import Handler

_STOPPED = "stopped; nothing is lost, and the same command goes on from here"
EXIT_OPEN = 1
# The first answers wait for models that are loaded or trained: they say little of the rest.
_ENOUGH_TO_TELL = 20


class Outputs(msgspec.Struct, frozen=True):
    """Where the result goes beside the terminal."""

    html: Path | None = None
    junit: Path | None = None
    restricted: bool = False
    as_json: bool = False


class Wanted(msgspec.Struct, frozen=True):
    """What the command line asks for; `margin` is in points of a hundred."""

    task: str
    deployments: str
    data: Path | None = None
    repeat: int = 1
    limit: int | None = None
    seed: int = 7
    budget: str | None = None
    scorers: tuple[str, ...] = ()
    margin: float = 2.0
    gates: tuple[str, ...] = ()
    concurrency: int = 8
    fresh: bool = False
    outputs: Outputs = Outputs()


def compare(handler: Handler, wanted: Wanted) -> int:
    """Runs it to its end and returns the exit code; a signal that stops it ends the program."""
    # Imported here: a run is what has a busy loop.
    import uvloop

    # A gate that cannot be read, or judged, is told before anything is paid for.
    names = names_in(wanted.deployments)
    gates = [parse_gate(text) for text in wanted.gates]
    for gate in gates:
        _check_gate(gate, names)
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            comparison, found = runner.run(_run(handler, wanted))
    except asyncio.CancelledError:
        click.echo(_STOPPED, err=True)
        raise SystemExit(EXIT_TERMINATED) from None
    except KeyboardInterrupt:
        click.echo(_STOPPED, err=True)
        raise SystemExit(128 + signal.SIGINT) from None
    results = [check(gate, found) for gate in gates]
    write(comparison, found, results, wanted.outputs)
    return EXIT_OPEN if comparison.stopped else exit_code(results)


def names_in(listed: str) -> tuple[str, ...]:
    """Names out of `a,b,c`."""
    names = tuple(name.strip() for name in listed.split(",") if name.strip())
    if not names:
        raise InputError("no deployment is named", hint="--deployments a,b")
    return names


def order_of(handler: Handler, wanted: Wanted) -> Order:
    """What is to be compared. Tells what is left out of the data, and why."""
    names = names_in(wanted.deployments)
    # Before a file is read: a name that is none.
    for name in names:
        handler.deployment(name)
    data = _data(handler, wanted, names)
    if wanted.limit is not None:
        data = datasets.sample(data, wanted.limit, seed=wanted.seed)
    return Order(
        wanted.task,
        names,
        data,
        wanted.scorers,
        wanted.repeat,
        budget_nano=_nano(wanted.budget),
        concurrency=wanted.concurrency,
        salt=handler.new_id() if wanted.fresh else "",
    )


async def _run(handler: Handler, wanted: Wanted) -> tuple[Comparison, Findings]:
    task = asyncio.current_task()
    assert task is not None
    for stop in (signal.SIGTERM, signal.SIGHUP):
        # Where signals cannot be had (a thread, Windows) the process simply ends; nothing is lost.
        with contextlib.suppress(NotImplementedError, RuntimeError, ValueError):
            asyncio.get_running_loop().add_signal_handler(stop, task.cancel)
    _check_places(wanted.outputs)
    order = order_of(handler, wanted)
    async with handler:
        comparing = Comparing(handler, order)
        tally = Tally(handler.clock, total=comparing.total)
        with bar(lambda: told(tally), lambda: (tally.done, tally.total)) as draw:
            async with contextlib.aclosing(comparing.observations()) as seen:
                async for one in seen:
                    tally.note(one)
                    draw()
        comparison = comparing.comparison()
        found = findings(comparison, margin=wanted.margin / 100, seed=wanted.seed)
        own = datasets.own_answers(order.dataset, order.deployments)
        if own:
            click.echo(
                f"not kept as evidence: {counted(own, 'item')} expect what one of these "
                "deployments has answered itself",
                err=True,
            )
        else:
            keep(handler, comparison, found)
        return comparison, found


def told(tally: Tally) -> str:
    """Where a comparison is, in one line."""
    parts = [f"{tally.done:,}/{tally.total:,} answers", usd(tally.bill_nano)]
    if tally.unpriced:
        parts.append(f"{tally.unpriced} unpriced")
    if tally.before:
        parts.append(f"{tally.before} known from before")
    if tally.failed:
        parts.append(f"{tally.failed} failed")
    if tally.remaining_s and _ENOUGH_TO_TELL <= tally.done < tally.total:
        parts.append(f"{seconds(tally.remaining_s)} left")
    return ", ".join(parts)


def _data(handler: Handler, wanted: Wanted, names: Sequence[str]) -> Dataset:
    task = handler.task(wanted.task)
    if wanted.data is None:
        whole = datasets.from_examples(handler, wanted.task)
    else:
        whole = datasets.from_file(wanted.data, task)
    # With the corrections of reviews, which are learned as well.
    learned = handler.learning(wanted.task)
    classifies = any(handler.deployment(n).backend == "builtin/classify" for n in names)
    data = datasets.without_learned(whole, learned, classifier=classifies)
    left_out = len(whole.items) - len(data.items)
    who = "the classifier has learned" if classifies else "the prompt shows"
    if left_out and not data.items:
        raise InputError(
            f"{who} all {left_out} items: nothing is left to compare on",
            hint="name a file of other examples with --data",
        )
    if left_out:
        click.echo(f"{counted(left_out, 'item')} left out: {who} them", err=True)
    return data


def _check_gate(gate: Gate, names: Sequence[str]) -> None:
    for name in filter(None, (gate.deployment, gate.other)):
        if name not in names:
            raise InputError(
                f"--gate {gate.text!r} names {name!r}, which is not compared",
                hint=f"--deployments names {', '.join(names)}",
            )
    if gate.other and names[0] not in (gate.deployment, gate.other):
        raise InputError(
            f"--gate {gate.text!r}: the others are held against {names[0]!r} only",
            hint=f"name {gate.other!r} first in --deployments",
        )


def _nano(budget: str | None) -> int | None:
    if budget is None:
        return None
    try:
        usd = Decimal(budget.removeprefix("$"))
    except InvalidOperation:
        usd = Decimal(-1)
    if not usd.is_finite() or usd < 0:
        raise InputError(f"{budget!r} is no sum of dollars", hint="--budget 2.50")
    return int(usd * NANO)


def _check_places(outputs: Outputs) -> None:
    # Before anything is paid for.
    for path in (outputs.html, outputs.junit):
        if path is not None and not os.access(path.absolute().parent, os.W_OK):
            raise StorageError(
                f"{str(path)!r} cannot be written: its folder is not there, or not yours to write",
                hint="name another file",
            )


def write(
    comparison: Comparison, found: Findings, results: Sequence[GateResult], outputs: Outputs
) -> None:
    """Shows what was found on the terminal, and writes the files that were asked for."""
    # Imported here: templates and tables are for what is shown at the end.
    from aihandler.evaluation.pages import html_page, junit, terminal_table

    if outputs.as_json:
        shown = comparison if outputs.restricted else without_restricted(comparison)
        echo_json({"comparison": shown, "findings": found, "gates": results})
    else:
        colour = sys.stdout.isatty() and "NO_COLOR" not in os.environ
        told = terminal_table(found, results, width=width(), colour=colour)
        click.echo(told, nl=False)
    if outputs.html is not None:
        page = html_page(comparison, found, results, show_restricted=outputs.restricted)
        write_private(outputs.html, page.encode())
    if outputs.junit is not None:
        outputs.junit.write_text(junit(comparison, found, results), "utf-8")
