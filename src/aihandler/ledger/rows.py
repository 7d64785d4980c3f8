"""Turns intents and settlements into rows of the table `entry`. Texts become counts and hashes."""

import hashlib
import math
from collections.abc import Mapping
from decimal import Decimal

import msgspec

from aihandler.domain.ports import Accepted, Intent, ReviewItem, Settlement
from aihandler.domain.usage import NANO, Usage
from aihandler.ledger.budgets import held_text
from aihandler.ledger.pricing.tiers import tier_of

INSERT_INTENTS = """
INSERT INTO entry (
    id, key, call_id, run_id, document_id, step, tenant, tags, task, task_version, deployment,
    model, reason, data_class, clearance, expected_nano, request_chars, started_at,
    schema_mode, enforced, dropped, held, inspections, state
) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'intent')
"""
MARK_SENT = "UPDATE entry SET state = 'sent' WHERE id = ? AND state = 'intent'"
SETTLE = """
UPDATE entry SET
    outcome = ?, validity = ?, confidence = ?, usage_state = ?, input_tokens = ?,
    cache_read_tokens = ?, cache_write_tokens = ?, output_tokens = ?, reasoning_tokens = ?,
    cache_write_1h_tokens = ?, audio_input_tokens = ?, audio_output_tokens = ?,
    marginal_nano = ?, allocated_nano = ?, doubt_nano = ?, cost_status = ?, price_snapshot = ?,
    latency_ms = ?, first_byte_ms = ?, error_code = ?, problems = ?, http_status = ?,
    reported_model = ?, request_id = ?, fingerprint = ?, tier = ?, reported_nano = ?,
    reply_chars = ?, reply_hash = ?, reusable = ?, state = ?
WHERE id = ?
"""
ACCEPT = """
INSERT OR REPLACE INTO work (
    id, key, version, run_id, document_id, step, call_id, accepted_at
) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
"""
QUEUE_REVIEW = """
INSERT INTO review (
    id, work_key, task, data_class, run_id, document_id, step, tenant, created_at, state
) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 'open')
ON CONFLICT (id) DO NOTHING
"""

Row = tuple[object, ...]

# Outcomes and ends of a reply that asking the same model again would only repeat.
REUSABLE = frozenset({"valid", "invalid", "abstained"})
WHOLE = frozenset({"stop", "abstain"})

_json = msgspec.json.Encoder()
_NO_USAGE = Usage()
_MILLISECONDS = 1000.0
# What a provider says of itself is foreign: an integer of SQLite has to hold it.
_MOST_USD = 1_000_000


class ReviewBody(msgspec.Struct, frozen=True):
    """The part of a ReviewItem that may quote a document."""

    reason: str = ""
    input: bytes = b""
    attempts: bytes = b""
    proposal: msgspec.Raw = msgspec.Raw(b"null")


def intent_row(entry_id: int, intent: Intent) -> Row:
    """A row for `INSERT_INTENTS`."""
    return (
        entry_id,
        intent.key,
        intent.call_id,
        intent.run_id,
        intent.document_id,
        intent.step,
        intent.tenant,
        _tags(intent.tags),
        intent.task,
        intent.task_version,
        intent.deployment,
        intent.model,
        intent.reason,
        intent.data_class.value,
        intent.clearance,
        intent.expected_nano,
        request_chars(intent.request),
        intent.started_at,
        intent.schema_mode,
        intent.enforced,
        intent.dropped,
        held_text(intent.held),
        _json.encode(intent.inspections).decode() if intent.inspections else "",
    )


def settlement_row(entry_id: int, settlement: Settlement, *, expected_nano: int | None) -> Row:
    """A row for `SETTLE`. What is in doubt is booked at what it was expected to cost; so is what a
    guess of tokens leaves open.
    """
    usage = settlement.usage or _NO_USAGE
    cost = settlement.cost
    doubtful = settlement.outcome == "in_doubt"
    finish, reply_chars = _sketch(settlement.reply)
    return (
        settlement.outcome,
        settlement.validity.value if settlement.validity else None,
        settlement.confidence,
        _usage_state(settlement.usage),
        usage.input,
        usage.cache_read,
        usage.cache_write,
        usage.output,
        usage.reasoning,
        usage.cache_write_1h,
        usage.audio_input,
        usage.audio_output,
        cost.marginal,
        cost.allocated,
        _doubt_nano(settlement, expected_nano),
        "unpriced" if doubtful and expected_nano is None else cost.status,
        cost.snapshot,
        settlement.latency_s * _MILLISECONDS,
        _in_ms(settlement.first_byte_s),
        settlement.error_code,
        _json.encode(settlement.problems).decode() if settlement.problems else "[]",
        settlement.status,
        settlement.reported_model,
        settlement.request_id,
        settlement.fingerprint,
        tier_of(settlement.tier) if settlement.tier else "",
        _in_nano(settlement.reported_cost_usd),
        reply_chars,
        hashlib.blake2b(settlement.reply, digest_size=16).digest() if settlement.reply else None,
        # A whole reply can be used again, also one that is invalid or not sure enough: asked again,
        # the same model would say the same. One that was cut off must be asked for again.
        int(finish in WHOLE and settlement.outcome in REUSABLE),
        "in_doubt" if doubtful else "settled",
        entry_id,
    )


def _doubt_nano(settlement: Settlement, expected_nano: int | None) -> int:
    if settlement.outcome == "in_doubt":
        return expected_nano or 0
    if settlement.usage is not None and settlement.usage.estimated:
        # Nobody counted: what it may have cost beyond our guess is doubt.
        return max(0, (expected_nano or 0) - settlement.cost.marginal)
    return 0


def accepted_row(answer_id: int, accepted: Accepted, *, wall: float) -> Row:
    """A row for `ACCEPT`."""
    return (
        answer_id,
        accepted.work_key,
        accepted.version,
        accepted.run_id,
        accepted.document_id,
        accepted.step,
        _call_of(accepted.answer),
        wall,
    )


def review_row(item: ReviewItem) -> Row:
    """A row for `QUEUE_REVIEW`."""
    return (
        item.id,
        item.work_key,
        item.task,
        item.data_class.value,
        item.run_id,
        item.document_id,
        item.step,
        item.tenant,
        item.created_at,
    )


def review_body(item: ReviewItem) -> bytes:
    """The rest of the item, for the content file."""
    proposal = msgspec.Raw(_json.encode(item.proposal))
    return _json.encode(ReviewBody(item.reason, item.input, item.attempts, proposal))


def request_chars(request: bytes) -> int:
    """Characters of the messages or fields, without what JSON adds; 0 when there is no request."""
    if not request:
        return 0
    try:
        if request[:1] == b"{":
            return sum(len(v) for v in _fields.decode(request).values())
        return sum(len(p.text) for m in _messages.decode(request) for p in m.parts)
    except msgspec.DecodeError:
        return len(request)


def hours_held(started_at: float, latency_s: float) -> range:
    """The hours since 1970 that an attempt touched."""
    return range(int(started_at // 3600), math.floor((started_at + latency_s) / 3600) + 1)


class _PartSketch(msgspec.Struct):
    text: str = ""


class _MessageSketch(msgspec.Struct):
    parts: tuple[_PartSketch, ...] = ()


class _ReplySketch(msgspec.Struct):
    finish: str = ""
    parts: tuple[_PartSketch, ...] = ()


class _AnswerSketch(msgspec.Struct):
    call_id: str = ""


_fields = msgspec.json.Decoder(dict[str, str])
_messages = msgspec.json.Decoder(list[_MessageSketch])
_reply = msgspec.json.Decoder(_ReplySketch)
_answer = msgspec.json.Decoder(_AnswerSketch)


def _sketch(reply: bytes) -> tuple[str, int]:
    if not reply:
        return "", 0
    try:
        sketch = _reply.decode(reply)
    except msgspec.DecodeError:
        return "", len(reply)
    return sketch.finish, sum(len(part.text) for part in sketch.parts)


def _call_of(answer: bytes) -> str:
    try:
        return _answer.decode(answer).call_id
    except msgspec.DecodeError:
        return ""


def _tags(tags: Mapping[str, str]) -> str:
    return _json.encode(tags).decode() if tags else "{}"


def _usage_state(usage: Usage | None) -> str | None:
    if usage is None:
        return None
    return "estimated" if usage.estimated else "reported"


def _in_nano(usd: Decimal | None) -> int | None:
    if usd is None or not usd.is_finite() or abs(usd) > _MOST_USD:
        return None
    return int((usd * NANO).to_integral_value())


def _in_ms(seconds: float | None) -> float | None:
    return None if seconds is None else seconds * _MILLISECONDS
