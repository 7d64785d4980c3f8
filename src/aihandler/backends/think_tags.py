"""Parts a model's thinking from its answer, for servers that leave both in one text."""

from aihandler.backends.profiles import ThinkTags

_OPEN, _CLOSE = "<think>", "</think>"


class ThinkSplitter:
    """Looks for tags at the beginning only: later ones may be what the answer is about."""

    def __init__(self, tags: ThinkTags) -> None:
        self._state = {"": "answer", "pair": "before", "open": "thinking"}[tags]
        self._tags = tags
        self._held = ""

    def feed(self, text: str) -> tuple[str, str]:
        """Thinking and answer, as far as they can be told apart."""
        if self._state == "answer":
            return "", text
        self._held += text
        thought = answer = ""
        if self._state == "before":
            answer = self._before()
        if self._state == "thinking":
            thought = self._thinking()
        if self._state == "after":
            answer = self._after()
        return thought, answer

    def end(self) -> tuple[str, str]:
        """What was held back because it might have become a tag."""
        held, self._held = self._held, ""
        if self._state == "thinking":
            return held, ""
        # White space behind the tag belongs to neither.
        return "", "" if self._state == "after" else held

    def _before(self) -> str:
        begun = self._held.lstrip()
        if begun.startswith(_OPEN):
            self._state = "thinking"
            self._held = begun[len(_OPEN) :]
        elif not _OPEN.startswith(begun):
            self._state = "answer"
            held, self._held = self._held, ""
            return held
        return ""

    def _thinking(self) -> str:
        if self._tags == "open" and self._held.lstrip().startswith(_OPEN):
            self._held = self._held.lstrip()[len(_OPEN) :]
            self._tags = "pair"
        place = self._held.find(_CLOSE)
        if place >= 0:
            thought, self._held = self._held[:place], self._held[place + len(_CLOSE) :]
            self._state = "after"
            return thought
        if self._tags == "open" and _OPEN.startswith(self._held.lstrip()):
            return ""
        self._tags = "pair"
        keep = _begun(self._held)
        thought = self._held[: len(self._held) - keep]
        self._held = self._held[len(thought) :]
        return thought

    def _after(self) -> str:
        answer = self._held.lstrip()
        self._held = ""
        if answer:
            self._state = "answer"
        return answer


def _begun(text: str) -> int:
    """How many characters at the end may be the beginning of the closing tag."""
    for length in range(min(len(_CLOSE) - 1, len(text)), 0, -1):
        if _CLOSE.startswith(text[-length:]):
            return length
    return 0
