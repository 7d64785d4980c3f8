"""Money that is stated twice: of the company and of its tasks, whole and in parts, by growth."""

from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction

from aihandler.advisor.company import Profile, TaskFacts
from aihandler.advisor.findings import Finding, enough, found, hold, percent, readings, usd
from aihandler.advisor.linting.units import meant

_MONTHS = 12
# Growth is told in round numbers.
_GROWTH = Fraction(10, 100)


def of_company(profile: Profile) -> Iterator[Finding]:
    """The company against its tasks, and against itself."""
    yield from _whole(profile)
    yield from _goods(profile)
    yield from _growth(profile)
    yield from _staff(profile)


def of_task(name: str, task: TaskFacts) -> Iterator[Finding]:
    """What a task is said to cost against its tokens and prices."""
    priced = priced_usd(task)
    if priced is not None and task.api_usd_per_month is not None:
        stated = Fraction(task.api_usd_per_month)
        where = f"tasks.{name}.api_usd_per_month"
        ask = meant(stated, priced)
        yield hold(where, stated=stated, computed=priced, unit="USD by tokens and prices", ask=ask)


def priced_usd(task: TaskFacts) -> Fraction | None:
    """Tokens times prices; None where one is missing, or a discount leaves it open."""
    given, made = task.input_tokens_per_month, task.output_tokens_per_month
    prices = [task.costs.get(f"{kind}_usd_per_million") for kind in ("input", "output")]
    discounts = {"cached_share", "batch_share", "cache_read_usd_per_million"} & set(task.costs)
    # With cache or batches the bill is lower by a part that the totals do not tell.
    if given is None or made is None or discounts or not prices[0] or not prices[1]:
        return None
    cost = given * Fraction(str(prices[0][0])) + made * Fraction(str(prices[1][0]))
    return cost / 1_000_000


def _whole(profile: Profile) -> Iterator[Finding]:
    stated = profile.company.api_usd_per_year
    spent = [task.api_usd_per_month for task in profile.tasks.values()]
    known = [Fraction(amount) for amount in spent if amount is not None]
    if stated is None or not known:
        return
    total = sum(known, Fraction(0)) * _MONTHS
    where, unit = "company.api_usd_per_year", "USD by tasks"
    if len(known) == len(spent):
        ask = meant(Fraction(stated), total) or "which task is missing, or counted twice?"
        yield hold(where, stated=Fraction(stated), computed=total, unit=unit, ask=ask)
    elif total > stated:
        ask = "are some of the tasks counted twice?"
        yield enough(where, needed=total, has=Fraction(stated), unit=unit, ask=ask)


def _goods(profile: Profile) -> Iterator[Finding]:
    company = profile.company
    share, goods, api = (
        company.api_share_of_cogs,
        company.cogs_usd_per_year,
        company.api_usd_per_year,
    )
    if share is not None and goods and api is not None:
        computed = Fraction(api) / Fraction(goods)
        where, ask = "company.api_share_of_cogs", meant(Fraction(share), computed)
        yield hold(where, stated=Fraction(share), computed=computed, unit="by spend", ask=ask)
    for name, part, whole in (
        ("api_usd_per_year", api, goods),
        ("cogs_usd_per_year", goods, company.revenue_usd_per_year),
    ):
        if part is not None and whole is not None and part > whole:
            yield found(
                f"company.{name}",
                stated=usd(Fraction(part)),
                comes_out=f"more than the {usd(Fraction(whole))} that it is a part of",
                holds=False,
                ask="is one of them of a month, and the other of a year?",
            )


def _growth(profile: Profile) -> Iterator[Finding]:
    company = profile.company
    growth, spend = company.api_growth_per_quarter, company.api_usd_per_year
    where = "company.api_growth_per_quarter"
    if spend is not None and growth and company.growth_base_quarter is None:
        yearly, quarter = Fraction(spend), 1 + Fraction(growth)
        by_base = {"grown from it": yearly * quarter**4, "a quarter later": yearly * quarter**5}
        ask = "give `growth_base_quarter`"
        yield readings(where, by_base, unit="USD in a year", ask=ask)
    tasks = [(task.growth_per_quarter, task.api_usd_per_month) for task in profile.tasks.values()]
    weights = [
        (Fraction(rate), Fraction(amount))
        for rate, amount in tasks
        if rate is not None and amount is not None
    ]
    total = sum((amount for _, amount in weights), Fraction(0))
    if growth is not None and len(weights) == len(tasks) and total:
        mean = sum((rate * amount for rate, amount in weights), Fraction(0)) / total
        yield found(
            where,
            stated=percent(Fraction(growth)),
            comes_out=f"{percent(mean)} over the tasks, by their spend",
            holds=abs(mean - Fraction(growth)) <= _GROWTH * abs(Fraction(growth)),
            ask="of requests or of dollars?",
        )


def _staff(profile: Profile) -> Iterator[Finding]:
    """Staff of every task together: an engineer is not there twice."""
    company = profile.company
    shares = {
        name: Decimal(str(task.costs["staff_share"][0]))
        for name, task in profile.tasks.items()
        if task.costs.get("staff_share")
    }
    free = company.free_engineer_share
    if free is None or not shares:
        return
    needed = Fraction(sum(shares.values()))
    ask = f"is the same engineer counted in each of {', '.join(shares)}?"
    where = "company.free_engineer_share"
    yield enough(where, needed=needed, has=Fraction(free), unit="engineers", ask=ask)
