"""Two tables: `document`, and `result` with one row per document and step (values as JSON).

`number` is the place in the input and joins them; an `id` may come twice.
"""

import sqlite3
from collections.abc import Callable, Iterable
from contextlib import closing
from pathlib import Path

import msgspec

from aihandler.domain.answer import DocumentResult, StepResult

_TABLES = """
create table document (
    number integer primary key,
    id text not null,
    class text not null,
    source text not null
);
create table result (
    number integer not null references document (number),
    document_id text not null,
    step text not null,
    state text not null,
    value text,
    validity text,
    route text,
    confidence real,
    cost_nano_usd integer,
    reason text not null,
    primary key (number, step)
);
"""


def write_sqlite(path: Path, results: Callable[[], Iterable[DocumentResult]]) -> None:
    """Writes a new database file."""
    with closing(sqlite3.connect(path)) as database, database:
        database.executescript(_TABLES)
        # Two files may hold documents of one id, and both are results.
        for number, result in enumerate(results(), start=1):
            document = (number, result.document_id, result.data_class.value, result.source)
            database.execute("insert into document values (?, ?, ?, ?)", document)
            steps = result.steps.items()
            database.executemany(
                "insert into result values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                [(number, result.document_id, name, *_row(step)) for name, step in steps],
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
