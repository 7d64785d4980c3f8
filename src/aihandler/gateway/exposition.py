"""The page for Prometheus: the counts of all workers as one, in its text format 0.0.4."""

from collections.abc import Callable, Iterable, Iterator, Mapping

import msgspec

from aihandler.config.configuration import Configuration
from aihandler.domain.board import Alone, Board, health_of, places_of
from aihandler.domain.ports import Clock
from aihandler.engine.queueing import HELD, WAITING
from aihandler.gateway.figures import Figures
from aihandler.gateway.metrics import (
    EJECTED,
    EJECTIONS,
    LAG,
    METRICS,
    PLACES_HELD,
    QUEUE,
    Metric,
)
from aihandler.gateway.tally import Name, Tally
from aihandler.routing import health

__all__ = ["Counts", "Exposition", "counts_of_one"]

_Series = Mapping[Name, list[int]]


class Exposition:
    """Writes the page. Whichever worker is asked, it says the same."""

    def __init__(
        self,
        tallies: Callable[[], Iterable[Tally]],
        board: Board,
        *,
        configuration: Configuration,
        clock: Clock,
    ) -> None:
        self._tallies = tallies
        self._board = board
        self._deployments = tuple(configuration.deployments.values())
        self._clock = clock

    def page(self) -> bytes:
        """All figures of the gateway."""
        now = int(self._clock.monotonic() * 1e9)
        series = _summed(self._tallies())
        folded_at = series.pop((LAG.name,), None)
        if folded_at is not None:
            # Kept is the moment, so that the lag grows though the supervisor stands still.
            series[LAG.name,] = [max(0, now - folded_at[0])]
        series |= self._on_board(now)
        lines: list[str] = []
        for metric in METRICS:
            lines += [f"# HELP {metric.name} {metric.help}", f"# TYPE {metric.name} {metric.kind}"]
            for name in sorted(one for one in series if one[0] == metric.name):
                lines += _lines(metric, name[1:], series[name])
        return "\n".join([*lines, ""]).encode()

    def _on_board(self, now: int) -> dict[Name, list[int]]:
        found: dict[Name, list[int]] = {}
        for deployment in self._deployments:
            name = deployment.name
            places = self._board.numbers(places_of(deployment))
            found[PLACES_HELD.name, name] = [places.total(HELD)]
            found[QUEUE.name, name] = [places.total(WAITING)]
            known = self._board.numbers(health_of(deployment))
            found[EJECTIONS.name, name] = [known.total(health.EJECTIONS)]
            ejected = any(row[health.EJECTED_UNTIL] > now for row in known.all)
            found[EJECTED.name, name] = [int(ejected)]
        return found


class Counts(msgspec.Struct, frozen=True):
    """What a worker counts into, and what shows it."""

    figures: Figures
    exposition: Exposition


def counts_of_one(configuration: Configuration, clock: Clock) -> Counts:
    """Of a gateway that is one process and nothing else."""
    tally = Tally()
    exposition = Exposition(lambda: (tally,), Alone(), configuration=configuration, clock=clock)
    return Counts(Figures(tally), exposition)


def _summed(tallies: Iterable[Tally]) -> dict[Name, list[int]]:
    sums: dict[Name, list[int]] = {}
    for tally in tallies:
        for name, numbers in tally.read():
            known = sums.get(name)
            sums[name] = [a + b for a, b in zip(known, numbers, strict=True)] if known else numbers
    return sums


def _lines(metric: Metric, labels: Name, numbers: list[int]) -> Iterator[str]:
    pairs = [f'{k}="{_escaped(v)}"' for k, v in zip(metric.labels, labels, strict=True)]
    if metric.kind != "histogram":
        yield f"{metric.name}{_braced(pairs)} {_shown(numbers[0], metric.per)}"
        return
    count = 0
    bounds = (*map(repr, metric.bounds), "+Inf")
    for bound, more in zip(bounds, numbers, strict=False):
        count += more
        le = f'le="{bound}"'
        yield f"{metric.name}_bucket{_braced([*pairs, le])} {count}"
    yield f"{metric.name}_sum{_braced(pairs)} {_shown(numbers[-1], metric.per)}"
    yield f"{metric.name}_count{_braced(pairs)} {count}"


def _braced(pairs: list[str]) -> str:
    return "{" + ",".join(pairs) + "}" if pairs else ""


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _shown(number: int, per: int) -> str:
    # Exact: dollars are never a float.
    whole, rest = divmod(abs(number), per)
    sign = "-" if number < 0 else ""
    digits = f"{rest:0{len(str(per)) - 1}d}".rstrip("0") if rest else ""
    return f"{sign}{whole}.{digits}" if digits else f"{sign}{whole}"
