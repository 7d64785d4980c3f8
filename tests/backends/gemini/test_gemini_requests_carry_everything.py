"""Gemini generateContent: what goes out, and what is named when it cannot."""

import base64
import json

import pytest
from gemini_cases import (
    CODEC,
    DEPLOYMENT,
    HI,
    IDENTITY,
    PROFILE,
    PROFILES,
    sent,
)

from aihandler.backends.profiles import profile_for
from aihandler.backends.schema_modes import prepared
from aihandler.domain.answer import Reply
from aihandler.domain.conversation import (
    Message,
    Request,
    Sampling,
    ThinkingWish,
    message,
)
from aihandler.domain.deployment import Deployment, Hosting, Model
from aihandler.domain.parts import Media, Opaque, Refusal, Text, Thinking, ToolCall, ToolResult
from aihandler.domain.schemas import SentSchema
from aihandler.domain.task import JsonOutput
from aihandler.domain.tools import Tool, ToolChoice

SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}}
GEMINI_3 = PROFILES["gemini-3"]
PIXEL = b"\x89PNG\xfb\xff"


def talk(*messages, **fields):
    return Request("t", messages, **fields)


def call_at(name, *, backend="gemini", streamed=False):
    where = Deployment("g", backend, Model(name), Hosting.VENDOR)
    return CODEC.encode(HI, where, PROFILE, streamed=streamed)


def test_the_model_stands_in_the_path_and_the_key_in_googles_header():
    call = call_at("gemini-2.5-flash")
    assert call.prefix + call.path == "/v1beta/models/gemini-2.5-flash:generateContent"
    assert (call.key_header.name, call.key_header.prefix) == ("x-goog-api-key", "")
    streamed = call_at("gemini-2.5-flash", streamed=True)
    assert streamed.path == "/models/gemini-2.5-flash:streamGenerateContent?alt=sse"
    assert "model" not in json.loads(call.body)


def test_vertex_has_its_own_path_below_that_of_the_url_and_a_bearer_token():
    call = call_at("gemini-2.5-pro", backend="vertex", streamed=True)
    path = "/publishers/google/models/gemini-2.5-pro:streamGenerateContent?alt=sse"
    assert call.path == path
    assert (call.key_header.name, call.key_header.prefix) == ("authorization", "Bearer ")


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("tunedModels/mine-1", "/tunedModels/mine-1:generateContent"),
        ("a model?x#y", "/models/a%20model%3Fx%23y:generateContent"),
    ],
)
def test_other_names_of_models_stand_in_the_path_as_they_must(name, path):
    assert call_at(name).path == path


def test_deployments_get_the_row_of_their_backend():
    assert profile_for(DEPLOYMENT, PROFILES).name == "gemini"
    vertex = Deployment("v", "vertex", Model("m"), Hosting.VENDOR)
    assert profile_for(vertex, PROFILES).name == "vertex"


def test_system_text_becomes_the_instruction():
    body, lost = sent(talk(message("system", "Be brief."), message("user", "hi")))
    assert body["systemInstruction"] == {"parts": [{"text": "Be brief."}]}
    assert body["contents"] == [{"parts": [{"text": "hi"}], "role": "user"}]
    assert lost == []


def test_a_later_system_message_goes_as_a_users_and_is_named():
    body, lost = sent(talk(message("user", "a"), message("system", "b"), message("user", "c")))
    assert [part["text"] for part in body["contents"][0]["parts"]] == ["a", "b", "c"]
    assert lost == ["/messages/1/role"]


def test_results_of_parallel_calls_are_one_turn_in_the_order_of_the_calls():
    turn = Message("assistant", (ToolCall("1", "a", "{}"), ToolCall("2", "b", '{"x":1}')))
    body, lost = sent(
        talk(
            message("user", "hi"),
            turn,
            Message("user", (ToolResult("2", (Text("two"),)),)),
            Message("user", (Text("and"), ToolResult("1", (Text("one"),), failed=True))),
        )
    )
    assert [c["role"] for c in body["contents"]] == ["user", "model", "user"]
    assert body["contents"][2]["parts"] == [
        {"functionResponse": {"id": "1", "name": "a", "response": {"error": "one"}}},
        {"functionResponse": {"id": "2", "name": "b", "response": {"output": "two"}}},
        {"text": "and"},
    ]
    assert lost == []


def test_arguments_that_are_no_object_are_sent_all_the_same_and_named():
    turn = Message("assistant", (ToolCall("1", "a", '"x'),))
    body, lost = sent(talk(message("user", "hi"), turn))
    assert body["contents"][1]["parts"][0]["functionCall"]["args"] == {"arguments": '"x'}
    assert lost == ["/messages/1/parts/0/arguments"]


def test_what_others_signed_is_not_sent_to_google():
    turn = Message("assistant", (Thinking("hm", signature="s"), Thinking(sealed="x"), Text("a")))
    for origin in ("", "anthropic"):
        body, lost = sent(talk(message("user", "hi"), turn, origin=origin))
        assert body["contents"][1]["parts"] == [{"text": "a"}]
        assert lost == ["/messages/1/parts/0", "/messages/1/parts/1"]


def test_a_signature_that_we_told_a_client_for_another_model_is_none_of_googles():
    said = Reply((Thinking("hm", signature="s"), ToolCall("c", "f", "{}")), "tool_calls")
    made = json.loads(CODEC.write_reply(said, IDENTITY))
    assert made["candidates"][0]["content"]["parts"] == [
        {"text": "hm", "thought": True},
        {"functionCall": {"name": "f", "args": {}, "id": "c"}},
    ]


@pytest.mark.parametrize("origin", ["", "anthropic", "gemini.generateContent"])
def test_gemini_3_gets_a_stand_in_for_a_signature_that_it_would_miss(origin):
    turn = Message("assistant", (ToolCall("1", "a", "{}"), ToolCall("2", "b", "{}")))
    body, _ = sent(talk(message("user", "hi"), turn, origin=origin), profile=GEMINI_3)
    first, second = body["contents"][1]["parts"]
    assert base64.b64decode(first["thoughtSignature"]) == b"skip_thought_signature_validator"
    assert "thoughtSignature" not in second
    plain, _ = sent(talk(message("user", "hi"), turn, origin=origin))
    assert "thoughtSignature" not in plain["contents"][1]["parts"][0]


def test_tools_from_elsewhere_keep_their_json_schema():
    body, lost = sent(talk(HI.messages[0], tools=(Tool("f", "Does.", SCHEMA), Tool("now"))))
    assert body["tools"] == [
        {
            "functionDeclarations": [
                {"name": "f", "description": "Does.", "parametersJsonSchema": SCHEMA},
                {"name": "now"},
            ]
        }
    ]
    assert lost == []


def test_forced_and_allowed_tools_are_told():
    tools = (Tool("a"), Tool("b"))
    forced, _ = sent(talk(HI.messages[0], tools=tools, tool_choice=ToolChoice("required", ("a",))))
    config = {"mode": "ANY", "allowedFunctionNames": ["a"]}
    assert forced["toolConfig"] == {"functionCallingConfig": config}
    assert len(forced["tools"][0]["functionDeclarations"]) == 2
    allowed, _ = sent(talk(HI.messages[0], tools=tools, tool_choice=ToolChoice("auto", ("b",))))
    assert allowed["toolConfig"] == {"functionCallingConfig": {"mode": "AUTO"}}
    assert allowed["tools"] == [{"functionDeclarations": [{"name": "b"}]}]
    none, lost = sent(
        talk(HI.messages[0], tools=tools, tool_choice=ToolChoice("none", parallel=False))
    )
    assert none["toolConfig"]["functionCallingConfig"] == {"mode": "NONE"}
    assert lost == ["/tool_choice/parallel"]


@pytest.mark.parametrize(
    ("profile", "field"), [("gemini", "responseSchema"), ("gemini-3", "responseJsonSchema")]
)
def test_a_schema_goes_into_the_field_that_the_models_take(profile, field):
    request = talk(HI.messages[0], output=JsonOutput(SCHEMA), sent=SentSchema(SCHEMA, "native"))
    body, _ = sent(request, profile=PROFILES[profile])
    assert body["generationConfig"] == {"responseMimeType": "application/json", field: SCHEMA}


def test_a_schema_beside_tools_goes_another_way_where_it_is_refused():
    request = talk(HI.messages[0], output=JsonOutput(SCHEMA), tools=(Tool("f"),))
    ready = prepared(request, PROFILE, streamed=False, kind=CODEC.kind)
    body, _ = sent(ready.request)
    assert "generationConfig" not in body
    newer = prepared(request, GEMINI_3, streamed=False, kind=CODEC.kind)
    body, _ = sent(newer.request, profile=GEMINI_3)
    assert body["generationConfig"]["responseJsonSchema"] == SCHEMA


def test_json_of_any_shape_is_asked_for_by_its_type_alone():
    request = talk(
        HI.messages[0], output=JsonOutput(SCHEMA), sent=SentSchema(SCHEMA, "json_object")
    )
    body, _ = sent(request)
    assert body["generationConfig"] == {"responseMimeType": "application/json"}


def test_settings_are_told_under_their_names_here():
    sampling = Sampling(0.5, 0.9, 7, ("END",), 40, 3, 0.1, 0.2)
    body, lost = sent(talk(HI.messages[0], sampling=sampling))
    assert body["generationConfig"] == {
        "temperature": 0.5,
        "topP": 0.9,
        "topK": 3,
        "seed": 7,
        "maxOutputTokens": 40,
        "stopSequences": ["END"],
        "frequencyPenalty": 0.1,
        "presencePenalty": 0.2,
    }
    assert lost == []


def test_logprobs_are_asked_for_where_there_are_some():
    body, lost = sent(talk(HI.messages[0], logprobs=2), profile=PROFILES["vertex"])
    assert body["generationConfig"] == {"responseLogprobs": True, "logprobs": 2}
    assert lost == []
    assert sent(talk(HI.messages[0], logprobs=2))[1] == ["/logprobs"]


@pytest.mark.parametrize(
    ("wish", "profile", "config", "named"),
    [
        (ThinkingWish(max_tokens=900), "gemini", {"thinkingBudget": 900}, []),
        (ThinkingWish(effort="medium"), "gemini", {"thinkingBudget": 8192}, []),
        (ThinkingWish(), "gemini", {"thinkingBudget": -1}, []),
        (ThinkingWish(effort="minimal"), "gemini-3", {"thinkingLevel": "minimal"}, []),
        (ThinkingWish(effort="xhigh"), "gemini-3", {"thinkingLevel": "high"}, []),
        (
            ThinkingWish(max_tokens=900),
            "gemini-3",
            {"thinkingLevel": "low"},
            ["/thinking/max_tokens"],
        ),
        (ThinkingWish(), "gemini-3", {}, []),
    ],
)
def test_a_wish_to_think_is_told_as_the_model_takes_it(wish, profile, config, named):
    body, lost = sent(talk(HI.messages[0], thinking=wish), profile=PROFILES[profile])
    told = {**config, "includeThoughts": True}
    assert body["generationConfig"]["thinkingConfig"] == told
    assert lost == named


def test_thinking_is_switched_off_where_it_can_be():
    off = talk(HI.messages[0], thinking=ThinkingWish(enabled=False))
    assert sent(off)[0]["generationConfig"] == {"thinkingConfig": {"thinkingBudget": 0}}
    body, lost = sent(off, profile=GEMINI_3)
    assert body["generationConfig"] == {"thinkingConfig": {"thinkingLevel": "low"}}
    assert lost == ["/thinking/enabled"]


def test_media_of_all_kinds_go_along_and_files_of_others_are_named():
    parts = (
        Media("image", "image/png", PIXEL),
        Media("audio", "audio/wav", b"RIFF", name="a.wav"),
        Media("document", "application/pdf", url="https://x.example/a.pdf"),
        Media("document", "application/pdf", file_id="file-1"),
    )
    body, lost = sent(talk(Message("user", parts), origin="openai.chat"))
    assert [next(iter(part)) for part in body["contents"][0]["parts"]] == [
        "inlineData",
        "inlineData",
        "fileData",
    ]
    assert lost == ["/messages/0/parts/3"]


def test_an_image_in_a_result_stays_one():
    image = Media("image", "image/png", PIXEL)
    turn = Message("assistant", (ToolCall("1", "a", "{}"),))
    result = Message("user", (ToolResult("1", (Text("see"), image)), Text("Well?")))
    newer, lost = sent(talk(message("user", "hi"), turn, result), profile=GEMINI_3)
    told = newer["contents"][2]["parts"][0]["functionResponse"]
    assert told["parts"][0]["inlineData"]["mimeType"] == "image/png"
    assert lost == []
    older, lost = sent(talk(message("user", "hi"), turn, result))
    kinds = [next(iter(part)) for part in older["contents"][2]["parts"]]
    assert kinds == ["functionResponse", "inlineData", "text"]
    assert lost == ["/messages/2/parts/0/parts/1"]


def test_what_this_format_cannot_hold_is_named():
    parts = (
        Text("a", cache="5m", citations=({"x": 1},), extra={"annotations": []}),
        Opaque("anthropic", {"type": "server_tool_use"}),
        Refusal("no"),
        Text(""),
    )
    tools = (Tool("f", strict=True, cache=""), Opaque("openai.chat", {}))
    body, lost = sent(talk(Message("assistant", parts), tools=tools, extra={"user": "u"}))
    assert body["contents"][0]["parts"] == [{"text": "a"}, {"text": "no"}]
    assert {*lost} == {
        "/messages/0/parts/0/cache",
        "/messages/0/parts/0/citations",
        "/messages/0/parts/0/extra/annotations",
        "/messages/0/parts/1",
        "/tools/0/strict",
        "/tools/0/cache",
        "/tools/1",
        "/extra/user",
    }
