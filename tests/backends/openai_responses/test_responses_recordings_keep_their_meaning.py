"""OpenAI Responses: nothing of a recorded request, reply or stream is lost or bent."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from responses_cases import (
    CODEC,
    IDENTITY,
    answered,
    asked_back,
    body_of,
    read,
    recorded,
    stream,
)

from aihandler.domain.answer import (
    ArgumentsDelta,
    ReplyDone,
    TextDelta,
    ThinkingDelta,
    ToolCallStarted,
)
from aihandler.domain.parts import Text, Thinking, ToolCall
from aihandler.errors import BackendError

EXCHANGES = answered()
STREAMS = [e for e in EXCHANGES if e["response_encoding"] == "text"]
OWN = {"id", "model", "created_at", "output_text"}


def filled(value):
    """Null, empty and zero are as good as absent."""
    if isinstance(value, list):
        return [filled(item) for item in value]
    if not isinstance(value, dict):
        return value
    inner = {key: filled(held) for key, held in value.items()}
    return {key: held for key, held in inner.items() if held not in (None, "", [], {}, 0)}


def told_usage(exchange):
    body = exchange["response_body"]
    if isinstance(body, dict):
        return body.get("usage")
    ends = [json.loads(line[5:]) for line in body.splitlines() if '"usage":{' in line]
    return ends[-1]["response"]["usage"] if ends else None


def test_every_recorded_request_comes_back_as_it_was():
    for exchange in recorded():
        body, lost = asked_back(exchange["request_body"])
        assert body == exchange["request_body"]
        assert lost == []


def test_every_recorded_reply_is_read_and_its_tokens_add_up():
    for exchange in EXCHANGES:
        data, headers = body_of(exchange)
        reply = read(data, headers=headers)[-1].reply
        usage = told_usage(exchange)
        if usage is None:
            continue
        assert reply.usage.total == usage["total_tokens"]
        assert reply.usage.prompt == usage["input_tokens"]
        assert reply.usage.reasoning == usage["output_tokens_details"]["reasoning_tokens"]
        assert reply.usage.cache_read == usage["input_tokens_details"]["cached_tokens"]


def test_every_recorded_error_is_one():
    refused = [e for e in recorded() if e["status"] >= 400]
    assert refused
    for exchange in refused:
        data, headers = body_of(exchange)
        with pytest.raises(BackendError):
            read(data, headers=headers, status=exchange["status"])


def test_every_recorded_reply_is_told_to_a_client_as_it_came():
    for exchange in EXCHANGES:
        if exchange["response_encoding"] == "text":
            continue
        data, headers = body_of(exchange)
        reply = read(data, headers=headers)[-1].reply
        again = json.loads(CODEC.write_reply(reply, IDENTITY))
        kept = {key: value for key, value in exchange["response_body"].items() if key not in OWN}
        assert filled({k: v for k, v in again.items() if k not in OWN}) == filled(kept)


def test_a_stream_of_ours_says_the_same_as_the_whole_reply():
    for exchange in EXCHANGES:
        data, headers = body_of(exchange)
        reply = read(data, headers=headers)[-1].reply
        made = CODEC.stream_writer(IDENTITY, usage=True).write(ReplyDone(reply))
        again = read(made)[-1].reply
        assert again.parts == reply.parts
        if reply.finish != "other":
            assert (again.finish, again.usage) == (reply.finish, reply.usage)


def test_what_the_pieces_of_a_stream_say_is_what_the_whole_says():
    for exchange in STREAMS:
        *events, last = read(exchange["response_body"].encode())
        parts = last.reply.parts
        texts = "".join(e.text for e in events if isinstance(e, TextDelta))
        assert texts == "".join(p.text for p in parts if isinstance(p, Text))
        thoughts = "".join(e.text for e in events if isinstance(e, ThinkingDelta))
        assert thoughts == "".join(p.text for p in parts if isinstance(p, Thinking))
        calls = [p for p in parts if isinstance(p, ToolCall)]
        begun = [e for e in events if isinstance(e, ToolCallStarted)]
        assert [(c.id, c.name) for c in calls] == [(b.id, b.name) for b in begun]
        for place, asked in enumerate(calls):
            pieces = (e for e in events if isinstance(e, ArgumentsDelta) and e.index == place)
            assert "".join(piece.text for piece in pieces) == asked.arguments


def test_a_recorded_stream_goes_on_to_a_client_event_by_event():
    for exchange in STREAMS:
        events = read(exchange["response_body"].encode())
        writer = CODEC.stream_writer(IDENTITY, usage=True)
        again = read(b"".join(map(writer.write, events)))[-1].reply
        reply = events[-1].reply
        assert (again.text, again.finish, again.usage) == (reply.text, reply.finish, reply.usage)
        kinds = [type(part) for part in reply.parts]
        assert [type(part) for part in again.parts] == kinds
        sealed = [p.sealed for p in reply.parts if isinstance(p, Thinking)]
        assert [p.sealed for p in again.parts if isinstance(p, Thinking)] == sealed
        calls = [(p.id, p.name, p.arguments) for p in reply.parts if isinstance(p, ToolCall)]
        made = [(p.id, p.name, p.arguments) for p in again.parts if isinstance(p, ToolCall)]
        assert made == calls


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_recorded_streams_may_be_cut_anywhere(data):
    exchange = data.draw(st.sampled_from(STREAMS))
    body = exchange["response_body"].encode()
    if data.draw(st.booleans()):
        body = body.replace(b"\n", b"\r\n")
    places = data.draw(st.lists(st.integers(0, len(body)), max_size=8))
    assert read(body, places=places) == read(body)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_stream_that_is_cut_short_is_whole_or_an_error(data):
    exchange = data.draw(st.sampled_from(STREAMS))
    body = exchange["response_body"].encode()
    cut = body[: data.draw(st.integers(0, len(body) - 1))]
    try:
        events = read(cut)
    except BackendError:
        return
    assert events[-1].reply == read(body)[-1].reply


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_stream_that_is_garbled_is_never_an_empty_success(data):
    exchange = data.draw(st.sampled_from(STREAMS))
    body = bytearray(exchange["response_body"].encode())
    for place in data.draw(st.lists(st.integers(0, len(body) - 1), min_size=1, max_size=4)):
        body[place] = data.draw(st.integers(0, 255))
    try:
        events = read(bytes(body))
    except BackendError:
        return
    assert events[-1].reply.parts or not read(exchange["response_body"].encode())[-1].reply.parts


def test_a_stream_without_events_is_an_error():
    for body in (b"", b"\n\n", b"data: [DONE]\n\n", stream({"type": "response.created"})):
        with pytest.raises(BackendError):
            read(body)
