"""Counts of one worker, in Prometheus' own form."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

_SECONDS = (0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0)


class Figures:
    """What is counted. Labels have few values: never a key, a call or a text."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "aihandler_requests", "Requests by route and status.", ("route", "status"),
            registry=self._registry,
        )  # fmt: skip
        self._seconds = Histogram(
            "aihandler_request_seconds", "Seconds from request to the end of its answer.",
            ("route",), buckets=_SECONDS, registry=self._registry,
        )  # fmt: skip
        self._open = Gauge(
            "aihandler_requests_open", "Requests under way.", registry=self._registry
        )
        # Looking a label up costs more than counting.
        self._known: dict[tuple[str, int], Counter] = {}
        self._timed: dict[str, Histogram] = {}
        self.under_way = 0

    def begun(self) -> None:
        """A request came in."""
        self.under_way += 1

    def ended(self, route: str, status: int, seconds: float) -> None:
        """Its answer went out."""
        self.under_way -= 1
        counter = self._known.get((route, status))
        if counter is None:
            counter = self._known[route, status] = self._requests.labels(route, str(status))
        timed = self._timed.get(route)
        if timed is None:
            timed = self._timed[route] = self._seconds.labels(route)
        counter.inc()
        timed.observe(seconds)

    def exposition(self) -> bytes:
        """All counts as text."""
        self._open.set(self.under_way)
        return generate_latest(self._registry)
