"""What each way of running a task costs: facts become inputs of the economics, and back."""

from collections.abc import Mapping
from decimal import Decimal

import msgspec

from aihandler.advisor.company import Hosting, Profile, TaskFacts
from aihandler.advisor.economics import hosting, reference, throughput
from aihandler.advisor.economics.break_even import BreakEven, of_staircase
from aihandler.advisor.economics.figures import Figure, exact
from aihandler.advisor.economics.inputs import RULES, Case, case
from aihandler.advisor.economics.total_cost import Total, TotalCost, total_cost
from aihandler.advisor.verdicts import Choice, Cost
from aihandler.errors import InputError

_CHOICES: Mapping[str, Choice] = {
    "closed": "stay_closed",
    "managed": "managed_open",
    "self_host": "self_host",
    "hybrid": "hybrid_route",
}
_DEMAND = ("requests_per_month", "input_usd_per_million", "output_usd_per_million")


class Costing(msgspec.Struct, frozen=True):
    """`total` is None when `ask` names what is missing; `notes` says what was not computed."""

    total: TotalCost | None
    costs: tuple[Cost, ...] = ()
    ask: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    # Requests a month from which on own machines stay cheaper, at the likely values.
    break_even: BreakEven | None = None
    # All inputs of the total, given and assumed, with their sources.
    figures: Mapping[str, Figure] = {}


def cost_task(
    profile: Profile, task: str, *, seed: int, months: int = 36, runs: int = 10_000
) -> Costing:
    """Pure; the same seed gives the same figures. Raises InputError for an unknown input."""
    facts = profile.tasks[task]
    ask = _missing(facts)
    if ask:
        return Costing(None, ask=ask)
    given = {**_demand(profile, facts, task=task), **_stated(facts, task)}
    notes: tuple[str, ...] = ()
    if facts.hosting is not None:
        found = _hosted(facts.hosting, given)
        notes = (found,) if isinstance(found, str) else ()
        given = given if isinstance(found, str) else {**found, **given}
    whole = case(given)
    total = total_cost(whole, seed=seed, months=months, runs=runs)
    share = Decimal(str(given["routed_share"].value)) if "routed_share" in given else Decimal("0.7")
    costs = tuple(_monthly(t, months, share=share) for t in total.totals if t.option in _CHOICES)
    even = _break_even(whole) if "self_host" in whole.options else None
    return Costing(total, costs, notes=notes, break_even=even, figures=whole.figures)


def _break_even(whole: Case) -> BreakEven:
    x = {name: figure.value for name, figure in whole.figures.items()}
    cached = x["input_tokens"] * x["cached_share"]
    tokens = (x["input_tokens"] - cached) * x["input_usd_per_million"]
    tokens += cached * x["cache_read_usd_per_million"]
    tokens += x["output_tokens"] * x["output_usd_per_million"]
    vendor = tokens / 1e6 * (1 - x["batch_share"] * x["batch_discount"])
    monthly = ("on_call", "storage", "egress", "evaluation")
    other = sum(x[f"{name}_usd_per_month"] for name in monthly)
    other += (x["staff_usd_per_year"] * x["staff_share"] + x["upgrade_usd_per_year"]) / 12
    return of_staircase(
        usd_per_replica_month=x["gpus_per_replica"] * x["usd_per_gpu_hour"] * x["hours_per_month"],
        other_usd_per_month=other,
        vendor_usd_per_request=vendor,
        own_usd_per_request=vendor * x["escalation_share"] + x["safety_usd_per_thousand"] / 1000,
        requests_per_replica_s=x["requests_per_replica_s"] / (1 + x["retry_share"]),
        peak_to_mean=x["peak_to_mean"],
        utilisation=x["utilisation"],
        spare=round(x["spare_replicas"]),
    )


def _missing(facts: TaskFacts) -> tuple[str, ...]:
    names = ("input_tokens_per_month", "output_tokens_per_month")
    absent = [name for name in names if getattr(facts, name) is None]
    return (*absent, *(f"costs.{name}" for name in _DEMAND if name not in facts.costs))


def _demand(profile: Profile, facts: TaskFacts, *, task: str) -> dict[str, Figure]:
    requests = facts.costs["requests_per_month"][0]
    if requests <= 0:
        raise InputError(
            f"task {task!r} has no requests",
            hint="give `requests_per_month` above 0, or leave it out",
        )
    source = f"profile, task {task!r}"
    tokens = {
        "input_tokens": (facts.input_tokens_per_month or 0) / requests,
        "output_tokens": (facts.output_tokens_per_month or 0) / requests,
    }
    given = {n: exact(v, RULES[n].unit, source=source) for n, v in tokens.items()}
    growth = profile.company.api_growth_per_quarter
    if growth is not None:
        # A stated growth is a forecast for three years: it may end at once.
        monthly = (1 + float(growth)) ** (1 / 3) - 1
        low, high = min(0.0, monthly), max(0.0, monthly)
        given["growth_per_month"] = Figure(
            monthly, low, high, RULES["growth_per_month"].unit, "profile: growth a quarter, or none"
        )
    return given


def _stated(facts: TaskFacts, task: str) -> dict[str, Figure]:
    given = {}
    for name, values in facts.costs.items():
        unit = RULES[name].unit if name in RULES else ""
        source = f"profile, task {task!r}"
        if len(values) == 1:
            given[name] = exact(values[0], unit, source=source)
        elif len(values) == 3 and values[1] <= values[0] <= values[2]:
            value, low, high = values
            given[name] = Figure(value, low, high, unit, source)
        else:
            raise InputError(
                f"{name!r} of task {task!r} is {list(values)}",
                hint="give one number, or the likely, the lowest and the highest, in this order",
            )
    return given


def _hosted(asked: Hosting, given: Mapping[str, Figure]) -> dict[str, Figure] | str:
    lengths = (
        max(round(given["input_tokens"].value), 1),
        max(round(given["output_tokens"].value), 1),
    )
    served = throughput.measured(
        reference.serving_points(),
        model=asked.model,
        gpu=asked.gpu,
        precision=asked.precision,
        lengths=lengths,
        target=throughput.Target(latency_s=asked.latency_s),
    )
    if isinstance(served, throughput.NotMeasured):
        return f"self-hosting is not computed: {served.reason}"
    price = _rent(asked)
    if price is None:
        return f"self-hosting is not computed: no price of {asked.gpu!r}; give usd_per_gpu_hour"
    return hosting.inputs(served, hosting.hourly(price))


def _rent(asked: Hosting) -> Figure | None:
    unit = RULES["usd_per_gpu_hour"].unit
    if asked.usd_per_gpu_hour is not None:
        return exact(asked.usd_per_gpu_hour, unit, source="profile")
    offers = [offer for offer in reference.gpu_prices() if offer.gpu == asked.gpu]
    if not offers:
        return None
    rates = sorted(offer.usd_per_gpu_hour for offer in offers)
    middle = sorted(offers, key=lambda offer: offer.usd_per_gpu_hour)[len(offers) // 2]
    return Figure(middle.usd_per_gpu_hour, rates[0], rates[-1], unit, middle.source, middle.as_of)


def _monthly(total: Total, months: int, *, share: Decimal) -> Cost:
    choice = _CHOICES[total.option]
    low, high = (Decimal(str(round(usd / months, 2))) for usd in (total.usd.low, total.usd.high))
    shares: dict[Choice, Decimal] = (
        {"self_host": share, "stay_closed": 1 - share} if choice == "hybrid_route" else {}
    )
    return Cost(choice, low, high, f"total cost over {months} months", shares)
