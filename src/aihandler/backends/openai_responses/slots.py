"""One item of a streamed reply, as far as it has come."""

from collections.abc import Mapping
from typing import Any

import msgspec

from aihandler.domain.parts import Part


class Slot(msgspec.Struct):
    """The pieces by their place. `fields` as the item began; `parts` once it is whole."""

    fields: dict[str, Any]
    call: int = -1
    texts: dict[int, list[str]] = {}
    refusals: dict[int, list[str]] = {}
    thoughts: dict[tuple[str, int], list[str]] = {}
    notes: dict[int, list[Any]] = {}
    arguments: list[str] = []
    parts: tuple[Part, ...] | None = None

    def joined(self, item: Mapping[str, Any]) -> dict[str, Any]:
        """The whole item; what it does not hold itself is put together from the pieces."""
        whole = {**self.fields, **item}
        match whole.get("type"):
            case "message" if not whole.get("content") and (self.texts or self.refusals):
                whole["content"] = self._content()
                whole.setdefault("role", "assistant")
            case "reasoning":
                for key, kind in (("summary", "summary_text"), ("content", "reasoning_text")):
                    texts = self._thoughts(key)
                    if texts and not whole.get(key):
                        whole[key] = [{"type": kind, "text": text} for text in texts]
            case "function_call":
                if not whole.get("arguments"):
                    whole["arguments"] = "".join(self.arguments)
                whole.setdefault("call_id", whole.get("id") or "")
                whole.setdefault("name", "")
        return whole

    def _content(self) -> list[dict[str, Any]]:
        content: dict[int, dict[str, Any]] = {}
        for place, pieces in self.texts.items():
            notes = self.notes.get(place, [])
            content[place] = {"type": "output_text", "text": "".join(pieces), "annotations": notes}
        for place, pieces in self.refusals.items():
            content[place] = {"type": "refusal", "refusal": "".join(pieces)}
        return [content[place] for place in sorted(content)]

    def _thoughts(self, key: str) -> list[str]:
        places = sorted(place for name, place in self.thoughts if name == key)
        return ["".join(self.thoughts[key, place]) for place in places]
