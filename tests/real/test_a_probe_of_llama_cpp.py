"""What the probe finds of llama-cpp-python 0.3.36, from a profile that knows nothing of it."""

import pytest

from real.probed import probed, values

pytestmark = pytest.mark.real


def test_the_probe_finds_what_its_profile_says_and_more(llama_cpp_url, tmp_path):
    found = probed(tmp_path, url=llama_cpp_url, model="nano", profile="generic")
    assert str(found.server) == "llama-cpp-python 0.3.36"
    seen = values(found)
    # The order is that of the ladder: the row names none of them.
    assert seen["modes"] == ["strict_tool", "grammar", "tool", "prompt"]
    assert seen["grammar_form"] == "json_object_schema"
    assert seen["native"] == "refused"
    # The model says nothing but JSON.
    assert seen["json_object"] is None
    assert seen["not_streamed"] == []
    assert (seen["stream_usage"], seen["stream_usage_option"]) == ("never", False)
    assert (seen["stop"], seen["stop_trimmed"]) == ("honoured", True)
    assert seen["forced_tool"] == "held"
    assert seen["allowed_tools"] is False
    assert (seen["no_content"], seen["call_ids"]) == ("empty", "any")
    assert (seen["n"], seen["seed"], seen["logprobs"]) == ("ignored", "honoured", True)
    assert seen["unknown_model"] == "answered"
    assert (seen["context_tokens"], seen["context_overflow"]) == (512, "refused")
    assert found.sends < 60
