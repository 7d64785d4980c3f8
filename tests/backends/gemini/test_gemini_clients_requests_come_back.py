"""Gemini generateContent: what clients send, read and written again as it was."""

import base64
import contextlib
import json

import pytest
from gemini_cases import (
    CODEC,
    DEPLOYMENT,
    HI,
    PROFILE,
    PROFILES,
    asked_back,
    reply,
    request_of,
    sent,
    whole,
)

from aihandler.backends import AnthropicMessages
from aihandler.backends.gemini import asked_in_path
from aihandler.domain.conversation import (
    Message,
    Request,
    message,
)
from aihandler.errors import InputError

SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}}
F = {"name": "f"}
USER = {"role": "user", "parts": [{"text": "hi"}]}
PIXEL = b"\x89PNG\xfb\xff"


def talk(*messages, **fields):
    return Request("t", messages, **fields)


def content(*parts, role="user"):
    return {"contents": [{"role": role, "parts": [*parts]}]}


@pytest.mark.parametrize(
    ("path", "asked"),
    [
        ("/v1beta/models/gemini-2.5-flash:generateContent", ("gemini-2.5-flash", False)),
        ("/v1beta/models/m:streamGenerateContent?alt=sse", ("m", True)),
        ("/v1/projects/p/locations/l/publishers/google/models/m:generateContent", ("m", False)),
        ("/v1beta/models/m:countTokens", ("", False)),
        ("/v1beta/models", ("", False)),
    ],
)
def test_a_clients_path_names_its_model(path, asked):
    assert asked_in_path(path) == asked


def test_a_body_may_name_its_model_as_well():
    inbound = CODEC.read_request(json.dumps({"model": "models/m", **content()}).encode(), {})
    assert inbound.model == "m"
    assert CODEC.read_request(json.dumps(content()).encode(), {}).model == ""


def test_signatures_go_back_at_their_places_byte_for_byte():
    parts = [
        {"text": "So.", "thought": True, "thoughtSignature": "QQ+/=="},
        {"text": "I look."},
        {"functionCall": {"name": "f", "args": {}}, "thoughtSignature": "Qg_-"},
        {"text": "", "thoughtSignature": "Qw=="},
        {"executableCode": {"language": "PYTHON", "code": "1"}, "thoughtSignature": "RA=="},
        {"text": "done", "thoughtSignature": "RQ=="},
    ]
    body = content(*parts, role="model")
    assert asked_back(body) == (body, [])
    # Also in a conversation that a caller goes on with by itself.
    turn = Message("assistant", whole(reply(*parts)).parts)
    again, lost = sent(talk(message("user", "hi"), turn))
    told = again["contents"][1]["parts"]
    assert told.pop(2)["thoughtSignature"] == parts.pop(2)["thoughtSignature"]
    assert told == parts
    assert lost == []


@pytest.mark.parametrize(
    "part",
    [
        {"text": "a", "thought": False},
        {"text": "a", "new_field": 1},
        {"inlineData": {"mimeType": "image/png", "data": base64.b64encode(PIXEL).decode()}},
        {"inline_data": {"mime_type": "image/png", "data": "-_8="}},
        {"inlineData": {"mimeType": "image/png", "data": "+/8=", "displayName": "a.png"}},
        {"inlineData": {"mimeType": "image/png", "data": "...[elided]", "x": 1}},
        {"inlineData": {"mimeType": "video/mp4", "data": "AAAA"}, "videoMetadata": {"fps": 1}},
        {"inlineData": {"mimeType": "image/png", "data": "AAAA"}, "mediaResolution": {"level": 1}},
        {"fileData": {"fileUri": "gs://bucket/a.pdf", "mimeType": "application/pdf"}},
        {"file_data": {"file_uri": "https://x.example/a.wav", "mime_type": "audio/wav"}},
        {"fileData": {"fileUri": "https://youtu.be/x"}},
        {"functionCall": {"name": "f"}},
        {"functionCall": {"name": "f", "args": {"a": [1.5, None]}, "id": "", "x": {}}},
        {"function_call": {"name": "f", "args": {}}, "thought_signature": "QQ=="},
        {"functionCall": {"name": "f", "args": None}},
        {"functionResponse": {"name": "f", "response": {}}},
        {"functionResponse": {"name": "f", "response": {"result": ""}, "willContinue": False}},
        {"functionResponse": {"name": "f", "response": {"output": {"a": 1}}, "id": "i"}},
        {"functionResponse": {"name": "f", "response": {"output": "a", "b": "c"}, "parts": []}},
        {
            "function_response": {
                "name": "f",
                "response": {"return_value": "see"},
                "parts": [{"inline_data": {"mime_type": "image/png", "data": "AAAA"}}, {"x": 1}],
            }
        },
        {"executable_code": {"language": "PYTHON", "code": "1"}},
        {"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": "1"}},
        {"toolCall": {"toolType": "GOOGLE_SEARCH_WEB", "args": {}}, "thoughtSignature": "QQ=="},
        {"text": "a", "functionCall": {"name": "f"}},
        {"videoMetadata": {"fps": 1}},
        {"aPartOf": {"a": "kind to come"}},
        {"text": 1},
    ],
)
def test_every_part_comes_back_as_it_was(part):
    body = content(part)
    assert asked_back(body) == (body, [])


@pytest.mark.parametrize(
    "fields",
    [
        {"contents": [{"parts": [{"text": "a"}]}]},
        {"contents": [{"role": "user", "parts": {"text": "a"}}]},
        {"contents": [{"role": "model"}, {"role": "user", "parts": [], "x": 1}]},
        {"contents": [{"role": "function", "parts": [{"text": "a"}]}]},
        {"contents": [{"parts": [{"text": "a"}], "x": 1}]},
        {"system_instruction": {"parts": {"text": "a"}, "role": "system"}},
        {"systemInstruction": {"parts": [{"text": "a"}, {"text": "b"}], "x": 1}},
        {"systemInstruction": {}, "tools": [], "toolConfig": {}, "safetySettings": []},
        {"generationConfig": {}},
        {"generation_config": {"max_output_tokens": 5, "top_p": 0.5, "topK": 20.0, "seed": 7}},
        {"generationConfig": {"temperature": 1, "presencePenalty": 0.5, "frequency_penalty": 1}},
        {"generationConfig": {"stopSequences": ["a"], "candidateCount": 1, "mediaResolution": 1}},
        {"generationConfig": {"stop_sequences": [], "temperature": None, "topK": 1.5}},
        {"generationConfig": {"responseModalities": ["TEXT"], "speechConfig": {"a": 1}}},
        {"generationConfig": {"response_modalities": ["TEXT", "IMAGE"], "imageConfig": {}}},
        {"generationConfig": {"responseLogprobs": True}},
        {"generationConfig": {"response_logprobs": True, "logprobs": 3}},
        {"generationConfig": {"responseLogprobs": True, "logprobs": 0}},
        {"generationConfig": {"responseLogprobs": False, "logprobs": 2}},
        {"generationConfig": {"thinkingConfig": {"thinkingBudget": 0}}},
        {"generationConfig": {"thinking_config": {"thinking_budget": -1, "includeThoughts": True}}},
        {"generationConfig": {"thinkingConfig": {"thinkingLevel": "HIGH", "x": 1}}},
        {"generationConfig": {"thinkingConfig": {"thinking_level": "low"}}},
        {"generationConfig": {"thinkingConfig": {"include_thoughts": True}}},
        {"generationConfig": {"thinkingConfig": {}}},
        {"generationConfig": {"responseMimeType": "text/plain"}},
        {"generationConfig": {"responseMimeType": "text/x.enum", "responseSchema": SCHEMA}},
        {"generationConfig": {"response_mime_type": "application/json"}},
        {"generationConfig": {"responseMimeType": "application/json", "responseSchema": SCHEMA}},
        {
            "generationConfig": {
                "response_mime_type": "application/json",
                "response_schema": {
                    "type": "OBJECT",
                    "properties": {"a": {"type": "STRING", "nullable": True, "any_of": []}},
                    "property_ordering": ["a"],
                },
            }
        },
        {
            "generationConfig": {
                "responseMimeType": "application/json",
                "responseJsonSchema": {"type": ["object", "null"], "x": 1},
            }
        },
        {"generationConfig": {"responseSchema": SCHEMA}},
        {"toolConfig": {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["f"]}}},
        {"tool_config": {"function_calling_config": {"mode": "VALIDATED"}, "x": {"a": 1}}},
        {"toolConfig": {"functionCallingConfig": {"mode": "NONE", "allowedFunctionNames": []}}},
        {"toolConfig": {"functionCallingConfig": {}, "retrievalConfig": {"languageCode": "de"}}},
        {"toolConfig": {"functionCallingConfig": {"mode": 1, "streamFunctionCallArguments": True}}},
        {"tools": [{"functionDeclarations": [{"name": "f"}, {"name": "g", "description": ""}]}]},
        {"tools": [{"googleSearch": {}}, {"function_declarations": [{"name": "f"}]}]},
        {"tools": [{"functionDeclarations": [F], "codeExecution": {}}, {"urlContext": {}}]},
        {"tools": [{"functionDeclarations": []}, {"functionDeclarations": [{"x": 1}]}, "odd"]},
        {"tools": [{"functionDeclarations": [F]}, {"functionDeclarations": [F]}]},
        {
            "tools": [
                {
                    "functionDeclarations": [
                        {"name": "f", "parameters": {"type": "OBJECT", "properties": {}}},
                        {"name": "g", "parameters_json_schema": SCHEMA, "behavior": "BLOCKING"},
                        {"name": "h", "parameters": None, "description": None},
                    ]
                }
            ]
        },
        {"cachedContent": "cachedContents/1", "labels": {"a": "b"}, "safetySettings": [{"a": 1}]},
        {"unknown": {"a": [1]}, "~odd": 1, "~given": 1, "~strange": 2, "~groups": [[9, "", True]]},
        {"contents": [{"parts": [{"text": "a", "~spelled": 1}], "~form": "none", "~role": 2}]},
        {"generationConfig": {"~schema": ["x", 1], "topP": 1, "~written": {"topP": 2}}},
    ],
)
def test_every_field_comes_back_as_it_was(fields):
    body = {"contents": [USER], **fields}
    assert asked_back(body) == (body, [])


def test_more_than_one_answer_is_not_asked_for_and_named():
    body = {"contents": [USER], "generationConfig": {"candidateCount": 3, "topK": 1}}
    again, lost = asked_back(body)
    assert again["generationConfig"] == {"topK": 1}
    assert lost == ["/extra/generationConfig/candidateCount"]


def test_calls_and_results_without_ids_belong_together():
    request = request_of(
        {
            "contents": [
                USER,
                {
                    "role": "model",
                    "parts": [{"functionCall": {"name": n, "args": {}}} for n in ("a", "b", "a")],
                },
                {
                    "role": "user",
                    "parts": [
                        {"functionResponse": {"name": n, "response": {"output": t}}}
                        for n, t in (("a", "1"), ("a", "2"), ("b", "3"))
                    ],
                },
            ]
        }
    )
    ids = [part.id for part in request.messages[1].parts]
    assert len(set(ids)) == 3
    assert [part.call_id for part in request.messages[2].parts] == [ids[0], ids[2], ids[1]]


def test_a_result_without_an_id_answers_the_call_that_has_one():
    request = request_of(
        {
            "contents": [
                {"role": "model", "parts": [{"functionCall": {"name": "a", "id": "x1"}}]},
                {
                    "role": "user",
                    "parts": [{"functionResponse": {"name": "a", "response": {"output": "1"}}}],
                },
            ]
        }
    )
    assert request.messages[1].parts[0].call_id == "x1"


def test_an_older_schema_is_understood_by_other_formats():
    older = {
        "type": "OBJECT",
        "properties": {
            "a": {"type": "STRING", "nullable": True},
            "b": {"type": "ARRAY", "items": {"type": "INTEGER"}, "min_items": "1"},
            "c": {"any_of": [{"type": "NUMBER"}, {"type": "BOOLEAN"}], "nullable": True},
            "d": {"type": "STRING", "enum": ["x"], "format": "enum", "nullable": True},
        },
        "propertyOrdering": ["a", "b", "c", "d"],
    }
    read = {
        "type": "object",
        "properties": {
            "a": {"type": ["string", "null"]},
            "b": {"type": "array", "items": {"type": "integer"}, "minItems": 1},
            "c": {
                "anyOf": [
                    {"anyOf": [{"type": "number"}, {"type": "boolean"}]},
                    {"type": "null"},
                ]
            },
            "d": {"anyOf": [{"type": "string", "enum": ["x"]}, {"type": "null"}]},
        },
    }
    config = {"responseMimeType": "application/json", "responseSchema": older}
    tools = [{"functionDeclarations": [{"name": "f", "parameters": older}]}]
    request = request_of({"contents": [USER], "generationConfig": config, "tools": tools})
    assert request.output.schema == read
    assert request.tools[0].parameters == read


def test_what_a_format_of_another_kind_cannot_hold_of_ours_is_named():
    request = request_of(
        {
            "contents": [
                {
                    "role": "model",
                    "parts": [{"text": "", "thoughtSignature": "QQ=="}, {"text": "a"}],
                },
                USER,
            ],
            "cachedContent": "c",
            "generationConfig": {"speechConfig": {}, "imageConfig": {"a": 1}},
            "toolConfig": {"functionCallingConfig": {"mode": "VALIDATED"}},
            "tools": [{"functionDeclarations": [{"name": "f"}]}, {"googleSearch": {}}],
        }
    )
    made = AnthropicMessages().encode(request, DEPLOYMENT, PROFILES["anthropic"], streamed=False)
    assert {
        "/extra/cachedContent",
        "/extra/generationConfig",
        "/messages/0/parts/0",
        "/tool_choice/extra/mode",
        "/tools/1",
    } <= {lost.pointer for lost in made.lost}


def test_only_what_is_unknown_is_lost_elsewhere():
    body = {
        "contents": [{"parts": [{"text": "hi"}]}],
        "generation_config": {"response_modalities": ["TEXT"], "top_p": 0.5, "candidateCount": 1},
        "systemInstruction": {"role": "user", "parts": {"text": "Be brief."}},
    }
    made = AnthropicMessages().encode(
        request_of(body), DEPLOYMENT, PROFILES["anthropic"], streamed=False
    )
    assert made.lost == ()


def test_a_request_that_cannot_be_read_says_why():
    bodies = [
        b"{",
        b"[]",
        b"{}",
        b'{"contents":"hi"}',
        b'{"contents":[1]}',
        b'{"contents":[{"role":"x","parts":[]}]}',
        b'{"contents":[{"parts":"hi"}]}',
        b'{"contents":[{"parts":[' + b'{"text":[' * 5000,
    ]
    for body in bodies:
        with pytest.raises(InputError):
            CODEC.read_request(body, {})


def test_a_schema_nested_without_end_is_refused_and_no_crash():
    deep = b'{"type":"OBJECT","items":' * 500 + b"{}" + b"}" * 500
    tools = b'[{"functionDeclarations":[{"name":"f","parameters":%s}]}]' % deep
    body = b'{"contents":[{"parts":[{"text":"a"}]}],"tools":%s}' % tools
    with contextlib.suppress(InputError):
        CODEC.read_request(body, {})


def test_a_clients_bytes_go_on_as_they_are():
    raw = b'{ "contents": [{"parts":[{"text":"hi"}]}] , "x":1.0}'
    request = Request("t", HI.messages, raw=raw, origin=CODEC.kind)
    passed = CODEC.pass_on(request, DEPLOYMENT, PROFILE, streamed=True)
    assert passed.call.body == raw
    assert passed.call.path.endswith("models/gemini-2.5-flash:streamGenerateContent?alt=sse")
    named = b'{"model":"models/other","contents":[{"parts":[{"text":"hi"}]}]}'
    inbound = CODEC.read_request(named, {})
    asked = Request("t", HI.messages, raw=named, origin=CODEC.kind, extra=inbound.request.extra)
    body = CODEC.pass_on(asked, DEPLOYMENT, PROFILE, streamed=False).call.body
    assert body == named.replace(b"models/other", b"models/gemini-2.5-flash")
