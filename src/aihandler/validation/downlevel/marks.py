"""Notes for the way back. They ride on the parts of a schema while it is put together.

A part may be copied, wrapped or moved until the schema is whole; only then is its pointer known.
"""

from typing import Any, Final

from aihandler.domain.task import Json
from aihandler.validation.downlevel.pointers import step
from aihandler.validation.downlevel.undo import Changes

# No key of a sent schema can be one of these: those are all words of JSON Schema.
ABSENT: Final = "\0absent"
ENTRIES: Final = "\0entries"
TEXT: Final = "\0text"
_LISTS = ("anyOf", "prefixItems")
_MAPS = ("properties", "$defs")
_PARTS = ("items", "additionalProperties")


def settled(sent: dict[str, Any], wrapper: str) -> tuple[Json, Changes]:
    """The schema without the notes, and the notes by pointer."""
    notes = _Notes()
    schema = notes.taken_off(sent, "")
    return schema, Changes(notes.absent, tuple(notes.entries), notes.texts, wrapper)


class _Notes:
    def __init__(self) -> None:
        self.absent: dict[str, tuple[str, ...]] = {}
        self.entries: list[str] = []
        self.texts: dict[str, str] = {}

    def taken_off(self, node: Json, where: str) -> Json:
        if not isinstance(node, dict):
            return node
        found: dict[str, Json] = {}
        for key, part in node.items():
            match key:
                case "\0absent":
                    self.absent[where] = part
                case "\0entries":
                    self.entries.append(where)
                case "\0text":
                    self.texts[where] = part
                case _:
                    found[key] = self._held(key, part, f"{where}/{key}")
        return found

    def _held(self, key: str, part: Json, where: str) -> Json:
        if key in _LISTS:
            return [self.taken_off(each, f"{where}/{n}") for n, each in enumerate(part)]
        if key in _MAPS:
            return {
                name: self.taken_off(each, f"{where}{step(name)}") for name, each in part.items()
            }
        return self.taken_off(part, where) if key in _PARTS else part
