"""Machines that a profile names: do models fit, does a GPU cost that much, is there room."""

import math
from collections.abc import Callable, Iterator
from fractions import Fraction
from functools import cache, partial

from aihandler.advisor.company import Hosting, Profile, TaskFacts
from aihandler.advisor.economics import reference
from aihandler.advisor.economics.memory import fit, fitting
from aihandler.advisor.economics.throughput import (
    Errors,
    Target,
    Throughput,
    length_errors,
    measured,
)
from aihandler.advisor.findings import Finding, enough, found, near, shown, usd
from aihandler.advisor.linting.units import meant
from aihandler.config.words import did_you_mean

_HOURS = 730
_SECONDS = 3600
# Offers outside half the lowest and twice the highest of the sample are asked about.
_WIDE = 2


def of_tasks(profile: Profile) -> Iterator[Finding]:
    """Every task that names a machine; then the money for all of them together."""
    hosted = {n: (t, t.hosting) for n, t in profile.tasks.items() if t.hosting is not None}
    if not hosted:
        return
    points = reference.serving_points()
    # Most tasks wait as long as others do, and to know the errors takes a tenth of a second.
    errors = cache(partial(length_errors, points))
    needed: dict[str, Fraction] = {}
    for name, (task, hosting) in hosted.items():
        at = f"tasks.{name}"
        yield from _unknown(at, hosting)
        yield from _memory(at, task, hosting)
        yield from _price(at, task, hosting)
        served = _served(task, hosting, points, errors)
        if served is not None:
            yield from _throughput(at, task, served)
            yearly = _usd_per_year(task, hosting, served)
            if yearly is not None:
                needed[name] = yearly
    budget = profile.company.gpu_budget_usd
    if budget is not None and needed:
        total = sum(needed.values(), Fraction(0))
        ask = f"that is for {', '.join(needed)} at the mean, without peaks or a spare"
        where = "company.gpu_budget_usd"
        yield enough(where, needed=total, has=Fraction(budget), unit="USD a year", ask=ask)


def _unknown(at: str, hosting: Hosting) -> Iterator[Finding]:
    """A machine that nobody has figures of may be one's own, or a slip of the pen."""
    precisions = (*reference.BYTES_PER_WEIGHT, "unstated")
    for key, name, names in (
        ("gpu", hosting.gpu, reference.gpus()),
        ("precision", hosting.precision, precisions),
    ):
        if name not in names:
            yield found(
                f"{at}.hosting.{key}",
                stated=repr(name),
                comes_out="no figures of it ship, so memory and speed are not checked",
                holds=False,
                ask=did_you_mean(name, names, what="known"),
            )


def _memory(at: str, task: TaskFacts, hosting: Hosting) -> Iterator[Finding]:
    known = reference.gpus()
    shapes = reference.shapes()
    by_points = {shape.measured_as: shape for shape in shapes.values()}
    shape = by_points.get(hosting.model) or shapes.get(hosting.model)
    if shape is None or hosting.gpu not in known:
        return
    if hosting.precision not in reference.BYTES_PER_WEIGHT:
        return
    gpu = known[hosting.gpu]
    stated = task.costs.get("gpus_per_replica")
    count = int(stated[0]) if stated and stated[0] >= 1 else 1
    held = fit(shape, gpu, precision=hosting.precision, gpus=count)
    if held.fits:
        return
    others = fitting(shape, gpu, gpus=count)
    told = f"does not fit {'one' if count == 1 else count} {hosting.gpu}"
    ask = f"give `gpus_per_replica` of {held.least_gpus} or more"
    yield Finding(
        "flagged",
        f"{at}.hosting",
        f"{hosting.model} in {hosting.precision} {told}; {ask}"
        + (f", or take {' or '.join(others)}" if others else ""),
        f"{hosting.model} in {hosting.precision} on {count} x {hosting.gpu}",
        f"{shown(Fraction(held.weight_bytes, 10**9))} GB of weights, "
        f"{shown(Fraction(held.usable_bytes, 10**9))} GB usable",
        ask,
    )


def _price(at: str, task: TaskFacts, hosting: Hosting) -> Iterator[Finding]:
    """What a GPU-hour is said to cost against the sample; and the two places where it is said."""
    cost = task.costs.get("usd_per_gpu_hour")
    if cost and hosting.usd_per_gpu_hour is not None:
        one, other = Fraction(str(cost[0])), Fraction(str(hosting.usd_per_gpu_hour))
        yield found(
            f"{at}.costs.usd_per_gpu_hour",
            stated=f"{usd(one)} a GPU-hour",
            comes_out=f"{usd(other)} in `hosting`",
            holds=near(one, other),
            ask="" if near(one, other) else "which of the two is it? the other is counted too",
        )
    stated = hosting.usd_per_gpu_hour if hosting.usd_per_gpu_hour is not None else None
    stated = cost[0] if stated is None and cost else stated
    offers = [offer for offer in reference.gpu_prices() if offer.gpu == hosting.gpu]
    if not stated or not offers:
        return
    rates = sorted(Fraction(str(round(offer.usd_per_gpu_hour, 4))) for offer in offers)
    value = Fraction(str(stated))
    holds = rates[0] / _WIDE <= value <= rates[-1] * _WIDE
    nearest = rates[0] if value < rates[0] else rates[-1]
    days = " and ".join(dict.fromkeys(offer.as_of for offer in offers))
    yield found(
        f"{at}.hosting.usd_per_gpu_hour",
        stated=f"{usd(value)} a GPU-hour",
        comes_out=f"{usd(rates[0])} to {usd(rates[-1])} in a sample of {len(offers)} ({days})",
        holds=holds,
        ask="" if holds else meant(value, nearest) or "is it for one GPU and one hour?",
    )


def _served(
    task: TaskFacts,
    hosting: Hosting,
    points: tuple[reference.Point, ...],
    errors: Callable[[Target], Errors],
) -> Throughput | None:
    requests = task.costs.get("requests_per_month")
    given, made = task.input_tokens_per_month, task.output_tokens_per_month
    if not requests or requests[0] <= 0 or given is None or made is None:
        return None
    lengths = (max(round(given / requests[0]), 1), max(round(made / requests[0]), 1))
    found_points = measured(
        points,
        model=hosting.model,
        gpu=hosting.gpu,
        precision=hosting.precision,
        lengths=lengths,
        target=Target(latency_s=hosting.latency_s),
        length_error=errors,
    )
    return found_points if isinstance(found_points, Throughput) else None


def _throughput(at: str, task: TaskFacts, served: Throughput) -> Iterator[Finding]:
    stated, gpus = task.costs.get("requests_per_replica_s"), task.costs.get("gpus_per_replica")
    if not stated or not gpus or gpus[0] <= 0:
        return
    figure = served.requests_per_gpu_s
    each = stated[0] / gpus[0]
    yield found(
        f"{at}.costs.requests_per_replica_s",
        stated=f"{each:.3g} requests a second and GPU",
        comes_out=f"{figure.value:.3g} measured ({figure.low:.3g} to {figure.high:.3g}; "
        f"{served.basis}, {figure.as_of})",
        holds=each <= figure.high,
        ask="" if each <= figure.high else "at which latency and lengths was it measured?",
    )


def _usd_per_year(task: TaskFacts, hosting: Hosting, served: Throughput) -> Fraction | None:
    """Whole replicas for the mean load, at the stated price or the lowest of the sample."""
    offers = [o.usd_per_gpu_hour for o in reference.gpu_prices() if o.gpu == hosting.gpu]
    stated = hosting.usd_per_gpu_hour
    price = stated if stated is not None else min(offers, default=None)
    if price is None:
        return None
    a_second = task.costs["requests_per_month"][0] / (_HOURS * _SECONDS)
    replicas = math.ceil(a_second / served.requests_per_replica_s)
    return replicas * served.gpus_per_replica * Fraction(str(price)) * _HOURS * 12
