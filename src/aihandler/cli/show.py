"""`aihandler show NAME`: everything that the ledger knows of a call, a document or an entry."""

import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from aihandler.cli.options import config_option, echo_json, json_option
from aihandler.cli.page import difference, seconds, usd

if TYPE_CHECKING:
    from aihandler.domain.inspection import Inspected
    from aihandler.ledger import CachedRecord, CallRecord, EntryRecord


@click.command()
@click.argument("name")
@click.option("--content", is_flag=True, help="Also what was asked and answered, if it is kept.")
@config_option
@json_option
def show(name: str, content: bool, config: Path, as_json: bool) -> None:
    """Print every attempt of NAME: a call id, a document id, or the number of an entry.

    Says where the data could go, where it went, what each attempt cost and why it was made.
    """
    from aihandler.handler import Handler

    with Handler.load(config).read_ledger() as ledger:
        calls = ledger.queries.show(name, with_content=content)
    if as_json:
        echo_json(calls)
        return
    for call in calls:
        _show(call)


command = show


def _show(call: "CallRecord") -> None:
    click.echo(f"call {call.call_id}: task {call.task}, {call.data_class} data")
    if call.document_id:
        click.echo(f"  document {call.document_id}, step {call.step}, run {call.run_id}")
    click.echo(f"  could go to: {', '.join(call.could_go) or 'nowhere'}")
    for change in call.changes:
        click.echo(f"  since this call: {change}")
    if call.cached is not None:
        click.echo(f"  {_from_cache(call.cached)}")
    for entry in call.attempts:
        click.echo(f"  {_told(entry)}")
        if how := _said(entry):
            click.echo(f"    {how}")
        for one in entry.inspections:
            click.echo(f"    {_inspected(one)}")
        if entry.request:
            click.echo(f"    asked: {entry.request}")
        if entry.reply is not None:
            click.echo(f"    answered: {entry.reply.text}")


def _inspected(one: "Inspected") -> str:
    found = f", found {', '.join(one.rules)}" if one.rules else ""
    raised = f", raised the class to {one.raised_to.value}" if one.raised_to else ""
    return f"inspected by {one.inspector} {one.version}{found}{raised}"


def _from_cache(cached: "CachedRecord") -> str:
    when = datetime.datetime.fromtimestamp(cached.at, datetime.UTC)
    return (
        f"{when:%Y-%m-%d %H:%M:%S} from the cache: what {cached.deployment} said "
        f"({cached.validity}) {seconds(cached.age_s)} before, in call {cached.source}; "
        "nobody was asked, $0"
    )


def _said(entry: "EntryRecord") -> str:
    """How the schema was asked for, and what the provider said of itself."""
    said: list[str] = []
    if entry.schema_mode:
        left_out = f", {entry.dropped} limits not told" if entry.dropped else ""
        said.append(f"schema by {entry.schema_mode}, enforced: {entry.enforced}{left_out}")
    if entry.reported_model and entry.reported_model != entry.model:
        said.append(f"reports model {entry.reported_model}")
    if entry.fingerprint:
        said.append(f"fingerprint {entry.fingerprint}")
    if entry.tier:
        said.append(f"tier {entry.tier}")
    if entry.reported_nano is not None:
        more = entry.reported_nano - entry.cost.marginal
        beside = f" ({difference(more)})" if entry.cost.status == "priced" else ""
        said.append(f"its provider says {usd(entry.reported_nano)}{beside}")
    return "; ".join(said)


def _told(entry: "EntryRecord") -> str:
    when = datetime.datetime.fromtimestamp(entry.started_at, datetime.UTC)
    cost = usd(entry.cost.marginal + entry.cost.allocated)
    if entry.cost.status == "unpriced":
        cost = "unpriced"
    if entry.outcome == "in_doubt" or entry.state == "in_doubt":
        cost = f"in doubt, up to {usd(entry.doubt_nano)}"
    ended = entry.outcome or entry.state
    how = f" ({entry.validity})" if entry.validity else ""
    sure = f", confidence {entry.confidence:.2f}" if entry.confidence is not None else ""
    why = entry.error_code or "; ".join(entry.problems)
    return (
        f"{when:%Y-%m-%d %H:%M:%S} {entry.reason}: {entry.deployment} {ended}{how}{sure}, "
        f"{cost}, {seconds(entry.latency_s)}, entry {entry.id}" + (f": {why}" if why else "")
    )
