"""What clients of chat completions get: replies, streams and errors in their own form."""

import json

import pytest
from chat_cases import CHAT, WHO, read_pieces, read_whole

from aihandler.domain.answer import Reply, ReplyDone, TextDelta
from aihandler.domain.parts import Media, Refusal, Text, Thinking, ToolCall
from aihandler.domain.usage import Usage
from aihandler.errors import BackendUnavailable, InputError, Overloaded, Unauthenticated


def chunks(data):
    lines = [line[6:] for line in data.decode().split("\n\n") if line]
    return [line if line == "[DONE]" else json.loads(line) for line in lines]


def test_a_reply_names_id_model_and_usage():
    usage = Usage(5, 3, 2, 7, 4, audio_input=1, audio_output=6)
    body = json.loads(CHAT.write_reply(Reply((Text("hi"),), "stop", usage=usage), WHO))
    assert (body["id"], body["model"], body["object"]) == ("chatcmpl-1", "m", "chat.completion")
    assert body["usage"]["prompt_tokens"] == 11
    assert body["usage"]["completion_tokens"] == 17
    assert body["usage"]["total_tokens"] == usage.total
    assert read_whole(body).usage == usage


def test_token_counts_end_a_stream_only_for_those_who_want_them():
    reply = Reply((Text("hi"),), "stop", usage=Usage(1, output=2))
    for wanted in (True, False):
        writer = CHAT.stream_writer(WHO, usage=wanted)
        told = chunks(writer.write(TextDelta("hi")) + writer.write(ReplyDone(reply)))
        assert told[0]["choices"][0]["delta"]["role"] == "assistant"
        assert told[-1] == "[DONE]"
        assert any(chunk != "[DONE]" and "usage" in chunk for chunk in told) is wanted
        assert sum("hi" in json.dumps(chunk) for chunk in told) == 1


def test_a_stream_that_fails_never_ends_as_if_it_were_whole():
    writer = CHAT.stream_writer(WHO, usage=True)
    told = writer.write(TextDelta("ha"))
    told += writer.fail(BackendUnavailable("gone", deployment="d", hint="try later"))
    assert b"[DONE]" not in told
    assert b'finish_reason":"' not in told
    assert chunks(told)[-1]["error"]["type"] == "server_error"


@pytest.mark.parametrize(
    ("error", "status", "kind"),
    [
        (InputError("no model is named (at /model)", hint="send it"), 400, "invalid_request_error"),
        (Unauthenticated("no key", hint="send one"), 401, "authentication_error"),
        (Overloaded("full"), 503, "server_error"),
        (BackendUnavailable("busy", deployment="d", status=429), 502, "rate_limit_error"),
    ],
)
def test_errors_have_the_form_that_clients_expect(error, status, kind):
    told, body = CHAT.write_error(error)
    inner = json.loads(body)["error"]
    assert (told, inner["type"], inner["code"]) == (status, kind, error.code)
    assert error.message in inner["message"]


def test_a_refusal_a_sound_and_a_signature_reach_the_client_on_both_paths():
    sound = Media("audio", data=b"abc", file_id="audio_1", extra={"transcript": "beep"})
    signed = Thinking("hm", "sig")
    for part in (Refusal("No."), sound, signed):
        reply = Reply((part,), "refused" if isinstance(part, Refusal) else "stop")
        whole = read_whole(json.loads(CHAT.write_reply(reply, WHO)))
        stream = CHAT.stream_writer(WHO, usage=False).write(ReplyDone(reply))
        streamed = read_pieces([stream])[-1].reply
        assert whole.parts == streamed.parts
        assert whole.finish == reply.finish
        if part is signed:
            assert (whole.parts[0].text, whole.parts[0].signature) == ("hm", "sig")
        else:
            assert whole.parts == (part,)


def test_what_a_provider_says_that_it_costs_is_decimal_text():
    usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2, "cost": 0.00012}
    choice = {"message": {"content": "x"}, "finish_reason": "stop"}
    reply = read_whole({"choices": [choice], "usage": usage, "service_tier": "flex"})
    assert reply.extra["reported_cost_usd"] == "0.00012"
    assert reply.extra["openai.chat"]["reply"] == {"service_tier": "flex"}


def test_parts_of_another_format_do_not_reach_a_client_bent():
    reply = Reply(
        (Text("x"), ToolCall("toolu_1", "f", "{}")), "tool_calls", extra={"other": {"a": 1}}
    )
    body = json.loads(CHAT.write_reply(reply, WHO))
    assert "other" not in body
    assert body["choices"][0]["finish_reason"] == "tool_calls"
