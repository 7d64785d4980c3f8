"""Each verdict is what the server does, whatever its profile says."""

import pytest

from aihandler.errors import BackendError
from aihandler.testing import FakeServer, Scripted
from probing.scripted_model import ScriptedModel, body, probe, refused, values


@pytest.fixture
def seen(tmp_path):
    def find(model, *, profile="generic", **wishes):
        with FakeServer(model) as server:
            found = probe(tmp_path, server, profile=profile, **wishes)
            assert server.calls == found.sends
            return values(found)

    return find


def test_a_server_that_heeds_nothing_is_left_with_the_prompt(seen):
    found = seen(ScriptedModel(), profile="vllm")
    assert found["modes"] == ["prompt"]
    assert found["native"] == found["strict_tool"] == found["tool"] == "ignored"
    assert (found["stop"], found["stop_trimmed"]) == ("ignored", False)
    assert (found["n"], found["logprobs"], found["forced_tool"]) == ("ignored", False, "ignored")


def test_a_server_that_heeds_all_has_every_mode(seen):
    model = ScriptedModel("native", "grammar", "tools", "json", "stop", "limit", "n", "logprobs")
    found = seen(model)
    everything = ["native", "strict_tool", "grammar", "tool", "json_object", "prompt"]
    assert found["modes"] == everything
    assert found["grammar_form"] == "structured_outputs"
    assert (found["not_streamed"], found["not_with_tools"]) == ([], [])
    assert (found["stop"], found["stop_trimmed"]) == ("honoured", True)
    assert found["output_limit"] == "max_tokens"
    assert (found["n"], found["logprobs"]) == ("honoured", True)
    assert (found["forced_tool"], found["allowed_tools"]) == ("held", True)


def test_a_schema_that_is_lost_in_streams_is_not_relied_on_there(seen):
    found = seen(ScriptedModel("native only whole"))
    assert found["modes"] == ["native", "prompt"]
    assert (found["not_streamed"], found["not_with_tools"]) == (["native"], [])


def test_a_schema_that_is_lost_beside_tools_is_not_relied_on_there(seen):
    found = seen(ScriptedModel("native only alone"))
    assert (found["not_streamed"], found["not_with_tools"]) == ([], ["native"])


def test_a_server_that_wants_to_hear_strict_is_told_so(seen):
    found = seen(ScriptedModel("strict"))
    assert (found["modes"], found["strict"]) == (["native", "prompt"], True)
    assert "strict" not in seen(ScriptedModel("native"))


def test_a_mode_that_fails_each_time_is_refused_though_its_status_may_pass(seen):
    found = seen(ScriptedModel("grammar", fails=("native",)), profile="vllm")
    assert found["native"] == "refused"
    assert found["modes"] == ["grammar", "prompt"]


def test_json_from_a_model_that_says_nothing_else_shows_nothing(seen):
    found = seen(lambda request: '{"category": "billing"}', profile="deepseek")
    assert found["json_object"] is None
    # So the profile's word stands.
    assert found["modes"] == ["json_object", "prompt"]


@pytest.mark.parametrize(
    ("listens", "how", "option"),
    [(("counts on request",), "on request", True), ((), "always", False)],
)
def test_counts_in_streams_are_asked_for_where_they_have_to_be(seen, listens, how, option):
    found = seen(ScriptedModel(*listens))
    assert (found["stream_usage"], found["stream_usage_option"]) == (how, option)


def test_the_order_among_equals_is_that_of_the_profile(seen):
    # The row of this kind of server names `grammar` and not the tools that hold as well.
    model = ScriptedModel("grammar", "tools")
    found = seen(model, profile="completions-vllm")
    assert found["modes"][:2] == ["grammar", "strict_tool"]


def test_a_failure_that_passes_is_asked_again_and_counts_for_nothing(seen):
    model, busy = ScriptedModel("native"), [True]

    def sometimes(request):
        if "json_schema" in str(request.get("response_format")) and busy.pop():
            busy.append(False)
            return Scripted(status=429, headers={"retry-after": "0"})
        busy.append(False)
        return model(request)

    found = seen(sometimes)
    assert found["native"] == "held"


def test_a_server_that_stops_answering_leaves_no_verdict(seen, tmp_path, monkeypatch):
    left = iter(range(5))

    def dying(request):
        return ScriptedModel()(request) if next(left, None) is not None else Scripted(fault="drop")

    monkeypatch.setattr("aihandler.probing._PAUSE_S", 0.0)
    with pytest.raises(BackendError, match="has stopped answering"):
        seen(dying)
    with FakeServer(ScriptedModel()) as server:
        assert not _stored(tmp_path, server.url)


def test_a_server_that_answers_nothing_at_all_is_an_error_of_its_own(seen):
    with pytest.raises(BackendError, match="no such model"):
        seen(lambda request: refused("no such model", 404))


@pytest.mark.parametrize("field", ["reasoning", "reasoning_content"])
def test_thoughts_are_found_where_they_stand(seen, field):
    def thinking(request):
        said = body({"content": "tea", field: "Hm."}, "stop")
        return said if request.get("reasoning_effort") else body({"content": "tea"}, "stop")

    found = seen(thinking)
    assert (found["thinking"], found["thinking_wish"]) == ("on request", "reasoning_effort")
    assert found["reasoning_field"] == field


def test_schemas_are_tried_with_thinking_where_a_model_thinks(seen):
    def thinking(request):
        wanted = request.get("reasoning_effort")
        held = "json_schema" in str(request.get("response_format")) and not wanted
        message = {"content": '{"zz":"qq1"}' if held else "tea"}
        return body({**message, "reasoning": "Hm."} if wanted else message, "stop")

    assert seen(thinking)["not_thinking"] == ["native"]


def test_thoughts_in_the_text_are_known_by_their_tags(seen):
    found = seen(lambda request: "<think>Hm, tea.</think>tea")
    assert (found["think_tags"], found["thinking"]) == ("pair", "always")


def _stored(folder, url):
    from aihandler import Handler

    with Handler.load(folder / "aihandler.yaml") as handler:
        return handler.probed()
