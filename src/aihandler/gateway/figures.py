"""What one worker counts, beside its requests."""

from bisect import bisect_left

import msgspec

from aihandler.domain.kept import CacheEvent
from aihandler.domain.ports import Settlement
from aihandler.domain.usage import NANO, Usage
from aihandler.gateway.metrics import (
    ATTEMPT_ERRORS,
    ATTEMPT_SECONDS,
    ATTEMPTS,
    CACHE,
    COST,
    ERRORS,
    FIRST_BYTE_SECONDS,
    GAUGES,
    REPEATS,
    REQUEST_SECONDS,
    REQUESTS,
    REQUESTS_OPEN,
    TOKENS,
    UNPRICED,
    Metric,
)
from aihandler.gateway.tally import Tally

_OFTEN = {"input", "output", "estimated"}
_SELDOM = tuple(name for name in Usage.__struct_fields__ if name not in _OFTEN)
_BOUNDS = ATTEMPT_SECONDS.bounds
_SUM = len(_BOUNDS) + 1


class Figures:
    """Counts into the region of a worker."""

    def __init__(self, tally: Tally | None = None) -> None:
        self._tally = tally or Tally()
        self._cells = self._tally.cells
        self._open = self._tally.place((REQUESTS_OPEN.name,))
        # Looking a name up costs more than counting.
        self._known: dict[tuple[str, ...], int] = {}
        self._answers: dict[tuple[str, int], tuple[int, int]] = {}
        self._attempts: dict[tuple[str, str, str, str], _Kind] = {}
        settle_gauges(self._tally)

    def begun(self) -> None:
        """A request came in."""
        self._cells[self._open] += 1

    def ended(self, route: str, status: int, seconds: float) -> None:
        """Its answer went out."""
        self._cells[self._open] -= 1
        places = self._answers.get((route, status))
        if places is None:
            counted = self._place(REQUESTS, route, str(status))
            places = self._answers[route, status] = counted, self._place(REQUEST_SECONDS, route)
        place, timed = places
        self._cells[place] += 1
        self._cells[timed + bisect_left(REQUEST_SECONDS.bounds, seconds)] += 1
        self._cells[timed + len(REQUEST_SECONDS.bounds) + 1] += int(seconds * NANO)

    def failed(self, route: str, code: str) -> None:
        """A request was refused, or has failed."""
        self._cells[self._place(ERRORS, route, code)] += 1

    def attempted(self, task: str, deployment: str, *, reason: str, ended: Settlement) -> None:
        """An attempt has ended."""
        name = (task, deployment, reason, ended.outcome)
        kind = self._attempts.get(name)
        if kind is None:
            kind = self._attempts[name] = self._kind(*name)
        cells, who, cost = self._cells, (task, deployment), ended.cost
        cells[kind.count] += 1
        cells[kind.seconds + bisect_left(_BOUNDS, ended.latency_s)] += 1
        cells[kind.seconds + _SUM] += int(ended.latency_s * NANO)
        cells[kind.marginal] += cost.marginal
        if ended.usage is not None:
            cells[kind.input] += ended.usage.input
            cells[kind.output] += ended.usage.output
            for field in _SELDOM:
                if tokens := getattr(ended.usage, field):
                    cells[self._place(TOKENS, *who, field)] += tokens
        if ended.first_byte_s is not None:
            self._observe(FIRST_BYTE_SECONDS, deployment, ended.first_byte_s)
        if ended.error_code:
            cells[self._place(ATTEMPT_ERRORS, *who, ended.error_code)] += 1
        if cost.status == "unpriced":
            cells[self._place(UNPRICED, *who)] += 1
        if cost.allocated:
            cells[self._place(COST, *who, "allocated")] += cost.allocated

    def cached(self, task: str, event: CacheEvent) -> None:
        """A call has looked for a kept answer, or its own was kept."""
        self._cells[self._place(CACHE, task, event)] += 1

    def repeated(self, task: str) -> None:
        """A request with an `Idempotency-Key` was answered as it was before."""
        self._cells[self._place(REPEATS, task)] += 1

    def _kind(self, task: str, deployment: str, reason: str, outcome: str) -> "_Kind":
        who = (task, deployment)
        return _Kind(
            self._place(ATTEMPTS, *who, reason, outcome),
            self._place(ATTEMPT_SECONDS, deployment),
            self._place(TOKENS, *who, "input"),
            self._place(TOKENS, *who, "output"),
            self._place(COST, *who, "marginal"),
        )

    def _observe(self, metric: Metric, label: str, seconds: float) -> None:
        place = self._place(metric, label)
        self._cells[place + bisect_left(metric.bounds, seconds)] += 1
        self._cells[place + len(metric.bounds) + 1] += int(seconds * NANO)

    def _place(self, metric: Metric, *labels: str) -> int:
        name = (metric.name, *labels)
        known = self._known.get(name)
        if known is None:
            known = self._known[name] = self._tally.place(name, metric.width)
        return known


class _Kind(msgspec.Struct, frozen=True):
    """Where attempts of one task, deployment, reason and outcome are counted."""

    count: int
    seconds: int
    input: int
    output: int
    marginal: int


def settle_gauges(tally: Tally) -> None:
    """What a worker that is gone had under way is under way no more."""
    for name, _ in tally.read():
        if name[0] in GAUGES:
            tally.cells[tally.place(name)] = 0
