"""The class that a client says of its request, in a header of any name that documents use too."""

from collections.abc import Mapping

from aihandler.arguments import class_of
from aihandler.domain.labels import DataClass
from aihandler.errors import InputError

CLASS_HEADER = "x-aihandler-class"
# Names as documents have them (`class`, `Data-Class`, `X-Data-Class` ...), in lower case.
CLASS_HEADERS = frozenset(
    {CLASS_HEADER}
    | {f"{x}{data}class" for x in ("", "x-", "x_") for data in ("", "data", "data-", "data_")}
)


def said_classes(headers: Mapping[str, str]) -> list[tuple[str, str]]:
    """Every header that says a class, with what it says."""
    # Nearly no request has one, and this is the way of every request.
    if CLASS_HEADERS.isdisjoint(headers):
        return []
    return [(name, headers[name]) for name in sorted(CLASS_HEADERS) if name in headers]


def class_said(headers: Mapping[str, str]) -> DataClass | None:
    """The highest class that any of them says; None where none stands there. Raises InputError."""
    said = said_classes(headers)
    return max(
        (_class(name, word) for name, value in said for word in value.split(",")), default=None
    )


def _class(name: str, word: str) -> DataClass:
    if not word.strip():
        # Whoever sends the header meant to say something.
        raise InputError(f"no class is named (at header {name})", hint="name one, or leave it out")
    try:
        found = class_of(word)
    except InputError as error:
        raise InputError(
            f"{error.message} (at header {name})", hint="name one of them, or leave it out"
        ) from None
    assert found is not None
    return found
