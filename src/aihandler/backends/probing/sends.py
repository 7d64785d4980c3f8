"""One request of a probe, and what came back."""

from collections.abc import Mapping
from typing import Any

import msgspec

from aihandler.backends.profiles import Profile
from aihandler.domain.answer import Reply
from aihandler.domain.conversation import Request, Sampling, ThinkingWish, ToolCall, message
from aihandler.domain.deployment import Deployment
from aihandler.domain.probes import MAX_EVIDENCE_CHARS
from aihandler.domain.schemas import SchemaMode, SentSchema
from aihandler.domain.task import Json, JsonOutput, TextOutput

# The task under which the ledger books what a probe sends.
TASK = "probe"
# Tokens of an answer: enough for a few words, and for the grammar of a tiny schema.
SHORT, LONG = 48, 128
# Tokens of an answer that begins with thinking.
THINKING = 1024
# Nothing that a model says by itself; a server that is held to it says nothing else.
STRANGE: Mapping[str, Json] = {
    "type": "object",
    "properties": {"zz": {"type": "string", "enum": ["qq1"]}},
    "required": ["zz"],
    "additionalProperties": False,
}
STRANGE_VALUE: Json = {"zz": "qq1"}
TEA = "Answer with the one word tea, and not with JSON."
COUNT = "Say the numbers from one to twenty in words, separated by commas."


class Send(msgspec.Struct, frozen=True):
    """What is sent. `changes` are fields of the body that are set beside what the codec wrote."""

    request: Request
    profile: Profile
    streamed: bool = False
    changes: Mapping[str, Json] = {}


class Exchange(msgspec.Struct, frozen=True):
    """What came back. `refused`: the server said no, and would again; neither that nor a `reply`:
    it did not answer. `body` is the beginning of what it said."""

    status: int = 0
    headers: Mapping[str, str] = {}
    body: bytes = b""
    reply: Reply | None = None
    refused: bool = False
    error: str = ""

    @property
    def text(self) -> str:
        """The text of the answer; empty without one."""
        return self.reply.text if self.reply else ""

    @property
    def told(self) -> str:
        """Status and beginning of what came back, fit for a table."""
        words = (self.text or _called(self.reply)) if self.reply else _complaint(self.data)
        words = words or self.body.decode("utf-8", "replace") or self.error
        return evidence(f"{self.status or 'no answer'}: {words}" if words else str(self.status))

    @property
    def data(self) -> Mapping[str, Any]:
        """The body as a JSON object; empty when it is none."""
        try:
            value = msgspec.json.decode(self.body)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return {}
        return value if isinstance(value, dict) else {}


def evidence(text: str) -> str:
    """One printable line of bounded length."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    if len(line) <= MAX_EVIDENCE_CHARS:
        return line
    return line[: MAX_EVIDENCE_CHARS - 3] + "..."


def _called(reply: Reply) -> str:
    calls = [part for part in reply.parts if isinstance(part, ToolCall)]
    return "; ".join(f"{call.name}({call.arguments})" for call in calls)


def _complaint(data: Mapping[str, Any]) -> str:
    inner = data.get("error", data)
    if isinstance(inner, dict):
        inner = inner.get("message") or inner.get("detail") or inner.get("msg")
    return inner if isinstance(inner, str) else ""


def open_row(profile: Profile) -> Profile:
    """The profile with nothing held back, so that the server says itself what it does not take."""
    return msgspec.structs.replace(
        profile,
        strict=True,
        schema_in_prompt=False,
        # So that the reader leaves in the answer what the server left there.
        stop_trimmed=True,
        think_tags="",
        stops_at_most=0,
        logprobs=True,
        allowed_tools=True,
        call_ids="any",
    )


def asking(text: str, *, tokens: int = SHORT, **sampling: Any) -> Request:
    """A request of one message, answered the same way each time as far as a server can."""
    chosen = Sampling(**{"temperature": 0.0, "max_output_tokens": tokens, **sampling})
    return Request(TASK, (message("user", text),), output=TextOutput(), sampling=chosen)


def held_to_schema(mode: SchemaMode, *, thinking: ThinkingWish | None = None) -> Request:
    """Asks for tea, by a mode whose only conforming answer is something else."""
    tokens = with_thoughts(thinking) if thinking else LONG
    sent = SentSchema(STRANGE, mode, enforced="full", subset="openai-strict")
    return msgspec.structs.replace(
        asking(TEA, tokens=tokens), output=JsonOutput(STRANGE), sent=sent, thinking=thinking
    )


def with_thoughts(thinking: ThinkingWish) -> int:
    """Tokens of an answer that begins with thoughts."""
    return (thinking.max_tokens or 0) + THINKING


def thinking_wish(deployment: Deployment) -> ThinkingWish:
    """As little thinking as the format can ask for."""
    # Anthropic's and the like take no smaller bound.
    bound = 1024 if deployment.backend in {"anthropic", "bedrock"} else None
    return ThinkingWish(max_tokens=bound, effort="" if bound else "low")
