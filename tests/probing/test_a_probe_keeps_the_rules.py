"""A probe goes where public data may go, is booked and bounded, and repeats no secret."""

import asyncio
import json

import pytest

from aihandler import Handler
from aihandler.backends.formats import FORMATS, codec_of
from aihandler.backends.probing.catalogue import bounds, questions
from aihandler.backends.probing.schemas import RANK
from aihandler.backends.probing.sends import held_to_schema, open_row
from aihandler.backends.probing.tools import _conversation, _with_tools
from aihandler.backends.profiles import load_profiles, profile_for
from aihandler.domain.deployment import Deployment, Hosting, Model
from aihandler.errors import InputError, PolicyDenied
from aihandler.testing import FakeServer
from probing.scripted_model import ScriptedModel, configured, probe, refused

SECRET = "sk-canary-0123456789abcdef"


def asked(config, **wishes):
    async def ask():
        async with Handler.load(config, environ={"KEY": SECRET}) as handler:
            return await handler.probe("near", **wishes)

    return asyncio.run(ask())


def test_nothing_is_sent_where_not_even_public_data_may_go(tmp_path):
    with FakeServer() as server:
        config = configured(tmp_path, server.url, hosting="vendor")
        with pytest.raises(PolicyDenied, match="public data may not go to deployment 'near'"):
            asked(config)
        assert server.calls == 0


def test_a_deployment_without_its_key_is_not_asked(tmp_path):
    with FakeServer() as server:
        config = configured(tmp_path, server.url, more="key: ${NO_SUCH_KEY}")
        with pytest.raises(InputError, match="NO_SUCH_KEY"):
            asked(config)
        assert server.calls == 0


def test_every_request_is_an_entry_with_its_cost(tmp_path):
    price = "price: {input: 1000, output: 1000}"
    with FakeServer(ScriptedModel("native", "tools")) as server:
        config = configured(tmp_path, server.url, more=price)
        found = asked(config)
        calls = server.calls
    with Handler.load(config) as handler, handler.read_ledger() as ledger:
        (row,) = ledger.queries.costs("task")
    assert (row.key, row.calls) == ("probe", calls)
    assert row.nano == found.cost_nano > 0


def test_a_paid_deployment_gets_no_long_prompt_unasked(tmp_path):
    price = "price: {input: 1, output: 1}"
    with FakeServer(ScriptedModel()) as server:
        config = configured(tmp_path, server.url, more=price)
        with Handler.load(config) as handler:
            plan = handler.probe_plan("near")
            longer = handler.probe_plan("near", context_up_to=8192)
        found = asked(config)
    assert found.cost_nano < plan.most_nano < longer.most_nano
    assert plan.most_usage.input < 40_000


@pytest.mark.parametrize("listens", [(), ("native", "grammar", "tools", "json", "stop", "limit")])
def test_no_more_is_sent_than_was_said_before(tmp_path, listens):
    with FakeServer(ScriptedModel(*listens)) as server:
        found = probe(tmp_path, server)
        deployment = Deployment("near", "openai", Model("m-1"), Hosting.SELF, urls=(server.url,))
        most = bounds(questions(deployment, context_up_to=8192))
    assert found.sends <= most.sends <= 70
    assert sum(len(str(r["messages"])) // 4 for r in server.requests) < most.usage.input
    assert sum(r["max_tokens"] for r in server.requests if "max_tokens" in r) < most.usage.output


def test_a_key_that_a_server_repeats_is_in_no_verdict(tmp_path):
    def repeats(request):
        plain = "tools" not in request and "response_format" not in request
        return ScriptedModel()(request) if plain else refused(f"wrong for key {SECRET}")

    with FakeServer(repeats) as server:
        found = asked(configured(tmp_path, server.url, more="key: ${KEY}"))
        assert SECRET.encode() in server.received
    assert SECRET not in json.dumps([v.evidence for v in found.verdicts])
    assert found.value("native") == "refused"


def test_a_name_that_is_made_up_is_no_change_of_the_model(tmp_path):
    with FakeServer(lambda request: {"m-1": "tea"}.get(request["model"], "ok")) as server:
        config = configured(tmp_path, server.url)
        asked(config)
    with Handler.load(config) as handler, handler.read_ledger() as ledger:
        assert ledger.queries.changes() == []


@pytest.mark.parametrize("backend", [name for name in FORMATS if name != "completions"])
def test_every_format_has_words_for_its_questions(backend):
    deployment = Deployment("d", backend, Model("m-1"), Hosting.SELF, urls=("http://127.0.0.1:9",))
    row = open_row(profile_for(deployment, load_profiles()))
    codec = codec_of(backend)
    assert questions(deployment, context_up_to=0)
    requests = [held_to_schema(mode) for mode in RANK if mode not in {"tool", "strict_tool"}]
    for request in (*requests, _with_tools("probe_a"), _conversation("probe0001")):
        for streamed in (False, True):
            assert codec.encode(request, deployment, row, streamed=streamed).body
