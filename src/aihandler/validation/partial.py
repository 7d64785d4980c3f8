"""What can be seen of a JSON value while it is still being written: for showing, never for use."""

import msgspec

from aihandler.domain.task import Json

# Each look reads the whole text again, so a long one is looked at less and less often.
_MOST_CHARS = 200_000
_GROWTH = 1.02

_decode = msgspec.json.Decoder().decode


class PartialJson:
    """Fed with text as it comes; says what the value looks like so far.

    A text that is cut is closed where it stands; a key without its value, half a number and half
    a word (`tru`) are left out. Text before the first bracket is passed over.
    """

    def __init__(self) -> None:
        self._text: list[str] = []
        self._chars = 0
        self._next_look = 1
        self._open: list[str] = []
        self._in_string = False
        self._string_at = 0
        self._escaped = False
        self._began = False
        self._over = False
        self._shown: Json = None

    def feed(self, text: str) -> Json | None:
        """The value as it looks now; None when it looks no different from before."""
        if self._over or self._chars > _MOST_CHARS:
            return None
        self._take(text)
        if not self._began or self._chars < self._next_look:
            return None
        self._next_look = int(self._chars * _GROWTH) + 1
        value = self._look()
        if value is None or value == self._shown:
            return None
        self._shown = value
        return value

    def _take(self, text: str) -> None:
        if not self._began:
            start = min((at for at in (text.find("{"), text.find("[")) if at >= 0), default=-1)
            if start < 0:
                return
            self._began, text = True, text[start:]
        for place, character in enumerate(text):
            self._step(character, self._chars + place)
            if self._over:
                text = text[: place + 1]
                break
        self._text.append(text)
        self._chars += len(text)

    def _step(self, character: str, place: int) -> None:
        if self._in_string:
            if self._escaped:
                self._escaped = False
            elif character == "\\":
                self._escaped = True
            elif character == '"':
                self._in_string = False
        elif character == '"':
            self._in_string, self._string_at = True, place
        elif character in "{[":
            self._open.append("}" if character == "{" else "]")
        elif character in "}]":
            if self._open:
                self._open.pop()
            self._over = not self._open

    def _look(self) -> Json | None:
        text = "".join(self._text)
        self._text = [text]
        ends = "".join(reversed(self._open))
        for closed in self._closings(text, ends):
            try:
                return _decode(closed)
            except msgspec.DecodeError:
                continue
        return None

    def _closings(self, text: str, ends: str) -> list[str]:
        if self._over:
            return [text]
        if self._in_string:
            # Half an escape is dropped; half a key has no value yet.
            whole = text[: text.rindex("\\")] if _half_escape(text) else text
            before = text[: self._string_at].rstrip().rstrip(",")
            # As it stands, without half a surrogate pair, without the text, without its key.
            beginnings = (f'{whole}"', f'{whole[:-6]}"', before, _without_key(before))
            return [f"{beginning}{ends}" for beginning in beginnings]
        bare = text.rstrip()
        cut = max(bare.rfind(mark) for mark in ",{[:")
        # As it stands (after a whole value), before the last comma, without the last key.
        return [
            f"{bare.rstrip(',')}{ends}",
            f"{bare[: cut + 1].rstrip(',')}{ends}",
            f"{_without_key(bare[: cut + 1])}{ends}",
            f"{_without_key(bare)}{ends}",
        ]


def _half_escape(text: str) -> bool:
    tail = text[-6:]
    at = tail.rfind("\\")
    if at < 0 or (len(text) >= 2 and tail[at - 1 : at] == "\\" and at > 0):
        return False
    escape = tail[at:]
    return len(escape) == 1 or (escape[1] == "u" and len(escape) < 6)


def _without_key(text: str) -> str:
    """Before the key whose value has not come: `{"a": 1, "b":` becomes `{"a": 1`."""
    bare = text.rstrip().rstrip(":").rstrip()
    if not bare.endswith('"'):
        return bare
    at = len(bare) - 1
    while at > 0:
        at = bare.rfind('"', 0, at)
        slashes = len(bare[:at]) - len(bare[:at].rstrip("\\"))
        if slashes % 2 == 0:
            break
    return bare[:at].rstrip().rstrip(",")
