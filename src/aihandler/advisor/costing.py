"""What each way of running a task costs: facts become inputs of the economics, and back."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from aihandler.advisor.company import Profile, TaskFacts
from aihandler.advisor.economics import hosting, lines, reference
from aihandler.advisor.economics.break_even import BreakEven, fixed_machines, of_staircase, within
from aihandler.advisor.economics.figures import Figure, exact
from aihandler.advisor.economics.inputs import BY_RENT, RULES, Assumption, Case, case, unread
from aihandler.advisor.economics.machines import is_owned, own_usd_per_month, replicas
from aihandler.advisor.economics.runs import FEW_RUNS, MONTHS, RUNS, Order, Runs, percent, run
from aihandler.advisor.economics.total_cost import Total, TotalCost, of_runs
from aihandler.advisor.hosted import Known, machines
from aihandler.advisor.listed import listed
from aihandler.advisor.outcomes import Choice, Cost, Quality
from aihandler.advisor.units import YEAR, UnitCost, unit_cost
from aihandler.errors import InputError

if TYPE_CHECKING:
    from aihandler.advisor.economics.machines import Array

_CHOICES: Mapping[str, Choice] = {
    "closed": "stay_closed",
    "per_seat": "stay_closed",
    "managed": "managed_open",
    "self_host": "self_host",
    "hybrid_managed": "hybrid_route",
    "hybrid": "hybrid_route",
}
_OPEN_PART: Mapping[str, Choice] = {"hybrid_managed": "managed_open", "hybrid": "self_host"}
_VOLUMES = ("input_tokens_per_month", "output_tokens_per_month")
_GROWTH = "growth_per_month"
_HANDED_ON = "share that open answered itself, and what it handed on"
_NO_LOWER = "share on which open scored no lower"
_DEMAND = ("requests_per_month", "input_usd_per_million", "output_usd_per_million")


class Costing(msgspec.Struct, frozen=True):
    """`total` is None when `ask` names what is missing; `notes` says what was not computed.

    `break_even` is of own machines, `managed_break_even` of somebody else's: requests a month from
    which on they stay cheaper, at the likely values; `reached` is the month in which they are.
    """

    total: TotalCost | None
    costs: tuple[Cost, ...] = ()
    ask: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    break_even: BreakEven | None = None
    managed_break_even: BreakEven | None = None
    reached: int | None = None
    units: tuple[UnitCost, ...] = ()

    @property
    def figures(self) -> Mapping[str, Figure]:
        """All inputs of the total, given and assumed, with their sources."""
        return self.total.figures if self.total else {}


@dataclass(frozen=True)
class Costed:
    """A costing with the runs behind it, for sums over tasks; None where there are none."""

    costing: Costing
    runs: Runs | None = None


def cost_task(
    profile: Profile, task: str, *, seed: int, runs: int = RUNS, quality: Quality | None = None
) -> Costing:
    """Pure; the same seed gives the same figures. Raises InputError for an unknown input."""
    order = Order(seed, MONTHS, runs, task)
    return costed(profile, order, known=Known(reference.shelf()), quality=quality).costing


def costed(
    profile: Profile, order: Order, *, known: Known, quality: Quality | None = None
) -> Costed:
    """As `cost_task`, of the task that `order` names. `quality` tells which share can be routed."""
    facts = profile.tasks[order.task]
    prices = _listed(facts, known)
    ask = _missing(facts, prices)
    if ask:
        return Costed(Costing(None, ask=ask, notes=_not_listed(facts, prices)))
    given = {
        **prices,
        **_demand(profile, facts, order.task),
        **_routed(quality),
        **_stated(profile, order),
    }
    notes: tuple[str, ...] = ()
    taken: tuple[Assumption, ...] = ()
    if facts.hosting is not None:
        found = machines(facts.hosting, given, known)
        notes, taken, given = found.notes, found.taken, {**found.inputs, **given}
        # Of what was bought or is under contract, the hour costs what follows from that.
        rate = found.inputs.get("usd_per_gpu_hour")
        given = given if rate is None else {**given, "usd_per_gpu_hour": rate}
    forecast = given.get(_GROWTH)
    if forecast is not None and forecast.source.startswith("assumed"):
        taken = (*taken, Assumption(_GROWTH, RULES[_GROWTH].meaning, forecast))
    whole = case(given, taken=[one for one in taken if given[one.name] == one.figure])
    drawn = run(whole, order)
    total = of_runs(drawn)
    even = _break_even(whole) if "self_host" in whole.options else None
    costing = Costing(
        total,
        tuple(_cost(each, total) for each in total.totals),
        notes=(*notes, *_not_computed(facts, whole, told=bool(notes)), *_passed(drawn)),
        break_even=even,
        managed_break_even=_managed_break_even(whole) if "managed" in whole.options else None,
        reached=_reached(even, drawn),
        units=_units(facts, drawn),
    )
    return Costed(costing, drawn)


def over_growth(found: Runs, usd: "Array") -> "Array":
    """The first year of costs by month, over how the requests of that year grow from one."""
    flow = found.drawn if len(usd) > 1 else found.likely
    grown = flow.requests[:, :YEAR] / flow.requests[:, :1]
    return np.asarray(usd[:, :YEAR].sum(axis=1) / grown.sum(axis=1))


def _listed(facts: TaskFacts, known: Known) -> dict[str, Figure]:
    """Prices of the model that a task names, unless it gives its own."""
    own = facts.costs.keys() >= {"input_usd_per_million", "output_usd_per_million"}
    named = facts.price_model or facts.model
    return {} if own or named is None else listed(named, known.prices())


def _missing(facts: TaskFacts, prices: Mapping[str, Figure]) -> tuple[str, ...]:
    absent = [name for name in _VOLUMES if getattr(facts, name) is None]
    known = {*facts.costs, *prices}
    return (*absent, *(f"costs.{name}" for name in _DEMAND if name not in known))


def _not_listed(facts: TaskFacts, prices: Mapping[str, Figure]) -> tuple[str, ...]:
    named = facts.price_model or facts.model
    if named is None or prices:
        return ()
    return (f"the price list has no price of {named!r}; give `price_model` as the list names it",)


def _demand(profile: Profile, facts: TaskFacts, task: str) -> dict[str, Figure]:
    requests = facts.costs["requests_per_month"][0]
    if requests <= 0:
        raise InputError(
            f"task {task!r} has no requests",
            hint="give `requests_per_month` above 0, or leave it out",
        )
    tokens = {
        "input_tokens": (facts.input_tokens_per_month or 0) / requests,
        "output_tokens": (facts.output_tokens_per_month or 0) / requests,
    }
    given = {}
    for name, value in tokens.items():
        source, as_of = _source_of(profile, task, f"{name}_per_month")
        given[name] = exact(value, RULES[name].unit, source=source, as_of=as_of)
    return {**given, **_growth(profile, facts)}


def _growth(profile: Profile, facts: TaskFacts) -> dict[str, Figure]:
    """What is stated is a forecast for three years, and may end at once: so much is assumed."""
    growth, key = facts.growth_per_quarter, "growth_per_quarter of the task"
    if growth is None:
        growth, key = profile.company.api_growth_per_quarter, "company.api_growth_per_quarter"
    if growth is None:
        return {}
    monthly = (1 + float(growth)) ** (1 / 3) - 1
    low, high = min(0.0, monthly), max(0.0, monthly)
    unit = RULES[_GROWTH].unit
    source = f"assumed: from none to what {key} says, since it may end at once"
    return {_GROWTH: Figure(monthly, low, high, unit, source, profile.as_of)}


def _source_of(profile: Profile, task: str, name: str) -> tuple[str, str]:
    """Where an input comes from, and its day: what the profile names, what the ledger gave."""
    said = profile.tasks[task].sources.get(name)
    return said or (f"profile, task {task!r}", profile.as_of)


def _routed(quality: Quality | None) -> dict[str, Figure]:
    if quality is None:
        return {}
    unit = RULES["routed_share"].unit
    found = quality.cascade
    if found is not None:
        source = f"{quality.source}: {_HANDED_ON}"
        ends = 1 - found.share, 1 - found.high, 1 - found.low
        given = {"escalation_share": Figure(*ends, unit, source, quality.on)}
        if not found.good_enough or quality.says() == "good_enough":
            return given
        # All of it is asked first, and what was not answered surely is paid for twice.
        return {**given, "routed_share": exact(1.0, unit, source=source, as_of=quality.on)}
    part = quality.good_enough
    if part is None:
        return {}
    source = f"{quality.source}: {_NO_LOWER}"
    return {"routed_share": Figure(part.share, part.low, part.high, unit, source, quality.on)}


def _router(share: Figure) -> str:
    """Which router a mix stands on, in words."""
    if share.source.endswith(_HANDED_ON):
        return "measured: the open model is asked first, the vendor where it is not sure"
    if share.source.endswith(_NO_LOWER):
        return "an upper bound: as if a router knew each time which is no worse"
    return f"as given ({share.source})"


def _stated(profile: Profile, order: Order) -> dict[str, Figure]:
    task, facts = order.task, profile.tasks[order.task]
    unused = [name for name in facts.sources if name not in {*facts.costs, *_VOLUMES}]
    if unused:
        raise InputError(
            f"task {task!r} names sources of {', '.join(map(repr, unused))}, and no such input",
            hint="give the input under `costs`, or drop its source",
        )
    _check_rent(facts, task)
    given = {}
    for name, values in facts.costs.items():
        unit = RULES[name].unit if name in RULES else ""
        source, as_of = _source_of(profile, task, name)
        if len(values) == 1:
            given[name] = exact(values[0], unit, source=source, as_of=as_of)
        elif len(values) == 3 and values[1] <= values[0] <= values[2]:
            value, low, high = values
            given[name] = Figure(value, low, high, unit, source, as_of)
        else:
            raise InputError(
                f"{name!r} of task {task!r} is {list(values)}",
                hint="give one number, or the likely, the lowest and the highest, in this order",
            )
    return given


def _check_rent(facts: TaskFacts, task: str) -> None:
    """An input that the way of paying does not read would be passed over in silence."""
    rent = facts.hosting.rent if facts.hosting else "hourly"
    passed_over = unread(facts.costs, rent)
    if passed_over:
        ways = [way for way, names in BY_RENT.items() if passed_over[0] in names]
        raise InputError(
            f"task {task!r} gives {passed_over[0]!r}, and its machines are paid for {rent!r}",
            hint=f"write `rent: {ways[0]}` under `hosting`, or leave it out",
        )


def _not_computed(facts: TaskFacts, whole: Case, *, told: bool) -> tuple[str, ...]:
    """Of what no constraint forbids: for what cannot be chosen, nobody has to find figures."""
    notes = []
    barred = facts.open_licence_allowed is False or facts.frontier_needed is True
    leaves = facts.data_may_leave is not False
    if "managed" in whole.missing and leaves and not barred:
        notes.append(f"managed-open is not computed: give {', '.join(whole.missing['managed'])}")
    if "self_host" in whole.missing and not told and not barred:
        names = ", ".join(whole.missing["self_host"])
        notes.append(f"self-hosting is not computed: give `hosting`, or {names}")
    if "routed_share" not in whole.figures and leaves and not barred:
        notes.append(
            "a mix is not chosen: which share an open model can take is not known; "
            "a comparison shows it, or give routed_share"
        )
    elif leaves and not barred:
        share = _open_share(whole.figures)
        router = _router(whole.figures["routed_share"])
        notes.append(f"a mix sends {percent(float(share))} to the open model, {router}")
    seats = whole.missing.get("per_seat", ())
    if len(seats) == 1:
        notes.append(f"seats are not computed: give {seats[0]}")
    return tuple(notes)


def _cost(total: Total, whole: TotalCost) -> Cost:
    months, choice = whole.months, _CHOICES[total.option]
    low, high = (Decimal(str(round(usd / months, 2))) for usd in (total.usd.low, total.usd.high))
    shares: dict[Choice, Decimal] = {}
    routed_by = ""
    if choice == "hybrid_route":
        share, routed_by = _open_share(whole.figures), _router(whole.figures["routed_share"])
        shares = {_OPEN_PART[total.option]: share, "stay_closed": 1 - share}
    return Cost(
        choice,
        low,
        high,
        f"total cost over {months} months",
        shares,
        option=total.option,
        against=tuple(d for d in whole.differences if total.option in (d.option, d.than)),
        whole_usd=total.usd.median,
        routed_by=routed_by,
    )


def _open_share(figures: Mapping[str, Figure]) -> Decimal:
    """Where all of it is asked first, what is not handed on."""
    share = figures["routed_share"].value
    stays = share if share < 1 else 1 - figures["escalation_share"].value
    return Decimal(str(round(stays, 3)))


def _break_even(whole: Case) -> BreakEven:
    x = {name: figure.value for name, figure in whole.figures.items()}
    vendor = _vendor_usd(whole)
    monthly = ("on_call", "storage", "egress", "evaluation")
    other = sum(x[f"{name}_usd_per_month"] for name in monthly)
    other += (x["staff_usd_per_year"] * x["staff_share"] + x["upgrade_usd_per_year"]) / YEAR
    hour = x["gpus_per_replica"] * x["usd_per_gpu_hour"]
    bought = x["gpus_per_replica"] * _own_usd(whole)
    other += hour * x["cold_starts_per_month"] * x["cold_start_minutes"] / 60
    lost = (1 + x["autoscaling_lag_share"]) / (1 - x["spot_loss_share"])
    # A machine that is paid for some hours of a month serves as much less in it.
    served_s = x["requests_per_replica_s"] * x["hours_per_month"] / hosting.HOURS_PER_MONTH
    spare = round(x["spare_replicas"])
    even = of_staircase(
        usd_per_replica_month=hour * x["hours_per_month"] * lost + bought,
        other_usd_per_month=other,
        vendor_usd_per_request=vendor,
        own_usd_per_request=vendor * x["escalation_share"] + x["safety_usd_per_thousand"] / 1000,
        requests_per_replica_s=served_s / (1 + x["retry_share"]),
        peak_to_mean=x["peak_to_mean"],
        utilisation=x["utilisation"],
        spare=spare,
    )
    if "gpus_at_most" not in x:
        return even
    most = max(x["gpus_at_most"] // x["gpus_per_replica"] - spare, 0)
    a_replica = served_s / (1 + x["retry_share"]) * x["utilisation"] / x["peak_to_mean"]
    return within(even, most * a_replica * hosting.HOURS_PER_MONTH * 3600)


def _managed_break_even(whole: Case) -> BreakEven:
    x = {name: figure.value for name, figure in whole.figures.items()}
    host = x["input_tokens"] * x["managed_input_usd_per_million"]
    host += x["output_tokens"] * x["managed_output_usd_per_million"]
    own = host / 1e6 * (1 + x["retry_share"]) + x["safety_usd_per_thousand"] / 1000
    saved = _vendor_usd(whole) * (1 - x["escalation_share"]) - own
    fixed = x["staff_usd_per_year"] * x["managed_staff_share"] / YEAR
    fixed += x["evaluation_usd_per_month"]
    return fixed_machines(Fraction(fixed), usd_per_unit=Fraction(saved))


def _vendor_usd(whole: Case) -> float:
    return float(lines.vendor_usd(_likely(whole))[0, 0])


def _own_usd(whole: Case) -> float:
    x = _likely(whole)
    return float(own_usd_per_month(x)[0, 0]) if is_owned(x) else 0.0


def _likely(whole: Case) -> lines.Drawn:
    return {name: np.full((1, 1), float(figure.value)) for name, figure in whole.figures.items()}


def _reached(even: BreakEven | None, found: Runs) -> int | None:
    """The first month with that volume, as the requests are likely to grow."""
    if even is None or even.per_month is None:
        return None
    at = np.flatnonzero(found.likely.requests[0] >= even.per_month)
    return int(at[0]) + 1 if len(at) else None


def _passed(found: Runs) -> tuple[str, ...]:
    """The month in which the likely load asks for more machines than can be had."""
    x, most = found.likely.x, found.case.figures.get("gpus_at_most")
    if most is None or "self_host" not in found.case.options:
        return ()
    each = float(x["gpus_per_replica"][0, 0])
    gpus = replicas([found.likely.pooled("self_host")])[0] * each
    late = np.flatnonzero(gpus > most.value)
    if not len(late):
        return ()
    told = f"own machines are more than the {most.value:g} GPUs that can be had from month "
    return (f"{told}{late[0] + 1} on; their cost is told as if there were more",)


def _units(facts: TaskFacts, found: Runs) -> tuple[UnitCost, ...]:
    requests = found.case.figures["requests_per_month"]
    counted = {"request": requests.value, **facts.units}
    few = found.first(FEW_RUNS)
    first_year = {option: _first_year(few, option) for option in found.case.options}
    return tuple(
        unit_cost(
            name,
            per_month,
            first_year,
            source=requests.source if name == "request" else f"profile, task {found.order.task!r}",
        )
        for name, per_month in counted.items()
    )


def _first_year(found: Runs, option: str) -> "tuple[Array, Array]":
    shape = found.order.runs, found.order.months
    drawn = np.broadcast_to(lines.total(lines.OPTIONS[option](found.drawn)), shape)
    likely = lines.total(lines.OPTIONS[option](found.likely))
    return over_growth(found, drawn), over_growth(found, likely)
