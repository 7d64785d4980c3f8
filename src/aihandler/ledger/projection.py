"""The results of a run in input order, read as a stream: outputs are a projection of the ledger."""

import sqlite3
from collections.abc import Iterator

import msgspec

from aihandler.domain.answer import Answer, DocumentResult, StepResult
from aihandler.domain.labels import DataClass
from aihandler.domain.task import Json
from aihandler.ledger.content import Content

_PAGE = """
SELECT seq, id, data_class, source, steps FROM document
WHERE run_id = ? AND seq > ? ORDER BY seq LIMIT 256
"""
_WORK = "SELECT id FROM work WHERE key = ?"
_STATES = "SELECT state, count(*) FROM document WHERE run_id = ? GROUP BY state"

# Step, state, work key in hexadecimal, reason.
_Noted = tuple[str, str, str, str]

_steps = msgspec.json.Decoder(list[_Noted])
_answer = msgspec.json.Decoder(Answer[Json])


def projection(
    ledger: sqlite3.Connection, content: Content, run_id: str
) -> Iterator[DocumentResult]:
    """Every finished document of a run, in input order; a document without steps is not there.

    A step that waited for a person and was decided since is done, with the decided answer.
    """
    last = -1
    # Page by page: an open read would keep a run that goes on from tidying its file.
    while page := ledger.execute(_PAGE, (run_id, last)).fetchall():
        last = page[-1][0]
        for _, document_id, data_class, source, steps in page:
            if done := [_step(ledger, content, step) for step in _steps.decode(steps)]:
                yield DocumentResult(
                    document_id, DataClass(data_class), {s.step: s for s in done}, source
                )


def document_states(ledger: sqlite3.Connection, run_id: str) -> dict[str, int]:
    """How many documents of a run are open, done, in review or failed."""
    return dict(ledger.execute(_STATES, (run_id,)))


def _step(ledger: sqlite3.Connection, content: Content, noted: _Noted) -> StepResult:
    step, state, work_key, reason = noted
    if state in {"done", "review"} and work_key:
        answer = _accepted(ledger, content, bytes.fromhex(work_key))
        if answer is not None:
            return StepResult(step, "done", answer)
    # A step can be done without an answer here: it was forgotten, or is kept under no work key.
    return msgspec.convert({"step": step, "state": state, "reason": reason}, StepResult)


def _accepted(ledger: sqlite3.Connection, content: Content, work_key: bytes) -> Answer[Json] | None:
    row = ledger.execute(_WORK, (work_key,)).fetchone()
    body = content.answer(row[0], work_key) if row is not None else None
    return None if body is None else _answer.decode(body)
