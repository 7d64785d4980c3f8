"""How long a prompt may be: listed, told in a refusal, tried; and what becomes of a longer one."""

import pytest

from aihandler.testing import FakeServer
from probing.scripted_model import ScriptedModel, body, probe, refused, values


def listed(**fields):
    return {"/v1/models": {"data": [{"id": "m-1", **fields}, {"id": "other", "n_ctx": 7}]}}


@pytest.fixture
def seen(tmp_path):
    def find(model, *, pages=None, **wishes):
        with FakeServer(model, pages=pages) as server:
            found = values(probe(tmp_path, server, **wishes))
            longest = max(len(str(asked["messages"])) for asked in server.requests)
            return found["context_tokens"], found.get("context_overflow"), longest // 4

    return find


@pytest.mark.parametrize(
    "pages",
    [
        listed(max_model_len=1000),
        listed(meta={"n_ctx": 1000}),
        {"/props": {"default_generation_settings": {"n_ctx": 1000}}},
        {"/api/ps": {"models": [{"name": "m-1", "context_length": 1000}]}},
        {"/info": {"model_id": "m", "max_total_tokens": 1000}},
    ],
)
def test_a_server_that_lists_it_is_believed_and_asked_what_it_does_beyond(seen, pages):
    limit, overflow, _ = seen(ScriptedModel(context=1000), pages=pages)
    assert (limit, overflow) == (1000, "refused")


def test_a_server_that_tells_it_when_it_refuses_is_believed(seen):
    limit, overflow, longest = seen(ScriptedModel(context=700))
    assert (limit, overflow) == (700, "refused")
    assert longest < 2000


def test_a_server_that_only_refuses_is_narrowed_down(seen):
    def refuses(request):
        words = len(str(request["messages"][-1]["content"]).split())
        return refused("too long") if words > 700 else ScriptedModel()(request)

    limit, overflow, _ = seen(refuses)
    assert 600 <= limit <= 700
    assert overflow == "refused"


def test_a_server_that_cuts_prompts_in_silence_is_found_out(seen):
    def cuts(request):
        words = len(str(request["messages"][-1]["content"]).split())
        return body({"content": "tea"}, "stop", prompt=min(words, 2048))

    limit, overflow, _ = seen(cuts)
    assert (limit, overflow) == (2048, "cut in silence")


def test_a_server_that_takes_everything_is_not_said_to_have_a_limit(seen):
    limit, overflow, longest = seen(ScriptedModel())
    assert (limit, overflow) == (None, "not refused")
    assert longest > 4000


def test_no_long_prompt_is_sent_beyond_what_was_allowed(seen):
    limit, overflow, longest = seen(ScriptedModel(), context_up_to=0)
    assert (limit, overflow) == (None, None)
    assert longest < 400
