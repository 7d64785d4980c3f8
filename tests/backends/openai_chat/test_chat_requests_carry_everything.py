"""What a request holds goes out, or is named in the list of what was lost."""

import json

import pytest
from chat_cases import CHAT, encoded

from aihandler.domain.conversation import Message, Request, Sampling, ThinkingWish, message
from aihandler.domain.parts import Media, Opaque, Text, ToolCall, ToolResult
from aihandler.domain.task import JsonOutput
from aihandler.domain.tools import Tool, ToolChoice
from aihandler.errors import InputError

TOOLS = (Tool("one", "does one", {"type": "object"}, strict=True), Tool("two"))
PICTURE = Media("image", "image/png", b"\x89PNG")


def asking(*parts, **fields):
    return Request("t", (Message("user", parts or (Text("hi"),)),), **fields)


def pointers(lost):
    return [item.pointer for item in lost]


def names(body):
    return [tool["function"]["name"] for tool in body["tools"]]


def test_tools_go_out_on_both_paths():
    for streamed in (False, True):
        body, lost = encoded(asking(tools=TOOLS), streamed=streamed)
        assert body["tools"][0] == {
            "type": "function",
            "function": {
                "name": "one",
                "description": "does one",
                "parameters": {"type": "object"},
                "strict": True,
            },
        }
        assert lost == ()


@pytest.mark.parametrize(
    ("choice", "sent"),
    [
        (ToolChoice("none"), "none"),
        (ToolChoice("required"), "required"),
        (ToolChoice("required", ("one",)), {"type": "function", "function": {"name": "one"}}),
    ],
)
def test_a_choice_among_tools_goes_out(choice, sent):
    body, lost = encoded(asking(tools=TOOLS, tool_choice=choice))
    assert body["tool_choice"] == sent
    assert lost == ()


def test_allowed_tools_are_named_or_are_all_that_is_shown():
    choice = ToolChoice("auto", ("two", "three"), parallel=False)
    request = asking(tools=(*TOOLS, Tool("three")), tool_choice=choice)
    body, _ = encoded(request)
    allowed = body["tool_choice"]["allowed_tools"]
    assert [tool["function"]["name"] for tool in allowed["tools"]] == ["two", "three"]
    assert body["parallel_tool_calls"] is False
    body, lost = encoded(request, profile="vllm")
    assert names(body) == ["two", "three"]
    assert "tool_choice" not in body
    assert lost == ()


def test_results_of_parallel_calls_follow_their_calls_as_messages_of_their_own():
    calls = (ToolCall("a", "one", "{}"), ToolCall("b", "two", "{}"))
    results = (ToolResult("a", (Text("1"),)), ToolResult("b", (Text("2"),)), Text("and now?"))
    request = Request("t", (Message("assistant", calls), Message("user", results)))
    body, lost = encoded(request)
    assert [m["role"] for m in body["messages"]] == ["assistant", "tool", "tool", "user"]
    assert [m.get("tool_call_id") for m in body["messages"][1:3]] == ["a", "b"]
    assert body["messages"][0]["tool_calls"][1]["id"] == "b"
    assert lost == ()


def test_an_image_in_a_tools_result_stays_an_image():
    results = (ToolResult("a", (Text("see"), PICTURE)), ToolResult("b", (PICTURE,)))
    request = Request("t", (Message("user", results),))
    body, lost = encoded(request)
    first, second, moved = body["messages"]
    assert first["content"] == [{"type": "text", "text": "see"}]
    assert second["content"]
    assert [part["type"] for part in moved["content"]] == ["text", "image_url"] * 2
    assert moved["role"] == "user"
    assert pointers(lost) == ["/messages/0/parts/0/parts/1", "/messages/0/parts/1/parts/0"]
    body, lost = encoded(request, profile="vllm")
    assert body["messages"][0]["content"][1]["image_url"]["url"].startswith(
        "data:image/png;base64,"
    )
    assert lost == ()


def test_sound_and_documents_go_out_where_they_are_taken_and_are_named_where_not():
    parts = (
        Text("look"),
        Media("audio", "audio/mpeg", b"abc"),
        Media("document", "application/pdf", b"%PDF", name="a.pdf"),
        Media("document", file_id="file-1"),
        Media("audio", url="https://example.org/a.mp3"),
    )
    body, lost = encoded(asking(*parts))
    sent = body["messages"][0]["content"]
    assert sent[1]["input_audio"] == {"data": "YWJj", "format": "mp3"}
    assert sent[2]["file"] == {
        "file_data": "data:application/pdf;base64,JVBERg==",
        "filename": "a.pdf",
    }
    assert sent[3]["file"] == {"file_id": "file-1"}
    assert pointers(lost) == ["/messages/0/parts/4"]
    assert len(encoded(asking(*parts), profile="generic")[1]) == 4


def test_everything_that_has_no_place_is_named():
    parts = (Text("x", cache="1h", extra={"odd": 1}), Opaque("anthropic.messages", {"type": "x"}))
    request = asking(
        *parts,
        ToolResult("a", (Text("no"),), failed=True),
        sampling=Sampling(temperature=1.0, top_k=5),
        logprobs=3,
        thinking=ThinkingWish(max_tokens=1000),
        extra={"metadata": {"user": "u"}, "empty": None},
        origin="anthropic.messages",
    )
    body, lost = encoded(request, profile="openai-reasoning")
    assert set(pointers(lost)) == {
        "/messages/0/parts/0/cache",
        "/messages/0/parts/0/extra/odd",
        "/messages/0/parts/1",
        "/messages/0/parts/2",
        "/messages/0/parts/2/failed",
        "/sampling/temperature",
        "/sampling/top_k",
        "/logprobs",
        "/thinking/max_tokens",
        "/extra/metadata",
    }
    assert "metadata" not in body


def test_marks_for_the_prompt_cache_go_where_they_are_understood():
    request = asking(Text("long", cache="1h"), Text("short", cache=""))
    first, second = encoded(request, profile="openrouter")[0]["messages"][0]["content"]
    assert first["cache_control"] == {"type": "ephemeral", "ttl": "1h"}
    assert second["cache_control"] == {"type": "ephemeral"}


def test_log_probabilities_and_penalties_go_out():
    sampling = Sampling(frequency_penalty=0.5, presence_penalty=-0.5, top_k=4)
    body, lost = encoded(asking(sampling=sampling, logprobs=2), profile="vllm")
    assert (body["logprobs"], body["top_logprobs"], body["top_k"]) == (True, 2, 4)
    assert (body["frequency_penalty"], body["presence_penalty"]) == (0.5, -0.5)
    assert lost == ()


@pytest.mark.parametrize(
    ("profile", "field", "value"),
    [
        ("openai", "reasoning_effort", "low"),
        ("openrouter", "reasoning", {"effort": "low"}),
        ("vllm", "chat_template_kwargs", {"enable_thinking": True}),
        ("deepseek", "thinking", {"type": "enabled"}),
    ],
)
def test_a_wish_to_think_goes_out_in_the_servers_own_words(profile, field, value):
    assert encoded(asking(thinking=ThinkingWish(effort="low")), profile=profile)[0][field] == value


def test_a_schema_of_a_client_keeps_its_name_and_is_never_left_as_a_husk():
    form = {"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object"}}}
    sent = {"model": "m", "messages": [{"role": "user", "content": "x"}], "response_format": form}
    request = CHAT.read_request(json.dumps(sent).encode(), {}).request
    assert request.output == JsonOutput({"type": "object"})
    assert encoded(request)[0]["response_format"] == form
    assert "response_format" not in encoded(request, profile="generic")[0]


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"[]",
        b"\xff",
        b'{"model":"m"}',
        b'{"messages":[{"role":"user","content":"x"}]}',
        b'{"model":"m","messages":["x"]}',
        b'{"model":"m","messages":[{"role":"owner","content":"x"}]}',
        b'{"model":"m","messages":[{"role":"user","content":5}]}',
        b'{"model":"m","messages":[{"role":"tool","content":"x"}]}',
        b'{"model":"m","messages":[{"role":"assistant","tool_calls":[{"id":"a"}]}]}',
        b'{"model":"m","messages":[{"role":"user","content":"x"}],"tools":{"a":1}}',
        b'{"model":"m","messages":[{"role":"user","content":"x"}],"tools":[{"function":{}}]}',
    ],
)
def test_a_request_that_cannot_be_read_says_where(body):
    with pytest.raises(InputError, match=r"\(at /") as caught:
        CHAT.read_request(body, {})
    assert caught.value.hint


def test_a_plain_request_becomes_plain_messages():
    body = {"model": "m", "messages": [{"role": "user", "content": "x"}]}
    assert CHAT.read_request(json.dumps(body).encode(), {}).request.messages == (
        message("user", "x"),
    )
