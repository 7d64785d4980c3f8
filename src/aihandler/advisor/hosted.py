"""The machines that a task names, as inputs of the economics: what they serve and what they cost.

Measured points come first. Where there are none for what is asked, a bound from memory bandwidth
and arithmetic stands in their place, wide and labelled; where nothing bounds it, nothing is told.
"""

from collections.abc import Mapping

import msgspec

from aihandler.advisor.company import Hosting
from aihandler.advisor.economics import bounds, hosting, throughput
from aihandler.advisor.economics.figures import Figure, exact
from aihandler.advisor.economics.inputs import ASSUMED_AS_OF, RULES, Assumption, assumption
from aihandler.advisor.economics.reference import BYTES_PER_WEIGHT, GpuPrice, Shelf
from aihandler.advisor.economics.throughput import NotMeasured, Throughput
from aihandler.ledger.pricing import PriceList, read_shipped

# Servers load weights of an unstated precision as they were published.
_UNSTATED = "bf16"


class Machines(msgspec.Struct, frozen=True):
    """Inputs by name, those of them that were assumed, and what there is to say of them.

    No inputs: `notes` say why. `bound` marks a throughput that nobody measured.
    """

    inputs: dict[str, Figure] = {}
    taken: tuple[Assumption, ...] = ()
    notes: tuple[str, ...] = ()
    bound: bool = False


class Known:
    """What ships, and what was asked of it before: errors of interpolation take longest."""

    def __init__(self, shelf: Shelf) -> None:
        self.shelf = shelf
        self._prices: PriceList | None = None
        self._errors: dict[throughput.Target, throughput.Errors] = {}

    def prices(self) -> PriceList:
        """The price list, read when it is first asked for."""
        if self._prices is None:
            self._prices = read_shipped()
        return self._prices

    def length_error(self, target: throughput.Target) -> throughput.Errors:
        """Of all points, at one target."""
        if target not in self._errors:
            self._errors[target] = throughput.length_errors(self.shelf.points, target)
        return self._errors[target]


def machines(asked: Hosting, given: Mapping[str, Figure], known: Known) -> Machines:
    """`given` are the task's own figures: its lengths, and inputs of how machines are paid for."""
    shelf = known.shelf
    served = _served(asked, given, known)
    if isinstance(served, NotMeasured):
        return Machines(notes=(f"self-hosting is not computed: {served.reason}",))
    paid = _paid(asked, given, shelf)
    if isinstance(paid, str):
        return Machines(notes=(f"self-hosting is not computed: {paid}",))
    rented, taken, more = paid
    bound = served.basis.startswith("bound")
    inputs = {**hosting.inputs(served, rented), **{one.name: one.figure for one in taken}, **more}
    notes = (f"self-hosting stands on a {served.basis}",) if bound else ()
    return Machines(inputs, tuple(taken), notes, bound)


def _served(asked: Hosting, given: Mapping[str, Figure], known: Known) -> Throughput | NotMeasured:
    shelf = known.shelf
    if "requests_per_replica_s" in given and "gpus_per_replica" in given:
        return _own(given["requests_per_replica_s"], given["gpus_per_replica"])
    lengths = (
        max(round(given["input_tokens"].value), 1),
        max(round(given["output_tokens"].value), 1),
    )
    target = throughput.Target(latency_s=asked.latency_s)
    shape = shelf.shape(asked.model)
    model = shape.measured_as if shape and shape.measured_as else asked.model
    found = throughput.measured(
        shelf.points,
        model=model,
        gpu=asked.gpu,
        precision=asked.precision,
        lengths=lengths,
        target=target,
        length_error=known.length_error,
    )
    if isinstance(found, Throughput):
        return found
    return _bounded(asked, lengths, shelf, why=found)


def _own(served: Figure, gpus: Figure) -> Throughput:
    """What the task itself says that a replica serves."""
    n = max(round(gpus.value), 1)
    each = Figure(
        served.value / n,
        served.low / n,
        served.high / n,
        "requests/GPU/s",
        served.source,
        served.as_of,
    )
    return Throughput(each, n, "own", "as given")


def _bounded(
    asked: Hosting,
    lengths: throughput.Lengths,
    shelf: Shelf,
    *,
    why: NotMeasured,
) -> Throughput | NotMeasured:
    shape, gpu = shelf.shape(asked.model), shelf.gpus.get(asked.gpu)
    if shape is None or gpu is None:
        absent = f"the GPU {asked.gpu!r}" if gpu is None else f"the model {asked.model!r}"
        known = sorted(shelf.gpus if gpu is None else shelf.shapes)
        return NotMeasured(
            f"{why.reason}, and {absent} has no known size; known are {', '.join(known)}; or give "
            "requests_per_replica_s, gpus_per_replica and usd_per_gpu_hour"
        )
    target = throughput.Target(latency_s=asked.latency_s)
    precision = asked.precision if asked.precision in BYTES_PER_WEIGHT else _UNSTATED
    reached = bounds.efficiency(shelf.points, shelf.shapes.values(), shelf.gpus, target)
    found = bounds.bounded(
        shape, gpu, precision=precision, lengths=lengths, target=target, reached=reached
    )
    if isinstance(found, NotMeasured):
        return NotMeasured(f"{why.reason}; {found.reason}")
    told = "" if precision == asked.precision else f", as {precision}"
    return msgspec.structs.replace(found, basis=f"bound, not measured{told}: {why.reason}")


_Paid = tuple[hosting.Rented, list[Assumption], dict[str, Figure]]


def _paid(asked: Hosting, given: Mapping[str, Figure], shelf: Shelf) -> _Paid | str:
    """The way of paying, what was assumed for it, and inputs that go with it; or what it lacks."""
    if asked.rent == "owned":
        return _owned(asked, given, shelf)
    price = _price(asked, given, shelf)
    if price is None:
        way = " by spot" if asked.rent == "spot" else ""
        return f"no price of {asked.gpu!r}{way}; give usd_per_gpu_hour"
    match asked.rent:
        case "reserved":
            discount, taken = _known(given, "reserved_discount")
            return hosting.reserved(price, discount), taken, {}
        case "spot":
            return hosting.spot(price), *_lost(given)
        case "nightly":
            return _nightly(price, given)
    return hosting.hourly(price), [], {}


def _nightly(price: Figure, given: Mapping[str, Figure]) -> _Paid | str:
    if "nightly_hours" not in given:
        return "a nightly job needs its hours; give nightly_hours"
    start, taken = _known(given, "cold_start_minutes")
    hours = given["nightly_hours"].value
    rented = hosting.nightly(price, hours=hours, cold_start_minutes=start.value)
    # What waits for the night is spread over it.
    peak = Figure(1.0, 1.0, 1.0, "ratio", "assumed: a job of the night has no peak", ASSUMED_AS_OF)
    if "peak_to_mean" in given:
        return rented, taken, {}
    return rented, [*taken, Assumption("peak_to_mean", RULES["peak_to_mean"].meaning, peak)], {}


def _owned(asked: Hosting, given: Mapping[str, Figure], shelf: Shelf) -> _Paid | str:
    if "purchase_usd_per_gpu" not in given:
        return "what is bought needs its price; give purchase_usd_per_gpu"
    gpu = shelf.gpus.get(asked.gpu)
    if "power_w" not in given and gpu is None:
        return f"the power of {asked.gpu!r} is not known; give power_w"
    power = given.get("power_w")
    if power is None and gpu is not None:
        power = exact(gpu.power_w, "W", source=gpu.source)
    if power is None:
        return "give power_w"
    taken = [
        one
        for name in ("life_months", "usd_per_kwh", "energy_overhead")
        for one in _known(given, name)[1]
    ]
    return hosting.owned(), taken, {"power_w": power}


def _lost(given: Mapping[str, Figure]) -> tuple[list[Assumption], dict[str, Figure]]:
    name = "spot_loss_share"
    if name in given:
        return [], {}
    why = "assumed: machines by spot are taken away; not measured"
    figure = Figure(0.1, 0.02, 0.25, RULES[name].unit, why, ASSUMED_AS_OF)
    return [Assumption(name, RULES[name].meaning, figure)], {}


def _known(given: Mapping[str, Figure], name: str) -> tuple[Figure, list[Assumption]]:
    if name in given:
        return given[name], []
    taken = assumption(name)
    return taken.figure, [taken]


def _price(asked: Hosting, given: Mapping[str, Figure], shelf: Shelf) -> Figure | None:
    """The profile's own, else the middle of the sampled ones from the lowest to the highest."""
    unit = RULES["usd_per_gpu_hour"].unit
    if "usd_per_gpu_hour" in given:
        return given["usd_per_gpu_hour"]
    if asked.usd_per_gpu_hour is not None:
        return exact(asked.usd_per_gpu_hour, unit, source="profile, hosting")
    offers = [(_rate(one, asked.rent), one) for one in shelf.prices if one.gpu == asked.gpu]
    rates = sorted(
        ((rate, offer) for rate, offer in offers if rate is not None), key=lambda pair: pair[0]
    )
    if not rates:
        return None
    middle, offer = rates[len(rates) // 2]
    return Figure(middle, rates[0][0], rates[-1][0], unit, offer.source, offer.as_of)


def _rate(offer: GpuPrice, rent: str) -> float | None:
    if rent != "spot":
        return offer.usd_per_gpu_hour
    by_spot = offer.spot_usd_per_hour
    return None if by_spot is None else by_spot / offer.count
