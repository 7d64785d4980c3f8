"""By which means a server can be held to a schema, best first, and how that is asked.

A codec writes `native`, `grammar` and `json_object` and nothing else: before it sees a request,
`prepared` has put the schema into the prompt or made a tool of it where those are the means, and
`AnswerFromTool` gives what comes back as if it had been text.
"""

from collections.abc import Mapping, Sequence

import msgspec

from aihandler.backends.codec import Reader
from aihandler.backends.profiles import Profile
from aihandler.domain.answer import (
    ArgumentsDelta,
    PartDone,
    Reply,
    ReplyDone,
    StreamEvent,
    TextDelta,
    ToolCallStarted,
)
from aihandler.domain.conversation import Message, Part, Request, Text, ToolCall
from aihandler.domain.schemas import SchemaMeans, SchemaMode, SentSchema
from aihandler.domain.task import Json, JsonOutput, TextOutput
from aihandler.domain.tools import Tool, ToolChoice

# The tool whose arguments are the answer, in the modes that ask by a tool.
ANSWER_TOOL = "answer"
ANSWER_TOOL_DESCRIPTION = "Gives the answer."
BY_TOOL: frozenset[SchemaMode] = frozenset({"tool", "strict_tool"})
# Modes in which a model sees the schema nowhere but in its prompt.
_SHOWN: frozenset[SchemaMode] = frozenset({"json_object", "prompt"})
# Formats that servers of many makers speak, not all of which take a schema.
_OF_MANY_SERVERS = frozenset({"openai.chat", "openai.completions"})
# Nothing holds a model to a schema in these, so nothing of it has to be left out.
_WHOLE: frozenset[SchemaMode] = frozenset({"tool", "json_object", "prompt"})


def schema_means(
    request: Request, profile: Profile, *, streamed: bool = False
) -> tuple[SchemaMeans, ...]:
    """The ladder for this request, best first. Empty when no JSON is wanted; else it ends with
    the prompt, which every server takes."""
    if not isinstance(request.output, JsonOutput):
        return ()
    unfit = _unfit(request, profile, streamed=streamed)
    modes: list[SchemaMode] = [mode for mode in profile.modes if mode not in {*unfit, "prompt"}]
    subset = profile.schema_subset
    return tuple(
        SchemaMeans(mode, "none" if mode in _WHOLE else subset) for mode in (*modes, "prompt")
    )


def asked_schema(
    request: Request, profile: Profile, *, streamed: bool = False
) -> SentSchema | None:
    """What is sent: as the engine lowered it, else the task's schema by the best means."""
    if request.sent is not None or not isinstance(request.output, JsonOutput):
        return request.sent
    best = schema_means(request, profile, streamed=streamed)[0]
    return SentSchema(request.output.schema, best.mode, subset=best.subset)


class Prepared(msgspec.Struct, frozen=True):
    """A request as a codec is to write it, and whether the answer comes as a tool's arguments."""

    request: Request
    by_tool: bool = False


def prepared(request: Request, profile: Profile, *, streamed: bool, kind: str) -> Prepared:
    """The request for the codec `kind`: the schema in the prompt or as a tool, where it must be.

    What a client asked in this very format is left as it was asked, if the server takes it.
    """
    if not isinstance(request.output, JsonOutput):
        return Prepared(request)
    sent = asked_schema(request, profile, streamed=streamed)
    if sent is None:
        return Prepared(request)
    # A task's own input comes by fields: its schema is the task's, whatever else a client said.
    clients_own = kind not in _OF_MANY_SERVERS and not request.fields
    if request.origin == kind and (sent.mode == "native" or clients_own):
        return Prepared(request)
    if sent.mode in BY_TOOL:
        tool = Tool(
            ANSWER_TOOL,
            ANSWER_TOOL_DESCRIPTION,
            parameters=sent.schema,
            strict=True if sent.mode == "strict_tool" else None,
        )
        forced = ToolChoice("required", (ANSWER_TOOL,), parallel=False)
        return Prepared(
            msgspec.structs.replace(
                request, tools=(tool,), tool_choice=forced, output=TextOutput(), sent=None
            ),
            by_tool=True,
        )
    messages = request.messages
    if sent.mode in _SHOWN or profile.schema_in_prompt:
        # What is shown is the task's own schema: a model needs no crutches to read it.
        messages = with_schema_in_prompt(messages, request.output.schema)
    if sent.mode == "prompt":
        plain = msgspec.structs.replace(request, messages=messages, output=TextOutput(), sent=None)
        return Prepared(plain)
    return Prepared(msgspec.structs.replace(request, messages=messages, sent=sent))


class AnswerFromTool:
    """A `Reader` around another one: calls of the answer's tool become text."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._indices: set[int] = set()

    def feed(self, data: bytes) -> Sequence[StreamEvent]:
        """The events that are complete with this piece."""
        return self._told(self._reader.feed(data))

    def end(self) -> Sequence[StreamEvent]:
        """The rest of the events."""
        return self._told(self._reader.end())

    def _told(self, events: Sequence[StreamEvent]) -> list[StreamEvent]:
        told: list[StreamEvent] = []
        for event in events:
            match event:
                case ToolCallStarted(index=index, name=name) if name == ANSWER_TOOL:
                    self._indices.add(index)
                case ArgumentsDelta(index=index, text=text) if index in self._indices:
                    told.append(TextDelta(text))
                case PartDone(part=ToolCall(name=name)) if name == ANSWER_TOOL:
                    pass
                case ReplyDone(reply=reply):
                    told.append(ReplyDone(_as_text(reply)))
                case _:
                    told.append(event)
        return told


def _as_text(reply: Reply) -> Reply:
    answers = [part for part in reply.parts if _is_answer(part)]
    if not answers:
        return reply
    # Words around the call are no part of the answer. Several calls are several answers, and
    # validation says so.
    parts: list[Part] = []
    for part in reply.parts:
        if isinstance(part, ToolCall) and part.name == ANSWER_TOOL:
            parts.append(Text(part.arguments))
        elif not isinstance(part, Text):
            parts.append(part)
    finish = "stop" if reply.finish == "tool_calls" else reply.finish
    return msgspec.structs.replace(reply, parts=tuple(parts), finish=finish)


def _is_answer(part: Part) -> bool:
    return isinstance(part, ToolCall) and part.name == ANSWER_TOOL


def with_schema_in_prompt(
    messages: Sequence[Message], schema: Mapping[str, Json]
) -> tuple[Message, ...]:
    """Shows the schema to the model, at the end of what the user says last."""
    asked = Text(
        "\n\nAnswer with one JSON value that this JSON Schema admits, and with nothing else:\n"
        + msgspec.json.encode(schema).decode()
    )
    if not messages:
        return (Message("user", (asked,)),)
    # Not as a system message of its own: some chat templates know no system role.
    users = (place for place, turn in enumerate(messages) if turn.role == "user")
    last = max(users, default=len(messages) - 1)
    longer = msgspec.structs.replace(messages[last], parts=(*messages[last].parts, asked))
    return (*messages[:last], longer, *messages[last + 1 :])


def _unfit(request: Request, profile: Profile, *, streamed: bool) -> set[SchemaMode]:
    unfit: set[SchemaMode] = set()
    if streamed:
        unfit.update(profile.not_streamed)
    if request.thinking is not None and request.thinking.enabled:
        unfit.update(profile.not_thinking)
    if request.tools:
        # A model that must call the answer's tool cannot call the user's.
        unfit.update(profile.not_with_tools, BY_TOOL)
    if not _is_plain_object(request.output):
        unfit.add("tool")
    return unfit


def _is_plain_object(output: object) -> bool:
    # The schema of a tool must be one of an object, not a choice of several.
    assert isinstance(output, JsonOutput)
    combined = ("anyOf", "oneOf", "allOf", "$ref")
    schema = output.schema
    return schema.get("type") == "object" and not any(key in schema for key in combined)
