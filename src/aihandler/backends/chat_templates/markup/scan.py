"""Finds marks in text that is still arriving, and says how much of it can be settled."""

import re
from collections.abc import Iterable

# They end a turn; a server that prints special tokens leaves them at the end of the text.
TURN_ENDS = (
    "<|im_end|>", "<|eot_id|>", "<|eom_id|>", "<|end_of_text|>", "<|endoftext|>", "<|end|>", "</s>",
    "<end_of_turn>", "<turn|>", "<｜end▁of▁sentence｜>", "<|role_end|>", "<seed:eos>",
    "<|message_sep|>", "<|assistant_end|>", "<|END_OF_TURN_TOKEN|>", "<|observation|>", "<|user|>",
    "<|tool_response>",
)  # fmt: skip


class Marks:
    """A set of marks to look for; `ends` may stand at the end of the text only."""

    def __init__(self, marks: Iterable[str], ends: Iterable[str] = ()) -> None:
        self._marks = tuple(sorted(set(marks), key=lambda mark: (-len(mark), mark)))
        self._ends = tuple(ends)
        either = "|".join(map(re.escape, self._marks))
        self._either = re.compile(either) if either else None
        every = (*self._marks, *self._ends)
        self._longest = max(map(len, every), default=1)
        self._prefixes = frozenset(mark[:n] for mark in every for n in range(1, len(mark)))
        self._begins = frozenset(mark[0] for mark in every)

    def earliest(self, text: str, *, last: bool) -> tuple[int, str] | None:
        """Place and text of the first mark; none while a longer one may still arrive there."""
        found = self._either.search(text) if self._either else None
        if found is None or (not last and text[found.start() :] in self._prefixes):
            return None
        return found.start(), found.group()

    def at(self, text: str, place: int) -> tuple[str, int] | None:
        """The mark that stands at this place, and the place behind it."""
        found = self._either.match(text, place) if self._either else None
        return (found.group(), found.end()) if found else None

    def settled(self, text: str) -> int:
        """How much of a text without marks can be given away: not its last spaces, nor the
        beginning of a mark, nor what ends a turn if nothing follows.
        """
        end = len(text)
        for at in range(max(0, end - self._longest + 1), end):
            if text[at] in self._begins and text[at:] in self._prefixes:
                end = at
                break
        return len(self.without_ends(text[:end]).rstrip())

    def without_ends(self, text: str) -> str:
        """The text without the marks that end a turn, at its end."""
        shorter = text.rstrip()
        while shorter.endswith(self._ends):
            end = next(end for end in self._ends if shorter.endswith(end))
            text = shorter[: -len(end)]
            shorter = text.rstrip()
        return text
