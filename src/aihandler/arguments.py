"""What callers of `Handler` give: looked up, checked, brought into one form."""

from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import TypeVar, get_args

from aihandler.domain.conversation import Message
from aihandler.domain.document import Document
from aihandler.domain.kept import CacheUse
from aihandler.domain.labels import DataClass
from aihandler.domain.task import Task
from aihandler.errors import InputError
from aihandler.workflow.readers import Unreadable, find_files, read_documents
from aihandler.workflow.readers.classes import highest_class, is_class_name
from aihandler.workflow.readers.reading import parse_class

Named = TypeVar("Named")
Documents = Iterable[Document | Unreadable | str | Mapping[str, str]]


def named(what: str, name: str, known: Mapping[str, Named]) -> Named:
    """`known[name]`, or an InputError that names the nearest."""
    if name in known:
        return known[name]
    near = get_close_matches(name, known, n=1)
    meant = f"; did you mean {near[0]!r}?" if near else ""
    hint = f"known are {', '.join(sorted(known)) or 'none'}"
    raise InputError(f"there is no {what} {name!r}{meant}", hint=hint)


def check_fields(task: Task, fields: Mapping[str, str], messages: Sequence[Message]) -> None:
    """Raises InputError unless `fields` are just those of the task; messages need none."""
    unknown = [name for name in fields if name not in task.fields]
    missing = [name for name in task.fields if name not in fields] if not messages else []
    if unknown or missing:
        raise InputError(
            f"task {task.name!r} takes the fields {', '.join(task.fields)}; "
            f"got {', '.join(fields) or 'none'}",
            hint="pass each of them by name, as text",
        )


def class_of(given: DataClass | str | None) -> DataClass | None:
    """A class by name. Raises InputError for a word that is none."""
    if given is None or isinstance(given, DataClass):
        return given
    return parse_class(given)


def cache_use(given: str) -> CacheUse:
    """What a program wants of kept answers, or an InputError that names what it may want."""
    return named("use of the cache", given, {use: use for use in get_args(CacheUse)})


def documents_of(given: Documents | Path) -> Iterable[Document | Unreadable]:
    """Documents out of a folder or file, or out of texts and mappings of fields."""
    if isinstance(given, Path):
        return read_documents(find_files([given]))
    return (_document(number, one) for number, one in enumerate(given, start=1))


def _document(
    number: int, given: Document | Unreadable | str | Mapping[str, str]
) -> Document | Unreadable:
    if isinstance(given, Unreadable):
        return given
    try:
        return _checked(given if isinstance(given, Document) else _made(number, given))
    except InputError as error:
        return Unreadable(str(number), error.message)


def _made(number: int, given: str | Mapping[str, object]) -> Document:
    if not isinstance(given, str | Mapping):
        raise InputError(f"it is {type(given).__name__!r}, not a text or a mapping of fields")
    named = {"text": given} if isinstance(given, str) else given
    fields = {str(name): _written(value) for name, value in named.items()}
    stated = (value for name, value in fields.items() if is_class_name(name))
    document_id = fields.get("id") or str(number)
    return Document(id=document_id, fields=fields, data_class=highest_class(stated))


def _written(value: object) -> str:
    if value is None:
        return ""
    return value.value if isinstance(value, DataClass) else str(value)


def _checked(document: Document) -> Document:
    # Half of a surrogate pair is no text: no file, model or ledger could take it.
    for text in (document.id, document.source, *document.fields.values()):
        if not text.isascii():
            try:
                text.encode()
            except UnicodeEncodeError:
                raise InputError("it holds characters that are no Unicode text") from None
    return document
