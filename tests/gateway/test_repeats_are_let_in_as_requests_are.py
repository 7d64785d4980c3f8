"""A repeat asks nobody, and is let in as any other request of its asker."""

import json
import time

import pytest

from aihandler.domain.api_key import Switch
from aihandler.domain.inspection import Finding
from aihandler.domain.labels import DataClass
from aihandler.domain.rules import Key
from aihandler.gateway.admission import Asker
from aihandler.gateway.rates import Rate, Rates
from aihandler.gateway.windows import Windows, make_windows
from aihandler.testing import FakeClock, FakeServer
from gateway.prometheus_pages import value
from gateway.running import POLICY, deployments, gateway, written
from gateway.serving import run, serving, until
from gateway.test_repeats_are_answered_once import CHAT, ask

CONFIDENTIAL = DataClass.CONFIDENTIAL
TASKS = ("one", "other")
CACHE = ", cache: {ttl_s: 60}"
ANSWERED = "aihandler_requests_total"
MORE = "  confidential: {hosting: [self]}\n"


class Raises:
    """Finds confidential data in everything."""

    name, version = "names", "1"

    async def inspect(self, _material):
        return Finding(CONFIDENTIAL)


class Bounded:
    """Lets in one asker, with its ceiling and rates as they are just then."""

    ceiling = DataClass.RESTRICTED
    rates = ()

    def admit(self, _headers):
        return Asker("a", key=Key("a", ceiling=self.ceiling), rates=self.rates)


@pytest.fixture
def near():
    with FakeServer("Hello there.") as server:
        yield server


@pytest.fixture
def path(near, tmp_path):
    text = deployments({"near": near}).replace("profile: vllm", "profile: vllm, provider: acme")
    return written(tmp_path, text + POLICY + MORE)


def switch(serving, kind, name=""):
    serving.renew([Switch(kind, name, "why not", "me", time.time())])


@pytest.mark.parametrize(
    ("kind", "name"), [("all", ""), ("key", "a"), ("task", "model/near"), ("class", "internal")]
)
def test_who_may_not_be_answered_gets_no_answer_of_before(path, near, kind, name):
    into = []
    with gateway(path, admission=Bounded(), into=into) as url:
        assert ask(url, "one")[0] == 200
        switch(into[0], kind, name)
        status, headers, _ = ask(url, "one")
        assert (status, headers["x-aihandler-error"]) == (503, "switched_off")
        into[0].renew([])
        assert ask(url, "one")[1]["idempotent-replayed"] == "true"
    assert near.calls == 1


@pytest.mark.parametrize(
    ("kind", "name"), [("deployment", "near"), ("provider", "acme"), ("model", "near-1")]
)
def test_who_answered_may_be_switched_off_since(path, near, kind, name):
    into = []
    with gateway(path, into=into) as url:
        first = ask(url, "one")
        switch(into[0], kind, name)
        again = ask(url, "one")
        assert (again[0], again[2]) == (200, first[2])
        assert ask(url, "two")[0] == 503
    assert near.calls == 1


@pytest.mark.parametrize("where", ["inspectors", "looks"])
def test_a_class_that_content_raised_holds_for_repeats_too(path, near, where):
    into, admission = [], Bounded()
    with gateway(path, admission=admission, into=into, **{where: [Raises()]}) as url:
        assert ask(url, "one")[0] == 200
        switch(into[0], "class", "confidential")
        assert ask(url, "one")[0] == 503
        into[0].renew([])
        admission.ceiling = DataClass.INTERNAL
        status, headers, _ = ask(url, "one")
        assert (status, headers["x-aihandler-error"]) == (403, "policy_denied")
        admission.ceiling = CONFIDENTIAL
        assert ask(url, "one")[1]["idempotent-replayed"] == "true"
    assert near.calls == 1


@pytest.mark.parametrize("path_of", ["/v1/chat/completions", "/v1/messages"])
def test_a_repeat_counts_as_a_request_and_in_no_tokens(path, near, tmp_path, path_of):
    make_windows(tmp_path / "windows", workers=1)
    clock, windows = FakeClock(), Windows(tmp_path / "windows", slot=0)
    admission = Bounded()
    admission.rates = (Rate("key:a", requests=3, tokens=200),)
    rates = Rates(windows, clock=clock)
    with gateway(path, admission=admission, rates=rates) as url:
        asked = [ask(url, "one", path=path_of, max_tokens=150) for _ in range(3)]
        assert [status for status, _, _ in asked] == [200] * 3
        assert windows.total("key:a", clock.wall())[0] == 3
        status, headers, _ = ask(url, "one", path=path_of, max_tokens=150)
        assert (status, headers["x-aihandler-error"]) == (429, "rate_limited")
        assert int(headers["retry-after"]) >= 1
        clock.advance(61)
        # A minute without tokens left has room for what takes none.
        windows.add("key:a", clock.wall(), tokens=200)
        assert ask(url, "one", path=path_of, max_tokens=150)[0] == 200
    assert near.calls == 1


@pytest.mark.parametrize(
    "header", ["anthropic-beta", "anthropic-version", "x-aihandler-class", "x-data-class"]
)
def test_a_header_that_changes_the_answer_makes_it_another_request(path, near, header):
    said = {"anthropic-beta": "context-1m-2025-08-07", "anthropic-version": "2023-06-01"}
    more = said.get(header, "confidential")
    with gateway(path) as url:
        asked = {"path": "/v1/messages", "max_tokens": 9}
        assert ask(url, "one", **asked)[0] == 200
        status, headers, _ = ask(url, "one", headers={header: more}, **asked)
        assert (status, headers["x-aihandler-error"]) == (422, "idempotency_key_used")
    assert near.calls == 1


def test_repeats_are_counted_by_task_and_cost_nothing(near, tmp_path):
    text = deployments({"near": near}) + POLICY
    tasks = "".join(f"  {name}: {{candidates: [near]{CACHE}}}\n" for name in ("one", "other"))
    written(tmp_path, f"{text}tasks:\n{tasks}")
    with serving(tmp_path, "--insecure-local") as served:

        def asked(key, task):
            body = json.dumps({"model": task, "messages": [{"role": "user", "content": "hi"}]})
            headers = {"Idempotency-Key": key}
            return served.send("/v1/chat/completions", body.encode(), headers=headers)

        # Asked, kept and repeated; then found for another key, and that repeated.
        replies = [asked(key, "one") for key in ("a", "a", "b", "b", "b")][1:]
        assert [one[1]["idempotent-replayed"] for one in replies] == ["true", None, "true", "true"]
        assert [one[1]["x-aihandler-cache"] for one in replies] == ["miss", "hit", "hit", "hit"]
        assert asked("c", "other")[0] == 200
        # What is counted at the end of a request may come a moment after its answer.
        until(lambda: value(served.send("/metrics")[2], ANSWERED, route=CHAT, status="200") == 6)
        page = served.send("/metrics")[2]
    counted = {
        name: [value(page, f"aihandler_{name}_total", task=task, **more) for task in TASKS]
        for name, more in (("repeats", {}), ("attempts", {}), ("cache", {"event": "hit"}))
    }
    assert counted == {"repeats": [3, 0], "attempts": [1, 1], "cache": [1, 0]}
    assert near.calls == 2
    rows = json.loads(run(tmp_path, "costs", "--by", "task", "--json"))
    costs = {row["key"]: row for row in rows}
    assert [costs[task]["attempts"] for task in TASKS] == [1, 1]
    assert [row and row["calls"] for row in (costs[task]["from_cache"] for task in TASKS)] == [
        1,
        None,
    ]
