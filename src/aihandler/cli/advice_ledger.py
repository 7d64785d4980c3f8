"""What `aihandler advise` takes from a ledger: facts of a month, comparisons, units of tags."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from aihandler.cli.options import times_of_month
from aihandler.cli.waiting import waiting
from aihandler.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aihandler.advisor.company import Profile
    from aihandler.advisor.facts import Taken
    from aihandler.advisor.units import Tagged
    from aihandler.ledger import Queries
    from aihandler.ledger.comparisons import ComparisonRecord


class Read(NamedTuple):
    """A profile with what the ledger gave it; `tagged` are the units that were asked for."""

    profile: "Profile"
    taken: "Sequence[Taken]" = ()
    comparisons: "Sequence[ComparisonRecord]" = ()
    tagged: "Sequence[Tagged]" = ()


def with_ledger(
    given: "Profile | None", config: Path, *, month: str | None, units: "Sequence[str]" = ()
) -> Read:
    """Without a profile, that of the configuration; of the last whole month, unless one is named.

    A profile is filled where a month is named; units alone leave it as it is.
    """
    from aihandler.advisor.configured import configured, last_whole_month
    from aihandler.advisor.facts import with_usage
    from aihandler.handler import Handler

    if given is not None and month is None and not units:
        return Read(given)
    # A month that is named is the only one that has to be read.
    since, until = (None, None) if month is None else times_of_month(month)
    _check_there_is_one(given, config, units)
    handler = Handler.load(config)
    running = int(time.strftime("%Y%m", time.gmtime()))
    with waiting("reading the ledger") as tick, handler.read_ledger(watch=tick) as ledger:
        usage = ledger.queries.usage_by_month(since=since, until=until)
        chosen = last_whole_month(usage, now=running) if month is None else int(month)
        tagged = [_tagged(ledger.queries, tag, chosen) for tag in dict.fromkeys(units)]
        if given is not None and month is None:
            return Read(given, tagged=tagged)
        profile = given or configured(handler.configuration, usage)
        comparisons = [c for task in profile.tasks for c in ledger.queries.comparisons(task)]
        since, until = times_of_month(str(chosen))
        rates = ledger.queries.valid_rates(since=since, until=until)
    filled, taken = with_usage(profile, usage, month=chosen, rates=rates)
    return Read(filled, taken, comparisons, tagged)


def _check_there_is_one(given: "Profile | None", config: Path, units: "Sequence[str]") -> None:
    if config.exists():
        return
    if given is None:
        raise InputError(
            "advise needs a profile, the demo, or a configuration with a ledger",
            hint="give `--profile FILE` or `--demo`",
        )
    if units:
        raise InputError(
            f"--unit {units[0]!r} is counted in a ledger, and there is no {str(config)!r}",
            hint="name the configuration with `--config FILE`, or give `units:` in the profile",
        )


def _tagged(queries: "Queries", tag: str, month: int) -> "Tagged":
    from aihandler.advisor.units import by_tag

    since, until = times_of_month(str(month))
    costs = queries.unit_costs(tag, since=since, until=until)
    found = by_tag(costs, tag, source=f"ledger, {month}")
    if found is None:
        raise InputError(
            f"no call of {month} carries the tag {tag!r}",
            hint=f"give calls `tags={{{tag!r}: ...}}`, or name another month with `--ledger MONTH`",
        )
    return found
