"""What a model replied, and what a user gets."""

import enum
from collections.abc import Mapping
from typing import Generic, Literal, TypeVar

import msgspec

from aihandler.domain.attempt import AttemptReport
from aihandler.domain.conversation import Part, Text
from aihandler.domain.labels import DataClass
from aihandler.domain.task import Json
from aihandler.domain.usage import Cost, Usage

# Why a model stopped. `stop` is a whole answer, `tool_calls` a whole turn that waits for results;
# `pause` is a provider's wish to be asked on; `abstain` is a model of this process that does not
# know.
Finish = Literal["stop", "tool_calls", "length", "refused", "pause", "abstain", "other"]


class Reply(msgspec.Struct, frozen=True):
    """What one attempt returned, before validation.

    `confidence` is the probability that the reply is right, where the model can tell.
    """

    parts: tuple[Part, ...]
    finish: Finish
    usage: Usage | None = None
    confidence: float | None = None
    model: str = ""
    request_id: str = ""
    # A provider's mark of the system that answered; a change says that a model changed silently.
    fingerprint: str = ""
    stop_text: str = ""
    logprobs: Json = None
    extra: Mapping[str, Json] = {}
    # The wire format that this was read from, to which `extra` belongs.
    origin: str = ""
    # The body as it came, where a client's own bytes were sent on (`Request.raw`).
    raw: bytes = b""
    # Why what the model wrote can be read in no certain way; such a reply is never valid.
    unreadable: str = ""
    # One for each text of the request, in its order, where vectors were asked for.
    vectors: tuple[tuple[float, ...], ...] = ()

    @property
    def text(self) -> str:
        """All text parts, joined."""
        parts = self.parts
        if len(parts) == 1 and isinstance(parts[0], Text):
            return parts[0].text
        return "".join(part.text for part in parts if isinstance(part, Text))


class AnswerStarted(msgspec.Struct, frozen=True, tag="started"):
    """Comes before the first event of an answer: who gives it, and why it was asked."""

    deployment: str
    reason: str


class TextDelta(msgspec.Struct, frozen=True, tag="text"):
    """More text of a streamed reply."""

    text: str


class ThinkingDelta(msgspec.Struct, frozen=True, tag="thinking"):
    """More of what a model says to itself."""

    text: str


class ToolCallStarted(msgspec.Struct, frozen=True, tag="tool_call"):
    """A model begins to ask for a tool; `index` counts the calls of this reply from 0."""

    index: int
    id: str
    name: str
    extra: Mapping[str, Json] = {}


class ArgumentsDelta(msgspec.Struct, frozen=True, tag="arguments"):
    """More of the JSON text of a call's arguments."""

    index: int
    text: str


class PartDone(msgspec.Struct, frozen=True, tag="part"):
    """A part is whole. Comes for those that hold more than their deltas told: a signature,
    citations, a provider's own part. A reader may leave it out.
    """

    part: Part


class WireChunk(msgspec.Struct, frozen=True, tag="wire"):
    """More of a stream as it came, where a client's own bytes were sent on (`Request.raw`).

    `events` is what these bytes say: they go one way together, because each step costs as much
    for one as for both. Who passes the bytes on passes on none of these.
    """

    data: bytes
    events: "tuple[StreamEvent, ...]" = ()


class PartialValue(msgspec.Struct, frozen=True, tag="partial"):
    """What a JSON answer looks like so far: for showing, never for use."""

    value: Json


class ReplyDone(msgspec.Struct, frozen=True, tag="done"):
    """The end of a streamed reply, with the whole of it."""

    reply: Reply


StreamEvent = (
    AnswerStarted
    | TextDelta
    | ThinkingDelta
    | ToolCallStarted
    | ArgumentsDelta
    | PartDone
    | PartialValue
    | WireChunk
    | ReplyDone
)


class Validity(enum.Enum):
    """How an answer became valid.

    `default` is the value a task names for when none is; `reviewed` is what a person decided.
    """

    # As in DataClass.
    __hash__ = object.__hash__

    EXACT = "exact"
    REPAIRED = "repaired"
    REASKED = "reasked"
    ESCALATED = "escalated"
    DEFAULT = "default"
    REVIEWED = "reviewed"


class Cached(msgspec.Struct, frozen=True):
    """Where an answer from the cache comes from: the call that was asked, how long ago, and the
    tokens that its model counted then.
    """

    call_id: str
    age_s: float
    usage: Usage | None = None


Value = TypeVar("Value")


class Answer(msgspec.Struct, Generic[Value], frozen=True):
    """A valid answer, and how it came about.

    `route` names the deployment that gave it; `attempts` are all that were made, in order.
    `value` is a str for text and label outputs, a list of floats for an embedding (a list of these
    where several texts were asked), JSON data or the task's Python type otherwise.
    `reply` is the whole turn, with its tool calls, where a client's own request was asked.
    `cached` is set where nobody was asked, because an equal request had this answer.
    """

    value: Value
    validity: Validity
    route: str
    confidence: float | None
    cost: Cost
    call_id: str
    data_class: DataClass
    attempts: tuple[AttemptReport, ...] = ()
    notes: tuple[str, ...] = ()
    reused: bool = False
    reply: Reply | None = None
    cached: Cached | None = None


class StepResult(msgspec.Struct, frozen=True):
    """What became of one step of one document.

    `state`: done, review (no valid answer, queued), error, or skipped (its `when` was false).
    """

    step: str
    state: Literal["done", "review", "error", "skipped"]
    answer: Answer[Json] | None = None
    reason: str = ""


class DocumentResult(msgspec.Struct, frozen=True):
    """What became of one document, step by step."""

    document_id: str
    data_class: DataClass
    steps: Mapping[str, StepResult]
    source: str = ""
