"""An advice for the terminal: assumptions, a table of verdicts, then each task; 100 columns."""

import textwrap
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import click

from aihandler.cli.page import bold, table, width

if TYPE_CHECKING:
    from aihandler.advisor.economics.runs import Band
    from aihandler.advisor.facts import Taken
    from aihandler.advisor.frameworks.judging import Judgement
    from aihandler.advisor.report import Report, TaskReport

__all__ = ["say", "show"]

# Wider lines are not read, and break where they are pasted.
WIDEST = 100
_INDENT = "  "


def show(report: "Report", taken: "Sequence[Taken]", *, verbose: bool) -> None:
    """Prints all of it; `verbose` has every assumption and every framework of every task."""
    _show_assumed(report, taken, verbose=verbose)
    _show_flagged(report)
    _show_summary(report)
    _show_whole(report)
    _show_tagged(report)
    for task in report.tasks:
        _show_task(task, verbose=verbose)
    _show_frameworks(report, verbose=verbose)
    _show_contradictions(report)
    _show_plan(report)


def _wide() -> int:
    return min(width(), WIDEST)


def _head(text: str) -> None:
    click.echo("\n" + bold(text))


def say(head: str, text: str, *, indent: str = _INDENT) -> None:
    """Wrapped, with what follows below the first word."""
    first = f"{indent}{head}" if head else indent
    lines = textwrap.wrap(
        text,
        max(_wide(), 40),
        initial_indent=first,
        subsequent_indent=" " * len(first),
        # A name that is cut cannot be copied.
        break_long_words=False,
        break_on_hyphens=False,
    )
    click.echo("\n".join(lines))


def _words(name: str) -> str:
    return name.replace("_", " ")


def _show_assumed(report: "Report", taken: "Sequence[Taken]", *, verbose: bool) -> None:
    from aihandler.advisor.assuming import assumed_figures, compact, grouped

    click.echo(bold("Assumed, because nobody said it"))
    found = assumed_figures(report.tasks)
    groups = grouped(found)
    if not groups:
        click.echo(f"{_INDENT}nothing")
    if verbose:
        for one in found:
            figure, of = one.figure, f" [{', '.join(one.tasks)}]" if one.tasks else ""
            ends = "" if figure.low == figure.high else f" ({figure.low:,g} to {figure.high:,g})"
            say("", f"{one.name}: {figure.value:,g}{ends} {figure.unit}; {one.why}{of}")
    else:
        for group, members in groups.items():
            say(f"{group:<16}", "; ".join(compact(members)))
        if groups:
            click.echo(f"{_INDENT}all of them, with unit and source: --verbose, --html or --json")
    _show_prices(report)
    if report.missing:
        _head("Please answer: nothing was assumed in place of these keys")
    for names, needed_by, of in _asked(report):
        say("", f"{names}{of}, for {needed_by}")
    if taken:
        _head("From the ledger")
    for fact in taken:
        say("", f"{fact.task}: {fact.name} {fact.value:,} ({fact.source})")


def _show_prices(report: "Report") -> None:
    """Where prices that nobody assumed come from, and of which day."""
    from aihandler.advisor.sources import price_sources

    found = price_sources(report.tasks, report.origin)
    if found:
        say("prices of: ", "; ".join(found))


def _asked(report: "Report") -> "Iterator[tuple[str, str, str]]":
    """Each key once, with its tasks; no tasks: all of them."""
    by_key: dict[tuple[str, str], list[str]] = {}
    for asked in report.missing:
        key = asked.name, ", ".join(asked.needed_by)
        by_key.setdefault(key, []).append(asked.task)
    for (name, needed_by), tasks in by_key.items():
        yield name, needed_by, f" of {', '.join(tasks)}" if any(tasks) else ""


def _show_flagged(report: "Report") -> None:
    flagged = [finding for finding in report.findings if finding.status == "flagged"]
    if flagged:
        _head("Numbers that do not fit")
    for finding in flagged:
        say(f"{finding.where}: ", finding.says)


def _show_summary(report: "Report") -> None:
    from aihandler.advisor.pages.words import OPTIONS, OUTCOMES, money
    from aihandler.advisor.summary import summary

    _head("Summary: what a month of the first year costs, in the middle of the runs")
    rows, open_ones = [], False
    for row in summary(report.tasks):
        then = f"{money(row.then_usd)} {OPTIONS.get(row.then_option, row.then_option)}"
        if row.now_usd is None:
            then = "not known"
        elif not row.then_option:
            then = "-"
        elif row.then_usd is None:
            then = f"{OPTIONS.get(row.then_option, row.then_option)}: not known"
        elif not row.decided:
            then, open_ones = f"{then} ?", True
        why = f"{_words(row.decided_by)}"
        if row.flips:
            why += f". Would flip: {_words('; '.join(row.flips))}"
        rows.append((row.task, OUTCOMES[row.outcome], money(row.now_usd), then, why))
    heads = ("task", "verdict", "now", "then", "decided by")
    click.echo(table(heads, rows, numbers=heads[2:3], at_most=WIDEST))
    if open_ones:
        click.echo(f"{_INDENT}? no verdict yet: the cheapest that is allowed, if the quality holds")


def _show_whole(report: "Report") -> None:
    from aihandler.advisor.pages.words import WAYS

    whole = report.whole
    if whole is None:
        return
    _head(f"The whole company, {whole.months} months")
    say("by the verdicts: ", whole.decided.says)
    if whole.possible is not None:
        say("if quality holds: ", whole.possible.says)
    course = whole.possible or whole.decided
    for one in course.scenarios:
        told = f"{_span(one.usd)} instead of {_span(one.today)}"
        say(f"with {one.scenario}: ", told, indent=_INDENT * 2)
    for unit in whole.units:
        ways = "; ".join(f"{WAYS[way]} {_span(usd)}" for way, usd in unit.usd.items())
        say(
            f"a {unit.unit} in the first year: ",
            f"{ways} ({unit.per_month:,.0f} a month; {unit.source})",
        )
    for note in (
        *whole.notes,
        *(f"{task} has no cost, and is left out" for task in whole.left_out),
    ):
        say("note: ", note)


def _show_tagged(report: "Report") -> None:
    from aihandler.advisor.pages.words import nano

    if report.tagged:
        _head("What each has cost so far")
    for one in report.tagged:
        told = (
            f"{one.units:,} ({one.source}): {nano(one.mean_nano)} each on average, "
            f"{nano(one.middle_nano)} in the middle, {nano(one.most_nano)} for {one.dearest!r}"
        )
        if one.unpriced:
            told += f"; {one.unpriced:,} attempts of unknown price are in no sum"
        say(f"{one.tag}: ", told)


def _span(band: "Band") -> str:
    from aihandler.advisor.pages.words import money

    return f"{money(band.median)} ({money(band.low)} to {money(band.high)})"


def _show_task(task: "TaskReport", *, verbose: bool) -> None:
    from aihandler.advisor.pages.words import OUTCOMES

    verdict = task.verdict
    _head(f"{task.task}: {OUTCOMES[verdict.outcome]}")
    say("decided by: ", _words(verdict.decided_by))
    if verdict.money and verdict.money not in verdict.decided_by:
        say("money: ", _words(verdict.money))
    _show_turns(task, verbose=verbose)
    if verdict.ask:
        say("please say: ", ", ".join(verdict.ask))
    if task.no_cost:
        say("no cost: ", task.no_cost)
    for note in task.notes:
        say("note: ", note)
    if verdict.disagree:
        count = f"{len(verdict.disagree)} of {len(task.judgements)} frameworks"
        say("disagree: ", f"{count}, with ! below" if not verbose else count)
    for said in verdict.disagree if verbose else ():
        say("- ", _words(said), indent=_INDENT * 2)
    if verdict.command:
        _show_evidence(task)
    _show_costs(task)


def _show_turns(task: "TaskReport", *, verbose: bool) -> None:
    from aihandler.advisor.pages.words import OUTCOMES

    # The summary names what flips with other prices; the sentences are long.
    for turn in task.turns if verbose else task.turns[:1]:
        say("would flip: ", str(turn))
    for under in task.scenarios if verbose else ():
        to = under.pending or under.outcome
        say("prices: ", f"{under.scenario}: {OUTCOMES[to]}; {_words(under.decided_by)}")


def _show_evidence(task: "TaskReport") -> None:
    click.echo(f"{_INDENT}evidence:")
    for needed in task.unready:
        say("first ", needed, indent=_INDENT * 2)
    # A command is one line, however long: a line that is cut cannot be copied.
    for command in task.evidence:
        click.echo("\n".join(_command(command)))


def _command(command: str) -> Iterator[str]:
    """A shell reads it as one line: what does not fit goes on after a backslash."""
    parts = command.replace(" --", "\n--").replace(" -c ", "\n-c ").split("\n")
    line = f"{_INDENT * 2}{parts[0]}"
    for part in parts[1:]:
        if len(line) + len(part) + 3 > _wide():
            yield f"{line} \\"
            line = f"{_INDENT * 4}{part}"
        else:
            line = f"{line} {part}"
    yield line


def _show_costs(task: "TaskReport") -> None:
    from aihandler.advisor.pages.words import OPTIONS, money, percent

    total = task.total_cost
    if total is None:
        return
    returns = {one.option: one for one in total.returns}
    rows = []
    for each in total.totals:
        back = returns.get(each.option)
        month = "" if back is None else "never" if back.month is None else f"month {back.month}"
        never = "" if back is None else percent(back.never_share)
        usd = f"{money(each.usd.low)} to {money(each.usd.high)}"
        option = OPTIONS.get(each.option, _words(each.option))
        share = percent(each.cheapest_share)
        rows.append((option, money(each.usd.median), usd, share, month, never))
    time = f"{total.months} months"
    heads = (time, "median", "9 of 10 runs", "cheapest in", "paid back", "never in")
    click.echo(textwrap.indent(table(heads, rows, numbers=heads[1:4], at_most=WIDEST - 2), _INDENT))
    _show_volumes(task)


def _show_volumes(task: "TaskReport") -> None:
    from aihandler.advisor.economics.figures import rounded
    from aihandler.advisor.pages.words import money, option

    for who, even in (
        ("own machines stay", task.break_even),
        ("a host stays", task.managed_break_even),
    ):
        if even is not None:
            # More digits than its inputs have would look like more than is known.
            requests = rounded(float(even.per_month or 0))
            volume = f"{requests:,.0f} requests a month" if requests else "never"
            say(f"{who} cheaper from: ", f"{volume} ({even.reason})")
    for unit in task.units:
        costs = ", ".join(f"{option(name)} {money(usd.median)}" for name, usd in unit.usd.items())
        say(f"a {unit.unit} in the first year: ", costs)


def _show_frameworks(report: "Report", *, verbose: bool) -> None:
    if not any(task.judgements for task in report.tasks):
        return
    _head("All frameworks side by side; none of them votes")
    for tasks in _side_by_side(report.tasks):
        heads = ("framework", *(task.task for task in tasks))
        rows = [
            (f"{row[0].framework} ({row[0].source.id})", *map(_said, tasks, row))
            for row in zip(*(task.judgements for task in tasks), strict=True)
        ]
        click.echo(table(heads, rows, at_most=WIDEST))
    click.echo(f"{_INDENT}! against the verdict; ? a missing input decides")
    if not verbose:
        click.echo(f"{_INDENT}reasons, inputs and distances to thresholds: --verbose or --html")
        return
    for task in report.tasks:
        _head(f"{task.task}: why, and how far from each threshold")
        for judgement in task.judgements:
            _show_judgement(judgement)


def _show_judgement(judgement: "Judgement") -> None:
    said = judgement.verdict or "not known"
    parts = [judgement.because, *(str(distance) for distance in judgement.distances)]
    if judgement.missing:
        parts.append(f"please say {', '.join(judgement.missing)}")
    say(f"{judgement.framework} ({judgement.source.id}) {_words(said)}: ", "; ".join(parts))


def _said(task: "TaskReport", judgement: "Judgement") -> str:
    if judgement.verdict is None:
        return "?"
    against = f"{judgement.framework} ({judgement.source.id}) says"
    mark = " !" if any(said.startswith(against) for said in task.verdict.disagree) else ""
    return f"{_words(judgement.verdict)}{mark}"


def _side_by_side(tasks: "Sequence[TaskReport]") -> "Iterator[Sequence[TaskReport]]":
    """As many tasks as fit beside each other."""
    names = [f"{j.framework} ({j.source.id})" for task in tasks for j in task.judgements]
    left = _wide() - max(map(len, names), default=0)
    fitting: list[TaskReport] = []
    for task in tasks:
        needed = 2 + max([len(task.task), *(len(_said(task, j)) for j in task.judgements)])
        if fitting and needed > left:
            yield fitting
            fitting, left = [], _wide() - max(map(len, names), default=0)
        fitting.append(task)
        left -= needed
    if fitting:
        yield fitting


def _show_contradictions(report: "Report") -> None:
    from aihandler.advisor.contradicting import contradicting

    found = contradicting(report.contradictions, [task.task for task in report.tasks])
    if found:
        _head("Where the frameworks contradict each other")
    for one in found:
        say("- ", one.told)


def _show_plan(report: "Report") -> None:
    plan = report.plan
    if plan is None:
        return
    _head(f"Plan from {plan.starts} on" + (f", pilot: {plan.pilot}" if plan.pilot else ""))
    rows: list[tuple[str, ...]] = []
    for phase in plan.phases:
        when = f"{phase.starts} to {phase.ends}" if phase.ends else f"from {phase.starts} on"
        tasks = ", ".join(dict.fromkeys(step.task for step in phase.steps if step.task))
        rows.append((when, _effort(phase.work), f"{phase.name}: {tasks}" if tasks else phase.name))
    heads: tuple[str, ...] = ("when", "engineers", "phase")
    if not any(phase.work for phase in plan.phases):
        heads, rows = ("when", "phase"), [(when, name) for when, _, name in rows]
    click.echo(table(heads, rows, at_most=WIDEST))
    for step in plan.phases[0].steps if len(plan.phases) == 1 else ():
        say(f"{step.task}: " if step.task else "", step.does)
        for command in step.commands:
            click.echo("\n".join(_command(command)))
    click.echo(f"{_INDENT}gates, sizes and what stops when one fails: --html or --json")


def _effort(work: object) -> str:
    from aihandler.advisor.pages.words import effort
    from aihandler.advisor.report import Staffing

    return effort(work) if isinstance(work, Staffing) else ""
