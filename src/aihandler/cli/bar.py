"""The progress of a run: a live bar on a terminal, a line now and then elsewhere."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click

from aihandler.cli.options import seconds, usd
from aihandler.workflow.progress import Progress

# Redrawing costs more than most built-in answers.
_REDRAW_S = 0.1
_LINE_S = 2.0


@contextmanager
def progress_bar(progress: Progress, *, quiet: bool = False) -> Iterator[Callable[[], None]]:
    """Yields a function to call after each document; it draws at most ten times a second."""
    if quiet:
        yield lambda: None
    elif sys.stderr.isatty():
        with _live(progress) as draw:
            yield draw
    else:
        yield _throttled(lambda: click.echo(told(progress), err=True), _LINE_S)
        click.echo(told(progress), err=True)


def told(progress: Progress) -> str:
    """Where a run is, in one line."""
    total = f"/{progress.total}" if progress.total is not None else ""
    valid = f"{progress.valid_share:.1%} valid" if progress.valid_share is not None else "-"
    left = f", {seconds(progress.remaining_s)} left" if progress.remaining_s is not None else ""
    unpriced = f" + {progress.unpriced} unpriced" if progress.unpriced else ""
    reused = f", {progress.reused} done before" if progress.reused else ""
    return (
        f"{progress.documents}{total} documents, {progress.per_second:,.0f}/s, "
        f"{usd(progress.cost_nano)}{unpriced}, {valid}{reused}{left}"
    )


@contextmanager
def _live(progress: Progress) -> Iterator[Callable[[], None]]:
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn
    from rich.progress import Progress as Bar

    columns = (BarColumn(bar_width=28), TextColumn("{task.description}"))
    with Bar(*columns, console=Console(stderr=True), auto_refresh=False) as bar:
        task = bar.add_task(told(progress), total=progress.total)

        def draw() -> None:
            bar.update(task, completed=progress.documents, description=told(progress), refresh=True)

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
