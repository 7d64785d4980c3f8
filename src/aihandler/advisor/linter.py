"""Stated numbers held against the sums behind them: confirmed, or flagged with what comes out."""

from collections.abc import Iterator
from fractions import Fraction

from aihandler.advisor.company import Profile, TaskFacts
from aihandler.advisor.economics.memory import fit
from aihandler.advisor.economics.reference import BYTES_PER_WEIGHT, gpus, shapes
from aihandler.advisor.findings import Finding, enough, hold, readings

__all__ = ["Finding", "enough", "hold", "lint", "readings"]

_FEW_MONTHS = 12


def lint(profile: Profile) -> tuple[Finding, ...]:
    """Every check that the stated numbers allow; a missing number is no finding."""
    found = [*_of_company(profile)]
    for name, task in profile.tasks.items():
        found += _of_task(name, task)
    for name, claim in profile.claims.items():
        found += claim.findings(f"claims.{name}")
    return tuple(found)


def _of_company(profile: Profile) -> Iterator[Finding]:
    company = profile.company
    spent = [task.api_usd_per_month for task in profile.tasks.values()]
    known = [Fraction(usd) for usd in spent if usd is not None]
    if company.api_usd_per_year is not None and known and len(known) == len(spent):
        yearly = Fraction(company.api_usd_per_year)
        total = sum(known, Fraction(0)) * _FEW_MONTHS
        yield hold("company.api_usd_per_year", stated=yearly, computed=total, unit="USD by tasks")
    growth = company.api_growth_per_quarter
    if company.api_usd_per_year is not None and growth and company.growth_base_quarter is None:
        yearly = Fraction(company.api_usd_per_year)
        quarter = 1 + Fraction(growth)
        by_base = {"grown from it": yearly * quarter**4, "a quarter later": yearly * quarter**5}
        ask = "give `growth_base_quarter`"
        yield readings("company.api_growth_per_quarter", by_base, unit="USD in a year", ask=ask)


def _of_task(name: str, task: TaskFacts) -> Iterator[Finding]:
    priced = _priced(task)
    if priced is not None and task.api_usd_per_month is not None:
        stated = Fraction(task.api_usd_per_month)
        where = f"tasks.{name}.api_usd_per_month"
        yield hold(where, stated=stated, computed=priced, unit="USD by tokens and prices")
    hosting = task.hosting
    if hosting is None or hosting.gpu not in gpus():
        return
    by_points = {shape.measured_as: shape for shape in shapes().values()}
    shape = by_points.get(hosting.model) or shapes().get(hosting.model)
    if shape is not None and hosting.precision in BYTES_PER_WEIGHT:
        one = fit(shape, gpus()[hosting.gpu], precision=hosting.precision, gpus=1)
        if not one.fits:
            said = f"{hosting.model} in {hosting.precision} does not fit one {hosting.gpu}"
            yield Finding("flagged", f"tasks.{name}.hosting", said)


def _priced(task: TaskFacts) -> Fraction | None:
    given = task.input_tokens_per_month
    made = task.output_tokens_per_month
    prices = [task.costs.get(f"{kind}_usd_per_million") for kind in ("input", "output")]
    discounts = {"cached_share", "batch_share", "cache_read_usd_per_million"} & set(task.costs)
    # With cache or batches the bill is lower by a part that the totals do not tell.
    if given is None or made is None or discounts or not prices[0] or not prices[1]:
        return None
    usd = given * Fraction(str(prices[0][0])) + made * Fraction(str(prices[1][0]))
    return usd / 1_000_000
