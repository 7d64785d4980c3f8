"""A conversation keeps its deployment while that is allowed and well."""

import openai
import pytest

from aihandler.domain.conversation import Request, message
from aihandler.gateway.sticking import Sticking, conversation_of
from aihandler.testing import FakeServer, Scripted
from gateway.running import POLICY, deployments, gateway, written

TASK = """
tasks:
  both: {output: {text: {}}, candidates: [one, two]}
"""


class Time:
    now = 0.0

    def monotonic(self):
        return self.now


@pytest.fixture
def servers():
    with FakeServer("I am one.") as one, FakeServer("I am two.") as two:
        yield one, two


@pytest.fixture
def ask(servers, tmp_path):
    text = deployments(dict(zip(("one", "two"), servers, strict=True))) + TASK + POLICY
    with (
        gateway(written(tmp_path, text)) as url,
        openai.OpenAI(base_url=f"{url}/v1", api_key="any", max_retries=0) as client,
    ):

        def asked(*turns, headers=None, **more):
            roles = ["user", "assistant"] * len(turns)
            said = [{"role": r, "content": t} for r, t in zip(roles, turns, strict=False)]
            said = [{"role": "system", "content": "Be short."}, *said]
            raw = client.chat.completions.with_raw_response.create(
                model="both", messages=said, extra_headers=headers, **more
            )
            return raw.headers.get("x-aihandler-deployment")

        yield asked


def fails(server):
    server._constant = Scripted(status=400, body=b'{"error": {"message": "no"}}')


def test_it_goes_on_where_it_was_answered_though_the_first_is_back(ask, servers):
    well = servers[0]._constant
    fails(servers[0])
    assert ask("hi") == "two"
    servers[0]._constant = well
    assert ask("hi", "I am two.", "and now?") == "two"
    assert ask("another one") == "one"


def test_it_leaves_a_deployment_that_fails(ask, servers):
    well = servers[0]._constant
    fails(servers[0])
    assert ask("hi") == "two"
    servers[0]._constant = well
    fails(servers[1])
    assert ask("hi", "I am two.", "and now?") == "one"


def test_a_client_may_name_its_conversation(ask, servers):
    well = servers[0]._constant
    fails(servers[0])
    assert ask("hi", prompt_cache_key="mine") == "two"
    servers[0]._constant = well
    assert ask("something else", prompt_cache_key="mine") == "two"
    assert ask("hi", prompt_cache_key="another") == "one"


def test_it_never_goes_where_the_class_may_not(servers, tmp_path):
    near, far = servers
    text = (
        deployments({"near": near})
        + deployments({"far": far}, hosting="vendor").removeprefix("version: 1\ndeployments:")
        + "tasks:\n  both: {output: {text: {}}, candidates: [far, near]}\n"
        + POLICY
    )
    with (
        gateway(written(tmp_path, text)) as url,
        openai.OpenAI(base_url=f"{url}/v1", api_key="any", max_retries=0) as client,
    ):

        def where(*said, data_class):
            turns = [{"role": "system", "content": "Be short."}, *said]
            raw = client.chat.completions.with_raw_response.create(
                model="both", messages=turns, extra_headers={"x-aihandler-class": data_class}
            )
            return raw.headers["x-aihandler-deployment"]

        first = {"role": "user", "content": "hi"}
        assert where(first, data_class="public") == "far"
        more = ({"role": "assistant", "content": "x"}, {"role": "user", "content": "secret"})
        calls = far.calls
        assert where(first, *more, data_class="restricted") == "near"
        assert far.calls == calls


def test_what_is_remembered_is_bounded_and_ends():
    time = Time()
    kept = Sticking(time, most=2)
    for name in ("a", "b", "c"):
        kept.note(name, "one")
    assert (len(kept), kept.of("a"), kept.of("c")) == (2, "", "one")
    time.now = 3601.0
    assert kept.of("c") == ""


def test_two_who_ask_alike_have_conversations_of_their_own():
    request = Request(task="", messages=(message("user", "hi"),))
    ann, bob = (conversation_of(request, asker=who, task="t") for who in ("ann", "bob"))
    assert ann != bob
