"""A profile out of a configuration: its tasks, and what it says of them."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from aihandler.advisor.company import Company, Profile, TaskFacts
from aihandler.advisor.evidence import CLOSED, OPEN, pair
from aihandler.errors import InputError
from aihandler.ledger.rollups import MonthOfUsage

if TYPE_CHECKING:
    from aihandler.config.configuration import Configuration

_HINT = "give `--profile FILE`, or `--demo`; `--ledger MONTH` fills a profile from a month"


def configured(configuration: "Configuration", usage: Sequence[MonthOfUsage]) -> Profile:
    """The tasks that were used, with the deployments that a comparison of them would name.

    What a configuration does not say of a company is missing, and asked for.
    """
    used = {row.task for row in usage} & configuration.tasks.keys()
    if not used:
        raise InputError("the ledger has no call of a task of this configuration", hint=_HINT)
    return Profile(Company(), {task: _task(task, configuration) for task in sorted(used)})


def last_whole_month(usage: Sequence[MonthOfUsage], *, now: int) -> int:
    """Of the months with usage, the newest that has ended; the running one where there is no
    other. Months are as in `202611`."""
    months = {row.month for row in usage}
    return max((month for month in months if month < now), default=max(months, default=now))


def _task(task: str, configuration: "Configuration") -> TaskFacts:
    closed, opened = pair(task, {}, configuration)
    return TaskFacts(
        # A file that does not say that customers see it has not said that they do not.
        customer_facing=configuration.tasks[task].customer_facing or None,
        closed=None if closed == CLOSED else closed,
        open=None if opened == OPEN else opened,
    )
