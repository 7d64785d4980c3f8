"""Bedrock's Converse: on recordings, and on what the format is known to do."""

import base64
import json
import random
import zlib

import pytest

from aihandler.backends.bedrock_converse.event_stream import FrameParser, write_frame
from aihandler.backends.codec import Asked
from aihandler.domain.answer import (
    ArgumentsDelta,
    ReplyDone,
    TextDelta,
    ThinkingDelta,
    ToolCallStarted,
)
from aihandler.domain.conversation import (
    Message,
    Request,
    Text,
    ToolCall,
    message,
)
from aihandler.domain.tools import Tool
from aihandler.domain.usage import Usage
from aihandler.errors import (
    BackendError,
    BackendRejected,
    BackendUnavailable,
)
from backends.bedrock.converse_cases import (
    BEGUN,
    CODEC,
    CONTENT_TYPE,
    DEPLOYMENT,
    IDENTITY,
    PROFILES,
    body_of,
    delta,
    ended,
    event,
    exception,
    read,
    recorded,
    sent,
    start,
    stop,
)

RECORDED = recorded()
ANSWERED = [exchange for exchange in RECORDED if exchange["status"] == 200]
by_name = pytest.mark.parametrize("exchange", ANSWERED, ids=lambda e: f"{e['path']}#{e['index']}")
TOOL = Tool("look_up", "Finds.", {"type": "object", "properties": {}})


def told_by(exchange):
    return read(body_of(exchange), streamed=exchange["stream"])[-1].reply


@by_name
def test_a_recorded_request_goes_through_equal(exchange):
    inbound = CODEC.read_request(json.dumps(exchange["request_body"]).encode(), {})
    assert sent(inbound.request)[1] == exchange["request_body"]


@by_name
def test_a_recorded_reply_is_read_with_all_its_tokens(exchange):
    reply = told_by(exchange)
    assert reply.parts or reply.finish in ("refused", "stop")
    if not exchange["stream"]:
        whole = exchange["response_body"]
        assert reply.usage.total == whole["usage"]["totalTokens"]
        assert json.loads(CODEC.write_reply(reply, IDENTITY)) == whole


@by_name
def test_a_reply_as_a_stream_says_the_same(exchange):
    reply = told_by(exchange)
    made = CODEC.stream_writer(IDENTITY, usage=True).write(ReplyDone(reply))
    again = read(made)[-1].reply
    assert (again.parts, again.finish, again.usage) == (reply.parts, reply.finish, reply.usage)


@by_name
def test_a_stream_may_be_cut_into_any_pieces(exchange):
    data = body_of(exchange)
    events = read(data, streamed=exchange["stream"])
    chance = random.Random(len(data))
    for _ in range(3):
        pieces = [chance.randrange(len(data)) for _ in range(20)]
        assert read(data, streamed=exchange["stream"], pieces=pieces) == events


@pytest.mark.parametrize(
    "exchange", [e for e in RECORDED if e["status"] >= 400], ids=lambda e: e["path"]
)
def test_a_recorded_error_is_typed(exchange):
    with pytest.raises(BackendRejected):
        read(body_of(exchange), status=exchange["status"])


# streams


def test_tool_arguments_come_in_pieces_under_an_id_that_is_told_once():
    data = b"".join(
        (
            BEGUN,
            delta(0, {"text": "Let me "}),
            delta(0, {"text": "look."}),
            stop(0),
            start(1, {"toolUse": {"toolUseId": "a", "name": "look_up"}}),
            start(2, {"toolUse": {"toolUseId": "b", "name": "look_up"}}),
            delta(1, {"toolUse": {"input": '{"n": '}}),
            delta(2, {"toolUse": {"input": "{}"}}),
            delta(1, {"toolUse": {"input": "1}"}}),
            stop(1),
            stop(2),
            ended("end_turn"),
        )
    )
    events = read(data)
    reply = events[-1].reply
    # Some models say `end_turn` after a text and a call.
    assert reply.finish == "tool_calls"
    assert reply.parts == (
        Text("Let me look."),
        ToolCall("a", "look_up", '{"n": 1}'),
        ToolCall("b", "look_up", "{}"),
    )
    started = [event for event in events if isinstance(event, ToolCallStarted)]
    assert [(one.index, one.id) for one in started] == [(0, "a"), (1, "b")]
    pieces = [(e.index, e.text) for e in events if isinstance(e, ArgumentsDelta)]
    assert pieces == [(0, '{"n": '), (1, "{}"), (0, "1}")]


def test_a_call_without_arguments_has_an_empty_object():
    data = BEGUN + start(0, {"toolUse": {"toolUseId": "a", "name": "f"}}) + stop(0)
    assert read(data + ended("tool_use"))[-1].reply.parts == (ToolCall("a", "f", "{}"),)


def test_thinking_keeps_its_signature_byte_for_byte_and_a_sealed_one_its_seal():
    data = b"".join(
        (
            BEGUN,
            delta(0, {"reasoningContent": {"text": "hm"}}),
            delta(0, {"reasoningContent": {"signature": "c2ln+/"}}),
            delta(0, {"reasoningContent": {"signature": "=="}}),
            stop(0),
            delta(1, {"reasoningContent": {"redactedContent": "c2VhbA=="}}),
            stop(1),
            delta(2, {"reasoningContent": {"signature": "only"}}),
            stop(2),
            delta(3, {"text": "Paris"}),
            stop(3),
            ended(),
        )
    )
    events = read(data)
    reply = events[-1].reply
    assert [event.text for event in events if isinstance(event, ThinkingDelta)] == ["hm"]
    assert [(p.text, p.signature, p.sealed) for p in reply.parts[:3]] == [
        ("hm", "c2ln+/==", ""),
        ("", "", "c2VhbA=="),
        ("", "only", ""),
    ]
    turn = Request("t", (message("user", "hi"), Message("assistant", reply.parts)))
    _, body = sent(turn)
    assert body["messages"][1]["content"] == [
        {"reasoningContent": {"reasoningText": {"text": "hm", "signature": "c2ln+/=="}}},
        {"reasoningContent": {"redactedContent": "c2VhbA=="}},
        {"reasoningContent": {"reasoningText": {"text": "", "signature": "only"}}},
        {"text": "Paris"},
    ]


def test_the_counts_come_behind_the_end():
    reply = read(BEGUN + delta(0, {"text": "a"}) + stop(0) + ended(serviceTier={"type": "flex"}))[
        -1
    ].reply
    assert reply.usage == Usage(3, output=2)
    assert reply.extra["serviceTier"] == {"type": "flex"}


def test_a_stream_without_counts_has_a_guess():
    data = BEGUN + delta(0, {"text": "abcd"}) + event("messageStop", {"stopReason": "end_turn"})
    assert read(data)[-1].reply.usage == Usage(1, output=1, estimated=True)


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        (
            {"cacheReadInputTokens": 7, "cacheWriteInputTokens": 5, "totalTokens": 17},
            Usage(3, 7, 5, 2),
        ),
        # A model that counts the cached tokens in its input.
        ({"inputTokens": 15, "cacheReadInputTokens": 7, "totalTokens": 17}, Usage(8, 7, 0, 2)),
        (
            {
                "cacheWriteInputTokens": 5,
                "totalTokens": 10,
                "cacheDetails": [{"ttl": "1h", "inputTokens": 4}, {"ttl": "5m", "inputTokens": 1}],
            },
            Usage(3, 0, 1, 2, cache_write_1h=4),
        ),
    ],
)
def test_cached_tokens_are_counted_once(usage, expected):
    whole = {
        "output": {"message": {"role": "assistant", "content": [{"text": "a"}]}},
        "stopReason": "end_turn",
        "usage": {"inputTokens": 3, "outputTokens": 2, **usage},
    }
    reply = read(json.dumps(whole).encode(), streamed=False)[-1].reply
    assert reply.usage == expected
    assert reply.usage.total == usage["totalTokens"]
    assert json.loads(CODEC.write_reply(reply, IDENTITY)) == whole


@pytest.mark.parametrize(
    ("reason", "finish"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("guardrail_intervened", "refused"),
        ("content_filtered", "refused"),
        ("something_new", "other"),
    ],
)
def test_why_it_stopped(reason, finish):
    reply = read(BEGUN + delta(0, {"text": "a"}) + stop(0) + ended(reason))[-1].reply
    assert reply.finish == finish
    assert json.loads(CODEC.write_reply(reply, IDENTITY))["stopReason"] == reason


def test_a_malformed_call_is_never_an_answer():
    reply = read(BEGUN + delta(0, {"text": "a"}) + stop(0) + ended("malformed_tool_use"))[-1].reply
    assert "malformed_tool_use" in reply.unreadable


def test_arguments_of_a_call_that_never_began_are_never_an_answer():
    data = BEGUN + delta(0, {"toolUse": {"input": "{}"}}) + stop(0) + ended("tool_use")
    assert "never began" in read(data)[-1].reply.unreadable


def test_events_without_words_are_passed_over():
    ping = write_frame({":event-type": "ping", ":message-type": "event"}, b"")
    reply = read(ping + BEGUN + delta(0, {"text": "a"}) + ping + stop(0) + ended())[-1].reply
    assert reply.text == "a"


def test_a_seal_in_pieces_is_one_seal():
    pieces = [delta(0, {"reasoningContent": {"redactedContent": p}}) for p in ("c2Vjcg==", "ZXQ=")]
    reply = read(BEGUN + b"".join(pieces) + stop(0) + ended())[-1].reply
    assert base64.b64decode(reply.parts[0].sealed) == b"secret"


# what goes wrong


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("throttlingException", BackendUnavailable),
        ("serviceUnavailableException", BackendUnavailable),
        ("internalServerException", BackendUnavailable),
        ("modelStreamErrorException", BackendUnavailable),
        ("validationException", BackendRejected),
    ],
)
def test_an_exception_within_a_stream_is_typed(name, error):
    with pytest.raises(error):
        read(exception(name, "no"))
    words = BEGUN + delta(0, {"text": "a"})
    with pytest.raises(error) as caught:
        read(words + exception(name, "no"))
    # Part of the answer may have been made, and billed.
    assert caught.value.status in (None, 400)


def test_words_before_an_exception_are_told_first():
    asked = Asked(Request("t", ()), DEPLOYMENT, PROFILES["bedrock"], streamed=True)
    reader = CODEC.reader(200, {"content-type": CONTENT_TYPE}, asked=asked)
    data = BEGUN + delta(0, {"text": "a"}) + exception("throttlingException", "slow down")
    assert reader.feed(data) == [TextDelta("a")]
    with pytest.raises(BackendUnavailable):
        reader.end()


@pytest.mark.parametrize("status", [408, 424, 429, 500, 503])
def test_a_failure_of_the_service_may_pass(status):
    with pytest.raises(BackendUnavailable):
        read(b'{"message": "later"}', status=status)


@pytest.mark.parametrize("named", ["header", "body"])
def test_throttling_may_pass_whatever_its_status(named):
    name = "ThrottlingException"
    body = {"message": "slow down"} | ({"__type": name} if named == "body" else {})
    headers = {"x-amzn-errortype": f"{name}:http://x"} if named == "header" else {}
    asked = Asked(Request("t", ()), DEPLOYMENT, PROFILES["bedrock"])
    reader = CODEC.reader(400, headers, asked=asked)
    reader.feed(json.dumps(body).encode())
    with pytest.raises(BackendUnavailable) as caught:
        reader.end()
    assert caught.value.status == 400


def test_a_prompt_that_is_too_long_is_told_so():
    with pytest.raises(BackendRejected) as caught:
        read(b'{"message": "Input is too long for requested model."}', status=400)
    assert "context" in str(caught.value).lower() or "context" in caught.value.hint.lower()


def test_a_stream_that_is_cut_anywhere_is_no_answer():
    data = BEGUN + delta(0, {"text": "a"}) + stop(0) + ended()
    told = len(data) - len(event("metadata", {})) - 60
    for place in [*range(0, told, 7), told]:
        with pytest.raises(BackendError):
            read(data[:place])


def test_a_stream_that_is_damaged_anywhere_is_no_answer():
    data = BEGUN + delta(0, {"text": "a"}) + stop(0) + ended()
    for place in range(len(data)):
        damaged = bytearray(data)
        damaged[place] ^= 0x20
        with pytest.raises(BackendError):
            read(bytes(damaged))


def test_a_frame_without_end_is_refused_at_once():
    lengths = (2**31).to_bytes(4) + (4).to_bytes(4)
    frame = lengths + zlib.crc32(lengths).to_bytes(4)
    with pytest.raises(BackendError):
        read(BEGUN + frame + b"x" * 64)


def test_headers_of_every_kind_are_passed_over():
    head = b"".join(
        (
            b"\x01a\x00",
            b"\x01b\x01",
            b"\x01c\x02\x00",
            b"\x01d\x03\x00\x00",
            b"\x01e\x04" + bytes(4),
            b"\x01f\x05" + bytes(8),
            b"\x01g\x06\x00\x02ab",
            b"\x01h\x08" + bytes(8),
            b"\x01i\x09" + bytes(16),
            b"\x01j\x07\x00\x02ok",
        )
    )
    lengths = (len(head) + 16).to_bytes(4) + len(head).to_bytes(4)
    checked = lengths + zlib.crc32(lengths).to_bytes(4) + head
    (frame,) = FrameParser().feed(checked + zlib.crc32(checked).to_bytes(4))
    assert frame.headers == {"j": "ok"}


def test_frames_that_we_write_we_read():
    frame = write_frame({":event-type": "x", "ü": "é"}, b"payload")
    (read_again,) = FrameParser().feed(frame)
    assert (dict(read_again.headers), read_again.payload) == (
        {":event-type": "x", "ü": "é"},
        b"payload",
    )


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b"<html>", b'{"output": {"message": {}}}'])
def test_what_is_no_reply_is_no_answer(body):
    with pytest.raises(BackendUnavailable):
        read(body, streamed=False)
