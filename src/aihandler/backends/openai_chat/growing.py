"""One part of a reply while its pieces come."""

from aihandler.backends.openai_chat.media import data_of
from aihandler.backends.openai_chat.passage import ORIGIN
from aihandler.domain.parts import Media, Opaque, Part, Refusal, Text, Thinking
from aihandler.domain.task import Json


class Growing:
    """One part while its pieces come. Pieces with another `key` belong to another part."""

    def __init__(self, kind: type[Part], key: tuple[Json, ...]) -> None:
        self.kind = kind
        self.key = key
        self.texts: list[str] = []
        self.extra: dict[str, Json] = {}
        self.payload: Json = None
        self._signature = self._sealed = ""
        self._data: list[bytes] = []

    def sign(self, signature: Json, sealed: Json) -> None:
        """What only the provider can read."""
        if isinstance(signature, str):
            self._signature += signature
        if isinstance(sealed, str):
            self._sealed += sealed

    def hear(self, audio: dict[str, Json]) -> None:
        """A piece of sound, or of the words in it."""
        for key, value in audio.items():
            if key == "data" and isinstance(value, str):
                data = data_of(value)
                if data is not None:
                    self._data.append(data)
                    continue
            if key in {"transcript", "data"} and isinstance(value, str):
                self.extra[key] = self.extra.get(key, "") + value
            elif value is not None:
                self.extra[key] = value

    def merge(self, items: list[Json]) -> None:
        """A later item with the same `index` says more than the one before."""
        known = {} if self.payload is None else {_index(i): i for i in self.payload[self.key[0]]}
        known.update({_index(item): item for item in items})
        self.payload = {self.key[0]: list(known.values())}

    def part(self) -> Part:
        """The whole of it."""
        text = "".join(self.texts)
        if self.kind is Text:
            return Text(text)
        if self.kind is Thinking:
            return Thinking(text, self._signature, self._sealed, extra=self.extra)
        if self.kind is Refusal:
            return Refusal(text)
        if self.kind is Media:
            file_id = self.extra.pop("id", "")
            return Media("audio", data=b"".join(self._data), file_id=file_id, extra=self.extra)
        return Opaque(ORIGIN, self.payload)


def _index(item: Json) -> Json:
    return item.get("index") if isinstance(item, dict) else None
