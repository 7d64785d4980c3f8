"""Gemini generateContent: what its clients are answered, whatever model answered."""

import itertools
import json

import pytest
from gemini_cases import (
    CODEC,
    IDENTITY,
    chunks_in,
    read,
    reading,
    reply,
    whole,
)

from aihandler.domain.answer import (
    ArgumentsDelta,
    PartDone,
    Reply,
    ReplyDone,
    TextDelta,
    ThinkingDelta,
    ToolCallStarted,
)
from aihandler.domain.parts import Media, Opaque, Refusal, Text, Thinking, ToolCall
from aihandler.domain.usage import Usage
from aihandler.errors import (
    BackendUnavailable,
    InputError,
    Overloaded,
)

CALL = {"functionCall": {"name": "f", "args": {"a": 1}}, "thoughtSignature": "Qg=="}


def test_calls_without_ids_get_some_and_a_client_gets_none():
    said = whole(reply(CALL, CALL, {"functionCall": {"name": "g", "id": "x"}}))
    ids = [part.id for part in said.parts]
    assert len(set(ids)) == 3
    assert ids[2] == "x"
    parts = json.loads(CODEC.write_reply(said, IDENTITY))["candidates"][0]["content"]["parts"]
    assert parts == [CALL, CALL, {"functionCall": {"name": "g", "id": "x"}}]
    # The same call in another reply is another call.
    assert whole(reply(CALL, responseId="r-2")).parts[0].id != ids[0]


def test_a_client_is_told_of_errors_in_googles_words():
    status, body = CODEC.write_error(
        BackendUnavailable("too many requests", deployment="d", status=429, retry_after_s=2.5)
    )
    assert status == 502
    assert json.loads(body)["error"] == {
        "code": 502,
        "message": "too many requests",
        "status": "UNAVAILABLE",
        "details": [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "2.5s"}],
    }
    status, body = CODEC.write_error(InputError("odd", hint="write it otherwise"))
    told = {"code": 400, "message": "odd; write it otherwise", "status": "INVALID_ARGUMENT"}
    assert (status, json.loads(body)["error"]) == (400, told)
    assert json.loads(CODEC.write_error(Overloaded("busy"))[1])["error"]["status"] == "UNAVAILABLE"


def test_a_stream_that_fails_ends_with_the_error_in_both_forms():
    for writer in (CODEC.stream_writer(IDENTITY, usage=True), CODEC.array_writer(IDENTITY)):
        reader = reading()
        reader.feed(writer.write(TextDelta("a")) + writer.fail(Overloaded("busy")))
        with pytest.raises(BackendUnavailable):
            reader.end()
    alone = CODEC.array_writer(IDENTITY).fail(Overloaded("busy"))
    assert json.loads(alone)[0]["error"]["code"] == 503


def test_what_another_provider_said_is_told_in_this_format():
    said = Reply(
        (
            Thinking("hm", signature="s"),
            Text("I look."),
            ToolCall("c-1", "f", '{"a":1}', extra={"x": 1}),
            Opaque("anthropic", {"type": "server_tool_use"}),
            Media("image", "image/png", b"\x01"),
        ),
        "tool_calls",
        usage=Usage(5, 2, 1, 3, 4, audio_input=6, audio_output=7),
        model="claude",
        origin="anthropic",
        extra={"id": "msg_1"},
    )
    made = json.loads(CODEC.write_reply(said, IDENTITY))
    assert (made["modelVersion"], made["responseId"]) == ("m", "reply-1")
    again = whole(made)
    assert again.parts == (
        Thinking("hm"),
        Text("I look."),
        ToolCall("c-1", "f", '{"a":1}'),
        Media("image", "image/png", b"\x01"),
    )
    assert again.finish == "tool_calls"
    assert again.usage == Usage(6, 2, 0, 3, 4, audio_input=6, audio_output=7)
    assert again.usage.total == said.usage.total


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (Reply((Text("a"),), "length"), "MAX_TOKENS"),
        (Reply((Refusal("No."),), "refused"), "SAFETY"),
        (Reply((), "refused"), "SAFETY"),
        (Reply((Text("a"),), "pause"), "OTHER"),
        (Reply((Text("a"),), "other"), "OTHER"),
    ],
)
def test_why_another_provider_stopped_is_told(said, reason):
    made = json.loads(CODEC.write_reply(said, IDENTITY))
    assert made["candidates"][0]["finishReason"] == reason


def test_calls_of_a_stream_go_out_whole_and_in_their_order():
    writer = CODEC.stream_writer(IDENTITY, usage=True)
    parts = (
        ToolCall("1", "a", '{"x":1}'),
        ToolCall("2", "b", "{}"),
        Text("done"),
        ToolCall("2", "c", "{}"),
    )
    events = [
        ToolCallStarted(0, "1", "a"),
        ArgumentsDelta(0, '{"x"'),
        ArgumentsDelta(0, ":1}"),
        ToolCallStarted(1, "2", "b"),
        ArgumentsDelta(1, "{}"),
        TextDelta("done"),
        ToolCallStarted(2, "2", "c"),
        PartDone(parts[3]),
        ReplyDone(Reply(parts, "tool_calls", usage=Usage(1, output=2))),
    ]
    written = [writer.write(event) for event in events]
    assert written[:3] == [b"", b"", b""]
    assert read(b"".join(written))[-1].reply.parts == parts


def test_nothing_is_told_twice_and_what_no_event_told_comes_with_the_end():
    parts = (
        Thinking("hm", extra={"~own_signature": True}, signature="QQ=="),
        Text("AB"),
        ToolCall("1", "a", "{}"),
        Refusal("no"),
    )
    done = ReplyDone(Reply(parts, "stop", usage=Usage(1, output=2)))
    told: list[list] = [
        [],
        [TextDelta("A")],
        [ThinkingDelta("hm"), PartDone(parts[0]), TextDelta("AB"), PartDone(parts[1])],
        [ToolCallStarted(0, "1", "a"), ArgumentsDelta(0, "{}"), PartDone(parts[2])],
        [PartDone(parts[1]), PartDone(parts[3])],
        [ToolCallStarted(0, "1", "a")],
    ]
    for events in told:
        writer = CODEC.stream_writer(IDENTITY, usage=True)
        data = b"".join(map(writer.write, [*events, done]))
        again = read(data)[-1].reply
        assert again.text == "ABno" or sorted(again.text) == sorted("ABno")
        thoughts = [p.text for p in again.parts if isinstance(p, Thinking)]
        assert "".join(thoughts) == "hm"
        assert sum(isinstance(p, ToolCall) for p in again.parts) == 1
        ended = chunks_in(data)[-1]
        assert ended["candidates"][0]["finishReason"] == "STOP"
        assert ended["usageMetadata"]["totalTokenCount"] == 3


def test_an_array_is_one_json_value():
    writer = CODEC.array_writer(IDENTITY)
    events = [TextDelta("a"), TextDelta("b"), ReplyDone(Reply((Text("ab"),), "stop"))]
    made = json.loads(b"".join(map(writer.write, events)))
    texts = [c["candidates"][0]["content"].get("parts", []) for c in made]
    assert list(itertools.chain(*texts)) == [{"text": "a"}, {"text": "b"}]
    alone = CODEC.array_writer(IDENTITY).write(events[-1])
    assert len(json.loads(alone)) == 1
