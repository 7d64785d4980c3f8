"""Ollama's own format, both ways: on recordings, and on what servers of several ages do."""

import gzip
import itertools
import json
import random
from pathlib import Path

import msgspec
import pytest

from aihandler.backends.codec import Asked, ReplyIdentity
from aihandler.backends.ollama import Ollama
from aihandler.backends.profiles import load_profiles
from aihandler.domain.answer import ReplyDone, TextDelta, ThinkingDelta, ToolCallStarted
from aihandler.domain.conversation import (
    Message,
    Request,
    Sampling,
    Text,
    Thinking,
    ThinkingWish,
    ToolCall,
    ToolResult,
    message,
)
from aihandler.domain.deployment import Deployment, Hosting, Limits, Model
from aihandler.domain.parts import Media
from aihandler.domain.task import JsonOutput
from aihandler.domain.tools import Tool, ToolChoice
from aihandler.errors import BackendError, BackendUnavailable, InputError

CODEC = Ollama()
PROFILE = load_profiles()["ollama-native"]
DEPLOYMENT = Deployment("d", "ollama", Model("m"), Hosting.SELF)
IDENTITY = ReplyIdentity("id", "m", 0)
FILE = Path(__file__).parents[2] / "data" / "wire" / "ollama.jsonl.gz"
with gzip.open(FILE, "rt", encoding="utf-8") as lines:
    RECORDED = [json.loads(line) for line in lines]
CALL = {"function": {"name": "f", "arguments": {"a": 1}}}
COUNTS = {"prompt_eval_count": 7, "eval_count": 3}
END = {
    "message": {"role": "assistant", "content": ""},
    "done": True,
    "done_reason": "stop",
    **COUNTS,
}


def sent(request, deployment=DEPLOYMENT, *, streamed=False):
    call = CODEC.encode(request, deployment, PROFILE, streamed=streamed)
    return json.loads(call.body), [lost.pointer for lost in call.lost]


def heard(body, *, streamed=False, pieces=(), request=None, status=200):
    asked = Asked(request or Request("t", (message("user", "hi"),)), DEPLOYMENT, PROFILE, streamed)
    kind = "application/x-ndjson" if streamed else "application/json"
    reader = CODEC.reader(status, {"content-type": kind}, asked=asked)
    edges = [0, *sorted(pieces), len(body)]
    events = []
    for start, end in itertools.pairwise(edges):
        events += reader.feed(body[start:end])
    return [*events, *reader.end()]


def lines_of(*chunks):
    return b"".join(json.dumps(chunk, ensure_ascii=False).encode() + b"\n" for chunk in chunks)


def whole(**fields):
    return heard(json.dumps({"model": "m", "done": True, **fields}).encode())[-1].reply


@pytest.mark.parametrize("exchange", RECORDED, ids=lambda e: e["path"][-40:])
def test_recorded_requests_come_back_as_they_were(exchange):
    inbound = CODEC.read_request(json.dumps(exchange["request_body"]).encode(), {})
    body, lost = sent(inbound.request, streamed=inbound.streamed)
    assert {**body, "model": 0} == {**exchange["request_body"], "model": 0}
    assert lost == []


@pytest.mark.parametrize("exchange", RECORDED, ids=lambda e: e["path"][-40:])
def test_recorded_replies_are_the_same_however_they_are_cut(exchange):
    text = exchange["response_body"]
    body = (text if isinstance(text, str) else json.dumps(text)).encode()
    events = heard(body, streamed=exchange["stream"])
    chance = random.Random(1)
    for _ in range(5):
        pieces = [chance.randrange(len(body)) for _ in range(9)]
        assert heard(body, streamed=exchange["stream"], pieces=pieces) == events
    reply = events[-1].reply
    assert reply.finish == "stop"
    again = heard(CODEC.write_reply(reply, IDENTITY))[-1].reply
    assert (again.parts, again.usage.output) == (reply.parts, reply.usage.output)


def test_a_stream_is_what_is_meant_when_nothing_is_said():
    body = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
    assert CODEC.read_request(json.dumps(body).encode(), {}).streamed
    whole_body = json.dumps({**body, "stream": False}).encode()
    assert not CODEC.read_request(whole_body, {}).streamed


@pytest.mark.parametrize("body", [b"[]", b"{}", b'{"model":"m"}', b'{"model":"m","messages":[3]}'])
def test_what_is_no_request_is_named(body):
    with pytest.raises(InputError, match="at /"):
        CODEC.read_request(body, {})


def test_the_context_is_stated_so_that_nothing_is_cut_off_in_silence():
    long = msgspec.structs.replace(DEPLOYMENT, limits=Limits(context_tokens=32_000))
    body, _ = sent(Request("t", (message("user", "hi"),)), long)
    assert body["options"] == {"num_ctx": 32_000}


def test_settings_have_their_places():
    sampling = Sampling(temperature=0.5, seed=3, stop=("END",), max_output_tokens=9, top_k=4)
    request = Request(
        "t", (message("user", "hi"),), output=JsonOutput({"type": "object"}), sampling=sampling
    )
    wished = msgspec.structs.replace(request, thinking=ThinkingWish(effort="high"), logprobs=2)
    body, lost = sent(wished)
    assert body["options"] == {
        "temperature": 0.5, "seed": 3, "stop": ["END"], "num_predict": 9, "top_k": 4,
    }  # fmt: skip
    assert (body["format"], body["think"], body["top_logprobs"]) == ({"type": "object"}, "high", 2)
    assert lost == []


def test_results_of_parallel_calls_are_turns_of_their_own_and_stand_together_again():
    talk = Request(
        "t",
        (
            Message("assistant", (ToolCall("x1", "f", '{"a":1}'), ToolCall("x2", "f", '{"a":2}'))),
            Message(
                "user",
                (
                    ToolResult("x1", (Text("one"), Media("image", "image/png", b"png")), name="f"),
                    ToolResult("x2", (Text("two"),), name="f", failed=True),
                    Text("go on"),
                ),
            ),
        ),
    )
    body, lost = sent(talk)
    assert [m["role"] for m in body["messages"]] == ["assistant", "tool", "tool", "user"]
    assert body["messages"][1]["images"] == ["cG5n"]
    assert body["messages"][2]["content"] == "two"
    assert lost == ["/messages/1/parts/1/failed"]
    again = CODEC.read_request(json.dumps(body).encode(), {}).request
    results = again.messages[1].parts
    assert [part.call_id for part in results] == ["x1", "x2"]


def test_calls_without_ids_are_answered_in_order():
    body = {
        "model": "m",
        "messages": [
            {"role": "assistant", "content": "", "tool_calls": [CALL, CALL]},
            {"role": "tool", "content": "one", "tool_name": "f"},
            {"role": "tool", "content": "two", "tool_name": "f"},
        ],
    }
    request = CODEC.read_request(json.dumps(body).encode(), {}).request
    calls, results = request.messages[0].parts, request.messages[1].parts
    assert [part.call_id for part in results] == [part.id for part in calls]
    assert len({part.id for part in calls}) == 2
    assert sent(request)[0]["messages"] == body["messages"]


def test_what_the_format_lacks_is_named():
    request = Request(
        "t",
        (
            Message("user", (Media("audio", "audio/wav", b"x"), Media("image", url="http://x"))),
            Message("assistant", (Thinking("hm", signature="s"), ToolCall("c", "f", "no json"))),
        ),
        tools=(Tool("f"), Tool("g")),
        tool_choice=ToolChoice("required", ("f",)),
    )
    body, lost = sent(request)
    assert [tool["function"]["name"] for tool in body["tools"]] == ["f"]
    assert lost == [
        "/messages/0/parts/0",
        "/messages/0/parts/1",
        "/messages/1/parts/0",
        "/messages/1/parts/1/arguments",
        "/tool_choice",
    ]


def test_a_streamed_reply_with_thoughts_and_calls():
    said = ({"thinking": "h"}, {"thinking": "m"}, {"content": "Grüße"}, {"tool_calls": [CALL]})
    chunks = [
        {"model": "m", "message": {"role": "assistant", "content": "", **piece}, "done": False}
        for piece in said
    ]
    body = lines_of(*chunks, {"model": "m", **END})
    *events, done = heard(body, streamed=True)
    assert [type(event) for event in events[:4]] == [
        ThinkingDelta, ThinkingDelta, TextDelta, ToolCallStarted,
    ]  # fmt: skip
    assert [type(part) for part in done.reply.parts] == [Thinking, Text, ToolCall]
    assert (done.reply.finish, done.reply.usage.total) == ("tool_calls", 10)
    for cut in range(len(body)):
        assert heard(body, streamed=True, pieces=[cut])[-1] == done


def test_two_equal_calls_have_two_ids():
    reply = whole(message={"role": "assistant", "content": "", "tool_calls": [CALL, CALL]})
    assert len({part.id for part in reply.parts}) == 2


def test_a_prompt_that_was_in_the_cache_is_estimated():
    reply = whole(message={"role": "assistant", "content": "hi"}, eval_count=4)
    assert reply.usage.estimated
    assert reply.usage.output == 4
    assert reply.usage.input > 0


@pytest.mark.parametrize(
    ("reason", "finish"), [("stop", "stop"), ("length", "length"), ("unload", "other")]
)
def test_why_it_ended(reason, finish):
    reply = whole(message={"role": "assistant", "content": "hi"}, done_reason=reason, **COUNTS)
    assert reply.finish == finish


def test_an_error_within_a_stream_comes_after_what_was_said():
    said = {"model": "m", "message": {"role": "assistant", "content": "Hel"}, "done": False}
    body = lines_of(said, {"error": "model runner has stopped"})
    asked = Asked(Request("t", ()), DEPLOYMENT, PROFILE, True)
    reader = CODEC.reader(200, {"content-type": "application/x-ndjson"}, asked=asked)
    assert reader.feed(body) == [TextDelta("Hel")]
    with pytest.raises(BackendUnavailable):
        reader.end()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b'{"model":"m"}',
        lines_of({"model": "m", "message": {"role": "assistant", "content": "cut"}, "done": False}),
        b'{"model":"m","message":{"role":"assistant","content":"x"},"done":false}\n{"mod',
    ],
)
def test_what_is_no_whole_stream_is_an_error(body):
    with pytest.raises(BackendError):
        heard(body, streamed=True)


def test_a_model_that_is_not_there_is_not_asked_again():
    with pytest.raises(BackendError, match="does not know this"):
        heard(b'{"error":"model \'m\' not found"}', status=404)


def test_a_stream_of_ours_reads_as_the_whole_does():
    reply = whole(
        message={"role": "assistant", "content": "Hi", "thinking": "hm", "tool_calls": [CALL]},
        **COUNTS,
    )
    writer = CODEC.stream_writer(IDENTITY, usage=True)
    events = [ThinkingDelta("hm"), TextDelta("H"), TextDelta("i")]
    body = b"".join(writer.write(event) for event in events)
    body += writer.write(ReplyDone(reply))
    again = heard(body, streamed=True)[-1].reply
    assert [type(p) for p in again.parts] == [type(p) for p in reply.parts]
    assert (again.text, again.finish, again.usage) == (reply.text, reply.finish, reply.usage)


def test_a_stream_that_failed_never_says_that_it_is_done():
    writer = CODEC.stream_writer(IDENTITY, usage=True)
    line = json.loads(writer.fail(InputError("no")))
    assert line == {"error": "no"}
