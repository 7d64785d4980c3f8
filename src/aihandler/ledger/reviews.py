"""The review queue: what waits for a person, and what becomes of it when decided."""

import sqlite3

import msgspec

from aihandler.domain.answer import Answer, Validity
from aihandler.domain.keys import digest
from aihandler.domain.labels import DataClass
from aihandler.domain.ports import Accepted, ReviewItem
from aihandler.domain.task import Json
from aihandler.domain.usage import Cost
from aihandler.errors import InputError
from aihandler.ledger import rows
from aihandler.ledger.content import PUT_EXAMPLES, Content, put_decided
from aihandler.ledger.store import transaction

_ITEM = """
SELECT id, work_key, task, data_class, run_id, document_id, step, tenant, created_at, state
FROM review
"""
_OPEN = _ITEM + "WHERE state = 'open' AND (? IS NULL OR task = ?) ORDER BY created_at, id"
_ONE = _ITEM + "WHERE id = ?"
_DECIDE = "UPDATE review SET state = ?, decided_at = ? WHERE id = ? AND state = 'open'"
_KEEP_EXAMPLE = """
INSERT OR REPLACE INTO example (review_id, task, data_class, document_id, tenant, created_at)
VALUES (?, ?, ?, ?, ?, ?)
"""
_EXAMPLES = """
SELECT review_id, data_class FROM example WHERE task = ? AND tenant = ?
ORDER BY created_at, review_id
"""

_json = msgspec.json.Encoder()
_body = msgspec.json.Decoder(rows.ReviewBody)


class LabelledExample(msgspec.Struct, frozen=True):
    """A person's correction: the inputs, the right answer, and how sensitive it is."""

    fields: dict[str, str]
    expected: Json
    data_class: DataClass
    review_id: str


def open_reviews(
    ledger: sqlite3.Connection, content: Content, *, task: str | None = None
) -> list[ReviewItem]:
    """What waits for a person, oldest first."""
    return [_item(row, content) for row in ledger.execute(_OPEN, (task, task)).fetchall()]


def review_item(ledger: sqlite3.Connection, content: Content, review_id: str) -> ReviewItem:
    """One item, open or decided. Raises InputError when there is none of that id."""
    row = ledger.execute(_ONE, (review_id,)).fetchone()
    if row is None:
        raise InputError(
            f"there is no review {review_id!r}", hint="`aihandler review list` shows those that are"
        )
    return _item(row, content)


def examples(
    ledger: sqlite3.Connection, content: Content, task: str, *, tenant: str
) -> list[LabelledExample]:
    """The corrections that people made to answers of `task` for one tenant, oldest first."""
    found = []
    for review_id, data_class in ledger.execute(_EXAMPLES, (task, tenant)).fetchall():
        body = content.example(review_id)
        if body is not None:
            kept = msgspec.json.decode(body, type=_ExampleBody)
            found.append(
                LabelledExample(kept.fields, kept.expected, DataClass(data_class), review_id)
            )
    return found


def accept(
    ledger: sqlite3.Connection, content: Content, review_id: str, *, value: Json, wall: float
) -> None:
    """Makes `value`, or the proposal when it is None, the accepted answer of that work."""
    item = _open_item(ledger, content, review_id)
    chosen = item.proposal if value is None else value
    if chosen is None:
        raise InputError(
            f"review {review_id!r} has no proposal to accept",
            hint="give the right value with `aihandler review correct`",
        )
    _decide(ledger, content, item, state="accepted", value=chosen, wall=wall)


def correct(
    ledger: sqlite3.Connection, content: Content, review_id: str, *, value: Json, wall: float
) -> None:
    """Makes `value` the accepted answer, and keeps it as a labelled example of the task."""
    item = _open_item(ledger, content, review_id)
    kept = _json.encode(_ExampleBody(_fields(item.input), value))
    with transaction(content.connection):
        content.connection.execute(PUT_EXAMPLES, content.sealed(item.id, wall, kept))
    example = (item.id, item.task, item.data_class.value, item.document_id, item.tenant, wall)
    with transaction(ledger):
        ledger.execute(_KEEP_EXAMPLE, example)
    _decide(ledger, content, item, state="corrected", value=value, wall=wall)


class _ExampleBody(msgspec.Struct, frozen=True):
    fields: dict[str, str]
    expected: Json


def _open_item(ledger: sqlite3.Connection, content: Content, review_id: str) -> ReviewItem:
    item = review_item(ledger, content, review_id)
    if item.state != "open":
        raise InputError(
            f"review {review_id!r} is {item.state} already",
            hint="`aihandler review list` shows those that are open",
        )
    return item


def _decide(
    ledger: sqlite3.Connection,
    content: Content,
    item: ReviewItem,
    *,
    state: str,
    value: Json,
    wall: float,
) -> None:
    accepted = _accepted(item, value)
    answer_id = put_decided(content, item.work_key, accepted.answer, wall=wall)
    with transaction(ledger):
        ledger.execute(rows.ACCEPT, rows.accepted_row(answer_id, accepted, wall=wall))
        ledger.execute(_DECIDE, (state, wall, item.id))


def _accepted(item: ReviewItem, value: Json) -> Accepted:
    answer = Answer(
        value=value,
        validity=Validity.REVIEWED,
        route="review",
        confidence=None,
        cost=Cost(),
        call_id=item.id,
        data_class=item.data_class,
    )
    return Accepted(
        item.work_key,
        # The same version that the engine gives to an answer of this value.
        digest("answer", value),
        _json.encode(answer),
        run_id=item.run_id,
        document_id=item.document_id,
        step=item.step,
    )


def _item(row: tuple[object, ...], content: Content) -> ReviewItem:
    review_id, *_ = row
    sealed = content.review(str(review_id))
    body = _body.decode(sealed) if sealed is not None else rows.ReviewBody()
    names = ("id", "work_key", "task", "data_class", "run_id", "document_id", "step", "tenant")
    known = dict(zip((*names, "created_at", "state"), row, strict=True))
    kept = {"reason": body.reason, "input": body.input, "attempts": body.attempts}
    proposal = msgspec.json.decode(body.proposal)
    return msgspec.convert({**known, **kept, "proposal": proposal}, ReviewItem)


def _fields(given: bytes) -> dict[str, str]:
    try:
        return msgspec.json.decode(given, type=dict[str, str]) if given else {}
    except msgspec.DecodeError:
        return {}
