"""The progress of a run: a live bar on a terminal, a line now and then elsewhere."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click

from aihandler.cli.page import seconds, usd
from aihandler.workflow.progress import Progress

# Redrawing costs more than most built-in answers.
_REDRAW_S = 0.1
_LINE_S = 2.0
# The first documents wait for models that are loaded or trained: they say little of the rest.
_ENOUGH_TO_TELL = 20


Line = Callable[[], str]
# What is done, and of how much; None: not known.
Place = Callable[[], tuple[int, int | None]]


@contextmanager
def progress_bar(progress: Progress, *, quiet: bool = False) -> Iterator[Callable[[], None]]:
    """Yields a function to call after each document; it draws at most ten times a second."""
    if quiet:
        yield lambda: None
        return
    with bar(lambda: told(progress), lambda: (progress.documents, progress.total)) as draw:
        yield draw


@contextmanager
def bar(line: Line, place: Place) -> Iterator[Callable[[], None]]:
    """The same for anything that is counted: `line` says where it is, in words."""
    if sys.stderr.isatty():
        with _live(line, place) as draw:
            yield draw
    else:
        # The first line at once: whoever waits sees that something happens.
        yield _throttled(lambda: click.echo(line(), err=True), _LINE_S)
        click.echo(line(), err=True)


def told(progress: Progress) -> str:
    """Where a run is, in one line."""
    total = f"/{progress.total}" if progress.total is not None else ""
    parts = [f"{progress.documents}{total} documents", _rate(progress), usd(progress.cost_nano)]
    if progress.unpriced:
        parts.append(f"{progress.unpriced} unpriced")
    if progress.valid_share is not None:
        parts.append(f"{progress.valid_share:.1%} valid")
    if progress.reused:
        parts.append(f"{progress.reused} done before")
    if progress.remaining_s and progress.documents >= _ENOUGH_TO_TELL:
        parts.append(f"{seconds(progress.remaining_s)} left")
    return ", ".join(part for part in parts if part)


def _rate(progress: Progress) -> str:
    rate = progress.per_second
    return (f"{rate:,.0f}/s" if rate >= 10 else f"{rate:.1f}/s") if rate else ""


@contextmanager
def _live(line: Line, place: Place) -> Iterator[Callable[[], None]]:
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn
    from rich.progress import Progress as Bar

    columns = (BarColumn(bar_width=20), TextColumn("{task.description}", markup=False))
    console = Console(stderr=True, highlight=False)
    with Bar(*columns, console=console, auto_refresh=False) as shown:
        task = shown.add_task(line(), total=place()[1])

        def draw() -> None:
            done, total = place()
            shown.update(task, completed=done, total=total, description=line(), refresh=True)

        draw()
        yield _throttled(draw, _REDRAW_S)
        draw()


def _throttled(draw: Callable[[], None], every_s: float) -> Callable[[], None]:
    last = [float("-inf")]

    def maybe() -> None:
        now = time.monotonic()
        if now - last[0] >= every_s:
            last[0] = now
            draw()

    return maybe
