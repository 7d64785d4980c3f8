"""Takes away what a model says to itself before the answer."""

import re

# (opener, closer) pairs as open models write them into their text.
_BLOCKS = (
    ("<think>", "</think>"),
    ("<thinking>", "</thinking>"),
    ("<thought>", "</thought>"),
    ("<reasoning>", "</reasoning>"),
    ("<reflection>", "</reflection>"),
    ("<seed:think>", "</seed:think>"),
    ("[THINK]", "[/THINK]"),
    ("<|START_THINKING|>", "<|END_THINKING|>"),
    ("<|channel>thought", "<channel|>"),
    ("◁think▷", "◁/think▷"),
)
_CLOSERS = dict(_BLOCKS)
_OPENERS = "|".join(re.escape(opener) for opener, _ in _BLOCKS)
_OPENER = re.compile(rf"\s*({_OPENERS})")
_CLOSER = re.compile("|".join(re.escape(closer) for _, closer in _BLOCKS))
_MARKER = re.compile(f"{_OPENERS}|{_CLOSER.pattern}|" + re.escape("<|channel|>"))
_FINAL = re.compile(r"<\|channel\|>final\s*(?:<\|constrain\|>\s*\w*\s*)?<\|message\|>")
_END = re.compile(r"<\|(?:return|end|call)\|>")
# An answer that begins so may hold a tag inside a string: nothing of it is taken away.
_ANSWER_BEGINS = re.compile(r"[\[{\"'`]")


def without_reasoning(text: str) -> tuple[str, bool]:
    """What follows the reasoning, and whether there was any.

    Only reasoning that stands before the answer is taken: a tag inside it may be part of it. A
    block that is never closed leaves nothing.
    """
    text = text.strip()
    if text.startswith(("<|channel|>", "<|start|>")):
        return _final_channel(text), True
    rest = _without_blocks(text)
    if rest == text:
        rest = _after_orphan(text)
    return rest, rest != text


def has_marker(text: str) -> bool:
    """True when a text still holds a reasoning tag."""
    return _MARKER.search(text) is not None


def _final_channel(text: str) -> str:
    final = _FINAL.search(text)
    if final is None:
        return ""
    rest = text[final.end() :].strip()
    # The end mark is looked for at the end only: within, it may be part of the answer.
    for mark in _END.finditer(rest):
        if mark.end() == len(rest):
            return rest[: mark.start()].strip()
    return rest


def _without_blocks(text: str) -> str:
    at = 0
    while (opener := _OPENER.match(text, at)) is not None:
        closer = text.find(_CLOSERS[opener[1]], opener.end())
        if closer < 0:
            return ""
        at = closer + len(_CLOSERS[opener[1]])
    return text[at:].lstrip()


def _after_orphan(text: str) -> str:
    # Templates that open the block themselves leave only its end in the reply, on its own line.
    closer = _CLOSER.search(text)
    if closer is None or _ANSWER_BEGINS.match(text):
        return text
    if text[closer.end() : closer.end() + 1] not in {"", "\n", "\r"}:
        return text
    return text[closer.end() :].strip()
