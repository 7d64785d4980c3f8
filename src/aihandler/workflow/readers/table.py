"""CSV and JSON Lines: one document a row, never the whole file in memory."""

import csv
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO, NamedTuple

import msgspec

from aihandler.domain.document import Document
from aihandler.errors import InputError
from aihandler.workflow.readers.classes import highest_class, is_class_name
from aihandler.workflow.readers.reading import MAX_DOCUMENT_BYTES, Unreadable

# Where a table keeps its text, in the order in which we look; else all columns are the text.
_TEXT_COLUMNS = ("text", "body", "message", "content", "description")
_ID_COLUMNS = ("id", "document_id", "ticket_id", "key")
_SNIFFED_CHARACTERS = 64 * 1024
_BOM = b"\xef\xbb\xbf"
_QUOTED = re.compile(r'"[^"]*"')
_CLASS_WORD = re.compile(rb"class", re.IGNORECASE)

_decode_line = msgspec.json.Decoder(dict[str, object]).decode


def read_csv(path: Path, name: str, kind: str) -> Iterator[Document | Unreadable]:
    """A document per row; a column `class` states the class of each."""
    csv.field_size_limit(MAX_DOCUMENT_BYTES)
    # What is no UTF-8 is kept as it is, and put right cell by cell.
    with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
        sample = file.read(_SNIFFED_CHARACTERS)
        if "\x00" in sample:
            raise InputError("it holds binary data, not text")
        file.seek(0)
        rows = csv.reader(file, delimiter=_delimiter(sample), strict=True)
        number = 0
        try:
            header = _header(rows)
            for number, cells in enumerate((row for row in rows if row), start=1):
                yield from _csv_row(_Place(path, name, number, kind), header, cells)
        except csv.Error as error:
            yield Unreadable(f"{name}#{number + 1}", f"line {rows.line_num}: {error}")


def read_jsonl(path: Path, name: str, kind: str) -> Iterator[Document | Unreadable]:
    """A document per line; `class` states the class of each. A broken line stops nothing."""
    with path.open("rb") as file:
        for number, line in enumerate(_lines(file), start=1):
            if not line.strip():
                continue
            if len(line) > MAX_DOCUMENT_BYTES:
                yield Unreadable(f"{name}#{number}", f"line {number} is too long for a document")
                continue
            text = line.removeprefix(_BOM) if number == 1 else line
            try:
                values = _decode_line(text)
            except msgspec.MsgspecError as error:
                yield Unreadable(f"{name}#{number}", f"line {number} is not a JSON object: {error}")
                continue
            stated = [
                _written(value)
                for key, value in _pairs(text, values)
                if is_class_name(key) and value is not None
            ]
            row = {key: _written(value) for key, value in values.items()}
            yield _row(_Place(path, name, number, kind), row, stated)


class _Place(NamedTuple):
    path: Path
    name: str
    number: int
    kind: str


def _header(rows: Iterable[list[str]]) -> list[str]:
    for row in rows:
        # Excel writes `sep=;` above its tables to say how they are separated.
        if any(row) and row[0].lower() != "sep=":
            return [_mended(cell).strip().lower() for cell in row]
    return []


def _csv_row(
    place: _Place, header: Sequence[str], cells: Sequence[str]
) -> Iterator[Document | Unreadable]:
    if any(cells[len(header) :]):
        # Cells have moved, and with them the class.
        reason = f"row {place.number} has {len(cells)} cells, the header {len(header)}"
        yield Unreadable(f"{place.name}#{place.number}", reason)
        return
    pairs = [(key, _mended(cell)) for key, cell in zip(header, cells, strict=False) if key]
    stated = [value for key, value in pairs if is_class_name(key)]
    yield _row(place, dict(pairs), stated)


def _row(place: _Place, row: Mapping[str, str], stated: Iterable[str]) -> Document | Unreadable:
    own_id = next((row[column] for column in _ID_COLUMNS if row.get(column)), "")
    document_id = f"{place.name}#{own_id or place.number}"
    text_column = next((column for column in _TEXT_COLUMNS if column in row), None)
    joined = "\n".join(f"{column}: {value}" for column, value in row.items() if value)
    text = row[text_column] if text_column else joined
    try:
        data_class = highest_class(stated)
    except InputError as error:
        return Unreadable(document_id, error.message)
    fields = {"kind": place.kind, **row, "text": text}
    return Document(id=document_id, fields=fields, data_class=data_class, source=str(place.path))


def _lines(file: BinaryIO) -> Iterator[bytes]:
    """Lines, of which one that is too long is given up after its beginning."""
    while line := file.readline(MAX_DOCUMENT_BYTES + 1):
        yield line
        while len(line) > MAX_DOCUMENT_BYTES and not line.endswith(b"\n"):
            line = file.readline(MAX_DOCUMENT_BYTES + 1)


def _pairs(line: bytes, values: Mapping[str, object]) -> Iterable[tuple[str, object]]:
    if len(_CLASS_WORD.findall(line)) < 2:
        return values.items()
    # Of a key that stands twice a mapping keeps the last; the highest class must count.
    pairs: list[tuple[str, object]] = json.loads(line, object_pairs_hook=list)
    return pairs


def _mended(cell: str) -> str:
    if cell.isascii():
        return cell
    try:
        cell.encode()
    except UnicodeEncodeError:
        return cell.encode("utf-8", "surrogateescape").decode("cp1252", "replace")
    return cell


def _written(value: object) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _delimiter(sample: str) -> str:
    first_line = next((line for line in sample.splitlines() if line.strip()), "")
    return max(",;\t|", key=_QUOTED.sub("", first_line).count)
