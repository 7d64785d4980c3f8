"""`aihandler advise`: open or closed, per task, from a profile and the ledger."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from aihandler.cli.advice_files import files_to_edit, frameworks_option
from aihandler.cli.options import config_option, echo_json, json_option, times_of_month
from aihandler.cli.page import bold, table
from aihandler.cli.waiting import waiting
from aihandler.errors import InputError, StorageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aihandler.advisor.advice import Advice, TaskAdvice
    from aihandler.advisor.company import Profile
    from aihandler.advisor.facts import Taken
    from aihandler.advisor.report import Report
    from aihandler.advisor.watch import Flip
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
@click.option(
    "--html",
    "page",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write the whole advice, with the plan, to one page.",
)
@click.option("--watch", is_flag=True, help="Keep the verdicts, and tell which ones have flipped.")
@click.option("--seed", type=click.IntRange(min=0), default=1, show_default=True)
@frameworks_option
@files_to_edit
@config_option
@json_option
def advise(
    path: Path | None,
    demo: bool,
    month: str | None,
    page: Path | None,
    watch: bool,
    seed: int,
    own: Path | None,
    config: Path,
    as_json: bool,
) -> None:
    """Say per task whether to stay closed, rent an open model, host one, or mix.

    Constraints decide first, then comparisons on your own data, then cost where intervals part.
    """
    from aihandler.advisor.advice import advise as advised
    from aihandler.advisor.frameworks.own import frameworks

    files = frameworks(own)
    profile = _profile(path, demo=demo)
    taken: Sequence[Taken] = ()
    comparisons: Sequence[ComparisonRecord] = ()
    if month is not None:
        profile, taken, comparisons = _with_ledger(profile, config, month=month)
    advice = advised(profile, files, seed=seed, comparisons=comparisons)
    report = None
    if page is not None or watch:
        report = _reported(advice, profile, config, origin=str(path or "the demo"))
    flipped = _flipped(report, config, path) if report is not None and watch else ()
    if as_json:
        echo_json({"from_ledger": taken, "advice": advice, "flips": flipped})
    else:
        _show(advice, taken)
        _show_flips(flipped, watched=watch)
    if page is not None and report is not None:
        _write_page(page, report)


command = advise


def _reported(advice: "Advice", profile: "Profile", config: Path, *, origin: str) -> "Report":
    import time

    from aihandler.advisor.reporting import of_advice
    from aihandler.config import load

    # The checklist says what this configuration covers, where there is one.
    configuration = load(config) if config.exists() else None
    return of_advice(
        advice, profile, made_at=time.time(), origin=origin, configuration=configuration
    )


def _write_page(page: Path, report: "Report") -> None:
    from aihandler.advisor.pages import html_page

    try:
        page.write_text(html_page(report), encoding="utf-8")
    except OSError as error:
        raise StorageError(
            f"{str(page)!r} cannot be written: {error.strerror}", hint="name another file"
        ) from error
    click.echo(f"\nthe page: {page}", err=True)


def _flipped(report: "Report", config: Path, path: Path | None) -> "Sequence[Flip]":
    from aihandler.advisor.watch import FILE_NAME, flips, keep, last_kept
    from aihandler.assembly import ledger_path
    from aihandler.config import load

    # Beside the ledger; before there is one, beside the profile.
    folder = ledger_path(load(config)).parent if config.exists() else (path or Path("x")).parent
    folder.mkdir(parents=True, exist_ok=True)
    before = last_kept(folder / FILE_NAME)
    keep(folder / FILE_NAME, report)
    return () if before is None else flips(before, report)


def _show_flips(flipped: "Sequence[Flip]", *, watched: bool) -> None:
    if watched:
        click.echo("\n" + bold("Verdicts that flipped since the last time"))
        for flip in flipped:
            was, now = (str(one or "none").replace("_", " ") for one in (flip.before, flip.after))
            click.echo(f"  {flip.task}: {was} -> {now}; {flip.reason}")
        if not flipped:
            click.echo("  none")


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

    since, until = times_of_month(month)
    handler = Handler.load(config)
    with waiting("reading the ledger") as tick, handler.read_ledger(watch=tick) as ledger:
        usage = ledger.queries.usage_by_month(since=since, until=until)
        rates = ledger.queries.valid_rates(since=since, until=until)
        comparisons = [c for task in profile.tasks for c in ledger.queries.comparisons(task)]
    filled, taken = with_usage(profile, usage, month=int(month), rates=rates)
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
