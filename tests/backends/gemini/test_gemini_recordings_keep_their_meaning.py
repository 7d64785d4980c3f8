"""Gemini generateContent: nothing of a recorded request, reply or stream is lost or bent."""

import json

import pytest
from gemini_cases import (
    CODEC,
    IDENTITY,
    WHOLE,
    answered,
    asked_back,
    body_of,
    read,
    recorded,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from aihandler.backends.codec import ReplyIdentity
from aihandler.domain.answer import (
    ArgumentsDelta,
    ReplyDone,
    TextDelta,
    ThinkingDelta,
    ToolCallStarted,
)
from aihandler.domain.parts import Opaque, Text, Thinking, ToolCall
from aihandler.errors import BackendError

EXCHANGES = answered()
STREAMS = [e for e in EXCHANGES if e["stream"]]
OWN = {"modelVersion", "responseId"}


def filled(value):
    """Null, empty and zero are as good as absent, and so is a text without a word."""
    if isinstance(value, list):
        return [filled(item) for item in value if item != {"text": ""}]
    if not isinstance(value, dict):
        return value
    inner = {key: filled(held) for key, held in value.items()}
    return {key: held for key, held in inner.items() if held not in (None, "", [], {}, 0)}


def told_usage(exchange):
    body = exchange["response_body"]
    if isinstance(body, str):
        body = [json.loads(line[5:]) for line in body.splitlines() if line.startswith("data:")]
    last = body[-1] if isinstance(body, list) else body
    return last.get("usageMetadata", {})


def decoded(exchange, **kwargs):
    data, headers = body_of(exchange)
    return read(data, headers=headers, streamed=exchange["stream"], **kwargs)


def ids_of(reply):
    """Calls without an id get one that is made from the reply's."""
    return ReplyIdentity(reply.request_id, reply.model, 0)


def signatures(reply):
    found = []
    for part in reply.parts:
        holder = part.payload if isinstance(part, Opaque) else part.extra
        own = part.signature if isinstance(part, Thinking | ToolCall) else ""
        found.append(own or holder.get("thoughtSignature", ""))
    return [signature for signature in found if signature]


def test_every_recorded_request_comes_back_as_it_was():
    for exchange in recorded():
        body, lost = asked_back(exchange["request_body"])
        assert body == exchange["request_body"]
        assert lost == []


def test_every_recorded_reply_is_read_and_its_tokens_add_up():
    for exchange in EXCHANGES:
        usage, reply = told_usage(exchange), decoded(exchange)[-1].reply
        if "totalTokenCount" not in usage:
            assert reply.usage.estimated
            continue
        assert reply.usage.total == usage["totalTokenCount"]
        assert reply.usage.reasoning == usage.get("thoughtsTokenCount", 0)
        assert reply.usage.cache_read == usage.get("cachedContentTokenCount", 0)


def test_every_recorded_error_is_one():
    refused = [e for e in recorded() if e["status"] >= 400]
    assert refused
    for exchange in refused:
        data, _ = body_of(exchange)
        with pytest.raises(BackendError):
            read(data, headers=WHOLE, status=exchange["status"])


def test_every_recorded_reply_is_told_to_a_client_as_it_came():
    for exchange in EXCHANGES:
        if exchange["stream"]:
            continue
        reply = decoded(exchange)[-1].reply
        again = json.loads(CODEC.write_reply(reply, IDENTITY))
        kept = {key: value for key, value in exchange["response_body"].items() if key not in OWN}
        assert filled({k: v for k, v in again.items() if k not in OWN}) == filled(kept)


@pytest.mark.parametrize("form", ["events", "array"])
def test_a_stream_of_ours_says_the_same_as_the_whole_reply(form):
    for exchange in EXCHANGES:
        reply = decoded(exchange)[-1].reply
        if form == "events":
            writer = CODEC.stream_writer(ids_of(reply), usage=True)
        else:
            writer = CODEC.array_writer(ids_of(reply))
        again = read(writer.write(ReplyDone(reply)))[-1].reply
        assert again.parts == reply.parts
        if reply.finish != "other" and not reply.usage.estimated:
            assert (again.finish, again.usage) == (reply.finish, reply.usage)


def test_what_the_pieces_of_a_stream_say_is_what_the_whole_says():
    for exchange in STREAMS:
        *events, last = decoded(exchange)
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
        events = decoded(exchange)
        reply = events[-1].reply
        writer = CODEC.stream_writer(ids_of(reply), usage=True)
        again = read(b"".join(map(writer.write, events)))[-1].reply
        assert (again.text, again.finish, again.usage) == (reply.text, reply.finish, reply.usage)
        for kind in (ToolCall, Thinking):
            kept = [part for part in again.parts if isinstance(part, kind)]
            assert kept == [part for part in reply.parts if isinstance(part, kind)]
        # What signs a text follows it, since its words have gone out.
        assert signatures(again) == signatures(reply)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_recorded_streams_may_be_cut_anywhere(data):
    exchange = data.draw(st.sampled_from(STREAMS))
    body, headers = body_of(exchange)
    if data.draw(st.booleans()):
        body = body.replace(b"\r\n", b"\n")
    places = data.draw(st.lists(st.integers(0, len(body)), max_size=8))
    kwargs = {"headers": headers, "streamed": True}
    assert read(body, places=places, **kwargs) == read(body, **kwargs)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_stream_that_is_cut_short_is_whole_or_an_error(data):
    exchange = data.draw(st.sampled_from(STREAMS))
    body, headers = body_of(exchange)
    cut = body[: data.draw(st.integers(0, len(body) - 1))]
    try:
        events = read(cut, headers=headers, streamed=True)
    except BackendError:
        return
    assert events[-1].reply == read(body, headers=headers, streamed=True)[-1].reply


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_a_stream_that_is_garbled_is_never_an_empty_success(data):
    exchange = data.draw(st.sampled_from(STREAMS))
    body, headers = body_of(exchange)
    spoilt = bytearray(body)
    for place in data.draw(st.lists(st.integers(0, len(body) - 1), min_size=1, max_size=4)):
        spoilt[place] = data.draw(st.integers(0, 255))
    try:
        events = read(bytes(spoilt), headers=headers, streamed=True)
    except BackendError:
        return
    reply = events[-1].reply
    assert reply.parts or reply.finish not in {"stop", "tool_calls"}
