"""Keeps user text user text: control tokens inside it are broken, so that no tokenizer sees them.

A zero-width joiner goes behind the first character of every token. The words stay readable for the
model; nothing that is shorter than the token changes.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

JOINER = "\u200d"
# Longer than any token.
LOOK_AHEAD = 200

# What model families use as control, whichever model this text goes to: then a text is the same for
# all of them. Pipes alone stay, because `<|>` and `|>` are operators of programming languages.
_SHAPES = (
    r"<\|[^\s<>|]{1,40}\|?>",
    r"</?[^\s<>|/]{1,40}\|>",
    r"</?｜",
    r"｜>",
    r"</?(?:think|thinking|tool_calls?|tool_response|tool_result)>",
    r"<(?:function|parameter)=",
    r"</?(?:seed|minimax):[a-z_]{1,40}",
    r"<(?:start_of_turn|end_of_turn|bos|eos|pad|unk|mask|sop|eop)>",
    r"\[/?(?:INST|SYSTEM_PROMPT|AVAILABLE_TOOLS|TOOL_CALLS|TOOL_RESULTS|TOOL_CONTENT|THINK|ARGS"
    r"|CALL_ID)\]",
    r"\[(?:gMASK|BEGIN FINAL RESPONSE|END FINAL RESPONSE)\]",
    r"<<SYS>>|<</SYS>>",
)
_IN_SOURCE = re.compile(
    r"<\|[^\s<>|{}]{1,40}\|?>|</?[^\s<>|/{}]{1,40}\|>|<｜[^\s<>{}]{1,40}｜>|\[/?[A-Z][A-Z_]{2,30}\]"
)
_IN_SEPARATOR = re.compile(
    r"<[^\s<>]{1,60}>|\[/?[A-Za-z][A-Za-z_]{1,30}\]|^[A-Z][A-Za-z]{1,20}:", re.MULTILINE
)


class Neutraliser:
    """Breaks and restores the control tokens of one template."""

    def __init__(self, tokens: Iterable[str] = ()) -> None:
        shaped = re.compile("|".join(_SHAPES), re.DOTALL)
        own = sorted(
            {token for token in tokens if _breakable(token) and not shaped.fullmatch(token)},
            key=lambda token: (-len(token), token),
        )
        either = "|".join([*_SHAPES, *map(_own_pattern, own)])
        # What a token may begin with; a joiner behind anything else is the user's own.
        self.begins = frozenset({"<", "[", "｜", *(token[0] for token in own)})
        self._token = re.compile(either)
        # At every position where a token begins, also inside of another one.
        self._first = re.compile(f"(?=(?:{either})).", re.DOTALL)

    def neutral(self, text: str) -> str:
        """The text with every control token broken."""
        return self._first.sub(rf"\g<0>{JOINER}", text)

    def neutral_json(self, value: Any) -> Any:
        """The same for every text inside a JSON value, keys included."""
        match value:
            case str():
                return self.neutral(value)
            case Mapping():
                return {self.neutral(str(k)): self.neutral_json(v) for k, v in value.items()}
            case list() | tuple():
                return [self.neutral_json(item) for item in value]
        return value

    def restore(self, text: str) -> str:
        """An answer that repeats a broken token, as the user wrote it."""
        if JOINER not in text:
            return text
        return "".join(
            character
            for at, character in enumerate(text)
            if character != JOINER or not self.broke(text, at)
        )

    def broke(self, text: str, at: int) -> bool:
        """Whether the joiner at this place breaks a token; the next `LOOK_AHEAD` decide it."""
        whole = text[at - 1 : at] + text[at + 1 : at + LOOK_AHEAD].replace(JOINER, "")
        # Ours stands behind a character of the token; one at the very beginning is the user's.
        return at > 0 and self._token.match(whole) is not None

    def holds(self, text: str) -> bool:
        """Whether a control token stands in this text."""
        return self._token.search(text) is not None


def tokens_in_source(source: str) -> tuple[str, ...]:
    """What looks like a control token in a template's own text."""
    return tuple(sorted(set(_IN_SOURCE.findall(source))))


def tokens_in_separators(separators: Iterable[str]) -> tuple[str, ...]:
    """What stands between the turns of a rendered conversation, tag by tag.

    Finds what no shape knows: `<role>`, or `User:` where turns are marked by plain words.
    """
    found: set[str] = set()
    for separator in separators:
        tags = {match for match in _IN_SEPARATOR.findall(separator) if _breakable(match)}
        # Words mark a turn only where no tag does: elsewhere `Note:` would be broken in vain.
        marked = {tag for tag in tags if not tag.endswith(":")}
        found |= marked or tags
    return tuple(sorted(found))


def _breakable(token: str) -> bool:
    return 3 <= len(token) <= 200 and not token.isalnum() and not token.isspace()


def _own_pattern(token: str) -> str:
    # Words mark a turn at the beginning of a line only.
    return rf"(?<![^\n]){re.escape(token)}" if token.endswith(":") else re.escape(token)
