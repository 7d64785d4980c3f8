"""Cuts an answer at a stop string, for servers that leave it in; also when it comes in pieces."""


class StopTrimmer:
    """Passes text on, but for what may yet turn out to be a stop string."""

    def __init__(self, stops: tuple[str, ...]) -> None:
        self._stops = tuple(stop for stop in stops if stop)
        self._tail = max(map(len, self._stops), default=1) - 1
        self._begins = frozenset(stop[0] for stop in self._stops)
        self._prefixes = frozenset(stop[:n] for stop in self._stops for n in range(1, len(stop)))
        self._held = ""
        self.stopped = False

    def feed(self, text: str) -> str:
        """The text that is surely part of the answer."""
        if self.stopped or not self._stops:
            return "" if self.stopped else text
        text = self._held + text
        found = [place for stop in self._stops if (place := text.find(stop)) >= 0]
        if found:
            self.stopped = True
            self._held = ""
            return text[: min(found)]
        keep = self._undecided(text)
        self._held = text[len(text) - keep :]
        return text[: len(text) - keep]

    def end(self) -> str:
        """What was held back; it was no stop string after all."""
        held, self._held = self._held, ""
        return held

    def _undecided(self, text: str) -> int:
        end = len(text)
        for at in range(max(0, end - self._tail), end):
            # Few places can be the beginning of a stop string: most are passed over at once.
            if text[at] in self._begins and text[at:] in self._prefixes:
                return end - at
        return 0
