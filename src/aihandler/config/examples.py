"""Labelled examples: CSV or JSON lines, one example each."""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence

import msgspec

from aihandler.config.draft import Draft
from aihandler.config.file import ExamplesKeys
from aihandler.config.outputs import value_problem
from aihandler.config.places import Path
from aihandler.config.schemas import compile_schema
from aihandler.config.words import did_you_mean
from aihandler.domain.labels import DataClass
from aihandler.domain.task import Example, Examples, Json, JsonOutput, Output

MAX_TOLD = 5
EXPECTED = ("label", "expected")
_MAX_CELL_CHARS = 10_000_000

_Row = Mapping[str, Json]


def build_examples(
    keys: str | ExamplesKeys | None,
    *,
    fields: Sequence[str],
    output: Output,
    path: Path,
    draft: Draft,
) -> Examples:
    """The examples; rows that are wrong are told with their line and left out."""
    if keys is None:
        return Examples()
    given = ExamplesKeys(file=keys) if isinstance(keys, str) else keys
    reading = _Reading(given, fields, output, path=path, draft=draft)
    return Examples(tuple(reading.rows()), DataClass(given.data_class), given.file)


class _Problem(Exception):
    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class _Reading:
    def __init__(
        self,
        keys: ExamplesKeys,
        fields: Sequence[str],
        output: Output,
        *,
        path: Path,
        draft: Draft,
    ) -> None:
        self._file = keys.file
        self._columns = keys.columns
        self._fields = fields
        self._output = output
        self._path = path
        self._draft = draft
        schema = output.schema if isinstance(output, JsonOutput) else {}
        self._properties: Mapping[str, Json] = schema.get("properties", {})
        self._validator = compile_schema(schema) if schema else None
        self._wrong = 0

    def rows(self) -> Iterator[Example]:
        text = self._draft.read(self._file, self._path, what="examples file")
        if text is None:
            return
        for name in self._columns.keys() - {*self._fields, *EXPECTED, *self._properties}:
            place = (*self._path, "columns", name)
            known = (*self._fields, "label")
            hint = did_you_mean(name, known, what="there are")
            self._draft.wrong(place, f"the task has no input {name!r}", hint=hint)
        try:
            for line, row in _read(text, self._file):
                yield from self._example(line, row)
        except _Problem as problem:
            self._tell(1, problem)
        if self._wrong > MAX_TOLD:
            more = self._wrong - MAX_TOLD
            self._draft.wrong(self._path, f"{self._file}: and {more} more wrong examples")

    def _example(self, line: int, row: _Row | _Problem) -> Iterator[Example]:
        try:
            if isinstance(row, _Problem):
                raise row
            fields = {name: str(self._cell(row, name)) for name in self._fields}
            yield Example(fields, self._expected(row))
        except _Problem as problem:
            self._tell(line, problem)

    def _tell(self, line: int, problem: _Problem) -> None:
        self._wrong += 1
        if self._wrong <= MAX_TOLD:
            hint = problem.hint
            self._draft.wrong_in(self._file, line, str(problem), path=self._path, hint=hint)

    def _cell(self, row: _Row, name: str) -> Json:
        column = self._columns.get(name, name)
        if column in row and row[column] is None:
            raise _Problem(f"no value for {column!r}")
        if column not in row:
            hint = did_you_mean(column, [c for c in row if c], what="columns")
            raise _Problem(f"no column {column!r}", hint=hint)
        return row[column]

    def _expected(self, row: _Row) -> Json:
        value = self._answer(row)
        if self._validator is not None:
            fits = self._validator.is_valid(value)
            problem = "" if fits else value_problem(value, self._output)
        else:
            # The schema of a JSON output that could not be had is a mistake told elsewhere.
            untold = not isinstance(self._output, JsonOutput)
            problem = value_problem(value, self._output) if untold else ""
        if problem:
            raise _Problem(f"the expected answer {problem}")
        return value

    def _answer(self, row: _Row) -> Json:
        column = next((c for c in EXPECTED if self._columns.get(c, c) in row), "label")
        if not isinstance(self._output, JsonOutput):
            return str(self._cell(row, column))
        if self._columns.get(column, column) in row:
            value = self._cell(row, column)
            return _json(value) if isinstance(value, str) else value
        found = {
            name: _typed(self._cell(row, name), form)
            for name, form in self._properties.items()
            if _is_given(row.get(self._columns.get(name, name)))
        }
        if not found:
            hint = f"name columns {', '.join(sorted(self._properties)[:8])}, or `expected` (JSON)"
            raise _Problem("no column holds an expected value", hint=hint)
        return found


def _is_given(cell: Json) -> bool:
    return cell is not None and cell != ""


def _read(text: str, file: str) -> Iterator[tuple[int, _Row | _Problem]]:
    if file.endswith(".csv"):
        yield from _csv(text)
    elif file.endswith((".jsonl", ".ndjson")):
        for number, line in enumerate(text.splitlines(), start=1):
            if line.strip():
                yield number, _object(line)
    else:
        raise _Problem("examples are .csv or .jsonl")


def _csv(text: str) -> Iterator[tuple[int, _Row | _Problem]]:
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    try:
        for row in reader:
            line = reader.line_num
            if None in row:
                yield line, _Problem("more cells than the first line has columns")
            else:
                yield line, dict(row)
    except csv.Error as error:
        yield reader.line_num or 1, _Problem(f"no CSV: {error}")


def _object(line: str) -> _Row | _Problem:
    try:
        return msgspec.json.decode(line, type=dict[str, Json])
    except (msgspec.DecodeError, RecursionError):
        return _Problem("no JSON object")


def _json(text: str) -> Json:
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        raise _Problem("the expected answer is no JSON") from None


def _typed(cell: Json, form: Json) -> Json:
    """A cell of a table as the value that the schema wants there."""
    wanted = form.get("type") if isinstance(form, Mapping) else None
    if not isinstance(cell, str) or wanted in {None, "string"}:
        return cell
    try:
        return msgspec.json.decode(cell)
    except msgspec.DecodeError:
        return cell
