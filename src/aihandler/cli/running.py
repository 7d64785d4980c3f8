"""Runs a job with a live progress bar, then writes its outputs."""

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncGenerator, Iterable, Iterator, Mapping
from contextlib import aclosing
from pathlib import Path

import click
import msgspec

from aihandler.cli.bar import progress_bar
from aihandler.domain.answer import DocumentResult
from aihandler.domain.task import Json, TaskStep
from aihandler.errors import StorageError
from aihandler.handler import Handler, new_run_id
from aihandler.workflow.executor import Ended
from aihandler.workflow.progress import Progress
from aihandler.workflow.readers import count_documents, find_files, read_documents
from aihandler.workflow.summary import RunSummary, summarise_run
from aihandler.workflow.writers import check_writable, write_results

# What a shell reports of a program that SIGTERM has ended.
EXIT_TERMINATED = 143


class Job(msgspec.Struct, frozen=True):
    """What is to be run over what, and where the results go."""

    name: str
    inputs: tuple[Path, ...]
    outputs: tuple[Path, ...]
    labels: Mapping[str, Mapping[str, Json]] = {}
    key: str | None = None
    concurrency: int | None = None


class Ran(msgspec.Struct, frozen=True):
    """A run that is through."""

    run_id: str
    summary: RunSummary
    elapsed_s: float
    reused: int


def run_to_end(handler: Handler, job: Job, *, quiet: bool = False) -> Ran:
    """Runs a job in an event loop of its own; a signal that stops it ends the program."""
    # Imported here: a run is the one command whose loop is busy.
    import uvloop

    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(_run(handler, job, quiet=quiet))
    except asyncio.CancelledError:
        click.echo(_STOPPED, err=True)
        raise SystemExit(EXIT_TERMINATED) from None
    except KeyboardInterrupt:
        click.echo(_STOPPED, err=True)
        raise SystemExit(128 + signal.SIGINT) from None


_STOPPED = "stopped; nothing is lost, and the same command goes on from here"


async def _run(handler: Handler, job: Job, *, quiet: bool) -> Ran:
    # Before anything is paid for: an output that has no place, an unknown name, an empty folder.
    for output in job.outputs:
        check_writable(output)
        _check_place(output)
    handler.workflow(job.name)
    files = _inputs(job)
    run_id = new_run_id()
    _stop_on_terminate()
    async with handler:
        _tell_recovery(handler)
        _tell_left_out(handler, job.name)
        _tell_training(handler, job.name)
        progress = Progress(handler.clock, total=count_documents(files))
        documents = handler.run_documents(
            job.name, read_documents(files), run_id=run_id, key=job.key, concurrency=job.concurrency
        )
        with _outputs(handler, job, run_id):
            await _watch(documents, progress, quiet=quiet)
        summary = summarise_run(handler.ledger.queries.projection(run_id), job.labels)
        return Ran(run_id, summary, progress.elapsed_s, progress.reused)


def _check_place(output: Path) -> None:
    place = next(parent for parent in output.absolute().parents if parent.exists())
    if not place.is_dir() or not os.access(place, os.W_OK):
        raise StorageError(
            f"{str(output)!r} cannot be written: {str(place)!r} is no folder that you may write to",
            hint="name another file with --out",
        )


def _inputs(job: Job) -> list[tuple[Path, Path]]:
    """What is to be read: not the results of the run before, which may lie beside it."""
    outputs = {output.resolve() for output in job.outputs}
    return [(f, root) for f, root in find_files(job.inputs) if f.resolve() not in outputs]


async def _watch(documents: AsyncGenerator[Ended], progress: Progress, *, quiet: bool) -> None:
    with progress_bar(progress, quiet=quiet) as draw:
        async with aclosing(documents) as all_ended:
            async for ended in all_ended:
                progress.note(ended)
                draw()


@contextlib.contextmanager
def _outputs(handler: Handler, job: Job, run_id: str) -> Iterator[None]:
    """Writes the outputs at the end.

    When the run is stopped before, what is through is written where no earlier output lies: half
    a file is better than none, and worse than the whole one of the run before.
    """

    def results() -> Iterable[DocumentResult]:
        return handler.ledger.queries.projection(run_id)

    try:
        yield
    except BaseException:
        for output in job.outputs:
            if not output.exists():
                # Whatever stopped the run is what is told; a disk that is full fails here too.
                with contextlib.suppress(Exception):
                    write_results(output, results)
        raise
    for output in job.outputs:
        write_results(output, results)


def _stop_on_terminate() -> None:
    task = asyncio.current_task()
    assert task is not None
    for wanted in (signal.SIGTERM, signal.SIGHUP):
        # Where signals cannot be had (a thread, Windows) the process simply ends; nothing is lost.
        with contextlib.suppress(NotImplementedError, RuntimeError, ValueError):
            asyncio.get_running_loop().add_signal_handler(wanted, task.cancel)


def _tell_recovery(handler: Handler) -> None:
    recovery = handler.ledger.recovery
    if recovery.calls:
        click.echo(f"the last run was cut off: {recovery}; they are booked as in doubt", err=True)


def _tell_left_out(handler: Handler, name: str) -> None:
    tasks = (s.task for s in handler.workflow(name).steps if isinstance(s, TaskStep))
    named = {c for task in tasks for c in handler.task(task).candidates or ()}
    for deployment, reason in handler.snapshot().unavailable.items():
        if deployment in named:
            click.echo(f"{deployment} is not asked: {reason}", err=True)


def _tell_training(handler: Handler, name: str) -> None:
    for task in handler.untrained(name):
        click.echo(
            f"task {task.name!r}: its classifier learns from {len(task.examples.rows):,} examples "
            "first, once, in some seconds; other steps go on meanwhile",
            err=True,
        )
