"""Two tables: `document`, and `result` with one row per document and step (values as JSON)."""

import sqlite3
from collections.abc import Callable, Iterable
from contextlib import closing
from pathlib import Path

import msgspec

from aihandler.domain.answer import DocumentResult, StepResult

_TABLES = """
create table document (id text primary key, class text not null, source text not null);
create table result (
    document_id text not null references document (id),
    step text not null,
    state text not null,
    value text,
    validity text,
    route text,
    confidence real,
    cost_nano_usd integer,
    reason text not null,
    primary key (document_id, step)
);
"""


def write_sqlite(path: Path, results: Callable[[], Iterable[DocumentResult]]) -> None:
    """Writes a new database file."""
    with closing(sqlite3.connect(path)) as database, database:
        database.executescript(_TABLES)
        for result in results():
            document = (result.document_id, result.data_class.value, result.source)
            database.execute("insert or replace into document values (?, ?, ?)", document)
            database.executemany(
                "insert or replace into result values (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                [(result.document_id, name, *_row(step)) for name, step in result.steps.items()],
            )


def _row(step: StepResult) -> tuple[object, ...]:
    answer = step.answer
    if answer is None:
        return (step.state, None, None, None, None, None, step.reason)
    return (
        step.state,
        msgspec.json.encode(answer.value).decode(),
        answer.validity.value,
        answer.route,
        answer.confidence,
        answer.cost.marginal + answer.cost.allocated,
        step.reason,
    )
