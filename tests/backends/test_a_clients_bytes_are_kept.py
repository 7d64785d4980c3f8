"""What a client sends in a deployment's own format goes on byte for byte, but for what is named."""

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aihandler.backends import AnthropicMessages, OpenAIChat, load_profiles
from aihandler.backends.relay import Relay
from aihandler.backends.splice import splice
from aihandler.domain.answer import WireChunk
from aihandler.domain.deployment import Deployment, Hosting, Model
from aihandler.errors import InputError

PROFILES = load_profiles()
CLAUDE = Deployment("d", "anthropic", Model("claude"), Hosting.SELF)


def test_only_the_model_changes():
    body = b'{ "messages" : [1.0, {"b":2,"a":"\\u00e9"}],\n "model":"triage" , "x":null}'
    assert splice(body, {"model": b'"gpt"'}) == body.replace(b'"triage"', b'"gpt"')


def test_a_member_that_is_missing_is_added_in_front():
    assert splice(b'{"a":1}', {"model": b'"m"'}) == b'{"model":"m","a":1}'
    assert splice(b" { } ", {"model": b'"m"'}) == b' {"model":"m" } '


def test_a_name_that_stands_elsewhere_too_is_not_mistaken():
    body = b'{"tools":[{"model":"triage"}],"s":"\\"model\\":\\"triage\\"","model":"triage"}'
    changed = splice(body, {"model": b'"gpt"'})
    assert changed == body[: -len(b'"triage"}')] + b'"gpt"}'


def test_a_key_that_is_written_with_escapes_is_found():
    body = rb'{"mod\u0065l":"a","z":1}'
    assert splice(body, {"model": b'"b"'}) == rb'{"mod\u0065l":"b","z":1}'


@pytest.mark.parametrize("body", [b'{"model":"a","model":"b"}', rb'{"model":"a","mod\u0065l":"b"}'])
def test_a_member_that_stands_twice_is_refused(body):
    with pytest.raises(InputError, match="twice"):
        splice(body, {"model": b'"c"'})


@pytest.mark.parametrize("body", [b"[]", b"nonsense", b'{"model":', b"\xff"])
def test_what_is_no_object_is_refused(body):
    with pytest.raises(InputError):
        splice(body, {"model": b'"c"'})


values = st.recursive(
    st.none() | st.integers() | st.text() | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: (
        st.lists(inner) | st.dictionaries(st.sampled_from(["model", "a", "stream_options"]), inner)
    ),
    max_leaves=10,
)


@given(
    members=st.dictionaries(st.sampled_from(["model", "stream_options", "a", "b"]), values),
    indent=st.sampled_from([None, 2]),
    ascii_only=st.booleans(),
)
def test_everything_else_keeps_its_value(members, indent, ascii_only):
    body = json.dumps(members, indent=indent, ensure_ascii=ascii_only).encode()
    new = {"model": b'"m"', "stream_options": b'{"include_usage":true}'}
    expected = {**members, "model": "m", "stream_options": {"include_usage": True}}
    assert json.loads(splice(body, new)) == expected


SIGNED = json.dumps(
    {
        "model": "task-name",
        "max_tokens": 64,
        "messages": [
            {"role": "user", "content": "hi"},
            {
                "role": "assistant",
                "content": [{"type": "thinking", "thinking": "h", "signature": "s+/="}],
            },
            {"role": "user", "content": "on"},
        ],
    },
    indent=1,
)


def client_of(codec, body, headers=None):
    request = codec.read_request(body, headers or {}).request
    return msgspec.structs.replace(request, raw=body)


def test_a_request_of_a_deployments_own_format_goes_on_as_it_came():
    codec, body = AnthropicMessages(), SIGNED.encode()
    request = client_of(codec, body, {"anthropic-beta": "x-1", "anthropic-version": "2024-01-01"})
    call = codec.pass_on(request, CLAUDE, PROFILES["anthropic"], streamed=False).call
    assert call.body == body.replace(b'"task-name"', b'"claude"')
    assert dict(call.headers)["anthropic-beta"] == "x-1"
    assert dict(call.headers)["anthropic-version"] == "2024-01-01"


@pytest.mark.parametrize(
    ("options", "hides"),
    [(None, True), ({"include_usage": False}, True), ({"include_usage": True}, False)],
)
def test_a_stream_is_asked_for_its_token_counts(options, hides):
    body = json.dumps(
        {"model": "t", "stream_options": options, "messages": [{"role": "user", "content": "hi"}]}
    )
    codec = OpenAIChat()
    passed = codec.pass_on(
        client_of(codec, body.encode()), CLAUDE, PROFILES["openai"], streamed=True
    )
    assert json.loads(passed.call.body)["stream_options"]["include_usage"] is True
    assert passed.hides_usage is hides


CHUNKS = [
    b'data: {"choices":[{"delta":{"content":"Hi"}}],"usage":null}\n\n',
    b'data: {"choices":[{"delta":{},"finish_reason":"stop"}],"usage":null}\n\n',
    b'data: {"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2}}\n\n',
    b"data: [DONE]\n\n",
]


@pytest.mark.parametrize("size", [1, 7, 64, 1000])
def test_the_counts_that_only_we_asked_for_are_not_passed_on(size):
    stream = b"".join(CHUNKS)
    pieces = [stream[at : at + size] for at in range(0, len(stream), size)]
    hiding, plain = Relay(hides_usage=True), Relay(hides_usage=False)
    assert b"".join([*map(hiding.feed, pieces), hiding.end()]) == stream.replace(CHUNKS[2], b"")
    assert b"".join([*map(plain.feed, pieces), plain.end()]) == stream


def test_bytes_come_back_as_they_came(with_server):
    async def use(bench, server):
        body = b'{"model":"any", "messages":[{"role":"user","content":"hi"}],"odd":[1.50]}'
        request = client_of(OpenAIChat(), body)
        reply = await bench.ask(request)
        assert json.loads(reply.raw)["choices"][0]["message"]["content"] == reply.text
        events = await bench.ask_streamed(request)
        wire = b"".join(event.data for event in events if isinstance(event, WireChunk))
        assert wire.endswith(b"data: [DONE]\n\n")
        assert b'"content"' in wire
        assert server.requests[0]["odd"] == [1.5]

    with_server("Hello.", use)


def test_a_member_that_is_written_with_escapes_hides_behind_no_other():
    body = b'{"mod\\u0065l": "chat", "metadata": {"model": "chat"}}'
    assert json.loads(splice(body, {"model": b'"m-1"'})) == {
        "model": "m-1",
        "metadata": {"model": "chat"},
    }
