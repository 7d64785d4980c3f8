"""A task that keeps its answers: equal requests are asked once, and nobody gets another's."""

import contextlib
import json
import sqlite3
import subprocess
import threading
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import anthropic
import openai
import pytest

from aihandler.domain.api_key import ApiKey
from aihandler.domain.labels import DataClass
from aihandler.gateway.admission import Asker, _asker
from aihandler.ledger import read_ledger
from aihandler.surroundings import SystemClock
from aihandler.testing import FakeServer, Scripted
from gateway.prometheus_pages import value
from gateway.running import POLICY, deployments, gateway, until, written
from gateway.serving import kill_hard, run, serving

CHAT = "/v1/chat/completions"
TASKS = """
tasks:
  kept: {output: {text: true}, candidates: [near, far], cache: {ttl_s: 3600}}
  plain: {output: {text: true}, candidates: [near]}
  sorted: {output: {label: [billing, bug]}, candidates: [near], cache: {ttl_s: 3600}}
"""
EVENTS = ("hit", "miss", "kept")
TALK = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "hi"}]
# What each format asks the same with, as a conversation that goes on as it is.
BODIES = {
    CHAT: {"messages": TALK},
    "/v1/messages": {"system": "Be brief.", "messages": TALK[1:], "max_tokens": 50},
    "/v1/responses": {"instructions": "Be brief.", "input": "hi"},
}


def send(url, path=CHAT, /, *, model="kept", headers=None, **body):
    asked = {"model": model, **(body or BODIES[path])}
    request = urllib.request.Request(url + path, json.dumps(asked).encode(), headers or {})
    try:
        with urllib.request.urlopen(request, timeout=30) as reply:
            return reply.status, reply.headers, reply.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers, error.read()


def state(reply):
    assert reply[0] == 200, reply[2]
    return reply[1]["x-aihandler-cache"]


@pytest.fixture
def near():
    with FakeServer("Hello there.") as server:
        yield server


@pytest.fixture
def far():
    with FakeServer("From afar.") as server:
        yield server


@pytest.fixture
def path(near, far, tmp_path):
    return written(tmp_path, deployments({"near": near, "far": far}) + TASKS + POLICY)


@pytest.fixture
def url(path):
    with gateway(path) as url:
        yield url


def test_the_second_of_two_equal_requests_costs_nothing_and_says_so(url, near):
    first, second = send(url), send(url)
    assert (state(first), state(second)) == ("miss", "hit")
    # One format, the same bytes.
    assert second[2] == first[2]
    assert near.calls == 1
    told = second[1]
    assert 0 <= int(told["age"]) < 30
    assert told["x-aihandler-reason"] == "cache"
    assert told["x-aihandler-deployment"] == "near"
    assert float(told["x-aihandler-cost-usd"]) == 0
    assert told["x-aihandler-call"] != first[1]["x-aihandler-call"]


def test_a_task_that_does_not_ask_for_it_keeps_nothing(url, near, tmp_path):
    assert [state(send(url, model="plain")) for _ in range(2)] == [None, None]
    assert near.calls == 2
    assert on_disk(tmp_path) == 0


@pytest.mark.parametrize("address", list(BODIES))
@pytest.mark.parametrize("order", ["whole first", "streamed first"])
def test_whole_and_streamed_are_one_question_in_each_format(url, near, address, order):
    streams = [order == "streamed first", order != "streamed first"] * 2
    replies = [send(url, address, **BODIES[address], stream=stream) for stream in streams]
    assert [state(reply) for reply in replies] == ["miss", "hit", "hit", "hit"]
    assert near.calls == 1
    told = {said(address, reply[2], how) for reply, how in zip(replies, streams, strict=True)}
    assert len(told) == 1


def said(path, body, streamed):
    """The words of an answer, and how it ended."""
    if not streamed:
        told = json.loads(body)
    elif path == CHAT:
        assert body.endswith(b"data: [DONE]\n\n")
        chunks = [json.loads(line[6:]) for line in body.splitlines() if line[:7] == b"data: {"]
        choices = [chunk["choices"][0] for chunk in chunks if chunk["choices"]]
        text = "".join(choice["delta"].get("content") or "" for choice in choices)
        return text, choices[-1]["finish_reason"]
    else:
        events = [json.loads(line[6:]) for line in body.splitlines() if line[:6] == b"data: "]
        if path == "/v1/responses":
            assert events[-1]["type"] == "response.completed"
            told = events[-1]["response"]
        else:
            deltas = [event["delta"] for event in events if "delta" in event]
            text = "".join(delta.get("text", "") for delta in deltas)
            return text, next(d["stop_reason"] for d in deltas if "stop_reason" in d)
    if path == CHAT:
        return told["choices"][0]["message"]["content"], told["choices"][0]["finish_reason"]
    if path == "/v1/messages":
        return told["content"][0]["text"], told["stop_reason"]
    return told["output"][0]["content"][0]["text"], told["status"]


@pytest.mark.parametrize("address", list(BODIES))
def test_a_hit_is_what_was_told_before_but_for_the_name_of_the_call(url, address):
    first, second = (json.loads(send(url, address)[2]) for _ in range(2))
    own = {"id", "created", "created_at", "completed_at"}
    if address == "/v1/responses":
        first["output"][0].pop("id")
        second["output"][0].pop("id")
    assert {k: v for k, v in first.items() if k not in own} == {
        k: v for k, v in second.items() if k not in own
    }


def test_each_format_has_answers_of_its_own_but_a_tasks_own_input_is_one(url, near):
    assert [state(send(url, path)) for path in BODIES] == ["miss"] * 3
    single = {
        CHAT: {"messages": TALK[1:], "max_tokens": 50},
        "/v1/messages": {"messages": TALK[1:], "max_tokens": 50},
        "/v1/responses": {"input": "hi", "max_output_tokens": 50},
    }
    states = [state(send(url, path, **body)) for path, body in single.items()]
    assert states == ["miss", "hit", "hit"]
    assert near.calls == 4


def test_the_clients_of_two_vendors_read_what_is_kept(url, near, tmp_path):
    with (
        openai.OpenAI(base_url=f"{url}/v1", api_key="any", max_retries=0) as chat,
        anthropic.Anthropic(base_url=url, api_key="any", max_retries=0) as claude,
    ):
        for _ in range(2):
            stream = chat.chat.completions.create(
                model="kept",
                messages=TALK,
                stream=True,
                stream_options={"include_usage": True},
            )
            chunks = list(stream)
            text = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
            assert text == "Hello there."
            assert chunks[-1].usage.completion_tokens > 0
            with claude.messages.stream(
                model="kept", system="Be brief.", messages=TALK[1:], max_tokens=50
            ) as told:
                message = told.get_final_message()
            assert message.content[0].text == "Hello there."
            assert message.usage.output_tokens > 0
            # A stream's last words are out a moment before its answer is kept.
            until(lambda: on_disk(tmp_path) == 2)
    assert near.calls == 2


def on_disk(folder):
    with contextlib.closing(sqlite3.connect(folder / ".aihandler/ledger.cache.sqlite")) as kept:
        return kept.execute("SELECT count(*) FROM answer").fetchone()[0]


@pytest.mark.parametrize(
    "more",
    [
        {"temperature": 0.5},
        {"max_tokens": 7},
        {"seed": 1},
        {"messages": [*TALK, {"role": "assistant", "content": ""}, TALK[1]]},
        {"messages": [TALK[0], {"role": "user", "content": "hi "}]},
        {"tools": [{"type": "function", "function": {"name": "f", "parameters": {}}}]},
        {"some_future_field": 1},
    ],
    ids=lambda more: next(iter(more)),
)
def test_another_request_is_asked(url, near, more):
    assert state(send(url)) == "miss"
    assert state(send(url, **{"messages": TALK, **more})) == "miss"
    assert near.calls == 2


@pytest.mark.parametrize(
    "more",
    [{"user": "ann"}, {"metadata": {"a": "b"}}, {"stream_options": {"include_usage": True}}],
    ids=lambda more: next(iter(more)),
)
def test_what_no_answer_depends_on_makes_no_other_request(url, near, more):
    assert state(send(url)) == "miss"
    assert state(send(url, messages=TALK, **more, stream="stream_options" in more)) == "hit"
    assert near.calls == 1


def test_a_client_may_ask_anew_or_leave_no_trace(url, near):
    def asked(said=None):
        return state(send(url, headers={"Cache-Control": said} if said else {}))

    assert [asked("no-store"), asked()] == ["off", "miss"]
    near._constant = Scripted("Newer.")
    assert [asked("max-age=0, No-Cache"), asked(), asked("no-store")] == ["miss", "hit", "off"]
    assert b"Newer." in send(url)[2]
    assert near.calls == 4


@pytest.mark.parametrize(
    "scripted",
    [
        Scripted("cut off", finish="length"),
        Scripted("I may not", finish="content_filter"),
        Scripted(status=500),
    ],
    ids=lambda scripted: scripted.finish if scripted.status == 200 else "failed",
)
@pytest.mark.parametrize("stream", [False, True])
def test_what_is_not_whole_and_valid_is_not_kept(path, near, far, scripted, stream):
    near._constant = far._constant = scripted
    with gateway(path) as url:
        send(url, messages=TALK, stream=stream)
        near._constant = Scripted("well again")
        assert state(send(url, messages=TALK, stream=stream)) == "miss"


def test_a_stream_that_broke_is_not_kept(url, near):
    near._constant = Scripted("many words in several pieces " * 3, fault="cut")
    assert b'"error"' in send(url, messages=TALK, stream=True)[2]
    near._constant = Scripted("whole")
    assert state(send(url, messages=TALK, stream=True)) == "miss"


def test_a_call_of_a_tool_is_not_kept(url, near):
    call = {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    message = {"role": "assistant", "content": None, "tool_calls": [call]}
    choice = {"index": 0, "message": message, "finish_reason": "tool_calls"}
    body = json.dumps({"id": "x", "object": "chat.completion", "choices": [choice]}).encode()
    near._constant = Scripted(body=body)
    tools = [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}]
    assert [state(send(url, messages=TALK, tools=tools)) for _ in range(2)] == ["miss", "miss"]
    assert near.calls == 2


def test_an_invalid_answer_is_not_kept(url, near):
    assert send(url, model="sorted")[0] == 422
    near._constant = Scripted("billing")
    assert [state(send(url, model="sorted")) for _ in range(2)] == ["miss", "hit"]


def test_a_request_that_names_what_lies_elsewhere_is_always_asked(url, near):
    more = {**BODIES["/v1/messages"], "container": "container_1"}
    states = [state(send(url, "/v1/messages", **more)) for _ in range(2)]
    assert states == ["miss", "miss"]


class Askers:
    """Lets in by a header who a test says."""

    def __init__(self, **keys):
        self.keys = {
            name: _asker(ApiKey(id=name, prefix=name, name=name, **settings))
            for name, settings in keys.items()
        }

    def admit(self, headers) -> Asker:
        return self.keys[headers["x-who"]]


def test_an_answer_is_shared_in_a_team_and_with_nobody_else(path, near):
    askers = Askers(
        ann={"team": "web"},
        bob={"team": "web"},
        cid={"team": "web", "project": "x"},
        dan={"team": "ops"},
        eve={},
        fay={},
        web={},
        gil={"team": "web", "tenant": "other"},
    )
    with gateway(path, admission=askers) as url:
        states = [state(send(url, headers={"x-who": name})) for name in askers.keys]
    assert states == ["miss", "hit", *["miss"] * 6]
    assert near.calls == 7


def test_an_answer_stays_in_its_class(url, near):
    states = [
        state(send(url, headers={"x-aihandler-class": name}))
        for name in ("internal", "public", "internal", "public")
    ]
    assert states == ["miss", "miss", "hit", "hit"]


def test_whoever_may_use_fewer_deployments_gets_answers_of_these_alone(path, near, far):
    askers = Askers(wide={"team": "web"}, narrow={"team": "web", "deployments": ("far",)})
    with gateway(path, admission=askers) as url:
        assert b"Hello there." in send(url, headers={"x-who": "wide"})[2]
        reply = send(url, headers={"x-who": "narrow"})
        assert (state(reply), b"From afar." in reply[2]) == ("miss", True)
        assert b"Hello there." in send(url, headers={"x-who": "wide"})[2]


def test_a_key_without_the_right_gets_no_hit_either(path, near):
    askers = Askers(
        ann={"team": "web"},
        tasks={"team": "web", "tasks": ("plain",)},
        low={"team": "web", "ceiling": DataClass.PUBLIC},
    )
    with gateway(path, admission=askers) as url:
        assert state(send(url, headers={"x-who": "ann"})) == "miss"
        assert send(url, headers={"x-who": "tasks"})[0] == 403
        assert send(url, headers={"x-who": "low"})[0] == 403
    assert near.calls == 1


def test_of_equal_requests_at_once_one_is_asked(path, near):
    free = threading.Event()

    def slowly(_request):
        free.wait(10)
        return "at last"

    near._script = slowly
    with gateway(path) as url, ThreadPoolExecutor(5) as pool:
        asked = [pool.submit(send, url) for _ in range(5)]
        until(lambda: near.calls)
        free.set()
        states = sorted(state(one.result()) for one in asked)
    assert states == ["hit"] * 4 + ["miss"]
    assert near.calls == 1


def test_a_broken_store_is_a_miss_and_never_an_error(path, near, tmp_path):
    kept = tmp_path / ".aihandler/ledger.cache.sqlite"
    kept.parent.mkdir()
    kept.write_bytes(b"no database at all" * 500)
    with gateway(path) as url:
        assert [state(send(url)) for _ in range(2)] == ["miss", "miss"]
    assert near.calls == 2


def test_an_answer_that_was_changed_on_the_disk_is_not_told(path, near, tmp_path):
    place = tmp_path / ".aihandler/ledger.cache.sqlite"
    with gateway(path) as url:
        assert state(send(url)) == "miss"
        with contextlib.closing(sqlite3.connect(place, isolation_level=None)) as kept:
            kept.execute("DROP TRIGGER answer_leaves")
            kept.execute("UPDATE answer SET body = x'00'")
        assert [state(send(url)) for _ in range(2)] == ["miss", "hit"]
    assert near.calls == 2


def test_the_ledger_says_where_an_answer_came_from(url, path, near, tmp_path):
    first, second = (send(url)[1]["x-aihandler-call"] for _ in range(2))
    with urllib.request.urlopen(f"{url}/v1/calls/{second}") as reply:
        told = json.loads(reply.read())
    assert told["attempts"] == []
    assert told["cached"]["source"] == first
    assert told["could_go"] == ["far", "near"]
    shown = run(tmp_path, "show", second)
    assert "from the cache: what near said (exact)" in shown
    assert f"in call {first}" in shown
    assert "nobody was asked" in shown
    with contextlib.closing(sqlite3.connect(tmp_path / ".aihandler/ledger.sqlite")) as ledger:
        assert ledger.execute("SELECT count(*) FROM entry").fetchone() == (1,)
    with read_ledger(tmp_path / ".aihandler/ledger.sqlite", clock=SystemClock()) as archive:
        (row,) = archive.queries.costs("task")
    assert (row.calls, row.attempts) == (1, 1)


def test_what_is_forgotten_while_a_gateway_runs_is_told_no_more(url, near, tmp_path):
    call = send(url)[1]["x-aihandler-call"]
    assert state(send(url)) == "hit"
    assert holding("Hello there.", tmp_path)
    run(tmp_path, "forget", "--call", call)
    assert holding("Hello there.", tmp_path) == []
    assert state(send(url)) == "miss"


def holding(text, folder):
    """Files of the cache with this text. Not read here: closing a file of a database lets go of
    the locks that the gateway in this process has on it."""
    found = subprocess.run(
        ["grep", "-l", "-r", text, str(folder / ".aihandler")],
        capture_output=True,
        text=True,
        check=False,
    )
    return [line for line in found.stdout.splitlines() if ".cache." in line]


def test_vectors_are_kept_too(tmp_path):
    with FakeServer() as server:
        text = (
            "version: 1\ndeployments:\n  near: {backend: openai, url: "
            f'"{server.url}", model: m, hosting: self, serves: embeddings}}\n'
            "tasks:\n  place: {output: {embedding: true}, candidates: near, cache: {ttl_s: 9}}\n"
        )
        with gateway(written(tmp_path, text + POLICY)) as url:
            replies = [
                send(url, "/v1/embeddings", model="place", input=said) for said in ("a", "a", "b")
            ]
    assert [state(reply) for reply in replies] == ["miss", "hit", "miss"]
    assert replies[0][2] == replies[1][2]
    assert len(server.requests) == 2


def asked(served, heads=None):
    body = json.dumps({"model": "kept", "messages": TALK}).encode()
    status, headers, said = served.send(CHAT, body)
    if heads is not None:
        heads.append(headers)
    return status, headers["x-aihandler-cache"], said


def told(served, call):
    return json.loads(served.send(f"/v1/calls/{call}")[2])


def test_a_hit_counts_as_a_request_without_tokens_and_passes_no_switch(near, far, tmp_path):
    limits = "limits: [{task: kept, requests_per_minute: 4, tokens_per_minute: 1300}]\n"
    written(tmp_path, deployments({"near": near, "far": far}) + TASKS + POLICY + limits)
    with serving(tmp_path, "--insecure-local") as served:
        heads = []
        replies = [asked(served, heads) for _ in range(5)]
        # Each reserves more than 500 tokens before anything is known of it.
        assert [reply[:2] for reply in replies] == [(200, "miss")] + [(200, "hit")] * 3 + [
            (429, None)
        ]
        assert b"4 requests a minute" in replies[4][2]
        first, second = (headers["x-aihandler-call"] for headers in heads[:2])
        # A worker's hits come into the ledger by its spool.
        assert told(served, second)["cached"]["source"] == first
        run(tmp_path, "kill", "task", "kept", "--reason", "test")
        until(lambda: asked(served)[0] == 503, within_s=10)
    assert near.calls == 1


@pytest.mark.nightly
def test_all_workers_have_the_same_answers_and_keep_them_when_they_die(path, near):
    with serving(path.parent, "--insecure-local", "--workers", "2") as served:
        assert asked(served)[1] == "miss"
        assert {asked(served)[1] for _ in range(20)} == {"hit"}
        page = served.send("/metrics")[2]
        seen = [value(page, "aihandler_cache_total", task="kept", event=e) for e in EVENTS]
        assert seen == [20, 1, 1]
        for worker in served.workers():
            kill_hard(worker)
        until(lambda: len(served.workers()) == 2, within_s=20)
        until(lambda: asked(served)[0] == 200, within_s=20)
        assert asked(served)[1] == "hit"
        assert near.calls == 1
        run(path.parent, "kill", "deployment", "near", "--reason", "test")
        until(lambda: b"From afar." in asked(served)[2], within_s=10)
    run(path.parent, "revive", "deployment", "near")
    with serving(path.parent, "--insecure-local") as served:
        assert asked(served)[:2] == (200, "hit")
