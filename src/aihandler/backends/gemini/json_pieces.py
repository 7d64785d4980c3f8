"""The objects of a JSON array from bytes that may be cut anywhere: the other form of a stream."""

import re
from collections.abc import Iterator

_OUTSIDE = re.compile(rb'["{}\[\]]')
_INSIDE = re.compile(rb'["\\]')
_BETWEEN = re.compile(rb"[\s,]*\Z")
_QUOTE, _BACKSLASH = ord('"'), ord("\\")
_OPENING = frozenset(b"{[")


class NotJson(Exception):
    """Between the objects stands something else."""


class JsonPieces:
    """Yields the text of each object of an array, or of one object that stands alone."""

    def __init__(self) -> None:
        self._held: list[bytes] = []
        self._depth = 0
        self._in_text = False
        self._escaped = False
        self._listed = False

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The objects that are complete with this piece. Raises NotJson."""
        at = start = 0
        if self._escaped:
            self._escaped = False
            at = 1
        while at < len(data):
            pattern = _INSIDE if self._in_text else _OUTSIDE
            found = pattern.search(data, at)
            if not self._depth:
                self._check(data[at : found.start() if found else len(data)])
            if found is None:
                break
            mark, place = data[found.start()], found.start()
            at = found.end()
            if self._in_text:
                at = self._within(mark, at, len(data))
            elif not self._depth:
                start = self._between(mark, place)
            elif self._goes_on(mark):
                continue
            else:
                yield b"".join((*self._held, data[start:at]))
                self._held, start = [], at
        if self._depth:
            self._held.append(data[start:])

    @property
    def open(self) -> bool:
        """Whether an object was begun and not ended."""
        return bool(self._depth)

    def _within(self, mark: int, at: int, size: int) -> int:
        """Goes on inside of a text."""
        if mark == _QUOTE:
            self._in_text = False
        elif at < size:
            return at + 1
        else:
            self._escaped = True
        return at

    def _between(self, mark: int, place: int) -> int:
        """Goes on between objects; says where one begins."""
        if mark == ord("{"):
            self._depth = 1
        elif mark == ord("[") and not self._listed:
            self._listed = True
        elif mark != ord("]") or not self._listed:
            raise NotJson
        return place

    def _goes_on(self, mark: int) -> bool:
        """Goes on inside of an object; false when it ends here."""
        if mark == _QUOTE:
            self._in_text = True
        else:
            self._depth += 1 if mark in _OPENING else -1
        return bool(self._depth)

    @staticmethod
    def _check(between: bytes) -> None:
        if not _BETWEEN.match(between):
            raise NotJson
