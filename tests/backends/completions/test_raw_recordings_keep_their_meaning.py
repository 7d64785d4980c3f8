"""Raw completions as providers answered them: nothing of a request, reply or stream is bent."""

import json

import pytest
from completions_cases import (
    CODEC,
    GENERIC,
    IDENTITY,
    PROFILES,
    STREAM,
    TGI,
    VLLM,
    WHOLE,
    own,
    read,
    recorded,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from aihandler.domain.answer import ReplyDone, TextDelta
from aihandler.domain.deployment import Deployment, Hosting, Model
from aihandler.errors import BackendError, BackendUnavailable, InputError

OF_ONE_FORM = [e for e in recorded() if "inputs" not in e["request_body"]]
EXCHANGES = [e for e in OF_ONE_FORM if e["status"] < 400]
STREAMS = [e for e in EXCHANGES if e["response_encoding"] == "text"]
OWN = {"id", "model", "created", "object", "stream"}
# The rows know what each server sends back; these do not cut at stop texts and count no streams.
PLAIN = GENERIC


def body_of(exchange):
    if exchange["response_encoding"] == "text":
        return exchange["response_body"].encode(), STREAM
    return json.dumps(exchange["response_body"]).encode(), WHOLE


def understood(exchange):
    request = own("hi").request
    data, headers = body_of(exchange)
    return read(data, headers=headers, request=request, profile=PLAIN)


def told_usage(exchange):
    body = exchange["response_body"]
    if isinstance(body, dict):
        return body.get("usage")
    ends = [json.loads(line[5:]) for line in body.splitlines() if '"usage":{' in line]
    return ends[-1]["usage"] if ends else None


def filled(value):
    if isinstance(value, list):
        return [filled(item) for item in value]
    if not isinstance(value, dict):
        return value
    inner = {key: filled(held) for key, held in value.items()}
    return {key: held for key, held in inner.items() if held not in (None, "", [], {}, 0)}


def test_every_recorded_request_of_one_prompt_comes_back_as_it_was():
    several = unbounded = 0
    for exchange in OF_ONE_FORM:
        asked = exchange["request_body"]
        if isinstance(asked["prompt"], list) and asked["prompt"][1:]:
            several += 1
            with pytest.raises(InputError, match="at /prompt"):
                CODEC.read_request(json.dumps(asked).encode(), {})
            continue
        if asked.get("max_tokens", 1) < 0:
            unbounded += 1
            with pytest.raises(InputError, match="at /max_tokens"):
                CODEC.read_request(json.dumps(asked).encode(), {})
            continue
        inbound = CODEC.read_request(json.dumps(asked).encode(), {})
        deployment = Deployment("r", "completions", Model(inbound.model), Hosting.SELF)
        row = VLLM if "stream_options" in asked else PLAIN
        call = CODEC.encode(inbound.request, deployment, row, streamed=inbound.streamed)
        assert json.loads(call.body) == asked
        assert call.lost == ()
    assert (several, unbounded) == (3, 1)


def test_every_recorded_reply_is_read_and_its_tokens_add_up():
    for exchange in EXCHANGES:
        reply = understood(exchange)[-1].reply
        assert reply.text
        usage = told_usage(exchange)
        assert reply.usage.estimated == (usage is None)
        if usage is not None:
            assert reply.usage.total == usage["total_tokens"]
            assert reply.usage.prompt == usage["prompt_tokens"]


def test_every_recorded_error_is_one():
    (refused,) = [e for e in OF_ONE_FORM if e["status"] >= 400]
    data, headers = body_of(refused)
    with pytest.raises(BackendError, match="refused the request"):
        read(data, headers=headers, status=refused["status"])


def test_a_reply_of_tgi_is_read_as_it_is_sent():
    (exchange,) = [e for e in recorded() if "inputs" in e["request_body"]]
    data, headers = body_of(exchange)
    reply = read(data, headers=headers, request=own("hi").request, profile=TGI)[-1].reply
    assert reply.text == exchange["response_body"][0]["generated_text"]
    assert (reply.finish, reply.usage.output, reply.usage.estimated) == ("stop", 75, True)


def test_every_recorded_reply_is_told_to_a_client_as_it_came():
    for exchange in EXCHANGES:
        if exchange["response_encoding"] == "text" or len(exchange["response_body"]["choices"]) > 1:
            continue
        reply = understood(exchange)[-1].reply
        again = json.loads(CODEC.write_reply(reply, IDENTITY))
        kept = {key: value for key, value in exchange["response_body"].items() if key not in OWN}
        again = filled({k: v for k, v in again.items() if k not in OWN})
        if told_usage(exchange) is None:
            del again["usage"]
        assert again == filled(kept)


def test_a_stream_of_ours_says_the_same_as_the_whole_reply():
    for exchange in EXCHANGES:
        reply = understood(exchange)[-1].reply
        made = CODEC.stream_writer(IDENTITY, usage=True).write(ReplyDone(reply))
        again = read(made, headers=STREAM, request=own("hi").request, profile=PLAIN)[-1].reply
        assert (again.parts, again.finish) == (reply.parts, reply.finish)
        assert again.usage.total == reply.usage.total


def test_a_recorded_stream_goes_on_to_a_client_event_by_event():
    for exchange in STREAMS:
        *events, last = understood(exchange)
        assert "".join(e.text for e in events if isinstance(e, TextDelta)) == last.reply.text
        writer = CODEC.stream_writer(IDENTITY, usage=False)
        made = b"".join(map(writer.write, [*events, last]))
        again = read(made, headers=STREAM, request=own("hi").request, profile=PLAIN)[-1].reply
        assert (again.text, again.finish) == (last.reply.text, last.reply.finish)
        assert b'"usage"' not in made


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_recorded_streams_may_be_cut_anywhere(data):
    exchange = data.draw(st.sampled_from(STREAMS))
    body = exchange["response_body"].encode()
    if data.draw(st.booleans()):
        body = body.replace(b"\n", b"\r\n")
    places = data.draw(st.lists(st.integers(0, len(body)), max_size=8))
    how = {"headers": STREAM, "request": own("hi").request, "profile": PLAIN}
    assert read(body, places=places, **how) == read(body, **how)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_stream_that_is_garbled_is_never_an_empty_success(data):
    exchange = data.draw(st.sampled_from(STREAMS))
    body = bytearray(exchange["response_body"].encode())
    for place in data.draw(st.lists(st.integers(0, len(body) - 1), min_size=1, max_size=4)):
        body[place] = data.draw(st.integers(0, 255))
    how = {"headers": STREAM, "request": own("hi").request, "profile": PLAIN}
    try:
        events = read(bytes(body), **how)
    except BackendError:
        return
    assert events[-1].reply.parts


@pytest.mark.parametrize(
    ("prompt", "why"),
    [
        (["a", "b"], "several prompts"),
        ([[1, 2]], "several prompts"),
        ([1, 2], "list of tokens"),
        (None, "must be a text"),
        ([], "must be a text"),
    ],
)
def test_a_prompt_that_is_no_one_text_is_refused_with_a_hint(prompt, why):
    with pytest.raises(InputError, match=why) as caught:
        own(prompt)
    assert "prompt" in caught.value.hint
    for body in (b"[]", b"{", b'{"prompt": "x"}'):
        with pytest.raises(InputError):
            CODEC.read_request(body, {})


def test_a_client_is_told_of_an_error_and_of_no_end():
    error = BackendUnavailable("deployment 'd' failed", deployment="d")
    told = CODEC.stream_writer(IDENTITY, usage=False).fail(error)
    assert json.loads(told[6:])["error"]["message"] == "deployment 'd' failed"
    assert b"[DONE]" not in told
    assert CODEC.write_error(error)[0] == 502


def test_a_clients_prompt_is_a_users_message_to_every_other_format():
    request = own("Once", suffix="x", n=2, stream=True, stream_options={"include_usage": True})
    assert (request.streamed, request.usage_in_stream) == (True, True)
    (only,) = request.request.messages
    assert (only.role, only.text) == ("user", "Once")
    deployment = Deployment("d", "completions", Model("m"), Hosting.SELF)
    call = CODEC.encode(request.request, deployment, PROFILES["completions"], streamed=True)
    assert [lost.pointer for lost in call.lost] == ["/extra/n"]
