"""Ids of tool calls under the rules of each format: one provider's id may be none for another."""

import hashlib
import re
from collections.abc import Mapping
from typing import Literal

from aihandler.domain.conversation import Request
from aihandler.domain.parts import ToolCall, ToolResult

# alnum9: nine letters or digits (Mistral). max40, max64: at most so many characters (OpenAI:
# chat completions, responses). word64: at most 64 letters, digits, `_` and `-` (Anthropic,
# Bedrock). any: whatever came.
CallIdForm = Literal["any", "alnum9", "max40", "max64", "word64"]

_FORMS: Mapping[CallIdForm, re.Pattern[str]] = {
    "any": re.compile(r".*", re.DOTALL),
    "alnum9": re.compile(r"[A-Za-z0-9]{9}"),
    "max40": re.compile(r"[!-~]{1,40}"),
    "max64": re.compile(r"[!-~]{1,64}"),
    "word64": re.compile(r"[A-Za-z0-9_-]{1,64}"),
}
_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


class CallIds:
    """The ids of one request. The same id always becomes the same one; no two become one.

    `known` are all ids that the request holds: an id that fits stays, and none is given twice.
    """

    def __init__(self, form: CallIdForm, known: tuple[str, ...] = ()) -> None:
        self._form = form
        self._sent: dict[str, str] = {}
        self._came: dict[str, str] = {}
        for call_id in known:
            if _FORMS[form].fullmatch(call_id):
                self._note(call_id, call_id)

    @classmethod
    def of(cls, request: Request, form: CallIdForm) -> "CallIds":
        """The ids of a request's calls, and of the results that answer them."""
        parts = [part for message in request.messages for part in message.parts]
        calls = (part.id for part in parts if isinstance(part, ToolCall))
        results = (part.call_id for part in parts if isinstance(part, ToolResult))
        return cls(form, (*calls, *results))

    def out(self, call_id: str) -> str:
        """The id under which this format may know the call."""
        known = self._sent.get(call_id)
        if known is not None:
            return known
        if _FORMS[self._form].fullmatch(call_id) and call_id not in self._came:
            return self._note(call_id, call_id)
        attempt = 0
        while (made := _made(call_id, attempt, self._form)) in self._came:
            attempt += 1
        return self._note(call_id, made)

    def back(self, call_id: str) -> str:
        """The id that stands in the request; one that was never sent stays as it is."""
        return self._came.get(call_id, call_id)

    def _note(self, call_id: str, sent: str) -> str:
        self._sent[call_id] = sent
        self._came[sent] = call_id
        return sent


def made_call_id(*about: str) -> str:
    """An id for a call that came without one, the same for the same words; fits every long form."""
    return "call_" + _letters("\x1f".join(about), 24)


def _made(call_id: str, attempt: int, form: CallIdForm) -> str:
    seed = f"{call_id}\x1f{attempt}" if attempt else call_id
    return _letters(seed, 9) if form == "alnum9" else "call_" + _letters(seed, 24)


def _letters(seed: str, length: int) -> str:
    digest = hashlib.sha256(seed.encode("utf-8", "surrogatepass")).digest()
    number = int.from_bytes(digest, "big")
    letters = []
    for _ in range(length):
        number, place = divmod(number, len(_ALPHABET))
        letters.append(_ALPHABET[place])
    return "".join(letters)
