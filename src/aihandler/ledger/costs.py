"""What was spent, on what, and how well it went; also what the same would cost elsewhere."""

import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Mapping

import msgspec

from aihandler.domain.deployment import Deployment
from aihandler.domain.ports import Pricer
from aihandler.domain.usage import Usage
from aihandler.errors import InputError

GROUPINGS = ("task", "deployment", "day", "step", "validity", "mode", "tenant", "run", "document")
IDLE = "idle"

# The grouping is a value like any other: no text is ever put together to a statement.
_PICKED = """
WITH picked AS (
    SELECT *, coalesce(CASE :by
        WHEN 'task' THEN task
        WHEN 'deployment' THEN deployment
        WHEN 'day' THEN date(started_at, 'unixepoch')
        WHEN 'step' THEN step
        WHEN 'validity' THEN coalesce(validity, outcome, state)
        WHEN 'mode' THEN schema_mode
        WHEN 'tenant' THEN tenant
        WHEN 'run' THEN run_id
        WHEN 'document' THEN document_id
        WHEN 'tag' THEN (SELECT value FROM json_each(entry.tags) WHERE key = :tag)
    END, '') AS grp
    FROM entry
    WHERE id >= coalesce((SELECT first_entry FROM run WHERE id = :run), 0)
      AND (:run IS NULL OR run_id = :run)
      AND (:since IS NULL OR started_at >= :since)
)
"""
_SUMS = (
    _PICKED
    + """
SELECT grp, count(DISTINCT call_id), count(*),
       sum(input_tokens), sum(cache_read_tokens), sum(cache_write_tokens),
       sum(output_tokens), sum(reasoning_tokens), sum(cache_write_1h_tokens),
       sum(audio_input_tokens), sum(audio_output_tokens),
       count(*) FILTER (WHERE usage_state = 'estimated'),
       sum(marginal_nano), sum(allocated_nano),
       count(*) FILTER (WHERE cost_status = 'unpriced'),
       count(*) FILTER (WHERE outcome = 'in_doubt'), sum(doubt_nano),
       count(*) FILTER (WHERE outcome = 'valid' AND validity = 'exact'),
       count(*) FILTER (WHERE outcome = 'valid' AND validity = 'repaired'),
       count(*) FILTER (WHERE outcome = 'valid' AND validity = 'reasked'),
       count(*) FILTER (WHERE outcome = 'valid' AND validity = 'escalated'),
       count(DISTINCT document_id) FILTER (WHERE document_id <> ''),
       coalesce(sum(reported_nano), 0),
       coalesce(sum(reported_nano - marginal_nano) FILTER (WHERE cost_status = 'priced'), 0)
FROM picked GROUP BY grp ORDER BY grp
"""
)
_LATENCIES = (
    _PICKED  # noqa: S608  # two constants
    + """
, ranked AS (
    SELECT grp, latency_ms, row_number() OVER (PARTITION BY grp ORDER BY latency_ms) AS place,
           count(*) OVER (PARTITION BY grp) AS n
    FROM picked WHERE latency_ms IS NOT NULL
)
SELECT grp, max(latency_ms) FILTER (WHERE place = (n * 50 + 99) / 100),
       max(latency_ms) FILTER (WHERE place = (n * 95 + 99) / 100)
FROM ranked GROUP BY grp
"""
)
_REVIEWS = """
SELECT CASE :by WHEN 'task' THEN task WHEN 'step' THEN step WHEN 'tenant' THEN tenant
            WHEN 'day' THEN date(created_at, 'unixepoch') WHEN 'run' THEN run_id
            WHEN 'document' THEN document_id WHEN 'validity' THEN 'review' END AS grp, count(*)
FROM review
WHERE (:run IS NULL OR run_id = :run) AND (:since IS NULL OR created_at >= :since)
GROUP BY grp HAVING grp IS NOT NULL
"""
# A run pays for the whole of the hours that it touched, as the bill of such a machine does.
_IDLE_HOURS = """
WITH span AS (
    SELECT coalesce((SELECT started_at FROM run WHERE id = :run), :since, 0) AS since,
           coalesce((SELECT coalesce(ended_at, (SELECT max(started_at) FROM entry))
                     FROM run WHERE id = :run), 1e12) AS until
), used AS (
    SELECT deployment, CAST(started_at / 3600 AS INTEGER) AS hour, sum(allocated_nano) AS nano
    FROM entry WHERE allocated_nano > 0 GROUP BY 1, 2
)
SELECT c.deployment, date(c.hour * 3600, 'unixepoch'), sum(c.nano), sum(coalesce(u.nano, 0))
FROM capacity c JOIN span LEFT JOIN used u ON u.deployment = c.deployment AND u.hour = c.hour
WHERE c.hour >= CAST(span.since / 3600 AS INTEGER) AND c.hour <= CAST(span.until / 3600 AS INTEGER)
GROUP BY 1, 2
"""
# Models of this process count no tokens; four characters are about one.
_TOKENS = (
    _PICKED  # noqa: S608  # two constants
    + """
SELECT grp, count(DISTINCT call_id), count(*), sum(latency_ms) / 1000.0,
       sum(CASE WHEN counted THEN input_tokens ELSE (request_chars + 3) / 4 END),
       sum(cache_read_tokens), sum(cache_write_tokens),
       sum(CASE WHEN counted THEN output_tokens ELSE (reply_chars + 3) / 4 END),
       sum(reasoning_tokens), sum(cache_write_1h_tokens), sum(audio_input_tokens),
       sum(audio_output_tokens), count(*) FILTER (WHERE NOT counted OR usage_state = 'estimated')
FROM (
    SELECT *, input_tokens + cache_read_tokens + cache_write_tokens + output_tokens
              + cache_write_1h_tokens + audio_input_tokens + audio_output_tokens > 0 AS counted
    FROM picked WHERE outcome IN ('valid', 'invalid', 'abstained', 'refused')
) GROUP BY grp ORDER BY grp
"""
)


class CostRow(msgspec.Struct, frozen=True, kw_only=True):
    """One line of costs. Money is nano-dollars.

    `idle_nano` is what machines cost by the hour beyond the shares of their calls. `unpriced`
    attempts have a cost that is not known and is in no sum. `in_doubt_nano` is what the attempts
    in doubt may have cost; it is in no other sum. `validity` counts valid answers by how they
    became valid. `reported_nano` is what providers say themselves that their attempts cost, and
    `reported_more_nano` by how much that is more than our price of those that have one.
    """

    key: str
    calls: int = 0
    attempts: int = 0
    documents: int = 0
    usage: Usage = Usage()
    marginal_nano: int = 0
    allocated_nano: int = 0
    idle_nano: int = 0
    unpriced: int = 0
    in_doubt: int = 0
    in_doubt_nano: int = 0
    validity: Mapping[str, int] = {}
    reviews: int = 0
    latency_p50_s: float | None = None
    latency_p95_s: float | None = None
    reported_nano: int = 0
    reported_more_nano: int = 0

    @property
    def nano(self) -> int:
        """Marginal and allocated cost."""
        return self.marginal_nano + self.allocated_nano


class Counterfactual(msgspec.Struct, frozen=True, kw_only=True):
    """What the tokens of a group would have cost at another deployment.

    `nano` is None when that deployment has no price. `estimated` attempts had no token counts:
    theirs are a quarter of the characters.
    """

    key: str
    deployment: str
    calls: int
    attempts: int
    usage: Usage
    nano: int | None
    snapshot: str
    estimated: int


class UnitCost(msgspec.Struct, frozen=True, kw_only=True):
    """What one customer, contract or other tagged unit costs."""

    key: str
    calls: int
    documents: int
    nano: int
    unpriced: int

    @property
    def nano_per_call(self) -> int:
        """Rounded down."""
        return self.nano // self.calls if self.calls else 0


def costs(
    ledger: sqlite3.Connection, by: str, *, run: str | None, since: float | None
) -> list[CostRow]:
    """Costs by one of GROUPINGS (days are UTC) or `tag:NAME`."""
    asked = _asked(by, run, since)
    rows = {row.key: row for row in map(_cost_row, ledger.execute(_SUMS, asked))}
    for key, p50_ms, p95_ms in ledger.execute(_LATENCIES, asked):
        rows[key] = msgspec.structs.replace(
            rows[key], latency_p50_s=p50_ms / 1000, latency_p95_s=p95_ms / 1000
        )
    for key, reviews in ledger.execute(_REVIEWS, asked):
        rows[key] = msgspec.structs.replace(rows.get(key, CostRow(key=key)), reviews=reviews)
    for key, idle_nano in _idle(ledger, by, asked).items():
        rows[key] = msgspec.structs.replace(rows.get(key, CostRow(key=key)), idle_nano=idle_nano)
    return list(rows.values())


def costs_as(
    ledger: sqlite3.Connection,
    deployment: Deployment,
    pricer: Pricer,
    *,
    by: str,
    run: str | None,
    since: float | None,
) -> list[Counterfactual]:
    """Prices every attempt that answered at `deployment`, rounded once for each group."""
    found = ledger.execute(_TOKENS, _asked(by, run, since))
    return [_counterfactual(row, deployment, pricer) for row in found]


def unit_costs(
    ledger: sqlite3.Connection, tag: str, *, run: str | None, since: float | None
) -> list[UnitCost]:
    """Costs by the values of one call tag, dearest first."""
    units = [
        UnitCost(
            key=row.key,
            calls=row.calls,
            documents=row.documents,
            nano=row.nano,
            unpriced=row.unpriced,
        )
        for row in costs(ledger, f"tag:{tag}", run=run, since=since)
        if row.attempts
    ]
    return sorted(units, key=lambda unit: -unit.nano)


def _asked(by: str, run: str | None, since: float | None) -> dict[str, str | float | None]:
    kind, _, tag = by.partition(":")
    if by not in GROUPINGS and not (kind == "tag" and tag):
        raise InputError(
            f"costs cannot be grouped by {by!r}",
            hint=f"use one of {', '.join(GROUPINGS)} or tag:NAME",
        )
    return {"by": kind, "tag": tag, "run": run, "since": since}


def _cost_row(row: tuple[object, ...]) -> CostRow:
    key, calls, attempts, *tokens, estimated = row[:12]
    marginal, allocated, unpriced, in_doubt, doubt, *validity, documents = row[12:-2]
    reported, reported_more = row[-2:]
    names = ("exact", "repaired", "reasked", "escalated")
    return msgspec.convert(
        {
            "key": str(key),
            "calls": calls,
            "attempts": attempts,
            "documents": documents,
            "usage": _usage(tokens, estimated=bool(estimated)),
            "marginal_nano": marginal,
            "allocated_nano": allocated,
            "unpriced": unpriced,
            "in_doubt": in_doubt,
            "in_doubt_nano": doubt,
            "validity": dict(zip(names, validity, strict=True)),
            "reported_nano": reported,
            "reported_more_nano": reported_more,
        },
        CostRow,
    )


def _usage(tokens: Iterable[object], *, estimated: bool) -> Usage:
    inputs, reads, writes, outputs, reasons, *apart = msgspec.convert(list(tokens), list[int])
    return Usage(inputs, reads, writes, outputs, reasons, estimated, *apart)


def _idle(
    ledger: sqlite3.Connection, by: str, asked: Mapping[str, str | float | None]
) -> dict[str, int]:
    window = {"run": asked["run"], "since": asked["since"]}
    idle: dict[str, int] = defaultdict(int)
    for deployment, day, capacity, allocated in ledger.execute(_IDLE_HOURS, window):
        key = {"deployment": deployment, "day": day}.get(by, IDLE)
        idle[key] += max(0, capacity - allocated)
    return idle


def _counterfactual(
    row: tuple[object, ...], deployment: Deployment, pricer: Pricer
) -> Counterfactual:
    key, calls, attempts, latency_s, *tokens, estimated = msgspec.convert(
        row, tuple[str, int, int, float | None, int, int, int, int, int, int, int, int, int]
    )
    usage = _usage(tokens, estimated=estimated > 0)
    cost = pricer.cost(deployment, usage, latency_s or 0.0)
    return Counterfactual(
        key=key,
        deployment=deployment.name,
        calls=calls,
        attempts=attempts,
        usage=usage,
        nano=None if cost.status == "unpriced" else cost.marginal + cost.allocated,
        snapshot=cost.snapshot,
        estimated=estimated,
    )
