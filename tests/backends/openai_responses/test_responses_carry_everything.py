"""OpenAI Responses: what goes out, what comes back, and what is named when it cannot."""

import json

import pytest
from responses_cases import (
    CODEC,
    DEPLOYMENT,
    HI,
    IDENTITY,
    PROFILES,
    asked_back,
    call,
    event,
    events_in,
    read,
    reading,
    response,
    said,
    sent,
    stream,
    whole,
)

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
from aihandler.domain.conversation import Message, Request, Sampling, ThinkingWish, message
from aihandler.domain.parts import Media, Opaque, Refusal, Text, Thinking, ToolCall, ToolResult
from aihandler.domain.schemas import SentSchema
from aihandler.domain.task import JsonOutput
from aihandler.domain.tools import Tool, ToolChoice
from aihandler.domain.usage import Usage
from aihandler.errors import (
    BackendError,
    BackendRejected,
    BackendUnavailable,
    ContentRefused,
    InputError,
)

SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}}
DONE = event("completed", response=response())
REASONING = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "gAAA+/="}


def talk(*messages, **fields):
    return Request("t", messages, **fields)


def added(index, item):
    return event("output_item.added", output_index=index, item=item)


def finished(index, item):
    return event("output_item.done", output_index=index, item=item)


def delta(text, index=0):
    return event("output_text.delta", output_index=index, content_index=0, delta=text)


def told_back(reply):
    return whole(CODEC.write_reply(reply, IDENTITY))


def test_nothing_is_left_with_the_provider():
    body, _ = sent(HI)
    assert body["store"] is False
    assert body["include"] == ["reasoning.encrypted_content"]
    plain, _ = sent(HI, profile=PROFILES["openai-responses"])
    assert "include" not in plain


def test_a_deployment_at_openai_gets_the_row_of_its_format():
    assert profile_for(DEPLOYMENT, PROFILES).name == "openai-responses"


def test_system_text_becomes_instructions():
    body, lost = sent(talk(message("system", "Be brief."), message("user", "hi")))
    assert body["instructions"] == "Be brief."
    assert body["input"] == [{"role": "user", "content": "hi"}]
    assert lost == []


def test_thoughts_that_others_signed_stay_behind_and_are_named():
    turn = Message("assistant", (Thinking("hm", signature="s"), Text("yes")))
    body, lost = sent(talk(message("user", "hi"), turn, message("user", "why?")))
    assert lost == ["/messages/1/parts/0"]
    assert [item["role"] for item in body["input"]] == ["user", "assistant", "user"]


def test_a_sealed_thought_goes_back_before_its_call_byte_for_byte():
    reply = whole(response(REASONING, call()))
    turn = Message("assistant", reply.parts)
    result = Message("user", (ToolResult("call_1", (Text("12"),)),))
    body, lost = sent(talk(message("user", "hi"), turn, result))
    assert body["input"][1] == REASONING
    assert [item.get("type") for item in body["input"][1:]] == [
        "reasoning",
        "function_call",
        "function_call_output",
    ]
    assert lost == []


def test_a_thought_without_its_following_item_is_left_out_and_named():
    body, lost = asked_back(
        {
            "model": "m",
            "input": [
                {"role": "user", "content": "a"},
                REASONING,
                *[{"role": "user", "content": "b"}],
            ],
        }
    )
    assert [item["content"] for item in body["input"]] == ["a", "b"]
    assert lost == ["/messages/1/parts/0"]


def test_a_thought_that_we_told_for_another_model_is_not_given_to_openai():
    reply = Reply((Thinking("hm", signature="s"), Text("x")), "stop")
    made = json.loads(CODEC.write_reply(reply, IDENTITY))
    body, lost = asked_back(
        {"model": "m", "input": [{"role": "user", "content": "a"}, *made["output"]]}
    )
    assert [item.get("type") for item in body["input"]] == [None, "message"]
    assert len(lost) == 1


def test_results_of_parallel_calls_are_one_turn_and_the_order_is_kept():
    items = [
        {"role": "user", "content": "hi"},
        REASONING,
        call(1),
        call(2),
        {"type": "function_call_output", "call_id": "call_1", "output": "a"},
        {"type": "function_call_output", "call_id": "call_2", "output": "b"},
        {"type": "item_reference", "id": "msg_7"},
    ]
    request = CODEC.read_request(json.dumps({"model": "m", "input": items}).encode(), {}).request
    assert [m.role for m in request.messages] == ["user", "assistant", "user", "assistant"]
    assert [p.call_id for p in request.messages[2].parts] == ["call_1", "call_2"]
    assert asked_back({"model": "m", "input": items})[0]["input"] == items


@pytest.mark.parametrize(
    "extra",
    [
        {"instructions": None, "tools": [], "temperature": None, "stream": False, "text": {}},
        {"text": {"format": {"type": "json_schema", "name": "n", "schema": SCHEMA, "x": 1}}},
        {"text": {"format": {"type": "json_object"}, "verbosity": "low"}},
        {"include": ["message.output_text.logprobs"], "top_logprobs": 3},
        {"reasoning": {"effort": "none", "summary": "auto"}, "unknown": {"a": [1]}},
        {"tool_choice": {"type": "web_search"}, "parallel_tool_calls": False},
        {"tool_choice": "auto", "tools": [{"type": "custom", "name": "c"}]},
        {
            "tool_choice": {
                "type": "allowed_tools",
                "mode": "auto",
                "tools": [{"type": "function", "name": "f"}],
            },
            "tools": [{"type": "function", "name": "f", "parameters": None, "strict": None}],
        },
        {"previous_response_id": "resp_0", "background": True, "store": True},
        {"conversation": {"id": "c"}, "max_output_tokens": 1, "top_p": 1},
    ],
)
def test_every_field_comes_back_as_it_was(extra):
    body = {"model": "m", "input": "hi", **extra}
    assert asked_back(body) == (body, [])


@pytest.mark.parametrize(
    "item",
    [
        {"type": "message", "role": "developer", "content": [{"type": "input_text", "text": "a"}]},
        {"role": "user", "content": []},
        {"role": "user", "content": [{"type": "input_text", "text": "a", "x": 1}]},
        {"role": "user", "content": [{"type": "input_new", "of": "a kind to come"}]},
        {
            "role": "user",
            "content": [{"type": "input_image", "image_url": "data:a/b;base64,iVBO"}],
        },
        {"role": "user", "content": [{"type": "input_image", "image_url": "data:image/png,%FF"}]},
        {"role": "user", "content": [{"type": "input_file", "file_url": "https://x/a.pdf"}]},
        {"type": "function_call_output", "call_id": "c", "output": []},
        {"type": "function_call_output", "call_id": "c", "output": "", "status": "completed"},
        {"type": "computer_call_output", "call_id": "c", "output": {"type": "computer_screenshot"}},
        {"role": "assistant", "content": ""},
        {"role": "assistant", "content": [{"type": "refusal", "refusal": "no"}], "id": "msg_1"},
        {**said("a", logprobs=[{"token": "a"}]), "phase": "commentary"},
        {**said("a"), "content": [*said("a")["content"], {"type": "refusal", "refusal": "b"}]},
        {"type": "custom_tool_call", "call_id": "c", "name": "n", "input": "x"},
    ],
)
def test_every_item_comes_back_as_it_was(item):
    body = {"model": "m", "input": [item]}
    assert asked_back(body) == (body, [])


def test_a_thought_of_several_texts_comes_back_as_it_was():
    texts = [{"type": "summary_text", "text": t} for t in ("a", "", "b\n\nc")]
    thought = {**REASONING, "summary": texts, "content": [{"type": "reasoning_text", "text": "d"}]}
    body = {"model": "m", "input": [thought, call()]}
    assert asked_back(body) == (body, [])


def test_a_tool_from_elsewhere_is_not_made_strict():
    body, _ = sent(talk(message("user", "hi"), tools=(Tool("now"),)))
    assert body["tools"] == [
        {
            "type": "function",
            "name": "now",
            "parameters": {"type": "object", "properties": {}},
            "strict": False,
        }
    ]


def test_forced_and_allowed_tools_are_told():
    tools = (Tool("a", parameters=SCHEMA), Tool("b", parameters=SCHEMA))
    one = talk(HI.messages[0], tools=tools, tool_choice=ToolChoice("required", ("a",), False))
    body, _ = sent(one)
    assert body["tool_choice"] == {"type": "function", "name": "a"}
    assert body["parallel_tool_calls"] is False
    both, _ = sent(talk(HI.messages[0], tools=tools, tool_choice=ToolChoice("auto", ("a", "b"))))
    assert both["tool_choice"]["type"] == "allowed_tools"
    assert len(both["tools"]) == 2


def test_a_schema_goes_as_the_format_of_the_text():
    request = talk(
        HI.messages[0],
        output=JsonOutput(SCHEMA),
        sent=SentSchema(SCHEMA, "native", enforced="full", subset="openai-strict"),
    )
    body, _ = sent(request)
    assert body["text"]["format"] == {
        "type": "json_schema",
        "name": "t",
        "schema": SCHEMA,
        "strict": True,
    }


def test_ids_of_calls_from_elsewhere_are_fitted_and_still_belong_together():
    long = "x" * 80
    turn = Message("assistant", (ToolCall(long, "f", "{}"),))
    body, _ = sent(talk(HI.messages[0], turn, Message("user", (ToolResult(long, ()),))))
    ids = {item["call_id"] for item in body["input"][1:]}
    assert len(ids) == 1
    assert len(ids.pop()) <= 64


def test_images_stay_images_also_in_the_result_of_a_tool():
    image = Media("image", "image/png", b"\x89PNG")
    result = ToolResult("c", (Text("see"), image))
    turn = Message("assistant", (ToolCall("c", "f", "{}"),))
    body, lost = sent(talk(Message("user", (image,)), turn, Message("user", (result,))))
    assert body["input"][0]["content"][0]["image_url"].startswith("data:image/png;base64,")
    assert [p["type"] for p in body["input"][2]["output"]] == ["input_text", "input_image"]
    assert lost == []


def test_settings_that_this_format_lacks_are_named():
    sampling = Sampling(0.5, 0.9, 7, ("END",), 4, 3, 0.1, 0.2)
    body, lost = sent(
        talk(HI.messages[0], sampling=sampling, thinking=ThinkingWish(max_tokens=900))
    )
    assert body["max_output_tokens"] == 16
    assert body["reasoning"] == {"effort": "low"}
    names = ("temperature", "top_p", "seed", "stop", "max_output_tokens", "top_k")
    assert {f"/sampling/{name}" for name in (*names, "frequency_penalty")} <= {*lost}
    assert "/thinking/max_tokens" in lost


def test_what_a_format_of_another_kind_cannot_hold_of_ours_is_named():
    from aihandler.backends import AnthropicMessages

    body = {
        "model": "m",
        "previous_response_id": "r",
        "input": [{**said("a"), "phase": "x"}, call()],
    }
    request = CODEC.read_request(json.dumps(body).encode(), {}).request
    made = AnthropicMessages().encode(request, DEPLOYMENT, PROFILES["anthropic"], streamed=False)
    named = {lost.pointer for lost in made.lost}
    assert {"/extra/previous_response_id", "/messages/0/parts/0/extra/item"} <= named


def test_a_request_that_cannot_be_read_says_why():
    for body in (b"{", b"[]", b"{}", b'{"model":"m"}', b'{"model":"m","input":[{"role":"x"}]}'):
        with pytest.raises(InputError):
            CODEC.read_request(body, {})


@pytest.mark.parametrize(
    ("fields", "finish"),
    [
        ({}, "stop"),
        ({"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}, "length"),
        ({"status": "incomplete", "incomplete_details": {"reason": "content_filter"}}, "refused"),
        ({"status": "incomplete", "incomplete_details": {"reason": "a_new_one"}}, "other"),
        ({"status": "queued"}, "other"),
        ({"status": "cancelled"}, "other"),
    ],
)
def test_states_are_understood(fields, finish):
    assert whole(response(said("a"), **fields)).finish == finish


def test_a_call_after_a_text_is_a_call():
    reply = whole(response(said("I look."), call()))
    assert (reply.finish, reply.text) == ("tool_calls", "I look.")


def test_a_refusal_is_one():
    item = {**said(""), "content": [{"type": "refusal", "refusal": "No."}]}
    reply = whole(response(item))
    assert (reply.finish, reply.parts[0].text) == ("refused", "No.")
    assert told_back(reply).parts == reply.parts


def test_tokens_are_in_buckets_that_do_not_overlap():
    usage = {
        "input_tokens": 100,
        "input_tokens_details": {"cached_tokens": 60, "cache_write_tokens": 30},
        "output_tokens": 50,
        "output_tokens_details": {"reasoning_tokens": 20},
        "total_tokens": 150,
    }
    reply = whole(response(said("a"), usage={**usage, "cost": 0.25}))
    assert reply.usage == Usage(10, 60, 30, 30, 20)
    assert reply.extra["reported_cost_usd"] == "0.25"
    again = json.loads(CODEC.write_reply(reply, IDENTITY))
    assert again["usage"] == {**usage, "cost": 0.25}


def test_citations_and_logprobs_are_kept():
    note = {"type": "url_citation", "url": "https://x", "start_index": 0, "end_index": 1}
    probs = [{"token": "a", "logprob": -0.1, "bytes": [97], "top_logprobs": []}]
    reply = whole(response(said("a", annotations=[note], logprobs=probs)))
    assert reply.parts[0].citations == (note,)
    assert reply.logprobs == {"content": probs}
    assert told_back(reply).parts == reply.parts


def test_arguments_that_only_the_end_tells_are_not_lost():
    item = {**call(), "arguments": ""}
    done = event("function_call_arguments.done", output_index=0, arguments='{"city":"Bern"}')
    only_done = stream(added(0, item), done, finished(0, call()), DONE)
    only_item = stream(added(0, item), finished(0, call()), DONE)
    only_response = stream(event("completed", response=response(call())))
    for body in (only_done, only_item, only_response):
        events = read(body)
        assert [e.text for e in events if isinstance(e, ArgumentsDelta)] == ['{"city":"Bern"}']
        assert [e.id for e in events if isinstance(e, ToolCallStarted)] == ["call_1"]
        assert events[-1].reply.parts[0].arguments == '{"city":"Bern"}'


def test_calls_that_run_beside_each_other_are_kept_apart():
    def piece(index, text):
        return event("function_call_arguments.delta", output_index=index, delta=text)

    empty = [{**call(n), "arguments": ""} for n in (1, 2)]
    body = stream(
        added(0, empty[0]),
        added(1, empty[1]),
        piece(1, '{"b"'),
        piece(0, '{"a"'),
        piece(0, ":1}"),
        piece(1, ":2}"),
        DONE,
    )
    reply = read(body)[-1].reply
    assert [(p.id, p.arguments) for p in reply.parts] == [
        ("call_1", '{"a":1}'),
        ("call_2", '{"b":2}'),
    ]


def test_text_that_only_the_end_tells_is_not_lost():
    for body in (
        stream(event("output_text.done", output_index=0, content_index=0, text="Hi"), DONE),
        stream(finished(0, said("Hi")), DONE),
        stream(event("completed", response=response(said("Hi")))),
        stream(delta("H"), finished(0, said("Hi")), DONE),
        stream(delta("H"), delta("i"), DONE),
    ):
        events = read(body)
        assert "".join(e.text for e in events if isinstance(e, TextDelta)) == "Hi"
        assert events[-1].reply.text == "Hi"


def test_a_stop_text_is_cut_here_because_the_format_has_none():
    request = talk(HI.messages[0], sampling=Sampling(stop=("END",)))
    data = stream(delta("a E"), delta("ND b"), finished(0, said("a END b")), DONE)
    *events, last = read(data, request=request)
    assert "".join(e.text for e in events if isinstance(e, TextDelta)) == "a "
    assert (last.reply.text, last.reply.finish) == ("a ", "stop")


@pytest.mark.parametrize(
    ("told", "kind", "status"),
    [
        (event("error", code="server_error", message="x"), BackendUnavailable, 500),
        (
            event("error", error={"code": "rate_limit_exceeded", "message": "x"}),
            BackendUnavailable,
            429,
        ),
        (event("error", code="context_length_exceeded", message="x"), BackendRejected, 400),
        (event("error", code="invalid_prompt", message="flagged by us"), ContentRefused, 400),
        (
            event("failed", response={"error": {"code": "server_error", "message": "x"}}),
            BackendUnavailable,
            500,
        ),
    ],
)
def test_an_error_in_a_stream_is_an_error(told, kind, status):
    with pytest.raises(kind) as raised:
        read(stream(event("created", response={}), told))
    assert raised.value.status == status


def test_an_error_after_words_comes_after_them_and_leaves_doubt():
    reader = reading()
    events = reader.feed(stream(delta("Hal"), event("error", code="server_error", message="x")))
    assert events == [TextDelta("Hal")]
    with pytest.raises(BackendUnavailable) as raised:
        reader.end()
    assert raised.value.status is None


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"{}", b"<html>", b'{"object":"response"}'])
def test_what_is_no_response_is_never_an_empty_success(body):
    with pytest.raises(BackendError):
        whole(body)


def test_a_stream_without_bounds_is_refused():
    reader, comment = reading(), b": " + b"x" * 1024 * 1024 + b"\n"
    for _ in range(63):
        assert reader.feed(comment) == []
    with pytest.raises(BackendUnavailable):
        reader.feed(comment)
    with pytest.raises(BackendUnavailable):
        reading().feed(b"data: " + b"x" * 11 * 1024 * 1024)


def test_a_failed_stream_does_not_end_as_if_it_were_whole():
    writer = CODEC.stream_writer(IDENTITY, usage=True)
    data = writer.write(TextDelta("Ha")) + writer.fail(BackendUnavailable("gone", deployment="d"))
    assert [e["type"] for e in events_in(data)][-2:] == ["error", "response.failed"]
    with pytest.raises(BackendUnavailable):
        read(data)


def test_events_of_other_formats_become_the_whole_grammar():
    writer = CODEC.stream_writer(IDENTITY, usage=True)
    asked = ToolCall("c", "f", '{"a":1}')
    parts = (Thinking("hm", signature="s"), Text("Hi"), asked, Media("image", "image/png", b"x"))
    reply = Reply(parts, "tool_calls", usage=Usage(3, output=2))
    data = b"".join(
        map(
            writer.write,
            [
                ThinkingDelta("h"),
                ThinkingDelta("m"),
                PartDone(parts[0]),
                TextDelta("Hi"),
                ToolCallStarted(0, "c", "f"),
                ArgumentsDelta(0, '{"a":'),
                ArgumentsDelta(0, "1}"),
                ReplyDone(reply),
            ],
        )
    )
    events = events_in(data)
    assert [e["sequence_number"] for e in events] == list(range(len(events)))
    names = [e["type"].removeprefix("response.") for e in events]
    assert names[:2] == ["created", "in_progress"]
    assert names[-1] == "completed"
    added_ids = [e["item"].get("id") for e in events if e["type"].endswith("item.added")]
    done_ids = [e["item"].get("id") for e in events if e["type"].endswith("item.done")]
    final = events[-1]["response"]["output"]
    assert added_ids == [item["id"] for item in final]
    assert sorted(added_ids) == sorted(done_ids)
    assert [item["type"] for item in final] == [
        "reasoning",
        "message",
        "function_call",
        "image_generation_call",
    ]
    again = read(data)[-1].reply
    assert (again.text, again.finish, again.usage.total) == ("Hi", "tool_calls", 5)


def test_an_answer_that_was_held_back_is_told_with_the_end():
    reply = whole(
        response(REASONING, said("Hi"), call(), {"type": "web_search_call", "id": "ws_1"})
    )
    data = CODEC.stream_writer(IDENTITY, usage=True).write(ReplyDone(reply))
    assert read(data)[-1].reply.parts == reply.parts


def test_parts_of_other_providers_own_are_named_as_lost():
    turn = Message("assistant", (Opaque("anthropic", {"type": "server_tool_use"}), Refusal("no")))
    body, lost = sent(talk(HI.messages[0], turn))
    assert lost == ["/messages/1/parts/0"]
    assert body["input"][1]["content"] == [{"type": "refusal", "refusal": "no"}]
