"""Rows of a CSV or JSON Lines file, each with the line that it stands in."""

import csv
import io
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec

from aihandler.domain.task import Json
from aihandler.errors import InputError

Row = Mapping[str, Json]

_MAX_CELL_CHARS = 16 * 1024 * 1024
_object = msgspec.json.Decoder(dict[str, Json]).decode


def read_rows(path: Path) -> Iterator[tuple[int, Row]]:
    """Each row with its line, counted from 1. Raises InputError that names file and line."""
    read = _READERS.get(path.suffix.lower())
    if read is None:
        raise InputError(
            f"{path}: is neither CSV nor JSON Lines",
            hint=f"data for a comparison ends in {', '.join(_READERS)}",
        )
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise InputError(
            f"{path}: {error.strerror or 'cannot be read'}", hint="name a file with --data"
        ) from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: is no UTF-8 text", hint="save it as UTF-8") from error
    yield from read(path, text)


def _csv(path: Path, text: str) -> Iterator[tuple[int, Row]]:
    csv.field_size_limit(_MAX_CELL_CHARS)
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    try:
        for row in reader:
            if None in row:
                raise InputError(
                    f"{path}:{reader.line_num}: more cells than the first line has columns",
                    hint='put text that holds commas into "quotes"',
                )
            # An empty cell is no value, as a key that is left out of a line of JSON.
            yield reader.line_num, {name: cell for name, cell in row.items() if cell}
    except csv.Error as error:
        raise InputError(f"{path}:{reader.line_num or 1}: is no CSV: {error}") from error


def _jsonl(path: Path, text: str) -> Iterator[tuple[int, Row]]:
    # Only these end a line: a text may hold other separators of Unicode.
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            try:
                yield number, _object(line)
            except (msgspec.DecodeError, RecursionError) as error:
                raise InputError(
                    f"{path}:{number}: is no JSON object: {error}",
                    hint='a line is {"input": "...", "expected": ...}',
                ) from error


_READERS = {".csv": _csv, ".jsonl": _jsonl, ".ndjson": _jsonl}
