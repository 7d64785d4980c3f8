"""Facts from the ledger beside those of a profile: what was used in a month."""

import math
from collections.abc import Sequence
from decimal import Decimal

import msgspec

from aihandler.advisor.company import Profile, TaskFacts
from aihandler.domain.usage import NANO
from aihandler.ledger.evidence import ValidRate
from aihandler.ledger.rollups import MonthOfUsage

# Of fewer, an interval says less than what is assumed.
_ENOUGH = 200
_Z = 1.96
# Shares are rounded, and a sum of them must not pass 1.
_ALL = 0.9999


class Taken(msgspec.Struct, frozen=True):
    """A fact that the ledger gave, because the profile does not say it."""

    task: str
    name: str
    value: Decimal
    source: str


def with_usage(
    profile: Profile,
    usage: Sequence[MonthOfUsage],
    *,
    month: int,
    rates: Sequence[ValidRate] = (),
) -> tuple[Profile, tuple[Taken, ...]]:
    """Fills what the profile leaves out with a whole month of the ledger, and says so.

    What the profile says stays. A task without a call in that month gets nothing. `rates` of the
    same month tell how often the open deployment was asked again, and the usage how much of the
    input its vendor had in a cache, where enough is known.
    """
    tasks, taken = dict(profile.tasks), []
    source, as_of = f"ledger, {month}", f"{month // 100}-{month % 100:02}"
    for task, facts in profile.tasks.items():
        own = [row for row in usage if row.task == task and row.month == month]
        if not own:
            continue
        filled, found = _filled(task, facts, own)
        shares = _shares(facts, [rate for rate in rates if rate.task == task])
        shares |= _cached(facts, own)
        new = {name: share for name, share in shares.items() if name not in facts.costs}
        found += [Taken(task, n, Decimal(str(share[0])), source) for n, share in new.items()]
        tasks[task] = msgspec.structs.replace(
            filled,
            costs={**filled.costs, **new},
            # A cost tells where each of its inputs comes from: not from the profile.
            sources={**facts.sources, **{t.name: (source, as_of) for t in found if _is_input(t)}},
        )
        taken += found
    return msgspec.structs.replace(profile, tasks=tasks), tuple(taken)


def _filled(
    task: str, facts: TaskFacts, rows: Sequence[MonthOfUsage]
) -> tuple[TaskFacts, list[Taken]]:
    sums = _sums(rows)
    source = f"ledger, {rows[0].month}"
    calls = sums.pop("requests_per_month")
    given = {name: value for name, value in sums.items() if getattr(facts, name) is None}
    taken = [Taken(task, name, Decimal(value), source) for name, value in given.items()]
    costs = dict(facts.costs)
    if "requests_per_month" not in costs and calls:
        costs["requests_per_month"] = (float(calls),)
        taken.append(Taken(task, "requests_per_month", Decimal(calls), source))
    return msgspec.structs.replace(facts, costs=costs, **given), taken


def _shares(facts: TaskFacts, rates: Sequence[ValidRate]) -> dict[str, tuple[float, float, float]]:
    """Likely, lowest and highest share of requests that the open deployment had to be asked again,
    and that went on to another one: of those that ended validly."""
    own = [rate for rate in rates if rate.deployment == facts.open]
    valid = sum(rate.valid for rate in own)
    refused = sum(rate.answers for rate in own) - valid
    went_on = sum(rate.escalated for rate in rates if rate.deployment != facts.open)
    ended = valid + went_on
    if not own or ended < _ENOUGH:
        return {}
    return {
        "retry_share": _share(min(max(refused - went_on, 0), ended), ended),
        "escalation_share": _share(went_on, ended),
    }


def _cached(
    facts: TaskFacts, rows: Sequence[MonthOfUsage]
) -> dict[str, tuple[float, float, float]]:
    """Which share of the input the vendor read from its cache, and which it wrote there.

    Of the closed deployment; where none is named, of the only one that is not the open one. Tokens
    of one request are cached together, so the interval is that of so many requests.
    """
    if {"cached_share", "cache_write_share"} & facts.costs.keys():
        return {}
    closed = facts.closed
    if closed is None:
        others = {row.deployment for row in rows} - {facts.open}
        closed = others.pop() if len(others) == 1 else None
    own = [row for row in rows if row.deployment == closed]
    calls, prompt = sum(row.attempts for row in own), sum(row.usage.prompt for row in own)
    if calls < _ENOUGH or not prompt:
        return {}
    written = sum(row.usage.cache_write + row.usage.cache_write_1h for row in own)
    if not written:
        return {"cached_share": _part(sum(row.usage.cache_read for row in own) / prompt, calls)}
    read, low, high = _part(sum(row.usage.cache_read for row in own) / prompt, calls)
    write, write_low, write_high = _part(written / prompt, calls)
    # Both are parts of one input: together they are never more than it, also at their highest.
    read = min(read, _ALL)
    write = min(write, round(_ALL - read, 4))
    high = min(high, round(_ALL - write, 4))
    most = min(write_high, round(_ALL - high, 4))
    return {
        "cached_share": (read, min(low, read), high),
        "cache_write_share": (write, min(write_low, write), most),
    }


def _is_input(taken: Taken) -> bool:
    """Whether a cost reads it; what was spent is a fact beside it."""
    return taken.name != "api_usd_per_month"


def _share(n: int, of: int) -> tuple[float, float, float]:
    return _part(n / of, of)


def _part(share: float, of: int) -> tuple[float, float, float]:
    """With Wilson's interval of 95 %."""
    square = _Z**2
    middle = (share + square / (2 * of)) / (1 + square / of)
    half = _Z / (1 + square / of) * math.sqrt(share * (1 - share) / of + square / (4 * of**2))
    low, high = max(middle - half, 0.0), min(middle + half, 1.0)
    return round(share, 4), round(min(low, share), 4), round(max(high, share), 4)


def _sums(rows: Sequence[MonthOfUsage]) -> dict[str, int | Decimal]:
    used = [row.usage for row in rows]
    nano = sum(row.marginal_nano for row in rows)
    return {
        "input_tokens_per_month": sum(
            u.input + u.cache_read + u.cache_write + u.cache_write_1h for u in used
        ),
        "output_tokens_per_month": sum(u.output + u.reasoning for u in used),
        "api_usd_per_month": Decimal(nano) / NANO,
        "requests_per_month": sum(row.calls for row in rows),
    }
