"""Anthropic Messages: nothing of a request, a reply or a stream is lost or bent."""

import gzip
import itertools
import json
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aihandler.backends import AnthropicMessages, load_profiles
from aihandler.backends.codec import Asked, ReplyIdentity
from aihandler.domain.answer import ArgumentsDelta, ReplyDone
from aihandler.domain.conversation import Message, Request, Sampling, ThinkingWish, message
from aihandler.domain.deployment import Deployment, Hosting, Model
from aihandler.domain.parts import Media, Opaque, Text, Thinking, ToolCall, ToolResult
from aihandler.domain.task import JsonOutput
from aihandler.domain.tools import Tool, ToolChoice
from aihandler.errors import BackendError, BackendRejected, BackendUnavailable, InputError

FILE = Path(__file__).parents[2] / "data" / "wire" / "anthropic.jsonl.gz"
CODEC = AnthropicMessages()
PROFILES = load_profiles()
PROFILE = PROFILES["anthropic"]
DEPLOYMENT = Deployment(
    "c", "anthropic", Model("m"), Hosting.VENDOR, urls=("https://api.anthropic.com",)
)
HI = Request("t", (message("user", "hi"),))
IDENTITY = ReplyIdentity("msg_1", "m", 1)
STREAM = {"content-type": "text/event-stream"}
COUNTS = (
    "input_tokens",
    "output_tokens",
    "cache_read_input_tokens",
    "cache_creation_input_tokens",
)


def recorded():
    with gzip.open(FILE, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def sent(request, *, profile=PROFILE, streamed=False):
    call = CODEC.encode(request, DEPLOYMENT, profile, streamed=streamed)
    return json.loads(call.body), [lost.pointer for lost in call.lost]


def read(data, *, places=(), request=HI, profile=PROFILE, headers=STREAM, status=200):
    streamed = headers is STREAM
    asked = Asked(request, DEPLOYMENT, profile, streamed, lambda _: True)
    reader = CODEC.reader(status, headers, asked=asked)
    edges = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    events = [e for a, b in itertools.pairwise(edges) for e in reader.feed(data[a:b])]
    return [*events, *reader.end()]


def whole(body, **kwargs):
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return read(data, headers={"content-type": "application/json"}, **kwargs)[-1].reply


def events_of(*events):
    return b"".join(
        b"event: %s\ndata: %s\n\n" % (e["type"].encode(), json.dumps(e).encode()) for e in events
    )


def start(**usage):
    return {"type": "message_start", "message": {"id": "msg_1", "model": "m", "usage": usage}}


def block(index, fields, *deltas):
    yield {"type": "content_block_start", "index": index, "content_block": fields}
    for delta in deltas:
        yield {"type": "content_block_delta", "index": index, "delta": delta}
    yield {"type": "content_block_stop", "index": index}


def ending(reason, **usage):
    yield {"type": "message_delta", "delta": {"stop_reason": reason}, "usage": usage}
    yield {"type": "message_stop"}


def by_value(reply):
    """White space in the arguments of a call is no part of what was said."""
    parts = tuple(
        msgspec.structs.replace(p, arguments=json.loads(p.arguments))
        if isinstance(p, ToolCall)
        else p
        for p in reply.parts
    )
    return parts, reply.finish, reply.usage, reply.stop_text, reply.extra


def billed(usage):
    spent = [usage, *(i for i in usage.get("iterations") or () if i["type"] == "compaction")]
    return sum(counts.get(key) or 0 for counts in spent for key in COUNTS)


def told_usage(exchange):
    if not exchange["stream"]:
        return exchange["response_body"]["usage"]
    usage = {}
    for line in exchange["response_body"].splitlines():
        if line.startswith("data:"):
            event = json.loads(line[5:])
            usage.update(event.get("usage") or event.get("message", {}).get("usage") or {})
    return usage


def body_of(exchange):
    if exchange["stream"]:
        return exchange["response_body"].encode(), STREAM
    return json.dumps(exchange["response_body"]).encode(), {"content-type": "application/json"}


def test_every_recorded_request_comes_back_as_it_was():
    for exchange in recorded():
        body = exchange["request_body"]
        inbound = CODEC.read_request(json.dumps(body).encode(), {})
        deployment = msgspec.structs.replace(DEPLOYMENT, model=Model(inbound.model))
        call = CODEC.encode(inbound.request, deployment, PROFILE, streamed=inbound.streamed)
        assert json.loads(call.body) == body
        assert call.lost == ()


def test_every_recorded_reply_is_read_and_its_tokens_add_up():
    for exchange in recorded():
        data, headers = body_of(exchange)
        if exchange["status"] >= 400:
            with pytest.raises(BackendRejected):
                read(data, headers=headers, status=exchange["status"])
            continue
        reply = read(data, headers=headers)[-1].reply
        assert reply.finish in {"stop", "tool_calls"}
        assert reply.usage.total == billed(told_usage(exchange))


def test_a_stream_of_ours_says_the_same_as_the_whole_reply():
    for exchange in recorded():
        if exchange["status"] >= 400:
            continue
        data, headers = body_of(exchange)
        events = read(data, headers=headers)
        reply = events[-1].reply
        writer = CODEC.stream_writer(IDENTITY, usage=True)
        streamed = read(b"".join(map(writer.write, events)))[-1].reply
        from_end = read(CODEC.stream_writer(IDENTITY, usage=True).write(ReplyDone(reply)))
        again = whole(CODEC.write_reply(reply, IDENTITY))
        assert by_value(streamed) == by_value(again) == by_value(from_end[-1].reply)
        assert again.parts == reply.parts or exchange["stream"]


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_recorded_streams_may_be_cut_anywhere(data):
    streams = [e["response_body"].encode() for e in recorded() if e["stream"]]
    stream = data.draw(st.sampled_from(streams))
    places = data.draw(st.lists(st.integers(0, 100_000), max_size=20))
    ends = data.draw(st.sampled_from([b"\n", b"\r\n"]))
    stream = stream.replace(b"\n", ends)
    assert read(stream, places=places) == read(stream)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_stream_that_is_cut_short_is_whole_or_an_error(data):
    stream = events_of(
        start(input_tokens=3),
        *block(0, {"type": "text", "text": ""}, {"type": "text_delta", "text": "Grüße"}),
        *ending("end_turn", output_tokens=2),
    )
    place = data.draw(st.integers(0, len(stream) - 1))
    try:
        reply = read(stream[:place])[-1].reply
    except BackendUnavailable as error:
        assert error.status is None  # noqa: PT017 - either end is right
    else:
        assert reply.text == "Grüße"
        assert reply.finish == "stop"


names = st.sampled_from(["new_field", "ttl", "deeply"])
values = st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=3)
unknown = st.dictionaries(names, values, max_size=2)
plain_blocks = st.sampled_from(
    [
        {"type": "text", "text": "a"},
        {"type": "text", "text": "", "citations": None},
        {"type": "text", "text": "b", "cache_control": {"type": "ephemeral", "ttl": "1h"}},
        {"type": "text", "text": "b", "cache_control": {"type": "ephemeral", "scope": "x"}},
        {"type": "thinking", "thinking": "", "signature": "sig=="},
        {"type": "thinking", "thinking": "t", "signature": ""},
        {"type": "redacted_thinking", "data": "c2VhbGVk"},
        {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {"x": [1.5, None]}},
        {"type": "tool_result", "tool_use_id": "toolu_1"},
        {"type": "tool_result", "tool_use_id": "toolu_1", "content": "", "is_error": False},
        {
            "type": "tool_result",
            "tool_use_id": "toolu_1",
            "content": [{"type": "text", "text": "r"}],
        },
        {"type": "tool_result", "tool_use_id": "t", "content": [{"type": "odd"}], "is_error": True},
        {
            "type": "image",
            "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="},
        },
        {
            "type": "image",
            "source": {"type": "base64", "media_type": "image/png", "data": "cut..."},
        },
        {
            "type": "document",
            "source": {"type": "url", "url": "https://e.test/a.pdf"},
            "title": "A",
        },
        {
            "type": "document",
            "source": {"type": "text", "media_type": "text/plain", "data": "Grüße"},
            "citations": {"enabled": True},
        },
        {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {"q": "x"}},
    ]
)
blocks = st.builds(lambda known, more: {**more, **known}, plain_blocks, unknown)
contents = st.text(max_size=4) | st.lists(blocks, max_size=3)
bodies = st.fixed_dictionaries(
    {
        "model": st.just("m"),
        "max_tokens": st.integers(1, 9999),
        "messages": st.lists(
            st.builds(
                lambda role, content, more: {**more, "role": role, "content": content},
                st.sampled_from(["user", "assistant", "system"]),
                contents,
                unknown,
            ),
            min_size=1,
            max_size=3,
        ),
    },
    optional={
        "system": contents | st.none(),
        "metadata": unknown,
        "stream": st.booleans(),
        "temperature": st.sampled_from([0, 0.5, None]),
        "stop_sequences": st.sampled_from([[], ["x"], ["x", 3]]),
        "thinking": st.sampled_from(
            [
                None,
                {},
                {"type": "disabled"},
                {"type": "adaptive", "display": "x"},
                {"type": "enabled", "budget_tokens": 1024, "display": "x"},
            ]
        ),
        "output_config": st.sampled_from(
            [
                {},
                {"effort": "low"},
                {"effort": "low", "format": {"type": "json_schema", "schema": {"type": "object"}}},
                {"format": {"type": "json_schema", "schema": {}, "name": "n"}},
            ]
        ),
        "output_format": st.just({"type": "json_schema", "schema": {"type": "object"}}),
        "tools": st.sampled_from(
            [
                [],
                [{"name": "f", "input_schema": {}, "description": ""}],
                [
                    {
                        "name": "f",
                        "type": "custom",
                        "input_schema": {"type": "object"},
                        "strict": True,
                    }
                ],
                [{"type": "web_search_20250305", "name": "web_search", "max_uses": 3}],
            ]
        ),
        "tool_choice": st.sampled_from(
            [
                None,
                {"type": "auto", "disable_parallel_tool_use": False},
                {"type": "any", "disable_parallel_tool_use": True},
                {"type": "tool", "name": "f", "more": 1},
                {"type": "none"},
                {"type": "new"},
            ]
        ),
    },
)


@settings(max_examples=200, deadline=None)
@given(bodies)
def test_any_request_comes_back_as_it_was(body):
    inbound = CODEC.read_request(json.dumps(body).encode(), {})
    call = CODEC.encode(inbound.request, DEPLOYMENT, PROFILE, streamed=inbound.streamed)
    assert json.loads(call.body) == body


def test_results_of_parallel_calls_go_in_one_message_and_in_front():
    turns = (
        message("user", "weather?"),
        Message("assistant", (ToolCall("a", "w", "{}"), ToolCall("b", "w", "{}"))),
        Message("user", (Text("and?"), ToolResult("a", (Text("sun"),)))),
        Message("user", (ToolResult("b", (Media("image", "image/png", b"x"),)),)),
    )
    body, lost = sent(Request("t", turns, origin="openai"))
    assert [m["role"] for m in body["messages"]] == ["user", "assistant", "user"]
    kinds = [b["type"] for b in body["messages"][2]["content"]]
    assert kinds == ["tool_result", "tool_result", "text"]
    assert body["messages"][2]["content"][1]["content"][0]["type"] == "image"
    assert lost == []


def test_ids_of_calls_from_elsewhere_are_fitted_and_still_belong_together():
    turns = (
        Message("assistant", (ToolCall("call:1|x", "w", "{}"),)),
        Message("user", (ToolResult("call:1|x", (Text("sun"),)),)),
    )
    body, _ = sent(Request("t", turns, origin="gemini"))
    call, result = body["messages"][0]["content"][0], body["messages"][1]["content"][0]
    assert call["id"] == result["tool_use_id"]
    assert call["id"].replace("_", "").replace("-", "").isalnum()


def test_thinking_goes_back_before_the_call_with_its_signature_even_without_text():
    stream = events_of(
        start(input_tokens=1),
        *block(
            0,
            {"type": "thinking", "thinking": "", "signature": ""},
            {"type": "signature_delta", "signature": "c2ln+/"},
            {"type": "signature_delta", "signature": "=="},
        ),
        *block(1, {"type": "redacted_thinking", "data": "c2VhbGVk"}),
        *block(
            2,
            {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {}},
            {"type": "input_json_delta", "partial_json": '{"x": 1}'},
        ),
        *ending("tool_use", output_tokens=2),
    )
    reply = read(stream)[-1].reply
    assert reply.parts == (
        Thinking(signature="c2ln+/==", signed_by="anthropic"),
        Thinking(sealed="c2VhbGVk", signed_by="anthropic"),
        ToolCall("toolu_1", "f", '{"x": 1}'),
    )
    asked = Request("t", (Message("assistant", reply.parts),))
    assert [b["type"] for b in sent(asked)[0]["messages"][0]["content"]] == [
        "thinking",
        "redacted_thinking",
        "tool_use",
    ]


def test_thinking_of_another_provider_is_left_out_and_named():
    turns = (message("user", "hi"), Message("assistant", (Thinking("hm", "sig"), Text("ho"))))
    body, lost = sent(Request("t", turns, origin="openai"))
    assert body["messages"][1]["content"] == "ho"
    assert lost == ["/messages/1/parts/0"]


def test_arguments_that_come_in_one_piece_with_the_call_are_kept():
    fields = {"type": "tool_use", "id": "a", "name": "f", "input": {"x": 1}}
    events = read(events_of(start(), *block(0, fields), *ending("tool_use", output_tokens=1)))
    assert ArgumentsDelta(0, '{"x":1}') in events
    assert events[-1].reply.parts == (ToolCall("a", "f", '{"x":1}'),)


def test_a_call_after_a_text_is_a_call_whatever_the_server_says():
    content = [
        {"type": "text", "text": "I look."},
        {"type": "tool_use", "id": "a", "name": "f", "input": {}},
    ]
    assert whole({"content": content, "stop_reason": "end_turn"}).finish == "tool_calls"


@pytest.mark.parametrize(
    ("reason", "finish"),
    [
        ("refusal", "refused"),
        ("pause_turn", "pause"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("something_new", "other"),
    ],
)
def test_stop_reasons_are_understood(reason, finish):
    reply = whole({"content": [{"type": "text", "text": "x"}], "stop_reason": reason})
    assert reply.finish == finish
    assert json.loads(CODEC.write_reply(reply, IDENTITY))["stop_reason"] == reason


def test_counts_of_the_beginning_and_the_end_of_a_stream_are_not_added():
    begin = start(
        input_tokens=10,
        cache_read_input_tokens=5,
        cache_creation_input_tokens=7,
        cache_creation={"ephemeral_5m_input_tokens": 3, "ephemeral_1h_input_tokens": 4},
        output_tokens=1,
    )
    end = ending("end_turn", input_tokens=0, cache_read_input_tokens=5, output_tokens=9)
    usage = read(events_of(begin, *end))[-1].reply.usage
    assert (usage.input, usage.cache_read, usage.output) == (10, 5, 9)
    assert (usage.cache_write, usage.cache_write_1h, usage.total) == (3, 4, 31)


def test_an_error_in_a_stream_is_an_error_and_says_whether_money_is_in_doubt():
    overloaded = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
    with pytest.raises(BackendUnavailable) as early:
        read(events_of(overloaded))
    assert early.value.status == 529
    with pytest.raises(BackendUnavailable) as late:
        read(events_of(start(input_tokens=9), overloaded))
    assert late.value.status is None


def test_too_much_load_may_be_tried_elsewhere_and_a_wrong_request_may_not():
    def told(status, kind, words):
        body = {"type": "error", "error": {"type": kind, "message": words}}
        return whole(body, status=status)

    with pytest.raises(BackendUnavailable):
        told(529, "overloaded_error", "Overloaded")
    with pytest.raises(BackendRejected, match="context"):
        told(400, "invalid_request_error", "prompt is too long: 210000 tokens > 200000 maximum")


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b'{"content": 3}', b"<html>", b"\xff{"])
def test_what_is_no_message_is_never_an_empty_success(body):
    with pytest.raises(BackendError):
        whole(body)
    with pytest.raises(BackendError):
        read(body)


def test_a_schema_goes_natively_where_the_profile_says_so():
    request = Request("t", (message("user", "hi"),), output=JsonOutput({"type": "object"}))
    body, _ = sent(request, profile=PROFILES["anthropic-structured"])
    assert body["output_config"] == {
        "format": {"type": "json_schema", "schema": {"type": "object"}}
    }


def test_settings_that_this_format_lacks_are_named():
    sampling = Sampling(temperature=1.5, top_p=0.9, seed=3, stop=("\n", "END"))
    request = msgspec.structs.replace(HI, sampling=sampling, logprobs=2)
    body, lost = sent(request)
    assert (body["temperature"], body["stop_sequences"]) == (1.0, ["END"])
    assert {"/sampling/top_p", "/sampling/seed", "/sampling/stop", "/logprobs"} <= set(lost)
    assert body["max_tokens"] == 4096


def test_a_wish_to_think_makes_room_for_thoughts_and_answer():
    request = msgspec.structs.replace(
        HI,
        thinking=ThinkingWish(max_tokens=2000),
        tools=(Tool("f"),),
        tool_choice=ToolChoice("required", parallel=False),
    )
    body, lost = sent(request)
    assert body["thinking"] == {"type": "enabled", "budget_tokens": 2000}
    assert body["max_tokens"] == 6096
    assert body["tool_choice"] == {"type": "auto", "disable_parallel_tool_use": True}
    assert lost == ["/tool_choice"]


def test_a_request_of_instructions_alone_becomes_a_turn():
    body, _ = sent(Request("t", (message("system", "Say hi."),)))
    assert "system" not in body
    assert body["messages"] == [{"role": "user", "content": "Say hi."}]


def test_parts_of_other_providers_own_are_named_as_lost():
    turns = (Message("user", (Text("x"), Opaque("gemini", {}), Media("audio", data=b"x"))),)
    assert sent(Request("t", turns, origin="gemini"))[1] == [
        "/messages/0/parts/1",
        "/messages/0/parts/2",
    ]


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", b'{"model":"m","max_tokens":1,"messages":[{"role":"x"}]}']
)
def test_a_request_that_cannot_be_read_says_why(body):
    with pytest.raises(InputError) as error:
        CODEC.read_request(body, {})
    status, answer = CODEC.write_error(error.value)
    assert status == 400
    assert json.loads(answer)["error"]["type"] == "invalid_request_error"


def test_a_failed_stream_does_not_end_as_if_it_were_whole():
    writer = CODEC.stream_writer(IDENTITY, usage=True)
    error = BackendUnavailable("it broke", deployment="c")
    assert b"message_stop" not in writer.fail(error)
    with pytest.raises(BackendError):
        read(CODEC.stream_writer(IDENTITY, usage=True).fail(error))
