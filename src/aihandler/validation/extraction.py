"""Finds the JSON values of a reply, and refuses when it cannot be sure what the reply means."""

import re
from collections.abc import Iterator

import msgspec

from aihandler.domain.task import Json
from aihandler.validation.reasoning import has_marker
from aihandler.validation.repair import Span, read
from aihandler.validation.strict import NotJson, storable

# More values than this are no answer with a stray bracket in it.
MAX_VALUES = 16
MAX_MARKS = 2_000

_NEXT = re.compile(r"```|[\[{\]}]")
_FENCE_WORD = re.compile(r"[A-Za-z0-9_+.-]*")
_FENCE_WORDS = frozenset(
    {"", "json", "json5", "jsonc", "jsonl", "javascript", "js", "python", "py", "text", "txt"}
)
# `{name}` and `[see below]` in prose: short, and nothing in them looks like data.
_PLACEHOLDER = re.compile(
    r"\{{1,3}[^{}\[\]\"':\n]{1,80}\}{1,3}|\[{1,3}[^{}\[\]\"':\n]{1,80}\]{1,3}"
)
# A key outside of every value: part of a larger value whose brackets do not match.
_FRAGMENT = re.compile(r"\"[^\"\n]*\"\s{0,20}:|'[^'\n]*'\s{0,20}:")
_STRAY = re.compile(r"\s*[}\]]")


class Found(msgspec.Struct, frozen=True):
    """A value in a reply, and what was done to get it."""

    value: Json
    notes: tuple[str, ...]
    unclosed: bool = False


def find(text: str) -> tuple[Found, ...]:
    """Every object and array at the top level of a reply. Raises NotJson when one is broken.

    What is broken outside of a fenced block is ignored when there is a fenced value: prose.
    """
    scan = _Scan(text)
    scan.run()
    if scan.error is not None and not scan.fenced:
        raise scan.error
    rest = scan.remainder()
    if has_marker(rest):
        raise NotJson("has reasoning mixed with the answer")
    if _FRAGMENT.search(rest):
        raise NotJson("has a key outside of any value")
    return tuple(scan.found)


class _Scan:
    """One pass from the start of a reply to its end."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.found: list[Found] = []
        self.fenced = False
        self.error: NotJson | None = None
        self._inside = False
        # Stretches that are prose or marks; what lies between them are values.
        self._outside: list[str] = []

    def run(self) -> None:
        at = marks = 0
        while (mark := _NEXT.search(self.text, at)) is not None:
            marks += 1
            if marks > MAX_MARKS:
                raise NotJson("has too many brackets outside of any value")
            self._outside.append(self.text[at : mark.start()])
            at = self._fence(mark) if mark.group() == "```" else self._bracket(mark)
            if len(self.found) > MAX_VALUES:
                raise NotJson(f"holds more than {MAX_VALUES} values")
        self._outside.append(self.text[at:])

    def remainder(self) -> str:
        return "\n".join(self._outside)

    def _fence(self, mark: re.Match[str]) -> int:
        if self._inside:
            self._inside = False
            return mark.end()
        word = _FENCE_WORD.match(self.text, mark.end())
        assert word is not None
        if word.group().lower() in _FENCE_WORDS:
            self._inside = True
            return word.end()
        # A block in another language is prose.
        closing = self.text.find("```", word.end())
        return len(self.text) if closing < 0 else closing + 3

    def _bracket(self, mark: re.Match[str]) -> int:
        at = mark.start()
        if mark.group() in "]}":
            return self._broken(NotJson("has a closing bracket too many"), at, mark.end())
        try:
            span = read(self.text, at)
        except NotJson as error:
            placeholder = None if self._inside else _PLACEHOLDER.match(self.text, at)
            if placeholder is not None:
                return placeholder.end()
            return self._broken(error, at, at + 1)
        return self._keep(span, at)

    def _keep(self, span: Span, start: int) -> int:
        whole = span.end - start == len(self.text)
        notes = [*self._surroundings(whole), *span.notes]
        end = span.end
        if _STRAY.match(self.text, end):
            end = self._without_extra(end)
            notes.append("removed one closing bracket too many")
        self.fenced = self.fenced or self._inside
        value = storable(span.value)
        self.found.append(Found(value, tuple(notes), span.unclosed))
        return end

    def _surroundings(self, whole: bool) -> Iterator[str]:
        if self._inside:
            yield "took the value out of its code fence"
        elif not whole:
            yield "took the value out of the text around it"

    def _without_extra(self, end: int) -> int:
        stray = _STRAY.match(self.text, end)
        assert stray is not None
        if _STRAY.match(self.text, stray.end()):
            raise NotJson("has several closing brackets too many")
        return stray.end()

    def _broken(self, error: NotJson, at: int, resume: int) -> int:
        """Goes on at the next fence when what is broken ends before it; else it is the answer."""
        if self._inside:
            raise error
        self.error = self.error or error
        fence = self.text.find("\n```", resume)
        stretch = self.text[at : fence if fence >= 0 else len(self.text)]
        if fence < 0:
            if not self.fenced:
                raise error
            return len(self.text)
        if not self.fenced and not _balanced(stretch):
            raise error
        return fence + 1


def _balanced(text: str) -> bool:
    return all(text.count(one) == text.count(other) for one, other in ("{}", "[]"))
