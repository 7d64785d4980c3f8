"""`aihandler probe DEPLOYMENT`: what a server really does, whatever its documentation says."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from aihandler.cli.options import config_option, echo_json, json_option
from aihandler.cli.page import counted, table, usd
from aihandler.errors import AIHandlerError, BackendError, InputError

if TYPE_CHECKING:
    from aihandler.domain.probes import Probed, ProbeVerdict
    from aihandler.handler import Handler
    from aihandler.probing import ProbePlan, Told


class Outcome(msgspec.Struct, frozen=True):
    """What became of one deployment; `skipped` says why it was not probed."""

    deployment: str
    probed: "Probed | None" = None
    skipped: str = ""
    error: str = ""


@click.command()
@click.argument("deployments", nargs=-1, metavar="[DEPLOYMENT]...")
@click.option("--all", "every", is_flag=True, help="Every deployment that has a server.")
@click.option("--dry-run", is_flag=True, help="Only show what would be asked, and its cost.")
@click.option("--if-changed", is_flag=True, help="Only where the server has become another one.")
@click.option("--stored", is_flag=True, help="Show what the last probe found; ask nothing.")
@click.option(
    "--context-up-to",
    type=click.IntRange(min=0),
    metavar="TOKENS",
    help="Longest prompt to try. Left out: 8192 for servers of your own without a price, else 0.",
)
@config_option
@json_option
def probe(
    deployments: tuple[str, ...],
    every: bool,
    dry_run: bool,
    if_changed: bool,
    stored: bool,
    context_up_to: int | None,
    config: Path,
    as_json: bool,
) -> None:
    """Find out what the server of a DEPLOYMENT really does.

    Asks for what no model would say by itself, and looks whether it comes: schemas by each mode
    (also streamed, with tools, with thinking), forced and allowed tools, stop strings, log
    probabilities, seeds, counts of tokens, the length of the context. Later runs go by it.

    The texts are our own and of class public. Each request is cleared, recorded and paid for as
    task `probe`. Exits 1 when a deployment could not be probed.
    """
    from aihandler.handler import Handler

    handler = Handler.load(config)
    names = _names(handler, deployments, every=every)
    if stored:
        _show_stored(handler, names, as_json=as_json)
        return
    plans = [handler.probe_plan(name, context_up_to=context_up_to) for name in names]
    if dry_run:
        _show_plans(plans, as_json=as_json)
        return
    for plan in plans:
        click.echo(f"{plan.deployment}: {_most(plan)}", err=True)
    outcomes = asyncio.run(_probe_all(handler, names, if_changed, context_up_to))
    if as_json:
        echo_json(outcomes)
    else:
        for outcome in outcomes:
            _show(outcome)
    raise SystemExit(1 if any(outcome.error for outcome in outcomes) else 0)


command = probe


def _names(handler: "Handler", given: Sequence[str], *, every: bool) -> list[str]:
    known = handler.configuration.deployments
    if every and given:
        raise InputError("name deployments, or say --all, not both")
    if not every and not given:
        hint = f"deployments are {', '.join(known)}" if known else "the configuration has none"
        raise InputError("no deployment is named", hint=f"{hint}; --all probes each")
    if every:
        return [name for name, deployment in known.items() if not deployment.in_process]
    return [handler.deployment(name).name for name in dict.fromkeys(given)]


async def _probe_all(
    handler: "Handler", names: Sequence[str], if_changed: bool, context_up_to: int | None
) -> list[Outcome]:
    async with handler:
        # One after the other: what several report at once nobody can read.
        return [await _probe(handler, name, if_changed, context_up_to) for name in names]


async def _probe(
    handler: "Handler", name: str, if_changed: bool, context_up_to: int | None
) -> Outcome:
    if if_changed:
        why = await handler.probe_is_due(name)
        if not why:
            return Outcome(name, handler.probed().get(name), skipped="nothing has changed")
        click.echo(f"{name}: {why}", err=True)
    try:
        probed = await handler.probe(name, context_up_to=context_up_to, told=_progress())
    except (BackendError, InputError) as error:
        # The others may answer. What is ours to refuse, or to keep, ends the command.
        return Outcome(name, error=_told(error))
    return Outcome(name, probed)


def _progress() -> "Told":
    """Tells which question is under way, once each."""
    told: list[str] = []

    def tell(question: str, sends: int, most: int) -> None:
        if question not in told:
            told.append(question)
            click.echo(f"  {sends:>3} of at most {most}: {question}", err=True)

    return tell


def _most(plan: "ProbePlan") -> str:
    usage = plan.most_usage
    cost = "no price is known" if plan.most_nano is None else f"at most {usd(plan.most_nano)}"
    return (
        f"at most {plan.most_sends} requests, {usage.input:,} tokens in and "
        f"{usage.output:,} out, {cost}"
    )


def _show_plans(plans: Sequence["ProbePlan"], *, as_json: bool) -> None:
    if as_json:
        echo_json(plans)
        return
    for plan in plans:
        click.echo(f"{plan.deployment} (profile {plan.profile}): {_most(plan)}")
        click.echo(f"  asks: {', '.join(plan.questions)}")


def _show_stored(handler: "Handler", names: Sequence[str], *, as_json: bool) -> None:
    known = handler.probed()
    outcomes = [Outcome(name, known.get(name)) for name in names]
    if as_json:
        echo_json(outcomes)
        return
    for outcome in outcomes:
        if outcome.probed is None:
            click.echo(f"{outcome.deployment}: was never probed")
        else:
            _show(outcome)


def _show(outcome: Outcome) -> None:
    if outcome.error:
        click.echo(f"{outcome.deployment}: {outcome.error}", err=True)
    if outcome.skipped:
        click.echo(f"{outcome.deployment}: {outcome.skipped}")
        return
    probed = outcome.probed
    if probed is None:
        return
    server = str(probed.server) or "a server that does not name itself"
    cost = "unpriced" if probed.cost_nano is None else usd(probed.cost_nano)
    click.echo(f"{probed.deployment}: {server}, profile {probed.profile}")
    click.echo(f"{counted(probed.sends, 'request')}, {cost}\n")
    click.echo(table(("column", "verdict", "by", "what came back"), map(_row, probed.verdicts)))


def _row(verdict: "ProbeVerdict") -> tuple[str, str, str, str]:
    return verdict.column, shown(verdict.value), verdict.source, verdict.evidence


def shown(value: object) -> str:
    """A verdict's value for people."""
    match value:
        case None:
            return "not to be told"
        case bool():
            return "yes" if value else "no"
        case list() | tuple():
            return ", ".join(map(str, value)) or "none"
        case _:
            return str(value)


def _told(error: AIHandlerError) -> str:
    return f"{error.message} ({error.hint})" if error.hint else error.message
