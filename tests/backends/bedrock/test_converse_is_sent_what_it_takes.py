"""What Bedrock's Converse is sent, and what its clients are answered."""

import json

import pytest

from aihandler.backends.bedrock_converse import asked_in_path
from aihandler.backends.profiles import profile_for
from aihandler.domain.answer import (
    ArgumentsDelta,
    PartDone,
    Reply,
    ReplyDone,
    TextDelta,
    ThinkingDelta,
    ToolCallStarted,
)
from aihandler.domain.conversation import (
    Media,
    Message,
    Request,
    Sampling,
    Text,
    Thinking,
    ThinkingWish,
    ToolCall,
    ToolResult,
    message,
)
from aihandler.domain.deployment import Deployment, Hosting, Model
from aihandler.domain.task import JsonOutput
from aihandler.domain.tools import Tool, ToolChoice
from aihandler.domain.usage import Usage
from aihandler.errors import (
    BackendError,
    BackendUnavailable,
    ContentRefused,
    InputError,
    Refused,
)
from backends.bedrock.converse_cases import (
    CODEC,
    IDENTITY,
    PROFILES,
    exception,
    read,
    sent,
)

TOOL = Tool("look_up", "Finds.", {"type": "object", "properties": {}})


# what is sent


def test_the_model_stands_in_the_path():
    arn = "arn:aws:bedrock:eu-central-1:1:application-inference-profile/x"
    deployment = Deployment("d", "bedrock", Model(arn), Hosting.VENDOR)
    asked = Request("t", (message("user", "hi"),))
    call, _ = sent(asked, streamed=True, deployment=deployment)
    assert asked_in_path(call.path) == (arn, True)
    assert call.path.count("/") == 3
    assert asked_in_path("/v1/chat/completions") == ("", False)


@pytest.mark.parametrize(
    ("model", "row"),
    [
        ("eu.anthropic.claude-sonnet-4-5-20250929-v1:0", "bedrock-claude"),
        ("us.amazon.nova-pro-v1:0", "bedrock-nova"),
        ("meta.llama3-3-70b-instruct-v1:0", "bedrock"),
    ],
)
def test_the_profile_follows_the_models_name(model, row):
    deployment = Deployment("d", "bedrock", Model(model), Hosting.VENDOR)
    assert profile_for(deployment, PROFILES).name == row


def test_results_of_parallel_calls_stand_in_one_turn_before_all_else():
    asked = Request(
        "t",
        (
            message("system", "Be short."),
            message("user", "hi"),
            Message("assistant", (ToolCall("call|1", "f", "{}"), ToolCall("call|2", "f", "{}"))),
            Message("user", (ToolResult("call|1", (Text("one"),)),)),
            Message("user", (Text("and"), ToolResult("call|2", (Text("two"),), failed=True))),
        ),
        tools=(TOOL,),
        origin="openai.chat",
    )
    call, body = sent(asked)
    assert body["system"] == [{"text": "Be short."}]
    assert [turn["role"] for turn in body["messages"]] == ["user", "assistant", "user"]
    kinds = [next(iter(block)) for block in body["messages"][2]["content"]]
    assert kinds == ["toolResult", "toolResult", "text"]
    ids = [block["toolUse"]["toolUseId"] for block in body["messages"][1]["content"]]
    results = [block["toolResult"] for block in body["messages"][2]["content"][:2]]
    assert [result["toolUseId"] for result in results] == ids
    assert [result.get("status") for result in results] == [None, "error"]
    assert not call.lost


def test_documents_get_names_that_are_taken_and_a_word_beside_them():
    pdf = Media("document", "application/pdf", data=b"%PDF", name="Rechnung (Mai)_ü.pdf")
    asked = Request("t", (Message("user", (pdf, pdf)),), origin="openai.chat")
    call, body = sent(asked)
    names = [b["document"]["name"] for b in body["messages"][0]["content"] if "document" in b]
    assert names == ["Rechnung (Mai)", "Rechnung (Mai) 2"]
    assert "text" in body["messages"][0]["content"][-1]
    assert call.lost[0].pointer == "/messages/0/parts/0/name"


def test_a_picture_that_lies_elsewhere_is_named_as_lost():
    picture = Media("image", "image/png", url="https://example.com/a.png")
    asked = Request("t", (Message("user", (Text("see"), picture)),), origin="openai.chat")
    call, _ = sent(asked)
    assert [lost.pointer for lost in call.lost] == ["/messages/0/parts/1"]


def test_bounds_thinking_and_a_choice_among_tools():
    asked = Request(
        "t",
        (message("user", "hi"),),
        sampling=Sampling(temperature=0.2, stop=("END",), max_output_tokens=9000, top_k=5, seed=1),
        tools=(TOOL,),
        tool_choice=ToolChoice("required", ("look_up",)),
        origin="openai.chat",
    )
    call, body = sent(asked)
    assert body["inferenceConfig"] == {
        "temperature": 0.2,
        "stopSequences": ["END"],
        "maxTokens": 9000,
    }
    assert body["toolConfig"]["toolChoice"] == {"tool": {"name": "look_up"}}
    assert body["additionalModelRequestFields"] == {"top_k": 5}
    assert [lost.pointer for lost in call.lost] == ["/sampling/seed"]
    wish = Request("t", (message("user", "hi"),), thinking=ThinkingWish(max_tokens=2000))
    assert sent(wish)[1]["additionalModelRequestFields"] == {
        "thinking": {"type": "enabled", "budget_tokens": 2000}
    }


def test_a_schema_is_a_text_where_the_model_takes_it():
    schema = {"type": "object", "properties": {"a": {"type": "string"}}}
    asked = Request("t", (message("user", "hi"),), output=JsonOutput(schema))
    _, body = sent(asked, "bedrock-claude-structured")
    form = body["outputConfig"]["textFormat"]
    assert form["type"] == "json_schema"
    assert json.loads(form["structure"]["jsonSchema"]["schema"])["properties"] == {
        "a": {"type": "string"}
    }


def test_marks_of_a_prompt_cache_stand_behind_what_they_mark():
    marked = Message("user", (Text("long", cache=""), Text("short")))
    asked = Request("t", (marked,), origin="openai.chat")
    call, body = sent(asked)
    assert body["messages"][0]["content"] == [
        {"text": "long"},
        {"cachePoint": {"type": "default"}},
        {"text": "short"},
    ]
    call, body = sent(asked, "bedrock")
    assert [lost.pointer for lost in call.lost] == ["/messages/0/parts/0/cache"]


# clients


def test_a_stream_of_another_format_is_told_in_order():
    writer = CODEC.stream_writer(IDENTITY, usage=True)
    call = ToolCall("a", "f", '{"x": 1}')
    thought = Thinking("hm", "sig", signed_by="anthropic")
    reply = Reply((thought, Text("ok"), call), "tool_calls", usage=Usage(1, output=2))
    events = [
        ThinkingDelta("h"),
        ThinkingDelta("m"),
        PartDone(thought),
        TextDelta("ok"),
        ToolCallStarted(0, "a", "f"),
        ArgumentsDelta(0, '{"x": '),
        ArgumentsDelta(0, "1}"),
        PartDone(call),
        ReplyDone(reply),
    ]
    told = read(b"".join(map(writer.write, events)))[-1].reply
    assert [type(part) for part in told.parts] == [Thinking, Text, ToolCall]
    assert told.parts[0].signature.endswith("anthropic~sig")
    assert told.parts[1:] == (Text("ok"), call)
    assert (told.finish, told.usage) == ("tool_calls", Usage(1, output=2))


def test_a_signature_that_comes_late_or_with_the_whole_alone_is_kept():
    thought = Thinking("hm", "sig", signed_by="bedrock.converse")
    reply = Reply((thought, Text("ok")), "stop", usage=Usage(1, output=2))
    for late in ([PartDone(thought)], []):
        writer = CODEC.stream_writer(IDENTITY, usage=True)
        events = [ThinkingDelta("hm"), TextDelta("ok"), *late, ReplyDone(reply)]
        assert read(b"".join(map(writer.write, events)))[-1].reply.parts == reply.parts


def test_calls_with_equal_ids_stay_apart():
    calls = (ToolCall("", "f", "{}"), ToolCall("", "g", '{"x": 1}'))
    writer = CODEC.stream_writer(IDENTITY, usage=True)
    events = [
        ToolCallStarted(0, "", "f", {"later": 1}),
        ArgumentsDelta(0, "{}"),
        ToolCallStarted(1, "", "g"),
        ArgumentsDelta(1, '{"x": 1}'),
        ReplyDone(Reply(calls, "tool_calls")),
    ]
    told = read(b"".join(map(writer.write, events)))[-1].reply.parts
    assert [(part.name, part.arguments) for part in told] == [("f", "{}"), ("g", '{"x": 1}')]
    assert told[0].extra == {"later": 1}


def test_a_cut_stream_ends_with_an_exception():
    writer = CODEC.stream_writer(IDENTITY, usage=True)
    begun = writer.write(TextDelta("a"))
    failed = writer.fail(BackendUnavailable("down", deployment="d", status=503))
    with pytest.raises(BackendError):
        read(begun + failed)


@pytest.mark.parametrize(
    ("error", "status", "name"),
    [
        (InputError("bad"), 400, "ValidationException"),
        (Refused("no"), 403, "AccessDeniedException"),
        (BackendUnavailable("down", deployment="d"), 502, "InternalServerException"),
    ],
)
def test_errors_are_told_as_clients_of_aws_know_them(error, status, name):
    told_status, body = CODEC.write_error(error)
    assert (told_status, json.loads(body)["__type"]) == (status, name)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        b'{"messages": []}',
        b'{"messages": [1]}',
        b'{"messages": [{"role": "system", "content": []}]}',
        b'{"messages": [{"role": "user", "content": "hi"}]}',
    ],
)
def test_a_wrong_request_is_told_where(body):
    with pytest.raises(InputError, match="at /"):
        CODEC.read_request(body, {})


def test_what_a_filter_stopped_is_refused():
    with pytest.raises(ContentRefused):
        read(exception("validationException", "blocked by content_filter"))
