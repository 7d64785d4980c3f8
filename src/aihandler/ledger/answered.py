"""Calls that were answered validly, as material for data sets."""

import sqlite3
from typing import Any

import msgspec

from aihandler.domain.labels import DataClass
from aihandler.domain.task import Json
from aihandler.ledger.content import Content

# What a comparison has asked is no work of anybody; a re-ask holds the first request and more.
_ANSWERED = """
SELECT entry.id, entry.call_id, entry.document_id, entry.started_at, entry.deployment,
       entry.data_class, entry.tenant, work.id, work.key
FROM entry LEFT JOIN work ON work.call_id = entry.call_id AND work.step = entry.step
WHERE entry.task = ? AND entry.outcome = 'valid' AND entry.step <> 'compare'
GROUP BY entry.id ORDER BY entry.id
"""


class AnsweredCall(msgspec.Struct, frozen=True):
    """A call with a valid answer; where it was part of a run, with the id of what was accepted."""

    entry_id: int
    call_id: str
    document_id: str
    at: float
    deployment: str
    data_class: DataClass
    tenant: str
    answer_id: int | None
    work_key: bytes | None


class _Answer(msgspec.Struct):
    value: Json = None


class _Text(msgspec.Struct):
    text: str = ""


class _Reply(msgspec.Struct):
    parts: list[_Text] = []


_answer = msgspec.json.Decoder(_Answer).decode
_reply = msgspec.json.Decoder(_Reply).decode


def answered(ledger: sqlite3.Connection, task: str) -> list[AnsweredCall]:
    """All of them, oldest first."""
    return [_call(row) for row in ledger.execute(_ANSWERED, (task,))]


def texts(content: Content, call: AnsweredCall) -> tuple[bytes, Json]:
    """What was sent, and the value of the answer (of one outside of a run, the reply's text)."""
    exchange = content.exchange(call.entry_id)
    if not exchange.request:
        return b"", None
    if call.answer_id is not None and call.work_key is not None:
        kept = content.answer(call.answer_id, call.work_key)
        return exchange.request, _answer(kept).value if kept else None
    text = "".join(part.text for part in _reply(exchange.reply).parts) if exchange.reply else ""
    return exchange.request, text or None


def _call(row: tuple[Any, ...]) -> AnsweredCall:
    return msgspec.convert(
        dict(zip(AnsweredCall.__struct_fields__, row, strict=True)), AnsweredCall
    )
