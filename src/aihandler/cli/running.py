"""Runs a job with a live progress bar, then writes its outputs and shows its result."""

import asyncio
import signal
from collections.abc import Iterable, Mapping
from contextlib import aclosing, suppress
from pathlib import Path

import click
import msgspec

from aihandler.cli.bar import progress_bar
from aihandler.cli.page import usd
from aihandler.domain.answer import DocumentResult
from aihandler.domain.task import Json
from aihandler.handler import Handler, new_run_id
from aihandler.workflow.progress import Progress
from aihandler.workflow.readers import count_documents, find_files, read_documents
from aihandler.workflow.summary import RunSummary, summarise_run
from aihandler.workflow.writers import check_writable, write_results


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


async def run_job(handler: Handler, job: Job, *, quiet: bool = False) -> Ran:
    """Runs to the end. The outputs are written also when it is stopped before that."""
    for output in job.outputs:
        check_writable(output)
    files = find_files(job.inputs)
    run_id = new_run_id()
    _stop_on_terminate()
    async with handler:
        _tell_recovery(handler)
        progress = Progress(handler.clock, total=count_documents(files))
        documents = handler.run_documents(
            job.name, read_documents(files), run_id=run_id, key=job.key, concurrency=job.concurrency
        )

        def results() -> Iterable[DocumentResult]:
            return handler.ledger.queries.projection(run_id)

        try:
            with progress_bar(progress, quiet=quiet) as draw:
                async with aclosing(documents) as all_ended:
                    async for ended in all_ended:
                        progress.note(ended)
                        draw()
        finally:
            for output in job.outputs:
                write_results(output, results)
        summary = summarise_run(results(), job.labels)
        return Ran(run_id, summary, progress.elapsed_s, progress.reused)


def _stop_on_terminate() -> None:
    task = asyncio.current_task()
    assert task is not None
    # Where signals cannot be had (a thread, Windows) the process simply ends; nothing is lost.
    with suppress(NotImplementedError, RuntimeError, ValueError):
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)


def _tell_recovery(handler: Handler) -> None:
    recovery = handler.ledger.recovery
    if recovery.calls:
        click.echo(
            f"the last run was cut off: at most {recovery.calls} calls, "
            f"{usd(recovery.nano)}, may have been paid twice; they are booked as in doubt",
            err=True,
        )
