"""Units that were mixed up: percent for shares, thousands for ones, months for years."""

from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction

from aihandler.advisor.company import Profile, TaskFacts
from aihandler.advisor.findings import Finding, found, near, shown

# Two numbers that are so many times apart are often the same in two units.
_FACTORS = (
    (1_000_000, "per token and per million tokens"),
    (1_000, "per request and per 1,000 requests"),
    (730, "by the hour and by the month"),
    (100, "in percent and as a share"),
    (52, "of a week and of a year"),
    (30, "of a day and of a month"),
    (12, "of a month and of a year"),
    (8, "of one GPU and of a machine of eight"),
    (4, "of a quarter and of a year"),
)
_COMPANY_SHARES = ("api_share_of_cogs",)
_TASK_SHARES = ("invalid_share",)
_COST_SHARES = ("cached_share", "batch_share", "batch_discount", "utilisation", "routed_share")
# Above this a growth in a quarter is a percentage that was written as a number.
_MOST_GROWTH = 5
_MOST_SECONDS = 600
# A request has a prompt, and no model reads more than this.
_TOKENS = (2, 2_000_000)


def meant(stated: Fraction, computed: Fraction) -> str:
    """A question, when two numbers part by a factor between two usual units."""
    if not stated or not computed:
        return ""
    ratio = max(stated / computed, computed / stated)
    for factor, words in _FACTORS:
        if near(ratio, Fraction(factor)):
            return f"{factor:,} x: is one {words}?"
    return ""


def of_company(profile: Profile) -> Iterator[Finding]:
    """Shares and growth of the company, and seats against its people."""
    company = profile.company
    for name in _COMPANY_SHARES:
        yield from _share(f"company.{name}", getattr(company, name))
    yield from _growth("company.api_growth_per_quarter", company.api_growth_per_quarter)
    for name, task in profile.tasks.items():
        seats = task.costs.get("seats")
        if seats and company.people is not None and seats[0] > company.people:
            yield found(
                f"tasks.{name}.costs.seats",
                stated=f"{seats[0]:g} seats",
                comes_out=f"more than the {company.people} people of the company",
                holds=False,
                ask="who else sits there?",
            )


def of_task(name: str, task: TaskFacts) -> Iterator[Finding]:
    """Shares, times, and tokens by the request."""
    at = f"tasks.{name}"
    for key in _TASK_SHARES:
        yield from _share(f"{at}.{key}", getattr(task, key))
    for key in _COST_SHARES:
        for value in task.costs.get(key, ()):
            yield from _share(f"{at}.costs.{key}", Decimal(str(value)))
    yield from _growth(f"{at}.growth_per_quarter", task.growth_per_quarter)
    for key in ("latency_target_s", "measured_latency_s"):
        seconds = getattr(task, key)
        if seconds is not None and seconds > _MOST_SECONDS:
            yield found(
                f"{at}.{key}",
                stated=f"{seconds} seconds",
                comes_out=f"{shown(Fraction(seconds) / 60)} minutes for one answer",
                holds=False,
                ask="are these milliseconds?",
            )
    yield from _tokens(at, task)


def _tokens(at: str, task: TaskFacts) -> Iterator[Finding]:
    requests = task.costs.get("requests_per_month")
    given = task.input_tokens_per_month
    if not requests or not requests[0] or given is None:
        return
    each = Fraction(given) / Fraction(str(requests[0]))
    low, high = _TOKENS
    if not low <= each <= high:
        yield found(
            f"{at}.input_tokens_per_month",
            stated=f"{given:,} tokens of {requests[0]:,g} requests",
            comes_out=f"{shown(each)} tokens a request",
            holds=False,
            ask="are the tokens in thousands or millions, or the requests of another time?",
        )


def _share(where: str, value: Decimal | None) -> Iterator[Finding]:
    if value is not None and value > 1:
        yield found(
            where,
            stated=f"{value}",
            comes_out=f"{value * 100:,} %, more than the whole",
            holds=False,
            ask=f"is {value / 100} meant?",
        )


def _growth(where: str, value: Decimal | None) -> Iterator[Finding]:
    if value is not None and value >= _MOST_GROWTH:
        yield found(
            where,
            stated=f"{value}",
            comes_out=f"{value * 100:,} % a quarter",
            holds=False,
            ask=f"is {value / 100} meant?",
        )
