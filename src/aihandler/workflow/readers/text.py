"""Plain text and Markdown; front matter or a first line `Class:` states the class."""

import re
from collections.abc import Iterator
from pathlib import Path

from aihandler.domain.document import Document
from aihandler.workflow.readers.classes import (
    class_in_passing,
    highest_class,
    is_class_name,
    raised,
    split_class_line,
)
from aihandler.workflow.readers.reading import decode, read_bytes

_FENCE = "---"
_FENCE_ENDS = {_FENCE, "..."}
_LINE_END = re.compile(r"\r\n|\r|\n")

_Pairs = list[tuple[str, str]]


def read_text(path: Path, name: str, kind: str) -> Iterator[Document]:
    """One document. Front matter becomes fields of their own."""
    content = decode(read_bytes(path))
    pairs, body = _split_front_matter(content)
    data_class = highest_class(value for key, value in pairs if is_class_name(key))
    if data_class is None:
        data_class, body = split_class_line(body)
    else:
        data_class = raised(data_class, [class_in_passing(body)])
    fields = {**dict(pairs), "text": body.strip(), "kind": kind}
    yield Document(id=name, fields=fields, data_class=data_class, source=str(path))


def _split_front_matter(content: str) -> tuple[_Pairs, str]:
    start = content.lstrip()
    if not start.startswith(_FENCE):
        return [], content
    first, *lines = _LINE_END.split(start)
    if first.strip() != _FENCE:
        return [], content
    for end, line in enumerate(lines):
        if line.strip() in _FENCE_ENDS:
            entries = (entry.partition(":") for entry in lines[:end] if ":" in entry)
            pairs = [(key.strip().lower(), value.strip().strip("\"'")) for key, _, value in entries]
            return pairs, "\n".join(lines[end + 1 :])
    return [], content
