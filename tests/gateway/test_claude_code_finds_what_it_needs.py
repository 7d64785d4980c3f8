"""Claude Code before a gateway: its probes, its fields and its ways out, before both formats."""

import json
import os

import anthropic
import pytest

from aihandler.domain.api_key import ApiKey
from aihandler.gateway.admission import KeyRing
from aihandler.ledger.keys import StoredKey, new_token, token_digest
from aihandler.testing import FakeClock, FakeServer, Scripted
from gateway import claude_code, messages_upstream
from gateway.claude_code import BEGUN, CALLED, RESULT, blocks, events, request, send
from gateway.messages_upstream import calling, text, upstream
from gateway.running import POLICY, gateway, written

CONFIGURATION = """
version: 1
deployments:
  far: {{backend: anthropic, url: "{far}", model: far-1, hosting: self}}
  near: {{backend: openai, url: "{near}", model: near-1, hosting: self, profile: openai}}
aliases: {{claude-sonnet-4-6: far, claude-haiku-4-5: near}}
"""
THOUGHT = {"type": "thinking", "thinking": "A file, then.", "signature": "c2lnbmVk"}
CALL = calling("Read", {"file_path": "/note.txt"})
SECOND_TURN = [
    *BEGUN,
    {"role": "assistant", "content": [THOUGHT, text("I look."), CALLED]},
    {"role": "user", "content": [RESULT]},
]


class Servers:
    def __init__(self, url, far, near) -> None:
        self.url = url
        self.far = far
        self.near = near


@pytest.fixture
def servers(tmp_path):
    with upstream(lambda _: "Plums.") as far, FakeServer("Plums.") as near:
        text = CONFIGURATION.format(far=far.url, near=near.url) + POLICY
        with gateway(written(tmp_path, text)) as url:
            yield Servers(url, far, near)


def test_its_first_looks_are_answered_without_a_key(servers):
    for path in ("/", "/api/hello"):
        status, _, body = send(servers.url, path, method="HEAD", authorization="")
        assert (status, body) == (200, b""), path


def test_its_list_of_models_has_names_that_it_takes(servers):
    status, _, body = send(servers.url, "/v1/models?limit=1000")
    listed = json.loads(body)
    taken = [row for row in listed["data"] if row["id"].startswith("claude")]
    assert (status, listed["has_more"]) == (200, False)
    assert [row["display_name"] for row in taken] == ["claude-haiku-4-5", "claude-sonnet-4-6"]


@pytest.mark.parametrize("model", ["claude-sonnet-4-6", "claude-haiku-4-5"])
def test_its_tokens_are_counted(servers, model):
    asked = {k: v for k, v in request(model=model).items() if k not in ("stream", "max_tokens")}
    status, _, body = send(servers.url, "/v1/messages/count_tokens?beta=true", body=asked)
    assert status == 200
    assert 20 < json.loads(body)["input_tokens"] < 500
    assert servers.far.heard == []


def test_either_header_may_carry_its_key(tmp_path):
    token, prefix = new_token(os.urandom)
    key = ApiKey(id="1", prefix=prefix, name="ann")
    ring = KeyRing(b"pepper", clock=FakeClock())
    ring.renew([StoredKey(key, token_digest(b"pepper", token))])
    with upstream(lambda _: "Plums.") as far:
        text = CONFIGURATION.format(far=far.url, near=far.url) + POLICY
        with gateway(written(tmp_path, text), admission=ring) as url:
            assert send(url, body=request(), authorization="")[0] == 401
            assert send(url, body=request(), authorization=f"Bearer {token}")[0] == 200
            assert send(url, body=request(), authorization="", x_api_key=token)[0] == 200
    assert not any(token in str(heard.headers) for heard in far.heard)


def test_before_anthropic_its_body_goes_on_as_it_is(servers):
    status, _, body = send(servers.url, body=request(SECOND_TURN))
    assert status == 200
    (heard,) = servers.far.heard
    expected = json.dumps(request(SECOND_TURN, model="far-1")).encode()
    assert heard.raw == expected
    assert heard.headers["anthropic-beta"] == claude_code.BETAS
    assert heard.headers["anthropic-version"] == "2023-06-01"
    assert body == messages_upstream.streamed(messages_upstream.message([text("Plums.")], "far-1"))


def test_before_anthropic_a_whole_conversation_works(servers):
    servers.far.speaks = lambda asked: (
        [THOUGHT, text("I look."), CALL] if len(asked["messages"]) == 1 else "Plums."
    )
    first = blocks(send(servers.url, body=request())[2])
    assert [block["type"] for block in first] == ["thinking", "text", "tool_use"]
    assert json.loads(first[2]["input"]) == {"file_path": "/note.txt"}
    assert blocks(send(servers.url, body=request(SECOND_TURN))[2])[0]["text"] == "Plums."


def test_before_openai_a_whole_conversation_works(servers):
    function = {"name": "Read", "arguments": '{"file_path": "/note.txt"}'}
    call = {"index": 0, "id": "toolu_1", "type": "function", "function": function}
    servers.near._script = lambda asked: (
        "Plums." if any(m["role"] == "tool" for m in asked["messages"]) else streaming(call)
    )
    first = send(servers.url, body=request(model="claude-haiku-4-5"))[2]
    (block,) = blocks(first)
    assert (block["type"], block["name"], block["id"]) == ("tool_use", "Read", "toolu_1")
    assert json.loads(block["input"]) == {"file_path": "/note.txt"}
    assert events(first)[-2]["delta"]["stop_reason"] == "tool_use"
    status, _, second = send(servers.url, body=request(SECOND_TURN, model="claude-haiku-4-5"))
    assert status == 200
    assert blocks(second)[0]["text"] == "Plums."
    said = servers.near.requests[-1]
    assert [message["role"] for message in said["messages"]] == [
        "system",
        "user",
        "assistant",
        "tool",
    ]
    assert said["messages"][2]["tool_calls"][0]["id"] == "toolu_1"
    assert said["tools"][0]["function"]["parameters"] == claude_code.READ["input_schema"]
    # What another format has no place for is left out, not sent along.
    assert not {"metadata", "context_management", "output_config", "thinking"} & set(said)


def streaming(call):
    delta = {"role": "assistant", "content": None, "tool_calls": [call]}
    chunks = [{"delta": delta, "finish_reason": None}, {"delta": {}, "finish_reason": "tool_calls"}]
    lines = [
        json.dumps({"object": "chat.completion.chunk", "choices": [{"index": 0, **chunk}]})
        for chunk in chunks
    ]
    body = "".join(f"data: {line}\n\n" for line in [*lines, "[DONE]"]).encode()
    return Scripted(body=body, headers={"content-type": "text/event-stream"})


@pytest.mark.parametrize(
    ("status", "kind", "said"),
    [
        (400, "invalid_request_error", "prompt is too long: 210000 tokens > 200000 maximum"),
        (400, "invalid_request_error", "messages.1.content.0: Invalid `signature` in `thinking`"),
        (404, "not_found_error", "model: far-1"),
        (413, "request_too_large", "Request exceeds the maximum size"),
        (429, "rate_limit_error", "This request would exceed your rate limit"),
        (529, "overloaded_error", "Overloaded"),
    ],
)
@pytest.mark.parametrize("streamed", [True, False])
def test_the_servers_own_words_reach_it(servers, streamed, status, kind, said):
    told = messages_upstream.error(status, kind, said, retry_after="60")
    servers.far.speaks = lambda _: told
    long = [{"role": "user", "content": "many words " * 30_000}]
    got, headers, body = send(servers.url, body=request(long, stream=streamed))
    assert (got, body) == (status, told[2])
    assert headers["retry-after"] == "60"


def test_the_servers_words_do_not_reach_it_where_they_hold_our_key(tmp_path, monkeypatch):
    monkeypatch.setenv("FAR_KEY", "far-secret-0123456789")
    told = messages_upstream.error(400, "invalid_request_error", "see far-secret-0123456789")
    with upstream(lambda _: told) as far:
        text = CONFIGURATION.replace("model: far-1", 'model: far-1, key: "${{FAR_KEY}}"')
        text = text.format(far=far.url, near=far.url) + POLICY
        with gateway(written(tmp_path, text)) as url:
            status, _, body = send(url, body=request())
    assert status == 400
    assert b"far-secret" not in body


def test_a_servers_refusal_of_our_key_is_ours(servers):
    servers.far.speaks = lambda _: messages_upstream.error(401, "authentication_error", "bad key")
    status, _, body = send(servers.url, body=request())
    assert status == 502
    assert json.loads(body)["error"]["type"] == "api_error"


def test_a_context_that_is_too_small_is_told_in_the_words_that_it_knows(servers):
    said = {"message": "maximum context length is 128000", "code": "context_length_exceeded"}
    body = json.dumps({"error": said}).encode()
    servers.near._constant = Scripted(status=400, body=body)
    status, headers, told = send(servers.url, body=request(model="claude-haiku-4-5"))
    error = json.loads(told)["error"]
    assert (status, error["type"]) == (400, "invalid_request_error")
    assert error["message"].startswith("prompt is too long")
    assert headers["x-aihandler-error"] == "context_exceeded"


def test_its_library_shows_the_call_by_which_users_can_look_it_up(servers):
    with anthropic.Anthropic(base_url=servers.url, auth_token="any", api_key=None) as client:
        asked = {"max_tokens": 9, "messages": BEGUN}
        reply = client.messages.with_raw_response.create(model="far", **asked)
        assert reply.request_id == reply.headers["x-aihandler-call"]
        servers.far.speaks = lambda _: messages_upstream.error(400, "invalid_request_error", "no")
        with pytest.raises(anthropic.BadRequestError) as caught:
            client.messages.create(model="far", **asked)
        assert caught.value.request_id == caught.value.response.headers["x-aihandler-call"]
