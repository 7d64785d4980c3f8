"""What was spent, on what, and how well it went; also what the same would cost elsewhere."""

import sqlite3
from collections import Counter
from collections.abc import Iterable, Mapping

import msgspec

from aihandler.domain.deployment import Deployment
from aihandler.domain.ports import Pricer
from aihandler.domain.usage import Usage
from aihandler.errors import InputError
from aihandler.ledger import costs_kept, sums
from aihandler.ledger.summands import NUMBERS, two_digits_us

GROUPINGS = (
    *("task", "deployment", "model", "day", "class", "step", "validity", "mode", "tenant", "run"),
    "document",
)
IDLE = "idle"
_VALIDITIES = ("exact", "repaired", "reasked", "escalated")

# The grouping is a value like any other: no text is ever put together to a statement.
_GROUPED = """
WITH picked AS (
    SELECT *, coalesce(CASE :by
        WHEN 'task' THEN task
        WHEN 'deployment' THEN deployment
        WHEN 'model' THEN coalesce(nullif(reported_model, ''), model)
        WHEN 'class' THEN data_class
        WHEN 'day' THEN date(started_at, 'unixepoch')
        WHEN 'step' THEN step
        WHEN 'validity' THEN coalesce(validity, outcome, state)
        WHEN 'mode' THEN schema_mode
        WHEN 'tenant' THEN tenant
        WHEN 'run' THEN run_id
        WHEN 'document' THEN document_id
        WHEN 'tag' THEN (SELECT value FROM json_each(entry.tags) WHERE key = :tag)
    END, '') AS grp
"""
_LOOKED_AT = """
    WHERE id >= coalesce((SELECT first_entry FROM run WHERE id = :run), 0)
      AND (:run IS NULL OR run_id = :run)
      AND (:since IS NULL OR started_at >= :since)
      AND (:until IS NULL OR started_at < :until)
"""
_PICKED = _GROUPED + "FROM entry" + _LOOKED_AT + ")"
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
            WHEN 'document' THEN document_id WHEN 'class' THEN data_class
            WHEN 'validity' THEN 'review' END AS grp, count(*)
FROM review
WHERE (:run IS NULL OR run_id = :run) AND (:since IS NULL OR created_at >= :since)
  AND (:until IS NULL OR created_at < :until)
GROUP BY grp HAVING grp IS NOT NULL
"""
# A run pays for the whole of the hours that it touched, as the bill of such a machine does.
_IDLE_HOURS = """
WITH span AS (
    SELECT coalesce((SELECT started_at FROM run WHERE id = :run), :since, 0) AS since,
           coalesce((SELECT coalesce(ended_at, (SELECT max(started_at) FROM entry))
                     FROM run WHERE id = :run), :until - 1, 1e12) AS until
)
SELECT c.deployment, c.hour, c.nano - coalesce(u.nano, 0)
FROM capacity c JOIN span
LEFT JOIN allocated_hour u ON u.deployment = c.deployment AND u.hour = c.hour
WHERE c.hour >= CAST(span.since / 3600 AS INTEGER) AND c.hour <= CAST(span.until / 3600 AS INTEGER)
"""
# Only what belongs to a document is read: a gateway's calls do not.
_DOCUMENTS = (
    _GROUPED
    + "FROM entry INDEXED BY entry_of_document"
    + _LOOKED_AT
    + """
      AND document_id <> ''
)
SELECT grp, count(DISTINCT document_id) FROM picked GROUP BY grp
"""
)
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


class Window(msgspec.Struct, frozen=True):
    """What is looked at: one run or all, from `since` on, and what began before `until`."""

    run: str | None = None
    since: float | None = None
    until: float | None = None


class CostRow(msgspec.Struct, frozen=True, kw_only=True):
    """One line of costs. Money is nano-dollars.

    `idle_nano` is what machines cost by the hour beyond the shares of their calls. `unpriced`
    attempts have a cost that is not known and is in no sum. `in_doubt_nano` is what the attempts
    in doubt may have cost; it is in no other sum. `validity` counts valid answers by how they
    became valid. Latencies have two digits that count. `reported_nano` is what providers say
    themselves that their attempts cost, and `reported_more_nano` by how much that is more than our
    price of those that have one.
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
    ledger: sqlite3.Connection, by: str, *, window: Window, documents: bool = True
) -> list[CostRow]:
    """Costs by one of GROUPINGS (days are UTC) or `tag:NAME`; from the sums, where there are any.

    Without `documents` they are not counted: for this all entries that belong to one are read.
    """
    asked = _asked(by, window)
    days = costs_kept.days_of(window.since, window.until)
    with sums.one_moment(ledger):
        if window.run is None and days is not None and costs_kept.is_kept(by):
            rows = _kept_rows(ledger, by, days)
            if documents:
                for key, n in ledger.execute(_DOCUMENTS, asked):
                    rows[key] = msgspec.structs.replace(rows[key], documents=n)
        else:
            rows = _read_rows(ledger, asked)
        for key, reviews in ledger.execute(_REVIEWS, asked):
            row = rows.get(key, CostRow(key=key))
            rows[key] = msgspec.structs.replace(row, reviews=reviews)
        for key, idle_nano in _idle(ledger, by, asked).items():
            row = rows.get(key, CostRow(key=key))
            rows[key] = msgspec.structs.replace(row, idle_nano=idle_nano)
    return list(rows.values())


def costs_of_entries(ledger: sqlite3.Connection, by: str, *, window: Window) -> list[CostRow]:
    """The same, read from all entries of the window, but for idle time and reviews."""
    return list(_read_rows(ledger, _asked(by, window)).values())


def costs_as(
    ledger: sqlite3.Connection,
    deployment: Deployment,
    pricer: Pricer,
    *,
    by: str,
    window: Window,
) -> list[Counterfactual]:
    """Prices every attempt that answered at `deployment`, rounded once for each group."""
    found = ledger.execute(_TOKENS, _asked(by, window))
    return [_counterfactual(row, deployment, pricer) for row in found]


def unit_costs(ledger: sqlite3.Connection, tag: str, *, window: Window) -> list[UnitCost]:
    """Costs by the values of one call tag, dearest first."""
    units = [
        UnitCost(
            key=row.key,
            calls=row.calls,
            documents=row.documents,
            nano=row.nano,
            unpriced=row.unpriced,
        )
        for row in costs(ledger, f"tag:{tag}", window=window)
        if row.attempts
    ]
    return sorted(units, key=lambda unit: -unit.nano)


def _asked(by: str, window: Window) -> dict[str, str | float | None]:
    kind, _, tag = by.partition(":")
    if by not in GROUPINGS and not (kind == "tag" and tag):
        raise InputError(
            f"costs cannot be grouped by {by!r}",
            hint=f"use one of {', '.join(GROUPINGS)} or tag:NAME",
        )
    times = {"since": window.since, "until": window.until}
    return {"by": kind, "tag": tag, "run": window.run, **times}


def _read_rows(
    ledger: sqlite3.Connection, asked: Mapping[str, str | float | None]
) -> dict[str, CostRow]:
    rows = {row.key: row for row in map(_cost_row, ledger.execute(_SUMS, asked))}
    for key, *latencies_ms in ledger.execute(_LATENCIES, asked):
        p50_s, p95_s = (two_digits_us(ms) / 1_000_000 for ms in latencies_ms)
        rows[key] = msgspec.structs.replace(rows[key], latency_p50_s=p50_s, latency_p95_s=p95_s)
    return rows


def _kept_rows(ledger: sqlite3.Connection, by: str, days: range) -> dict[str, CostRow]:
    found = costs_kept.groups(ledger, by, days)
    return {key: _kept_row(key, group) for key, group in found.items()}


def _kept_row(key: str, group: costs_kept.Group) -> CostRow:
    n = dict(zip(NUMBERS, group.numbers, strict=True))
    return CostRow(
        key=key,
        calls=n["attempts"] - group.followers,
        attempts=n["attempts"],
        usage=sums.usage_of(n),
        marginal_nano=n["marginal_nano"],
        allocated_nano=n["allocated_nano"],
        unpriced=n["unpriced"],
        in_doubt=group.outcomes["in_doubt"],
        in_doubt_nano=n["doubt_nano"],
        validity={how: group.valid[how] for how in _VALIDITIES},
        latency_p50_s=sums.percentile_s(group.latencies, 50),
        latency_p95_s=sums.percentile_s(group.latencies, 95),
        reported_nano=n["reported_nano"],
        reported_more_nano=n["reported_more_nano"],
    )


def _cost_row(row: tuple[object, ...]) -> CostRow:
    key, calls, attempts, *tokens, estimated = row[:12]
    marginal, allocated, unpriced, in_doubt, doubt, *validity, documents = row[12:-2]
    reported, reported_more = row[-2:]
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
            "validity": dict(zip(_VALIDITIES, validity, strict=True)),
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
    window = {name: asked[name] for name in ("run", "since", "until")}
    hours = ledger.execute(_IDLE_HOURS, window).fetchall()
    if not hours:
        return {}
    late = sums.pending(ledger, with_open=False).hours
    by_day: Counter[tuple[str, str]] = Counter()
    for deployment, hour, nano in hours:
        by_day[deployment, sums.date_of(hour // 24)] += nano - late[deployment, hour]
    idle: Counter[str] = Counter()
    for (deployment, day), nano in by_day.items():
        idle[{"deployment": deployment, "day": day}.get(by, IDLE)] += max(0, nano)
    return dict(idle)


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
