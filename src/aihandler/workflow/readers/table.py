"""CSV and JSON Lines: one document a row, never the whole file in memory."""

import csv
import io
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import msgspec

from aihandler.domain.document import Document
from aihandler.errors import InputError
from aihandler.workflow.readers.reading import MAX_DOCUMENT_BYTES, Unreadable, parse_class

# Where a table keeps its text, in the order in which we look; else all columns are the text.
_TEXT_COLUMNS = ("text", "body", "message", "content", "description")
_ID_COLUMNS = ("id", "document_id", "ticket_id", "key")
_SNIFFED_CHARACTERS = 64 * 1024


def read_csv(path: Path, name: str, kind: str) -> Iterator[Document | Unreadable]:
    """A document per row; a column `class` states the class of each."""
    csv.field_size_limit(MAX_DOCUMENT_BYTES)
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        sample = file.read(_SNIFFED_CHARACTERS)
        if "\x00" in sample:
            raise InputError("it holds binary data, not text")
        file.seek(0)
        rows = csv.DictReader(file, delimiter=_delimiter(sample), strict=True)
        number = 0
        while True:
            number += 1
            try:
                row = next(rows)
            except StopIteration:
                return
            except csv.Error as error:
                yield Unreadable(f"{name}#{number}", f"line {rows.line_num}: {error}")
                return
            yield from _row(_Place(path, name, number, kind), _clean(row))


def read_jsonl(path: Path, name: str, kind: str) -> Iterator[Document | Unreadable]:
    """A document per line; `class` states the class of each. A broken line stops nothing."""
    decode_line = msgspec.json.Decoder(dict[str, object]).decode
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            if len(line) > MAX_DOCUMENT_BYTES:
                yield Unreadable(f"{name}#{number}", f"line {number} is too long for a document")
                continue
            try:
                values = decode_line(line)
            except msgspec.MsgspecError as error:
                yield Unreadable(f"{name}#{number}", f"line {number} is not a JSON object: {error}")
                continue
            row = {key: _written(value) for key, value in values.items()}
            yield from _row(_Place(path, name, number, kind), row)


class _Place(NamedTuple):
    path: Path
    name: str
    number: int
    kind: str


def _row(place: _Place, row: Mapping[str, str]) -> Iterator[Document | Unreadable]:
    own_id = next((row[column] for column in _ID_COLUMNS if row.get(column)), "")
    document_id = f"{place.name}#{own_id or place.number}"
    text_column = next((column for column in _TEXT_COLUMNS if column in row), None)
    joined = "\n".join(f"{column}: {value}" for column, value in row.items() if value)
    text = row[text_column] if text_column else joined
    try:
        data_class = parse_class(row.get("class"))
    except InputError as error:
        yield Unreadable(document_id, error.message)
        return
    fields = {"kind": place.kind, **row, "text": text}
    yield Document(id=document_id, fields=fields, data_class=data_class, source=str(place.path))


def _clean(row: Mapping[str | None, str | list[str] | None]) -> dict[str, str]:
    return {
        key.strip().lower(): value for key, value in row.items() if key and isinstance(value, str)
    }


def _written(value: object) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _delimiter(sample: str) -> str:
    first_line = next(iter(io.StringIO(sample)), "")
    return max(",;\t", key=first_line.count)
