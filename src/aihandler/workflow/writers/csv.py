"""One row a document; the keys of an object become columns of their own (`extract.total`).

A key that is called as what a row says of each step is found under `extract.value.state`.
"""

import csv
from collections.abc import Callable, Iterable
from pathlib import Path

import msgspec

from aihandler.domain.answer import DocumentResult, StepResult
from aihandler.domain.task import Json

# What a row says of the document and of each step: keys of a value never take these places.
_OF_DOCUMENT = ("id", "class")
_OF_STEP = ("state", "validity", "route", "reason")


def write_csv(path: Path, results: Callable[[], Iterable[DocumentResult]]) -> None:
    """Writes `id, class`, then for each step its values, state, validity and route."""
    # Columns are known only after the last row, so the results are gone through twice.
    columns = list(dict.fromkeys(column for result in results() for column in _flat(result)))
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns, restval="")
        writer.writeheader()
        writer.writerows(_flat(result) for result in results())


def _flat(result: DocumentResult) -> dict[str, str]:
    row = {"id": result.document_id, "class": result.data_class.value}
    for name, step in result.steps.items():
        row.update(_step(name, step))
    return row


def _step(name: str, step: StepResult) -> dict[str, str]:
    if step.answer is None:
        return {f"{name}.state": step.state, f"{name}.reason": step.reason}
    value = step.answer.value
    cells = (
        {_column(name, key): _cell(item) for key, item in value.items()}
        if isinstance(value, dict)
        else {f"{name}.value" if name in _OF_DOCUMENT else name: _cell(value)}
    )
    return {
        **cells,
        f"{name}.state": step.state,
        f"{name}.validity": step.answer.validity.value,
        f"{name}.route": step.answer.route,
    }


def _column(step: str, key: str) -> str:
    return f"{step}.value.{key}" if key in _OF_STEP else f"{step}.{key}"


def _cell(value: Json) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
