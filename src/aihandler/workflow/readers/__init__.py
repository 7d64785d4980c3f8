"""Files to documents. A file that cannot be read is reported and stops nothing."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from aihandler.domain.document import Document
from aihandler.errors import InputError
from aihandler.workflow.readers.html import read_html
from aihandler.workflow.readers.mail import read_mail
from aihandler.workflow.readers.reading import Unreadable, printable
from aihandler.workflow.readers.table import read_csv, read_jsonl
from aihandler.workflow.readers.text import read_text

__all__ = ["READABLE", "Unreadable", "count_documents", "find_files", "read_documents"]

_READERS = {
    ".txt": read_text,
    ".md": read_text,
    ".eml": read_mail,
    ".html": read_html,
    ".htm": read_html,
    ".csv": read_csv,
    ".jsonl": read_jsonl,
}
READABLE = tuple(_READERS)

# More than this is not read twice for the sake of a progress bar.
_COUNTED_BYTES = 64 * 1024 * 1024


def find_files(paths: Iterable[Path]) -> list[tuple[Path, Path]]:
    """Every readable file below `paths` with the folder its id is relative to, in stable order.

    Raises InputError when a path does not exist or when there is nothing to read.
    """
    given = list(paths)
    found = [(file, root) for path in given for file, root in _below(path)]
    if not found:
        shown = ", ".join(str(p) for p in given)
        raise InputError(
            f"nothing to read in {shown}",
            hint=f"files that can be read end in {', '.join(READABLE)}",
        )
    return found


def read_documents(files: Iterable[tuple[Path, Path]]) -> Iterator[Document | Unreadable]:
    """All documents of all files, one at a time."""
    for file, root in files:
        name = printable(file.relative_to(root).as_posix())
        kind = Path(name).parts[0] if len(Path(name).parts) > 1 else file.stem
        try:
            for document in _READERS[file.suffix.lower()](file, name, kind):
                yield document if printable(str(file)) == str(file) else _printable(document)
        except OSError as error:
            yield Unreadable(name, f"{error.strerror or 'cannot be read'}")
        except InputError as error:
            yield Unreadable(name, error.message)


def count_documents(files: Iterable[tuple[Path, Path]]) -> int | None:
    """How many documents there are, for an estimate; None when counting would take long."""
    files = list(files)
    if sum(file.stat().st_size for file, _ in files) > _COUNTED_BYTES:
        return None
    return sum(1 for _ in read_documents(files))


def _printable(document: Document | Unreadable) -> Document | Unreadable:
    if isinstance(document, Unreadable):
        return document
    return msgspec.structs.replace(
        document,
        source=printable(document.source),
        fields={key: printable(value) for key, value in document.fields.items()},
    )


def _below(path: Path) -> list[tuple[Path, Path]]:
    if path.is_file():
        if path.suffix.lower() not in _READERS:
            raise InputError(
                f"{path} is not a kind of file that can be read",
                hint=f"files that can be read end in {', '.join(READABLE)}",
            )
        return [(path, path.parent)]
    if not path.is_dir():
        raise InputError(f"{path} does not exist", hint="name a file or a folder of documents")
    files = (p for p in path.rglob("*") if p.is_file() and p.suffix.lower() in _READERS)
    return [(p, path) for p in sorted(files)]
