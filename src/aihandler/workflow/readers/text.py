"""Plain text and Markdown; front matter or a first line `Class:` states the class."""

from collections.abc import Iterator
from pathlib import Path

from aihandler.domain.document import Document
from aihandler.workflow.readers.reading import decode, parse_class, read_bytes, split_class_line

_FENCE = "---"


def read_text(path: Path, name: str, kind: str) -> Iterator[Document]:
    """One document. Front matter becomes fields of their own."""
    content = decode(read_bytes(path))
    matter, body = _split_front_matter(content)
    data_class, body = split_class_line(body) if "class" not in matter else (None, body)
    fields = {**matter, "text": body.strip(), "kind": kind}
    data_class = data_class or parse_class(matter.get("class"))
    yield Document(id=name, fields=fields, data_class=data_class, source=str(path))


def _split_front_matter(content: str) -> tuple[dict[str, str], str]:
    lines = content.split("\n")
    if lines[0].strip() != _FENCE:
        return {}, content
    for end, line in enumerate(lines[1:], start=1):
        if line.strip() == _FENCE:
            pairs = (entry.partition(":") for entry in lines[1:end] if ":" in entry)
            matter = {key.strip().lower(): value.strip().strip("\"'") for key, _, value in pairs}
            return matter, "\n".join(lines[end + 1 :])
    return {}, content
