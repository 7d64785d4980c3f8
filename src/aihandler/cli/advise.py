"""`aihandler advise`: open or closed, per task, from a profile and the ledger."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from aihandler.cli.options import config_option, echo_json, json_option
from aihandler.cli.page import bold, table
from aihandler.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aihandler.advisor.advice import Advice, TaskAdvice
    from aihandler.advisor.company import Profile
    from aihandler.advisor.facts import Taken
    from aihandler.ledger.comparisons import ComparisonRecord


@click.command()
@click.option(
    "--profile",
    "path",
    type=click.Path(path_type=Path, dir_okay=False),
    help="What your company says of itself and its tasks (YAML).",
)
@click.option("--demo", is_flag=True, help="Use the example company that ships with it.")
@click.option(
    "--ledger",
    "month",
    metavar="MONTH",
    help="Fill what the profile leaves out from that month (202610), and use its comparisons.",
)
@click.option("--seed", type=click.IntRange(min=0), default=1, show_default=True)
@config_option
@json_option
def advise(
    path: Path | None, demo: bool, month: str | None, seed: int, config: Path, as_json: bool
) -> None:
    """Say per task whether to stay closed, rent an open model, host one, or mix.

    Constraints decide first, then comparisons on your own data, then cost where intervals part.
    """
    from aihandler.advisor.advice import advise as advised
    from aihandler.advisor.frameworks.reading import shipped

    profile = _profile(path, demo=demo)
    taken: Sequence[Taken] = ()
    comparisons: Sequence[ComparisonRecord] = ()
    if month is not None:
        profile, taken, comparisons = _with_ledger(profile, config, month=month)
    advice = advised(profile, shipped(), seed=seed, comparisons=comparisons)
    if as_json:
        echo_json({"from_ledger": taken, "advice": advice})
        return
    _show(advice, taken)


command = advise


def _profile(path: Path | None, *, demo: bool) -> "Profile":
    from aihandler.advisor.company import demo_profile, read_profile

    if demo == (path is not None):
        raise InputError(
            "advise needs either a profile or the demo",
            hint="give `--profile FILE` or `--demo`",
        )
    return demo_profile() if path is None else read_profile(path)


def _with_ledger(
    profile: "Profile", config: Path, *, month: str
) -> "tuple[Profile, Sequence[Taken], Sequence[ComparisonRecord]]":
    from aihandler.advisor.facts import with_usage
    from aihandler.handler import Handler

    if len(month) != 6 or not month.isdecimal():
        raise InputError(f"{month!r} is no month", hint="write year and month, such as 202610")
    with Handler.load(config).read_ledger() as ledger:
        usage = ledger.queries.usage_by_month()
        comparisons = [c for task in profile.tasks for c in ledger.queries.comparisons(task)]
    filled, taken = with_usage(profile, usage, month=int(month))
    return filled, taken, comparisons


def _show(advice: "Advice", taken: "Sequence[Taken]") -> None:
    click.echo(bold("Assumed, because nobody said it"))
    for line in _assumed(advice):
        click.echo(f"  {line}")
    for fact in taken:
        click.echo(f"  {fact.task}: {fact.name} {fact.value:,} ({fact.source})")
    flagged = [finding for finding in advice.findings if finding.status == "flagged"]
    if flagged:
        click.echo("\n" + bold("Numbers that do not fit"))
    for finding in flagged:
        click.echo(f"  {finding.where}: {finding.says}")
    for name, task in advice.tasks.items():
        _show_task(name, task)
    _show_contradictions(advice)


def _assumed(advice: "Advice") -> list[str]:
    found: dict[str, list[str]] = {}
    for name, task in advice.tasks.items():
        for one in task.costing.total.assumed if task.costing.total else ():
            figure = one.figure
            span = "" if figure.low == figure.high else f" ({figure.low:,g} to {figure.high:,g})"
            line = f"{one.name}: {figure.value:,g}{span} {figure.unit}; {figure.source}"
            found.setdefault(line, []).append(name)
    everyone = len(advice.tasks)
    return [
        line if len(names) == everyone else f"{line} [{', '.join(names)}]"
        for line, names in found.items()
    ] or ["nothing"]


def _show_task(name: str, task: "TaskAdvice") -> None:
    verdict = task.verdict
    click.echo(f"\n{bold(name)}: {verdict.outcome.replace('_', ' ')}")
    click.echo(f"  decided by: {verdict.decided_by}")
    for head, told in (
        ("flips with", verdict.flips),
        ("please say", verdict.ask),
        ("cost needs", task.costing.ask),
        ("note", task.costing.notes),
    ):
        if told:
            click.echo(f"  {head}: {'; '.join(told)}")
    for told_by in verdict.disagree:
        click.echo(f"  disagrees: {told_by}")
    if verdict.command:
        click.echo(f"  evidence: {verdict.command}")
    _show_costs(task)
    rows = [
        (
            f"{j.framework} ({j.source.id})",
            j.verdict or "not known",
            ", ".join(j.missing) or "; ".join(str(d) for d in j.distances[:2]),
        )
        for j in task.judgements
    ]
    click.echo(table(("framework", "says", "missing, or distance to thresholds"), rows))


def _show_costs(task: "TaskAdvice") -> None:
    total = task.costing.total
    if total is None:
        return
    returns = {one.option: one for one in total.returns}
    rows = []
    for each in total.totals:
        back = returns.get(each.option)
        month = "" if back is None else "never" if back.month is None else f"month {back.month}"
        never = "" if back is None else f"{back.never_share:.0%}"
        usd = f"{each.usd.low:,.0f} to {each.usd.high:,.0f}"
        cheapest = f"{each.cheapest_share:.0%}"
        rows.append((each.option, f"{each.usd.median:,.0f}", usd, cheapest, month, never))
    heads = (f"USD, {total.months} months", "median", "nine tenths", "cheapest", "returns", "never")
    click.echo(table(heads, rows, numbers=heads[1:4]))
    even = task.costing.break_even
    if even is not None:
        volume = f"{even.per_month:,.0f} requests a month" if even.per_month else "never"
        click.echo(f"  own machines stay cheaper from: {volume} ({even.reason})")


def _show_contradictions(advice: "Advice") -> None:
    found: dict[str, tuple[str, list[str]]] = {}
    for name, task in advice.tasks.items():
        for each in task.contradictions:
            found.setdefault(each.id, (each.says, []))[1].append(name)
    if found:
        click.echo("\n" + bold("Where the frameworks contradict each other"))
    for says, names in found.values():
        click.echo(f"  [{', '.join(names)}] {says}")
