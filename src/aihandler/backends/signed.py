"""Whose signature a thought carries, also after it was with a client that speaks another format.

A client sends thoughts back as it got them, and its format has no field that says who signed them.
So the name of the signer stands before what others signed: its own provider gets it back byte for
byte, and no other is sent a signature that it would refuse.
"""

from collections.abc import Sequence

import msgspec

from aihandler.backends.wire_objects import Losses
from aihandler.domain.conversation import Message
from aihandler.domain.parts import Thinking

# A client's bytes that hold this are not passed on as they are.
MARK = "aihandler~"
_END = "~"


def for_client(part: Thinking, kind: str) -> Thinking:
    """The thought as a client of format `kind` gets it."""
    if part.signed_by in ("", kind) or not (part.signature or part.sealed):
        return part
    mark = f"{MARK}{part.signed_by}{_END}"
    signature = mark + part.signature if part.signature else ""
    sealed = mark + part.sealed if part.sealed else ""
    return msgspec.structs.replace(part, signature=signature, sealed=sealed, signed_by="")


def from_client(part: Thinking) -> Thinking:
    """The thought as it was before."""
    by = _signer(part.signature) or _signer(part.sealed)
    if not by:
        return part
    past = len(MARK) + len(by) + len(_END)
    return msgspec.structs.replace(
        part, signature=part.signature[past:], sealed=part.sealed[past:], signed_by=by
    )


def goes_back(part: Thinking, kind: str, *, foreign: bool) -> bool:
    """Whether the provider of `kind` takes this thought: one that it signed or sealed itself.

    `foreign`: the request came in another format, so what names no signer is not its own.
    """
    own = part.signed_by == kind or not (part.signed_by or foreign)
    return own and bool(part.signature or part.sealed)


def own_thoughts(messages: Sequence[Message], kind: str, losses: Losses) -> Sequence[Message]:
    """The messages without thoughts that others signed; each of these is named."""
    return [_own(message, kind, losses, f"/messages/{at}") for at, message in enumerate(messages)]


def _own(message: Message, kind: str, losses: Losses, pointer: str) -> Message:
    if not any(_is_foreign(part, kind) for part in message.parts):
        return message
    for place, part in enumerate(message.parts):
        if _is_foreign(part, kind):
            losses.add(f"{pointer}/parts/{place}", "thinking that another provider signed")
    kept = tuple(part for part in message.parts if not _is_foreign(part, kind))
    return msgspec.structs.replace(message, parts=kept)


def _is_foreign(part: object, kind: str) -> bool:
    return isinstance(part, Thinking) and part.signed_by not in ("", kind)


def _signer(text: str) -> str:
    if not text.startswith(MARK):
        return ""
    by, end, _ = text.removeprefix(MARK).partition(_END)
    return by if end else ""
