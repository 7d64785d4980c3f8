"""Claims about machines: rent, memory, cost by request, capacity, staff beside them, tuning."""

from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from typing import Annotated

from msgspec import Meta

from aihandler.advisor.amounts import Amount, Span
from aihandler.advisor.claims.stated import Stated
from aihandler.advisor.economics import arithmetic as sums
from aihandler.advisor.economics.memory import fit, fitting
from aihandler.advisor.economics.reference import gpu, shape
from aihandler.advisor.findings import Finding, found, near, shown, usd

Some = Annotated[Decimal, Meta(extra_json_schema={"exclusiveMinimum": 0})]
SomeCount = Annotated[int, Meta(ge=1)]
_GB = 1_000_000_000
# A session of tuning that takes longer is none.
_SESSION_HOURS = 7 * 24


class Rent(Stated, frozen=True, tag="rent"):
    """A machine all month for so much; `usd_per_hour` by where the price is read."""

    usd_per_month: Amount
    usd_per_hour: Annotated[dict[str, Some], Meta(min_length=1)]
    discount: Amount = Decimal(0)

    def findings(self, where: str) -> Iterator[Finding]:
        """The money buys every hour of the month at some of the prices."""
        stated = Fraction(self.usd_per_month)
        off = Fraction(self.discount)
        months = {
            name: sums.machine_month_usd(Fraction(price), discount=off)
            for name, price in self.usd_per_hour.items()
        }
        cheapest = min(months.values())
        holds = stated >= cheapest or near(stated, cheapest)
        hours = stated / cheapest * sums.HOURS_PER_MONTH if cheapest else Fraction(0)
        yield found(
            where,
            stated=f"{usd(stated)} a month",
            comes_out=", ".join(f"{usd(cost)} ({name})" for name, cost in months.items()),
            holds=holds,
            ask=""
            if holds
            else f"it buys {shown(hours)} of {sums.HOURS_PER_MONTH} hours: by schedule or spot?",
        )


class Memory(Stated, frozen=True, tag="memory"):
    """A model at a precision on some GPUs; the names are those of the data that ships."""

    model: str
    precision: str
    gpu: str
    gpus: SomeCount = 1

    def findings(self, where: str) -> Iterator[Finding]:
        """The weights fit beside what the server takes."""
        model, one = shape(self.model), gpu(self.gpu)
        held = fit(model, one, precision=self.precision, gpus=self.gpus)
        others = fitting(model, one, gpus=self.gpus)
        told = f"{', '.join(others)} would fit" if others else "no precision fits"
        yield found(
            where,
            stated=f"{self.model} in {self.precision} on {self.gpus} x {self.gpu}",
            comes_out=f"{_gb(held.weight_bytes)} of weights, {_gb(held.usable_bytes)} usable",
            holds=held.fits,
            ask="" if held.fits else f"{told}; it takes {held.least_gpus} of these GPUs",
        )


class Request(Stated, frozen=True, tag="request"):
    """What one request costs on a rented GPU, and at a vendor."""

    usd_per_request: Some
    requests_per_day: SomeCount
    usd_per_gpu_hour: Some
    vendor_usd_per_request: Some | None = None
    vendor_output_usd_per_million: Some | None = None

    def findings(self, where: str) -> Iterator[Finding]:
        """The GPU-hour that the price implies is that of the market."""
        stated, market = Fraction(self.usd_per_request), Fraction(self.usd_per_gpu_hour)
        implied = sums.usd_per_machine_hour_implied(stated, requests_per_day=self.requests_per_day)
        real = sums.usd_per_request(market, requests_per_day=self.requests_per_day)
        times = max(implied / market, market / implied)
        holds = near(implied, market)
        yield found(
            where,
            stated=f"{usd(stated)} a request",
            comes_out=f"{usd(implied)} a GPU-hour against {usd(market)}: {shown(times)} x apart; "
            f"at {usd(market)} a request costs {usd(real)}",
            holds=holds,
            ask="" if holds else "is it for 1,000 requests, or for an hour?",
        )
        yield from self._vendor(where)

    def _vendor(self, where: str) -> Iterator[Finding]:
        price, million = self.vendor_usd_per_request, self.vendor_output_usd_per_million
        if price is None or million is None:
            return
        tokens = sums.tokens_bought(Fraction(price), Fraction(million))
        yield found(
            where,
            stated=f"{usd(Fraction(price))} a request at the vendor",
            comes_out=f"{shown(tokens)} output tokens at {usd(Fraction(million))} a million",
            # Longer answers than this are essays.
            holds=tokens <= 4_000,
            ask="are the answers that long?",
        )


class Capacity(Stated, frozen=True, tag="capacity"):
    """So many units a month on so much money for GPUs."""

    units_per_month: SomeCount
    gpu_usd_per_month: Some
    usd_per_gpu_hour: Some
    tokens_per_gpu_s: Some
    utilisation: Some = Decimal("0.6")
    output_tokens_per_unit: Some | None = None

    def findings(self, where: str) -> Iterator[Finding]:
        """The tokens that the GPUs give are those that the units need."""
        gpus = sums.gpus_for(Fraction(self.gpu_usd_per_month), Fraction(self.usd_per_gpu_hour))
        speed, share = Fraction(self.tokens_per_gpu_s), Fraction(self.utilisation)
        room = sums.tokens_per_month(gpus, speed, share) / self.units_per_month
        asked = self.output_tokens_per_unit
        yield found(
            where,
            stated=f"{self.units_per_month:,} units a month"
            + ("" if asked is None else f" of {asked} output tokens"),
            # As many digits as it has: a token more or less is told by others.
            comes_out=f"{float(gpus):.1f} GPUs, {int(room):,} output tokens a unit",
            holds=asked is not None and Fraction(asked) <= room,
            ask="are answers that short?" if asked is None else "",
        )


class GpuAlone(Stated, frozen=True, tag="gpu_alone"):
    """A GPU beside the staff that it takes; `times` is how much more both cost than the GPU."""

    usd_per_gpu_hour: Some
    staff_usd_per_month: Span
    times: Some | None = None

    def findings(self, where: str) -> Iterator[Finding]:
        """What GPU and staff cost over the GPU alone."""
        alone = sums.machine_month_usd(Fraction(self.usd_per_gpu_hour))
        low, high = ((alone + Fraction(staff)) / alone for staff in self.staff_usd_per_month)
        stated = None if self.times is None else Fraction(self.times)
        yield found(
            where,
            stated=f"{usd(alone)} a month for the GPU"
            + ("" if stated is None else f", {shown(stated)} x with staff"),
            comes_out=f"with staff {round(low)} to {round(high)} x the GPU alone",
            holds=stated is not None and low <= stated <= high,
            ask="" if stated is not None else "who runs it, and for how much?",
        )


class Tuning(Stated, frozen=True, tag="tuning"):
    """A session of tuning for so much money on some GPUs, with all weights in memory."""

    usd: Span
    usd_per_gpu_hour: Some
    model: str
    precision: str
    gpu: str
    gpus: SomeCount = 1

    def findings(self, where: str) -> Iterator[Finding]:
        """The hours that it buys, and the memory."""
        price = Fraction(self.usd_per_gpu_hour)
        low, high = (sums.gpu_hours_bought(Fraction(value), price) for value in self.usd)
        days = [value / self.gpus / 24 for value in (low, high)]
        yield found(
            where,
            stated=f"{usd(Fraction(self.usd[0]))} to {usd(Fraction(self.usd[1]))} a session",
            comes_out=f"{shown(low)} to {shown(high)} GPU-hours, "
            f"{float(days[0]):.0f} to {float(days[1]):.0f} days",
            holds=low / self.gpus <= _SESSION_HOURS,
            ask="for how many GPUs, or for how many sessions?",
        )
        yield from self._memory(where)

    def _memory(self, where: str) -> Iterator[Finding]:
        weights = shape(self.model).weight_bytes(self.precision)
        has = gpu(self.gpu).memory_bytes * self.gpus
        yield found(
            where,
            stated=f"{self.model} in {self.precision} on {self.gpus} x {self.gpu}",
            comes_out=f"{_gb(int(weights))} of weights, {_gb(has)} of memory",
            holds=weights <= has,
            ask="" if weights <= has else "is it tuned with weights of 4 bits (QLoRA)?",
        )


def _gb(size_bytes: int) -> str:
    return f"{shown(Fraction(size_bytes, _GB))} GB"
