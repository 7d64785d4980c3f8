"""Shows one call: every attempt, why it was made, what it cost, and where its data could go."""

import sqlite3

import msgspec

from aihandler.domain.answer import Reply
from aihandler.domain.inspection import Inspected
from aihandler.domain.usage import Cost, CostStatus, Usage
from aihandler.errors import InputError
from aihandler.ledger.changes import ChangeRecord, changes
from aihandler.ledger.content import Content, Exchange
from aihandler.ledger.hits import CachedRecord, HitRow, of_call

_COLUMNS = """
SELECT id, call_id, run_id, document_id, step, tenant, tags, task, task_version, deployment, model,
       reason, data_class, clearance, expected_nano, started_at, state, outcome, validity,
       confidence, usage_state, input_tokens, cache_read_tokens, cache_write_tokens, output_tokens,
       reasoning_tokens, marginal_nano, allocated_nano, doubt_nano, cost_status, price_snapshot,
       latency_ms, first_byte_ms, error_code, problems, http_status, reported_model, request_id,
       request_chars, reply_chars, cache_write_1h_tokens, audio_input_tokens, audio_output_tokens,
       tier, fingerprint, reported_nano, schema_mode, enforced, dropped, inspections
FROM entry
"""
_BY_CALL = _COLUMNS + "WHERE call_id = ? ORDER BY id"
_BY_DOCUMENT = _COLUMNS + "WHERE document_id = ? AND document_id <> '' ORDER BY id"
_CALL_OF_ENTRY = "SELECT call_id FROM entry WHERE id = ?"
_CLEARANCE = "SELECT deployments FROM clearance WHERE fingerprint = ?"

_names = msgspec.json.Decoder(tuple[str, ...])
_tags = msgspec.json.Decoder(dict[str, str])
_inspections = msgspec.json.Decoder(tuple[Inspected, ...])
_reply = msgspec.json.Decoder(Reply)


class EntryRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt as the ledger has it. `request` and `reply` only when content was asked for.

    `schema_mode` is how the schema was asked for, `enforced` what of it the server held the model
    to, `dropped` how many limits it was not told; empty where no schema was sent. `reported_nano`
    is the provider's own count of the cost. `inspections` say who looked at the request before.
    """

    id: int
    deployment: str
    model: str
    reported_model: str
    reason: str
    state: str
    outcome: str | None
    validity: str | None
    confidence: float | None
    started_at: float
    latency_s: float | None
    first_byte_s: float | None
    expected_nano: int | None
    cost: Cost
    doubt_nano: int
    usage: Usage | None
    error_code: str
    problems: tuple[str, ...]
    status: int | None
    request_id: str
    request_chars: int
    reply_chars: int
    schema_mode: str = ""
    enforced: str = ""
    dropped: int = 0
    tier: str = ""
    fingerprint: str = ""
    reported_nano: int | None = None
    inspections: tuple[Inspected, ...] = ()
    request: str = ""
    reply: Reply | None = None


class CallRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One call. `could_go` names the deployments of its clearance, when that was noted; `changes`
    are those that showed first in this call. `cached` is set where nobody was asked, because the
    cache had the answer: then there are no attempts.
    """

    call_id: str
    task: str
    task_version: str
    data_class: str
    run_id: str
    document_id: str
    step: str
    tenant: str
    tags: dict[str, str]
    clearance: str
    could_go: tuple[str, ...]
    attempts: tuple[EntryRecord, ...]
    changes: tuple[ChangeRecord, ...] = ()
    cached: CachedRecord | None = None


def show(
    ledger: sqlite3.Connection, name: str, *, content: Content | None = None
) -> tuple[CallRecord, ...]:
    """The calls of that id, of that document, or of that entry; with `content`, also the texts.

    Raises InputError when the ledger knows nothing of that name.
    """
    rows = _rows(ledger, name)
    if not rows and (hit := of_call(ledger, name)) is not None:
        return (_cached(ledger, hit),)
    if not rows:
        raise InputError(
            f"the ledger has no call, document or entry {name!r}",
            hint="`aihandler show` takes the id of a call, a document, or the number of an entry",
        )
    calls: dict[str, list[_Row]] = {}
    for row in rows:
        calls.setdefault(row.call_id, []).append(row)
    return tuple(_call(ledger, entries, content) for entries in calls.values())


def _rows(ledger: sqlite3.Connection, name: str) -> "list[_Row]":
    found = _records(ledger, _BY_CALL, name) or _records(ledger, _BY_DOCUMENT, name)
    if not found and name.isascii() and name.isdigit() and len(name) < 19:
        entry = ledger.execute(_CALL_OF_ENTRY, (int(name),)).fetchone()
        found = _records(ledger, _BY_CALL, entry[0]) if entry else []
    return found


def _records(ledger: sqlite3.Connection, statement: str, name: str) -> "list[_Row]":
    return [msgspec.convert(row, _Row) for row in ledger.execute(statement, (name,))]


def _call(ledger: sqlite3.Connection, entries: "list[_Row]", content: Content | None) -> CallRecord:
    first = entries[0]
    return CallRecord(
        call_id=first.call_id,
        task=first.task,
        task_version=first.task_version,
        data_class=first.data_class,
        run_id=first.run_id,
        document_id=first.document_id,
        step=first.step,
        tenant=first.tenant,
        tags=_tags.decode(first.tags),
        clearance=first.clearance,
        could_go=_could_go(ledger, first.clearance),
        attempts=tuple(_entry(e, content.exchange(e.id) if content else None) for e in entries),
        changes=tuple(changes(ledger, call_id=first.call_id)),
    )


def _cached(ledger: sqlite3.Connection, hit: HitRow) -> CallRecord:
    return CallRecord(
        call_id=hit.call_id,
        task=hit.task,
        task_version=hit.task_version,
        data_class=hit.data_class,
        run_id="",
        document_id="",
        step="",
        tenant=hit.tenant,
        tags=dict(hit.tags_by_name),
        clearance=hit.clearance,
        could_go=_could_go(ledger, hit.clearance),
        attempts=(),
        cached=hit.told,
    )


def _could_go(ledger: sqlite3.Connection, clearance: str) -> tuple[str, ...]:
    noted = ledger.execute(_CLEARANCE, (clearance,)).fetchone()
    return _names.decode(noted[0]) if noted else ()


def _entry(row: "_Row", exchange: Exchange | None) -> EntryRecord:
    return EntryRecord(
        id=row.id,
        deployment=row.deployment,
        model=row.model,
        reported_model=row.reported_model,
        reason=row.reason,
        state=row.state,
        outcome=row.outcome,
        validity=row.validity,
        confidence=row.confidence,
        started_at=row.started_at,
        latency_s=_in_s(row.latency_ms),
        first_byte_s=_in_s(row.first_byte_ms),
        expected_nano=row.expected_nano,
        cost=row.cost,
        doubt_nano=row.doubt_nano,
        usage=row.usage,
        error_code=row.error_code,
        problems=_names.decode(row.problems),
        status=row.http_status,
        request_id=row.request_id,
        request_chars=row.request_chars,
        reply_chars=row.reply_chars,
        schema_mode=row.schema_mode,
        enforced=row.enforced,
        dropped=row.dropped,
        tier=row.tier,
        fingerprint=row.fingerprint,
        reported_nano=row.reported_nano,
        inspections=_inspections.decode(row.inspections) if row.inspections else (),
        request=exchange.request.decode("utf-8", "replace") if exchange else "",
        reply=_reply.decode(exchange.reply) if exchange and exchange.reply else None,
    )


class _Row(msgspec.Struct, frozen=True, array_like=True):
    """The columns in the order in which they are selected."""

    id: int
    call_id: str
    run_id: str
    document_id: str
    step: str
    tenant: str
    tags: str
    task: str
    task_version: str
    deployment: str
    model: str
    reason: str
    data_class: str
    clearance: str
    expected_nano: int | None
    started_at: float
    state: str
    outcome: str | None
    validity: str | None
    confidence: float | None
    usage_state: str | None
    input_tokens: int
    cache_read_tokens: int
    cache_write_tokens: int
    output_tokens: int
    reasoning_tokens: int
    marginal_nano: int
    allocated_nano: int
    doubt_nano: int
    cost_status: str | None
    price_snapshot: str
    latency_ms: float | None
    first_byte_ms: float | None
    error_code: str
    problems: str
    http_status: int | None
    reported_model: str
    request_id: str
    request_chars: int
    reply_chars: int
    cache_write_1h_tokens: int
    audio_input_tokens: int
    audio_output_tokens: int
    tier: str
    fingerprint: str
    reported_nano: int | None
    schema_mode: str
    enforced: str
    dropped: int
    inspections: str

    @property
    def usage(self) -> Usage | None:
        if self.usage_state is None:
            return None
        return Usage(
            self.input_tokens,
            self.cache_read_tokens,
            self.cache_write_tokens,
            self.output_tokens,
            self.reasoning_tokens,
            self.usage_state == "estimated",
            self.cache_write_1h_tokens,
            self.audio_input_tokens,
            self.audio_output_tokens,
        )

    @property
    def cost(self) -> Cost:
        status: CostStatus = "unpriced" if self.cost_status == "unpriced" else "priced"
        return Cost(self.marginal_nano, self.allocated_nano, status, self.price_snapshot)


def _in_s(milliseconds: float | None) -> float | None:
    return None if milliseconds is None else milliseconds / 1000
