"""`aihandler run NAME --input PATH`: a workflow, or one task, over documents."""

from collections.abc import Sequence
from pathlib import Path

import click

from aihandler.cli.options import config_option, echo_json, json_option
from aihandler.cli.page import command_name, config_argument


@click.command()
@click.argument("name")
@click.option(
    "--input",
    "inputs",
    type=click.Path(path_type=Path),
    multiple=True,
    required=True,
    help="A file or folder of documents (txt, md, eml, html, csv, jsonl); may be repeated.",
)
@click.option(
    "--out",
    "outputs",
    type=click.Path(path_type=Path),
    multiple=True,
    help="Where results go (.jsonl, .csv or .sqlite); may be repeated.",
)
@click.option("--labels", type=click.Path(path_type=Path, exists=True), help="Right answers.")
@click.option("--key", help="Who asks: a key of the configuration.")
@click.option("--concurrency", type=click.IntRange(1, 4096), help="Documents at once.")
@config_option
@json_option
def run(
    name: str,
    inputs: Sequence[Path],
    outputs: Sequence[Path],
    labels: Path | None,
    key: str | None,
    concurrency: int | None,
    config: Path,
    as_json: bool,
) -> None:
    """Run workflow (or task) NAME over documents.

    Stopped or killed, run the same command again: it goes on, and no finished answer is asked
    for again. Exits 1 when documents are left without a valid answer (they wait in the review
    queue, or have an error).
    """
    from aihandler.cli.inputs import read_labels
    from aihandler.cli.result import left_open, result_data, show_result, waiting
    from aihandler.cli.running import Job, run_to_end
    from aihandler.handler import Handler

    handler = Handler.load(config)
    job = Job(
        name=name,
        inputs=tuple(inputs),
        outputs=tuple(outputs) or (Path(f"{name}.jsonl"),),
        labels=read_labels(labels) if labels else {},
        key=key,
        concurrency=concurrency,
    )
    ran = run_to_end(handler, job, quiet=as_json)
    if as_json:
        echo_json(result_data(handler, job, ran))
    else:
        show_result(handler, job, ran)
        if waiting(ran.summary):
            click.echo(f"next     {command_name()} review list{config_argument(config)}")
    raise SystemExit(1 if left_open(ran.summary) else 0)


command = run
