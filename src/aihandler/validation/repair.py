"""Reads JSON as models write it: knows exactly what it put right, and refuses the rest.

Put right: trailing commas, comments, Python's literals and quotes, unquoted keys, raw line ends
in strings, one closing bracket that is missing. All else that is not JSON raises NotJson, because
every other repair is a guess. Reads each character a bounded number of times.
"""

import re

import msgspec

from aihandler.domain.task import Json
from aihandler.validation.strict import MAX_DEPTH, Cut, NotJson, collect, finite

_SPACE = re.compile(r"[ \t\r\n\f\v\u00a0\u2028\u2029\ufeff]*")
_COMMENT = re.compile(r"//[^\n]*|#[^\n]*|/\*[\s\S]*?\*/")
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")
_WORD = re.compile(r"[A-Za-z_$][A-Za-z0-9_$]*")
_KEY = re.compile(r"[A-Za-z_$][A-Za-z0-9_$-]*")
_PLAIN = {'"': re.compile(r'[^"\\]*'), "'": re.compile(r"[^'\\]*")}
_HEX = re.compile(r"[0-9a-fA-F]{4}")
_AFTER_VALUE = re.compile(r"[\s,\]}/#]|\Z")
_RAW = re.compile(r"[\x00-\x1f]")
_HALVES = re.compile(r"[\ud800-\udbff][\udc00-\udfff]")
_ESCAPES = {
    '"': '"', "'": "'", "\\": "\\", "/": "/",
    "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t",
}  # fmt: skip
_LITERALS = {"true": True, "false": False, "null": None}
_PYTHON_LITERALS = {"True": True, "False": False, "None": None}
_CLOSER = {"{": "}", "[": "]"}
# An integer of more digits takes quadratic time to read.
_MAX_DIGITS = 1_000


class Span(msgspec.Struct, frozen=True):
    """A value, where its text ends, and what was put right.

    `unclosed`: the text ended before the root object's last brace; the caller decides whether
    that can be a slip, or must be a cut.
    """

    value: Json
    end: int
    notes: tuple[str, ...]
    unclosed: bool = False


def read(text: str, start: int) -> Span:
    """The object or array that begins at `start`. Raises NotJson."""
    reader = _Reader(text)
    value, end = reader.container(start, depth=1)
    return Span(value, end, tuple(reader.notes), reader.unclosed)


class _Reader:
    """One pass over a text. Methods take a position and return what follows it."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.notes: dict[str, None] = {}
        self.unclosed = False

    def container(self, at: int, *, depth: int) -> tuple[Json, int]:
        if depth > MAX_DEPTH:
            raise NotJson(f"is nested deeper than {MAX_DEPTH} levels")
        opener = self.text[at]
        pairs: list[tuple[str, Json]] = []
        items: list[Json] = []
        at = self._blank(at + 1)
        while not self._closes(opener, at):
            if opener == "{":
                key, at = self._key(at)
                value, at = self._value(at, depth)
                pairs.append((key, value))
            else:
                value, at = self._value(at, depth)
                items.append(value)
            at = self._comma(opener, at)
            if self._ends_early(opener, at, depth):
                self.unclosed = True
                return collect(pairs), at
        return (collect(pairs) if opener == "{" else items), at + 1

    def _closes(self, opener: str, at: int) -> bool:
        return self.text[at : at + 1] == _CLOSER[opener]

    def _comma(self, opener: str, at: int) -> int:
        at = self._blank(at)
        if self.text[at : at + 1] == ",":
            at = self._blank(at + 1)
            if self._closes(opener, at):
                self._note("removed a trailing comma")
            elif self._is_end(at):
                raise self._cut(at)
        elif not self._closes(opener, at) and not self._is_end(at):
            raise self._wrong(at, "lacks a comma or a closing bracket")
        return at

    def _is_end(self, at: int) -> bool:
        return at == len(self.text) or self.text.startswith("```", at)

    def _ends_early(self, opener: str, at: int, depth: int) -> bool:
        if not self._is_end(at):
            return False
        # One brace may be forgotten; a number at the very end may have lost its last digits.
        if opener == "{" and depth == 1 and not self.text[at - 1].isdigit():
            self._note("added the missing last brace")
            return True
        raise self._cut(at)

    def _key(self, at: int) -> tuple[str, int]:
        if self.text[at : at + 1] in _PLAIN:
            key, at = self._string(at)
        else:
            word = _KEY.match(self.text, at)
            if word is None or word.group() in _LITERALS or word.group() in _PYTHON_LITERALS:
                raise self._wrong(at, "lacks a key")
            key, at = word.group(), word.end()
            self._note("quoted a key")
        at = self._blank(at)
        if self.text[at : at + 1] != ":":
            raise self._wrong(at, "lacks a colon")
        return key, self._blank(at + 1)

    def _value(self, at: int, depth: int) -> tuple[Json, int]:
        first = self.text[at : at + 1]
        if first in _PLAIN:
            return self._string(at)
        if first and first in _CLOSER:
            return self.container(at, depth=depth + 1)
        if word := _WORD.match(self.text, at):
            return self._literal(word)
        return self._number(at)

    def _literal(self, word: re.Match[str]) -> tuple[Json, int]:
        if not _AFTER_VALUE.match(self.text, word.end()):
            raise self._wrong(word.start(), "has a value without quotes")
        if word.group() in _LITERALS:
            return _LITERALS[word.group()], word.end()
        if word.group() not in _PYTHON_LITERALS:
            raise self._wrong(word.start(), "has a value without quotes")
        self._note("read a literal of Python")
        return _PYTHON_LITERALS[word.group()], word.end()

    def _number(self, at: int) -> tuple[Json, int]:
        number = _NUMBER.match(self.text, at)
        if number is None or not _AFTER_VALUE.match(self.text, number.end()):
            raise self._wrong(at, "lacks a value")
        if number.group(1) or number.group(2):
            return finite(number.group()), number.end()
        if len(number.group()) > _MAX_DIGITS:
            raise self._wrong(at, "has a number beyond all bounds")
        return int(number.group()), number.end()

    def _string(self, at: int) -> tuple[str, int]:
        start, quote = at, self.text[at]
        plain = _PLAIN[quote]
        parts: list[str] = []
        at += 1
        while True:
            run = plain.match(self.text, at)
            assert run is not None
            parts.append(run.group())
            at = run.end()
            mark = self.text[at : at + 1]
            if mark == quote:
                break
            if not mark:
                raise self._cut(at)
            part, at = self._escape(at + 1)
            parts.append(part)
        if quote == "'":
            self._note("read quotes of Python")
        if _RAW.search(self.text, start, at):
            # A line end at the very end may belong to the string or to the lay-out.
            if self.text[at - 1] in "\r\n":
                raise self._wrong(at, "has a raw line end at the end of a string")
            self._note("kept a raw line end or tab inside a string")
        return _joined("".join(parts)), at + 1

    def _escape(self, at: int) -> tuple[str, int]:
        mark = self.text[at : at + 1]
        if mark == "u":
            digits = _HEX.match(self.text, at + 1)
            if digits is None:
                raise self._wrong(at, "has an escape that JSON does not know")
            return chr(int(digits.group(), 16)), digits.end()
        if mark not in _ESCAPES:
            raise self._wrong(at, "has an escape that JSON does not know")
        if mark == "'":
            self._note("read quotes of Python")
        return _ESCAPES[mark], at + 1

    def _blank(self, at: int) -> int:
        while True:
            space = _SPACE.match(self.text, at)
            assert space is not None
            at = space.end()
            comment = _COMMENT.match(self.text, at)
            if comment is None:
                return at
            self._note("removed a comment")
            at = comment.end()

    def _note(self, note: str) -> None:
        self.notes[note] = None

    def _cut(self, at: int) -> Cut:
        return Cut(f"ends before it is closed, near character {at}")

    def _wrong(self, at: int, what: str) -> NotJson:
        if self._is_end(at):
            return self._cut(at)
        return NotJson(f"{what}, near character {at}")


def _joined(text: str) -> str:
    # Two escaped halves of a surrogate pair are one character; one half alone stays, to be refused.
    if text.isascii() or not _HALVES.search(text):
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")
