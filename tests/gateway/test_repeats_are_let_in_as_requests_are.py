"""A repeat asks nobody, and is let in as any other request of its asker."""

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
from gateway.running import POLICY, deployments, gateway, written
from gateway.test_repeats_are_answered_once import ask

CONFIDENTIAL = DataClass.CONFIDENTIAL
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


@pytest.mark.parametrize("header", ["anthropic-beta", "anthropic-version", "x-aihandler-class"])
def test_a_header_that_changes_the_answer_makes_it_another_request(path, near, header):
    said = {"anthropic-beta": "context-1m-2025-08-07", "anthropic-version": "2023-06-01"}
    more = {"x-aihandler-class": "confidential", **said}[header]
    with gateway(path) as url:
        asked = {"path": "/v1/messages", "max_tokens": 9}
        assert ask(url, "one", **asked)[0] == 200
        status, headers, _ = ask(url, "one", headers={header: more}, **asked)
        assert (status, headers["x-aihandler-error"]) == (422, "idempotency_key_used")
    assert near.calls == 1
