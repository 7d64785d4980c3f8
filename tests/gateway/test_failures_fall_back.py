"""A failure before the first content leaves no trace; after it, it is told and never hidden."""

import json
import threading
import urllib.error
import urllib.request

import pytest

from aihandler.testing import FakeServer, Scripted
from gateway.running import POLICY, deployments, gateway, written

TASK = """
tasks:
  chat:

    candidates: [near, far]
    limits: {attempts: 4, total_s: 20}
"""
ASKED = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "hi"}]


@pytest.fixture
def pair(tmp_path):
    with FakeServer("from near") as near, FakeServer("from far") as far:
        text = deployments({"near": near, "far": far}) + TASK + POLICY
        with gateway(written(tmp_path, text)) as url:
            yield url, near, far


def ask(url, model="chat", *, path="/v1/chat/completions", raw=None, **more):
    body = (
        raw if raw is not None else json.dumps({"model": model, "messages": ASKED, **more}).encode()
    )
    request = urllib.request.Request(url + path, data=body)
    try:
        with urllib.request.urlopen(request, timeout=20) as reply:
            return reply.status, reply.headers, reply.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers, error.read().decode()


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize(
    "fault",
    [
        Scripted(status=500),
        Scripted(status=503, headers={"retry-after": "60"}),
        Scripted(fault="drop"),
        Scripted(fault="garbage"),
        Scripted(fault="html"),
        Scripted("", fault="error_event"),
    ],
    ids=["500", "503", "drop", "garbage", "html", "error event"],
)
def test_a_failure_before_the_first_content_falls_back_without_a_trace(pair, fault, streamed):
    url, near, far = pair
    near._constant = fault
    status, headers, body = ask(url, stream=streamed)
    assert status == 200
    assert (
        "from far" in body.replace('"}}]}\n\ndata: ', "").replace("from f", "from f") or far.calls
    )
    assert "overloaded" not in body
    assert "near" not in body
    assert headers["x-aihandler-call"]
    if streamed:
        assert body.endswith("data: [DONE]\n\n")


@pytest.mark.parametrize("fault", ["cut", "error_event", "no_finish"])
def test_a_stream_that_breaks_after_content_ends_with_an_error(pair, fault):
    url, near, far = pair
    near._constant = Scripted("many words that come in pieces " * 3, fault=fault)
    status, _, body = ask(url, stream=True)
    assert status == 200
    assert "many" in body
    assert '"error"' in body
    assert "[DONE]" not in body
    assert far.calls == 0


def test_a_broken_stream_of_another_format_has_that_formats_error(pair):
    url, near, _ = pair
    near._constant = Scripted("many words that come in pieces " * 3, fault="cut")
    _, _, body = ask(url, path="/v1/messages", stream=True, max_tokens=9, messages=ASKED[1:])
    assert "event: error" in body
    assert "message_stop" not in body


def test_the_servers_own_refusal_reaches_who_asked_for_that_server(pair):
    url, near, _ = pair
    near._constant = Scripted(status=400)
    assert ask(url, "near")[0] == 400
    near._constant = Scripted(status=429, headers={"retry-after": "120"})
    status, headers, _ = ask(url, "near")
    assert (status, headers["retry-after"]) == (429, "120")


@pytest.mark.parametrize(
    ("status", "code", "said"),
    [
        (401, "invalid_api_key", "Incorrect API key provided"),
        (400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key."),
        (402, "unknown", "Insufficient Balance"),
        (429, "insufficient_quota", "You exceeded your current quota"),
        (400, "invalid_request_error", "Your credit balance is too low"),
    ],
)
def test_what_a_server_says_of_our_key_or_bill_is_ours(pair, status, code, said):
    url, near, _ = pair
    body = json.dumps({"error": {"message": said, "code": code}}).encode()
    near._constant = Scripted(status=status, body=body)
    got, headers, told = ask(url, "near")
    assert (got, headers["x-aihandler-error"]) == (502, "all_attempts_failed")
    assert code not in told


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"nonsense",
        b"[]",
        b'{"model": "near"}',
        b'{"model": "near", "messages": [{"role": "user", "content": 7}]}',
        b'{"model":"near","model":"far","messages":[{"role":"user","content":"hi"}]}',
        b"\xff\xfe",
        b"[" * 500_000,
        b'{"a":' * 200_000,
    ],
    ids=["empty", "words", "list", "no messages", "number", "twice", "bytes", "deep list", "deep"],
)
def test_what_is_no_request_is_refused_and_asks_nobody(pair, raw):
    url, near, far = pair
    status, _, body = ask(url, raw=raw)
    # What is too deep has too many parts, too, which is seen first.
    assert status == (413 if len(raw) > 100_000 else 400)
    assert json.loads(body)["error"]["message"]
    assert (near.calls, far.calls) == (0, 0)


def test_a_body_beyond_all_bounds_is_refused(pair):
    url, near, _ = pair
    status, _, _ = ask(url, raw=b" " * (33 * 1024 * 1024))
    assert status == 413
    assert near.calls == 0


def test_a_million_keys_hold_up_nobody(pair):
    url, _, _ = pair
    many = {f"k{n}": n for n in range(200_000)}
    slow = threading.Thread(target=lambda: ask(url, metadata=many))
    slow.start()
    assert ask(url)[0] == 200
    slow.join()


def test_a_last_turn_that_stays_wrong_says_who_made_it_and_what_it_cost(pair):
    url, near, _ = pair
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": '{"n": "x"}'}}
    message = {"role": "assistant", "content": None, "tool_calls": [call]}
    choice = {"index": 0, "message": message, "finish_reason": "tool_calls"}
    usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
    whole = {"id": "x", "model": "m", "choices": [choice], "usage": usage}
    near._constant = Scripted(body=json.dumps(whole).encode())
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
    tools = [{"type": "function", "function": {"name": "f", "parameters": schema}}]
    status, headers, _ = ask(url, "near", tools=tools)
    assert (status, headers["x-aihandler-validity"]) == (200, "invalid")
    assert (headers["x-aihandler-deployment"], headers["x-aihandler-reason"]) == ("near", "reask")
    # The deployment has no price.
    assert headers["x-aihandler-cost-usd"] is None
