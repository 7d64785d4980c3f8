"""What messages are made of: ordered parts, a superset of what the wire formats have.

Each part has `extra`: fields of the format it came from (`Request.origin`) for which there is no
word here. Back in that format they are written again; another format lists them as lost.
"""

from collections.abc import Mapping
from typing import Literal

import msgspec

from aihandler.domain.task import Json

# How long a provider may keep what stands before a mark: "" for its own default.
CacheLifetime = Literal["", "5m", "1h"]


class Text(msgspec.Struct, frozen=True, omit_defaults=True, tag="text"):
    """Plain text. `citations` are a provider's own, carried as they came."""

    text: str
    citations: tuple[Json, ...] = ()
    cache: CacheLifetime | None = None
    extra: Mapping[str, Json] = {}


class Media(msgspec.Struct, frozen=True, omit_defaults=True, tag="media"):
    """An image, a sound or a document: its bytes, or an address or id where the bytes are."""

    kind: Literal["image", "audio", "document"]
    media_type: str = ""
    data: bytes = b""
    url: str = ""
    file_id: str = ""
    name: str = ""
    cache: CacheLifetime | None = None
    extra: Mapping[str, Json] = {}


class Thinking(msgspec.Struct, frozen=True, omit_defaults=True, tag="thinking"):
    """What a model said to itself before the answer; never part of the answer.

    `signature` and `sealed` (encrypted reasoning) go back to the same provider byte for byte. A
    part may hold a signature and no text: it is not empty. `signed_by` names the wire format whose
    provider signed or sealed it; empty: that from which it was read.
    """

    text: str = ""
    signature: str = ""
    sealed: str = ""
    extra: Mapping[str, Json] = {}
    signed_by: str = ""


class Refusal(msgspec.Struct, frozen=True, omit_defaults=True, tag="refusal"):
    """A model's own words for why it will not answer."""

    text: str
    extra: Mapping[str, Json] = {}


class ToolCall(msgspec.Struct, frozen=True, omit_defaults=True, tag="tool_call"):
    """A model asks for a tool. `arguments` is the JSON text as the model wrote it.

    `signature` is what some providers want to see again with the call.
    """

    id: str
    name: str
    arguments: str
    signature: str = ""
    cache: CacheLifetime | None = None
    extra: Mapping[str, Json] = {}


class Opaque(msgspec.Struct, frozen=True, omit_defaults=True, tag="opaque"):
    """A part that only its own format understands, such as the use of a provider's own tool."""

    format: str
    payload: Json


class ToolResult(msgspec.Struct, frozen=True, omit_defaults=True, tag="tool_result"):
    """What a tool answered to a call. Results of parallel calls stand in one message."""

    call_id: str
    parts: tuple[Text | Media | Opaque, ...]
    name: str = ""
    failed: bool = False
    cache: CacheLifetime | None = None
    extra: Mapping[str, Json] = {}


Part = Text | Media | Thinking | Refusal | ToolCall | ToolResult | Opaque
# The parts that are words of the model.
Spoken = Text | Thinking | Refusal
