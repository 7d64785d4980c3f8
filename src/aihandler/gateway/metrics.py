"""What the gateway counts, by the conventions of Prometheus: base units, `_total` for counters.

Labels have few values: routes, tasks, deployments, kinds. Never a key, a user, a call or a text.
"""

import msgspec

from aihandler.domain.usage import NANO

_SECONDS = (0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0)


class Metric(msgspec.Struct, frozen=True):
    """One name of the page. Numbers are kept as integers: `per` of them are one of its unit.

    A histogram has `bounds` in its unit; its numbers are a count for each bound, one beyond them,
    and the sum.
    """

    name: str
    kind: str
    help: str
    labels: tuple[str, ...] = ()
    per: int = 1
    bounds: tuple[float, ...] = ()

    @property
    def width(self) -> int:
        """How many numbers each of its series has."""
        return len(self.bounds) + 2 if self.kind == "histogram" else 1


def _seconds(name: str, told: str, label: str) -> Metric:
    return Metric(f"aihandler_{name}_seconds", "histogram", told, (label,), NANO, _SECONDS)


def _counter(name: str, told: str, *labels: str, per: int = 1) -> Metric:
    return Metric(f"aihandler_{name}_total", "counter", told, labels, per)


def _gauge(name: str, told: str, *labels: str, per: int = 1) -> Metric:
    return Metric(f"aihandler_{name}", "gauge", told, labels, per)


_WHO = ("task", "deployment")

REQUESTS = _counter("requests", "Requests by route and status.", "route", "status")
REQUEST_SECONDS = _seconds(
    "request", "Seconds from a request to the end of its answer.", "route"
)  # fmt: skip
REQUESTS_OPEN = _gauge("requests_open", "Requests under way.")
ERRORS = _counter(
    "errors", "Requests that were refused or failed, by the code of the error.", "route", "code"
)
ATTEMPTS = _counter(
    "attempts", "Attempts by why they were made and how they ended.", *_WHO, "reason", "outcome"
)
ATTEMPT_ERRORS = _counter("attempt_errors", "Attempts that failed, by kind.", *_WHO, "kind")
ATTEMPT_SECONDS = _seconds("attempt", "Seconds from an attempt's begin to its end.", "deployment")
FIRST_BYTE_SECONDS = _seconds(
    "first_byte", "Seconds until the first content of a streamed attempt.", "deployment"
)
TOKENS = _counter("tokens", "Tokens by kind; the kinds do not overlap.", *_WHO, "kind")
COST = _counter(
    "cost_usd", "Dollars: what attempts add to bills, and shares of machines.", *_WHO, "kind",
    per=NANO,
)  # fmt: skip
UNPRICED = _counter("unpriced_attempts", "Attempts whose cost is not known.", *_WHO)
CACHE = _counter(
    "cache", "Looks for kept answers, and answers that were kept.", "task", "event"
)  # fmt: skip
REPEATS = _counter("repeats", "Requests that were answered as they were before.", "task")
PLACES_HELD = _gauge("places_held", "Attempts that hold a place of a deployment.", "deployment")
QUEUE = _gauge("queue_length", "Attempts that wait for a place of a deployment.", "deployment")
EJECTED = _gauge("ejected", "1 while a deployment is left alone because it fails.", "deployment")
EJECTIONS = _counter("ejections", "Times that a deployment was left alone.", "deployment")
WORKERS = _gauge("workers", "Workers that take requests.")
DEATHS = _counter("worker_deaths", "Workers that ended without being told to.")
FOLDED = _counter("folded_records", "Records that were taken from spools into the ledger.")
LAG = _gauge(
    "folding_lag_seconds", "How old the oldest record is that is not in the ledger.", per=NANO
)
SPOOL_WAITING = _gauge("spool_waiting_bytes", "Bytes in spools that are not in the ledger.")
SPOOL_FILL = _gauge("spool_fill_ratio", "How full the fullest spool is.", per=1_000_000)

METRICS = (
    REQUESTS, REQUEST_SECONDS, REQUESTS_OPEN, ERRORS,
    ATTEMPTS, ATTEMPT_ERRORS, ATTEMPT_SECONDS, FIRST_BYTE_SECONDS, TOKENS, COST, UNPRICED, CACHE,
    REPEATS, PLACES_HELD, QUEUE, EJECTED, EJECTIONS,
    WORKERS, DEATHS, FOLDED, LAG, SPOOL_WAITING, SPOOL_FILL,
)  # fmt: skip
GAUGES = frozenset(metric.name for metric in METRICS if metric.kind == "gauge")
