"""JSON pointers into schemas, and plain copies of them."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from aihandler.domain.task import Json
from aihandler.validation.downlevel.refusal import NotSayable

MAX_LEVELS = 200


def step(key: str | int) -> str:
    """One step of a JSON pointer."""
    return "/" + str(key).replace("~", "~0").replace("/", "~1")


def at_pointer(root: Json, pointer: str) -> dict[str, Any]:
    """The part of a schema at a pointer. KeyError, IndexError or ValueError when none is there."""
    found = root
    for part in pointer.split("/")[1:]:
        key = part.replace("~1", "/").replace("~0", "~")
        found = found[int(key)] if isinstance(found, list) else found[key]
    if not isinstance(found, dict):
        raise KeyError(pointer)
    return found


def referred(root: Json, reference: Json, at: str) -> dict[str, Any] | bool:
    """What a `$ref` at a place means; only references into this schema can be followed."""
    if not isinstance(reference, str) or not (reference == "#" or reference.startswith("#/")):
        raise NotSayable(f"the reference {reference!r} at {at or '/'} leads out of the schema")
    found = root
    try:
        for part in unquote(reference).split("/")[1:]:
            key = part.replace("~1", "/").replace("~0", "~")
            found = found[int(key)] if isinstance(found, list) else found[key]
    except (KeyError, IndexError, ValueError, TypeError):
        found = None
    if not isinstance(found, dict | bool):
        raise NotSayable(f"the reference {reference!r} at {at or '/'} leads nowhere")
    return found


def plain(schema: Json, level: int = 0) -> Json:
    """A copy made of dicts and lists only."""
    if level > MAX_LEVELS:
        raise NotSayable(f"the schema is nested deeper than {MAX_LEVELS} levels")
    if isinstance(schema, Mapping):
        return {str(key): plain(part, level + 1) for key, part in schema.items()}
    if isinstance(schema, list | tuple):
        return [plain(part, level + 1) for part in schema]
    return schema
