"""The figures that a total cost stands on, and what is assumed when one is missing."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType

import msgspec

from aihandler.advisor.economics.figures import Figure
from aihandler.errors import InputError


class Rule(msgspec.Struct, frozen=True):
    """One input. `assumed` is value, low, high; None must be given where an option needs it."""

    unit: str
    meaning: str
    assumed: tuple[float, float, float] | None = None
    why: str = ""


def _zero(unit: str, meaning: str, most: float = 0.0) -> Rule:
    return Rule(unit, meaning, (0.0, 0.0, most), "not given")


RULES: Mapping[str, Rule] = MappingProxyType(
    {
        "requests_per_month": Rule("requests/month", "requests in the first month"),
        "input_tokens": Rule("tokens/request", "tokens sent, cached ones included"),
        "output_tokens": Rule("tokens/request", "tokens answered, reasoning included"),
        "growth_per_month": Rule(
            "share/month", "growth of the requests", (0.0, 0.0, 0.05), "no history of growth given"
        ),
        "peak_to_mean": Rule(
            "ratio", "busiest hour over the mean hour", (3.0, 2.0, 6.0), "usual for office hours"
        ),
        "cached_share": _zero("share", "part of the input read from a vendor's cache"),
        "batch_share": _zero("share", "part of the requests that can wait a day"),
        "batch_discount": Rule(
            "share", "a vendor's discount for batches", (0.5, 0.5, 0.5), "as vendors list it"
        ),
        "input_usd_per_million": Rule("USD/1M tokens", "a vendor's price of input"),
        "output_usd_per_million": Rule("USD/1M tokens", "a vendor's price of output"),
        "cache_read_usd_per_million": Rule("USD/1M tokens", "a vendor's price of cached input"),
        "api_price_change_per_year": Rule(
            "share/year", "drift of vendors' prices", (0.0, -0.5, 0.2), "both ways were seen"
        ),
        "managed_input_usd_per_million": Rule("USD/1M tokens", "a host's price of an open model"),
        "managed_output_usd_per_million": Rule("USD/1M tokens", "a host's price of an open model"),
        "managed_staff_share": Rule(
            "engineers", "staff beside a managed open model", (0.05, 0.02, 0.1), "no servers to run"
        ),
        "requests_per_replica_s": Rule("requests/s", "what one replica serves at the target"),
        "gpus_per_replica": Rule("GPUs", "GPUs of one replica"),
        "usd_per_gpu_hour": Rule("USD/GPU-hour", "rent, or the share of what was bought"),
        "hours_per_month": Rule(
            "hours/month", "hours in which the machines are paid for", (730.0, 730.0, 730.0), "all"
        ),
        "utilisation": Rule(
            "share", "part of the measured throughput planned for", (0.6, 0.4, 0.8), "queues grow"
        ),
        "spare_replicas": Rule(
            "replicas", "machines beyond the peak", (1.0, 1.0, 1.0), "one may fail (N+1)"
        ),
        "autoscaling_lag_share": _zero("share", "more hours because machines come and go late"),
        "spot_loss_share": _zero("share", "work lost with machines that are taken away"),
        "storage_usd_per_month": _zero("USD/month", "weights, images, logs", 200.0),
        "egress_usd_per_month": _zero("USD/month", "data that leaves", 100.0),
        "staff_usd_per_year": Rule(
            "USD/year", "one engineer, all in", (200_000.0, 150_000.0, 300_000.0), "source 000, 002"
        ),
        "staff_share": Rule(
            "engineers", "to run it", (0.2, 0.2, 0.3), "20 % in source 000, 20 to 30 % in 002"
        ),
        "setup_months": Rule(
            "months", "until it serves", (4.0, 3.0, 6.0), "3 to 6 months in source 000"
        ),
        "setup_staff_share": Rule(
            "engineers", "until it serves", (1.0, 0.5, 2.0), "1 to 2 engineers in source 000"
        ),
        "recruiting_usd": _zero("USD", "to find the engineer, once", 50_000.0),
        "on_call_usd_per_month": _zero("USD/month", "nights and weekends", 2_000.0),
        "evaluation_usd": _zero("USD", "examples and judges before the change, once", 10_000.0),
        "evaluation_usd_per_month": _zero("USD/month", "to watch quality", 1_000.0),
        "safety_usd_per_thousand": _zero("USD/1,000 requests", "filters that a vendor has", 0.1),
        "retry_share": Rule(
            "share", "requests asked again as not valid", (0.05, 0.0, 0.1), "8 % seen in source 002"
        ),
        "escalation_share": Rule(
            "share", "requests that go to the vendor after all", (0.05, 0.0, 0.15), "not measured"
        ),
        "upgrade_usd_per_year": _zero("USD/year", "to move to newer models", 20_000.0),
        "reprompting_usd": _zero("USD", "prompts written again, once", 10_000.0),
        "exit_usd": _zero("USD", "to go back, at the end of the time looked at", 20_000.0),
        "routed_share": Rule(
            "share",
            "part of the requests an open model takes",
            (0.7, 0.5, 0.9),
            "hybrid, not asked",
        ),
        "seats": Rule("people", "people with a product that is paid by the seat"),
        "usd_per_seat_month": Rule("USD/month", "one seat"),
    }
)
_DEMAND = ("requests_per_month", "input_tokens", "output_tokens")
_CLOSED = (*_DEMAND, "input_usd_per_million", "output_usd_per_million")
_HOSTED = ("requests_per_replica_s", "gpus_per_replica", "usd_per_gpu_hour")
NEEDS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "closed": _CLOSED,
        "managed": (*_DEMAND, "managed_input_usd_per_million", "managed_output_usd_per_million"),
        "self_host": (*_CLOSED, *_HOSTED),
        "hybrid": (*_CLOSED, *_HOSTED),
        "per_seat": ("seats", "usd_per_seat_month"),
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


def case(given: Mapping[str, Figure]) -> Case:
    """Completes what is given. Raises InputError: an unknown name, another unit, or no demand."""
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
    if "cache_read_usd_per_million" not in figures:
        figures["cache_read_usd_per_million"] = given["input_usd_per_million"]
    assumed = []
    for name, rule in RULES.items():
        if name not in figures and rule.assumed is not None:
            figures[name] = Figure(*rule.assumed, rule.unit, f"assumed: {rule.why}")
            assumed.append(Assumption(name, rule.meaning, figures[name]))
    if "cache_read_usd_per_million" not in given:
        price = figures["cache_read_usd_per_million"]
        meaning = "cached input is charged as input"
        assumed.append(Assumption("cache_read_usd_per_million", meaning, price))
    options = tuple(option for option, names in missing.items() if not names)
    return Case(figures, options, tuple(assumed), {o: n for o, n in missing.items() if n})


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
        if figure.low < 0 and not name.endswith(("_per_year", "growth_per_month")):
            raise InputError(f"{name} is below 0", hint=f"it means: {RULES[name].meaning}")


def _listed(names: Iterable[str]) -> str:
    return ", ".join(repr(name) for name in names)
