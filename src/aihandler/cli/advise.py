"""`aihandler advise`: open or closed, per task, from a profile and the ledger."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from aihandler.cli.advice_files import files_to_edit, frameworks_option
from aihandler.cli.advice_ledger import with_ledger
from aihandler.cli.options import config_option, echo_json, json_option
from aihandler.cli.page import bold
from aihandler.errors import InputError, StorageError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from aihandler.advisor.advice import Advice
    from aihandler.advisor.company import Profile
    from aihandler.advisor.facts import Taken
    from aihandler.advisor.report import Report
    from aihandler.advisor.watch import Watched
    from aihandler.cli.advice_ledger import Read
    from aihandler.config.configuration import Configuration

# As of a run that ended with something left to do.
_EXIT_FLIPPED = 1


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
    "--unit",
    "units",
    metavar="TAG",
    multiple=True,
    help="What one of these costs (customer, contract, user): counted by that call tag.",
)
@click.option(
    "--html",
    "page",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write the whole advice, with the plan, to one page.",
)
@click.option(
    "--watch", is_flag=True, help="Keep the verdicts; tell which ones have flipped, and exit 1."
)
@click.option(
    "--start",
    "starts",
    type=click.DateTime(["%Y-%m-%d"]),
    metavar="DAY",
    help="First day of the plan (2027-01-04); left out: today.",
)
@click.option("--verbose", is_flag=True, help="Every assumption, and every framework in full.")
@click.option("--seed", type=click.IntRange(min=0), default=1, show_default=True)
@frameworks_option
@files_to_edit
@config_option
@json_option
def advise(
    path: Path | None,
    demo: bool,
    month: str | None,
    units: tuple[str, ...],
    page: Path | None,
    watch: bool,
    starts: "datetime | None",
    verbose: bool,
    seed: int,
    own: Path | None,
    config: Path,
    as_json: bool,
) -> None:
    """Say per task whether to stay closed, rent an open model, host one, or mix.

    Without --profile and --demo it reads the tasks of the configuration, and the last whole month
    of the ledger.

    Constraints decide first, then comparisons on your own data, then cost where 90 % of runs agree.

    With --watch it exits 1 when a verdict has flipped since the last time, else 0.
    """
    from aihandler.cli.advice_text import show

    given = _profile(path, demo=demo)
    read = with_ledger(given, config, month=month, units=units)
    taken = read.taken
    # The checklist and the commands are of this configuration, where there is one.
    configuration = _configuration(config)
    advice = _advised(read, own, configuration=configuration, config=config, seed=seed)
    report = _reported(
        advice,
        read,
        configuration,
        origin=str(path or ("demo_company.yaml" if demo else config)),
        starts=starts,
    )
    kept_in = _kept_in(config, path)
    found = _watched(report, kept_in) if watch else None
    if as_json:
        echo_json(_plain(advice, report, taken, found))
    else:
        show(report, taken, verbose=verbose)
        if found is not None:
            _show_watched(found, kept_in)
    if page is not None:
        _write_page(page, report)
    if found is not None:
        # Kept last: a flip that could not be told is told the next time.
        _keep(report, kept_in)
        sys.exit(_EXIT_FLIPPED if found.flips else 0)


command = advise


def _configuration(config: Path) -> "Configuration | None":
    from aihandler.config import load

    return load(config) if config.exists() else None


def _advised(
    read: "Read",
    own: Path | None,
    *,
    configuration: "Configuration | None",
    config: Path,
    seed: int,
) -> "Advice":
    from aihandler.advisor.advice import Configured
    from aihandler.advisor.advice import advise as advised
    from aihandler.advisor.frameworks.own import frameworks

    return advised(
        read.profile,
        frameworks(own),
        seed=seed,
        comparisons=read.comparisons,
        units={one.tag: one.units for one in read.tagged},
        configured=Configured(
            configuration, "" if config == Path("aihandler.yaml") else str(config)
        ),
    )


def _reported(
    advice: "Advice",
    read: "Read",
    configuration: "Configuration | None",
    *,
    origin: str,
    starts: "datetime | None",
) -> "Report":
    import time

    from aihandler.advisor.reporting import of_advice

    report = of_advice(
        advice,
        read.profile,
        made_at=time.time(),
        origin=origin,
        taken=read.taken,
        starts=starts.date() if starts else None,
        configuration=configuration,
    )
    return msgspec.structs.replace(report, tagged=tuple(read.tagged))


def _plain(
    advice: "Advice", report: "Report", taken: "Sequence[Taken]", found: "Watched | None"
) -> dict[str, object]:
    """What is data: the advice, what is asked for, the plan; `flips` are those of the watch."""
    return {
        "from_ledger": taken,
        "tagged": report.tagged,
        "advice": advice,
        "missing": report.missing,
        "plan": report.plan,
        "flips": found.flips if found else (),
        "watch": found,
    }


def _write_page(page: Path, report: "Report") -> None:
    from aihandler.advisor.pages import html_page

    try:
        page.write_text(html_page(report), encoding="utf-8")
    except OSError as error:
        raise StorageError(
            f"{str(page)!r} cannot be written: {error.strerror}", hint="name another file"
        ) from error
    click.echo(f"\nthe page: {page}", err=True)


def _kept_in(config: Path, path: Path | None) -> Path:
    """Beside the ledger; before there is one, beside the profile."""
    from aihandler.advisor.watch import FILE_NAME
    from aihandler.config import load
    from aihandler.surroundings import ledger_path

    folder = ledger_path(load(config)).parent if config.exists() else (path or Path("x")).parent
    return folder / FILE_NAME


def _watched(report: "Report", kept_in: Path) -> "Watched":
    from aihandler.advisor.watch import last_kept, watched

    return watched(last_kept(kept_in), report)


def _keep(report: "Report", kept_in: Path) -> None:
    from aihandler.advisor.watch import keep

    keep(kept_in, report)


def _show_watched(found: "Watched", kept_in: Path) -> None:
    from datetime import UTC, datetime

    from aihandler.cli.advice_text import say

    if found.since is None:
        why = f"those there were of {found.other!r}" if found.other else "there were none before"
        click.echo(f"\nVerdicts are kept in {kept_in} ({why}): the next time tells what flipped")
        return
    when = datetime.fromtimestamp(found.since, UTC)
    click.echo("\n" + bold(f"Verdicts that flipped since {when:%Y-%m-%d %H:%M} UTC"))
    for flip in found.flips:
        was, now = (str(one or "none").replace("_", " ") for one in (flip.before, flip.after))
        say(f"{flip.task}: ", f"{was} -> {now}; {flip.reason}")
    if not found.flips:
        click.echo("  none")
    for moved in found.moved:
        say(f"{moved.task} stands; changed: ", "; ".join(moved.changes))


def _profile(path: Path | None, *, demo: bool) -> "Profile | None":
    from aihandler.advisor.company import demo_profile, read_profile

    if demo and path is not None:
        raise InputError("advise takes one company", hint="give `--profile FILE` or `--demo`")
    if demo:
        return demo_profile()
    return None if path is None else read_profile(path)
