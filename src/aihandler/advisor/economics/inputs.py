"""The figures that a total cost stands on, and what is assumed when one is missing."""

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from types import MappingProxyType

import msgspec

from aihandler.advisor.economics.figures import Figure
from aihandler.errors import InputError

# When what stands for a missing input was last looked at.
ASSUMED_AS_OF = "2026-11"


class Rule(msgspec.Struct, frozen=True):
    """One input. `assumed` is value, low, high; None must be given where an option needs it.

    `shared`: all tasks of a company have it from the same draw, as it is one thing for all.
    """

    unit: str
    meaning: str
    assumed: tuple[float, float, float] | None = None
    why: str = ""
    shared: bool = False


def _zero(unit: str, meaning: str, most: float = 0.0, *, shared: bool = False) -> Rule:
    return Rule(unit, meaning, (0.0, 0.0, most), "not given", shared)


RULES: Mapping[str, Rule] = MappingProxyType(
    {
        "requests_per_month": Rule("requests/month", "requests in the first month"),
        "input_tokens": Rule("tokens/request", "tokens sent, cached ones included"),
        "output_tokens": Rule("tokens/request", "tokens answered, reasoning included"),
        "growth_per_month": Rule(
            "share/month",
            "growth of the requests",
            (0.0, 0.0, 0.05),
            "no history of growth given",
            shared=True,
        ),
        "peak_to_mean": Rule(
            "ratio", "busiest hour over the mean hour", (3.0, 2.0, 6.0), "usual for office hours"
        ),
        # A vendor.
        "cached_share": _zero("share", "part of the input read from a vendor's cache"),
        "cache_write_share": _zero("share", "part of the input written to a vendor's cache"),
        "batch_share": _zero("share", "part of the requests that can wait a day"),
        "batch_discount": Rule(
            "share", "a vendor's discount for batches", (0.5, 0.5, 0.5), "as vendors list it"
        ),
        "input_usd_per_million": Rule("USD/1M tokens", "a vendor's price of input"),
        "output_usd_per_million": Rule("USD/1M tokens", "a vendor's price of output"),
        "cache_read_usd_per_million": Rule("USD/1M tokens", "a vendor's price of cached input"),
        "cache_write_usd_per_million": Rule("USD/1M tokens", "a vendor's price of writing a cache"),
        "api_price_change_per_year": Rule(
            "share/year",
            "drift of vendors' prices",
            (0.0, -0.5, 0.2),
            "both ways were seen",
            shared=True,
        ),
        # An open model that somebody else runs.
        "managed_input_usd_per_million": Rule("USD/1M tokens", "a host's price of an open model"),
        "managed_output_usd_per_million": Rule("USD/1M tokens", "a host's price of an open model"),
        "managed_price_change_per_year": Rule(
            "share/year",
            "drift of hosts' prices",
            (0.0, -0.5, 0.2),
            "as vendors' prices",
            shared=True,
        ),
        "managed_staff_share": Rule(
            "engineers", "staff beside a managed open model", (0.05, 0.02, 0.1), "no servers to run"
        ),
        "managed_setup_months": Rule(
            "months", "until a managed open model serves", (1.0, 0.5, 3.0), "no servers to set up"
        ),
        "managed_setup_staff_share": Rule(
            "engineers", "until a managed open model serves", (0.25, 0.1, 0.5), "no servers"
        ),
        # Machines.
        "requests_per_replica_s": Rule("requests/s", "what one replica serves at the target"),
        "gpus_per_replica": Rule("GPUs", "GPUs of one replica"),
        "usd_per_gpu_hour": Rule(
            "USD/GPU-hour", "rent, or the share of what was bought", shared=True
        ),
        "gpus_at_most": Rule("GPUs", "as many as can be had"),
        "hours_per_month": Rule(
            "hours/month", "hours in which the machines are paid for", (730.0, 730.0, 730.0), "all"
        ),
        "utilisation": Rule(
            "share",
            "part of the measured throughput planned for",
            (0.6, 0.4, 0.8),
            "queues grow",
            shared=True,
        ),
        "spare_replicas": Rule(
            "replicas", "machines beyond the peak", (1.0, 1.0, 1.0), "one may fail (N+1)"
        ),
        "cold_starts_per_month": _zero("starts/month", "replicas started anew", shared=True),
        "cold_start_minutes": Rule(
            "minutes", "to load a model, paid for", (10.0, 3.0, 20.0), "not measured", shared=True
        ),
        "autoscaling_lag_share": _zero(
            "share", "more hours because machines come and go late", shared=True
        ),
        "spot_loss_share": _zero("share", "work lost with machines taken away", shared=True),
        "storage_usd_per_month": _zero("USD/month", "weights, images, logs", 200.0, shared=True),
        "egress_usd_per_month": _zero("USD/month", "data that leaves", 100.0, shared=True),
        # How machines are paid for, by `rent` of a task's hosting.
        "reserved_discount": Rule(
            "share", "less than the hour, under a contract", (0.4, 0.2, 0.5), "40 % in source 000"
        ),
        "nightly_hours": Rule("hours/night", "a job's hours each night"),
        "purchase_usd_per_gpu": Rule("USD/GPU", "a GPU with its share of a server, bought"),
        "life_months": Rule("months", "until it is written off", (48.0, 36.0, 60.0), "usual"),
        "power_w": Rule("W", "of one GPU at work"),
        "usd_per_kwh": Rule("USD/kWh", "energy", (0.15, 0.08, 0.3), "0.15 in arXiv 2509.18101"),
        "energy_overhead": Rule(
            "ratio", "energy of house and server over that of the GPU", (1.6, 1.3, 2.2), "usual"
        ),
        # People.
        "staff_usd_per_year": Rule(
            "USD/year",
            "one engineer, all in",
            (200_000.0, 150_000.0, 300_000.0),
            "source 000, 002",
            shared=True,
        ),
        "staff_share": Rule(
            "engineers",
            "to run it",
            (0.2, 0.2, 0.3),
            "20 % in source 000, 20 to 30 % in 002",
            shared=True,
        ),
        "setup_months": Rule(
            "months", "until it serves", (4.0, 3.0, 6.0), "3 to 6 months in source 000", shared=True
        ),
        "setup_staff_share": Rule(
            "engineers",
            "until it serves",
            (1.0, 0.5, 2.0),
            "1 to 2 engineers in source 000",
            shared=True,
        ),
        "recruiting_usd": _zero("USD", "to find the engineer, once", 50_000.0, shared=True),
        "on_call_usd_per_month": _zero("USD/month", "nights and weekends", 2_000.0, shared=True),
        # What an open model asks for besides.
        "evaluation_usd": _zero("USD", "examples and judges before the change, once", 10_000.0),
        "evaluation_usd_per_month": _zero("USD/month", "to watch quality", 1_000.0),
        "safety_usd_per_thousand": _zero("USD/1,000 requests", "filters that a vendor has", 0.1),
        "retry_share": Rule(
            "share", "requests asked again as not valid", (0.05, 0.0, 0.1), "8 % seen in source 002"
        ),
        "escalation_share": Rule(
            "share", "requests that go to the vendor after all", (0.05, 0.0, 0.15), "not measured"
        ),
        "upgrade_usd_per_year": _zero("USD/year", "to move to newer models", 20_000.0, shared=True),
        "reprompting_usd": _zero("USD", "prompts written again, once", 10_000.0),
        "exit_usd": _zero("USD", "to go back, at the end of the time looked at", 20_000.0),
        # Risk: what is expected of claims, beyond what a vendor pays.
        "claims_per_year": _zero("claims/year", "claims of third parties over answers"),
        "claim_usd": _zero("USD/claim", "what one claim costs"),
        "indemnity_cap_in_fees": Rule(
            "ratio", "a vendor pays up to so many years of fees", (1.0, 1.0, 1.0), "source 003"
        ),
        "routed_share": Rule("share", "part of the requests an open model takes"),
        # A product by the person.
        "seats": Rule("people", "people with a product that is paid by the seat"),
        "usd_per_seat_month": Rule("USD/month", "one seat"),
        "seats_change_per_year": Rule(
            "share/year", "people who come", (0.0, 0.0, 0.3), "not given", shared=True
        ),
        "seat_price_change_per_year": Rule(
            "share/year", "drift of the price of a seat", (0.0, 0.0, 0.2), "seats got dearer"
        ),
    }
)
_DEMAND = ("requests_per_month", "input_tokens", "output_tokens")
_CLOSED = (*_DEMAND, "input_usd_per_million", "output_usd_per_million")
_MANAGED = (*_CLOSED, "managed_input_usd_per_million", "managed_output_usd_per_million")
_HOSTED = ("requests_per_replica_s", "gpus_per_replica", "usd_per_gpu_hour")
NEEDS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "closed": _CLOSED,
        "managed": _MANAGED,
        "self_host": (*_CLOSED, *_HOSTED),
        "hybrid_managed": (*_MANAGED, "routed_share"),
        "hybrid": (*_CLOSED, *_HOSTED, "routed_share"),
        "per_seat": ("seats", "usd_per_seat_month"),
    }
)
# What each way of paying for machines reads, and nothing else does.
BY_RENT: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "reserved": ("reserved_discount",),
        "nightly": ("nightly_hours",),
        "owned": (
            "purchase_usd_per_gpu",
            "life_months",
            "power_w",
            "usd_per_kwh",
            "energy_overhead",
        ),
    }
)
OF_RENT = tuple(name for names in BY_RENT.values() for name in names)
_CACHES: Mapping[str, str] = MappingProxyType(
    {
        "cache_read_usd_per_million": "cached_share",
        "cache_write_usd_per_million": "cache_write_share",
    }
)


class Assumption(msgspec.Struct, frozen=True):
    """An input that nobody gave, and what was taken in its place."""

    name: str
    meaning: str
    figure: Figure


class Case(msgspec.Struct, frozen=True):
    """All figures of one task. `missing` says by option what would have to be given for it."""

    figures: dict[str, Figure]
    options: tuple[str, ...]
    assumed: tuple[Assumption, ...]
    missing: dict[str, tuple[str, ...]]


def case(given: Mapping[str, Figure], *, taken: Sequence[Assumption] = ()) -> Case:
    """Completes what is given; `taken` are those of it that are assumptions already.

    Raises InputError: an unknown name, another unit, a value that cannot be, or no demand.
    """
    _check(given)
    figures = dict(given)
    missing = {
        option: tuple(name for name in needed if name not in given)
        for option, needed in NEEDS.items()
    }
    if missing["closed"]:
        raise InputError(
            f"a total cost needs {_listed(missing['closed'])}",
            hint="take them from the ledger, or give them in the profile",
        )
    options = tuple(option for option, names in missing.items() if not names)
    assumed = list(taken)
    for name, rule in RULES.items():
        if name not in figures and rule.assumed is not None and name not in OF_RENT:
            figures[name] = assumption(name).figure
            assumed.append(assumption(name))
    if sum(figures[share].high for share in _CACHES.values()) > 1:
        raise InputError(
            "cached_share and cache_write_share are more than all of the input",
            hint="give both as parts of the same input: together at most 1, also at their highest",
        )
    for name, share in _CACHES.items():
        if name not in given:
            figures[name] = given["input_usd_per_million"]
            # Of what is not cached, nobody has to read the price.
            if figures[share].high:
                meaning = "it is charged as other input"
                assumed.append(Assumption(name, meaning, figures[name]))
    return Case(figures, options, tuple(assumed), {o: n for o, n in missing.items() if n})


def assumption(name: str) -> Assumption:
    """What stands for an input that nobody gave. Raises InputError where nothing can."""
    rule = RULES[name]
    if rule.assumed is None:
        raise InputError(f"{name} is not known", hint=f"give it in {rule.unit!r}: {rule.meaning}")
    figure = Figure(*rule.assumed, rule.unit, f"assumed: {rule.why}", ASSUMED_AS_OF)
    return Assumption(name, rule.meaning, figure)


def _check(given: Mapping[str, Figure]) -> None:
    unknown = [name for name in given if name not in RULES]
    if unknown:
        raise InputError(
            f"there is no input {_listed(unknown)}", hint=f"the inputs are {', '.join(RULES)}"
        )
    for name, figure in given.items():
        if figure.unit != RULES[name].unit:
            raise InputError(
                f"{name} is given in {figure.unit!r}",
                hint=f"give it in {RULES[name].unit!r}: {RULES[name].meaning}",
            )
        least, most = bounds(name)
        if not least <= figure.low <= figure.high <= most:
            told = "below 0" if figure.low < least == 0 else f"not within {least:g} to {most:g}"
            raise InputError(f"{name} is {told}", hint=f"it means: {RULES[name].meaning}")


def unread(names: Collection[str], rent: str) -> list[str]:
    """Inputs that machines paid for in this way do not read: they would be passed over."""
    return [name for name in OF_RENT if name in names and name not in BY_RENT.get(rent, ())]


def bounds(name: str) -> tuple[float, float]:
    """What an input can be; what something is divided by is never nothing."""
    unit = RULES[name].unit
    if unit.startswith("share/"):
        return -0.99, math.inf
    most = 1.0 if unit == "share" else math.inf
    if name.endswith("loss_share"):
        most = 0.99
    divides = ("requests_per_replica_s", "utilisation", "hours_per_month", "life_months")
    return (1e-9 if name in divides else 0.0), most


def _listed(names: Iterable[str]) -> str:
    return ", ".join(repr(name) for name in names)
