"""Gemini generateContent: what comes back."""

import base64
import json

import pytest
from gemini_cases import (
    CODEC,
    HI,
    IDENTITY,
    USAGE,
    array,
    chunk,
    read,
    reply,
    stream,
    whole,
)

from aihandler.backends.codec import ReplyIdentity
from aihandler.domain.answer import (
    ArgumentsDelta,
    Reply,
    ToolCallStarted,
)
from aihandler.domain.conversation import Request, Sampling
from aihandler.domain.parts import Media, Text, ToolCall
from aihandler.domain.usage import Usage

CALL = {"functionCall": {"name": "f", "args": {"a": 1}}, "thoughtSignature": "Qg=="}


def told_back(said):
    return whole(CODEC.write_reply(said, IDENTITY))


@pytest.mark.parametrize(
    ("reason", "finish"),
    [
        ("STOP", "stop"),
        ("MAX_TOKENS", "length"),
        ("SAFETY", "refused"),
        ("RECITATION", "refused"),
        ("BLOCKLIST", "refused"),
        ("PROHIBITED_CONTENT", "refused"),
        ("SPII", "refused"),
        ("IMAGE_SAFETY", "refused"),
        ("MODEL_ARMOR", "refused"),
        ("LANGUAGE", "other"),
        ("OTHER", "other"),
        ("MALFORMED_FUNCTION_CALL", "other"),
        ("UNEXPECTED_TOOL_CALL", "other"),
        ("TOO_MANY_TOOL_CALLS", "other"),
        ("A_NEW_ONE", "other"),
        (1, "stop"),
        (2, "length"),
        (3, "refused"),
        (9, "other"),
        ([], "other"),
    ],
)
def test_reasons_to_stop_are_understood_and_told_again(reason, finish):
    body = reply({"text": "a"}, reason=reason)
    said = whole(body)
    assert said.finish == finish
    again = json.loads(CODEC.write_reply(said, IDENTITY))["candidates"][0]
    assert again.get("finishReason", []) == reason


def test_a_call_after_a_text_is_a_call():
    said = whole(reply({"text": "I look."}, CALL))
    assert (said.finish, said.text) == ("tool_calls", "I look.")
    assert (said.parts[1].arguments, said.parts[1].signature) == ('{"a":1}', "Qg==")
    cut = whole(reply({"text": "I look."}, CALL, reason="MAX_TOKENS"))
    assert cut.finish == "length"


def test_a_model_that_says_nothing_and_stops_has_not_answered():
    for body in (
        reply(),
        reply({"text": ""}),
        {"candidates": [{"finishReason": "STOP"}]},
        {"candidates": [], "usageMetadata": USAGE},
    ):
        assert (whole(body).finish, whole(body).parts) == ("other", ())


def test_a_prompt_that_is_blocked_is_a_refusal_and_what_it_cost_is_kept():
    body = {
        "promptFeedback": {"blockReason": "PROHIBITED_CONTENT", "safetyRatings": [{"a": 1}]},
        "usageMetadata": {"promptTokenCount": 9, "totalTokenCount": 9},
        "modelVersion": "m",
    }
    for said in (whole(body), read(stream(body))[-1].reply, read(array(body))[-1].reply):
        assert (said.finish, said.parts, said.usage) == ("refused", (), Usage(input=9))
    again = json.loads(CODEC.write_reply(whole(body), IDENTITY))
    assert again["promptFeedback"] == body["promptFeedback"]
    assert "candidates" not in again


@pytest.mark.parametrize(
    ("counts", "usage"),
    [
        (
            {"promptTokenCount": 10, "cachedContentTokenCount": 4, "candidatesTokenCount": 3},
            Usage(input=6, cache_read=4, output=3),
        ),
        (
            {"promptTokenCount": 10, "toolUsePromptTokenCount": 5, "thoughtsTokenCount": 7},
            Usage(input=15, reasoning=7),
        ),
        (
            {
                "promptTokenCount": 10,
                "cachedContentTokenCount": 4,
                "candidatesTokenCount": 9,
                "promptTokensDetails": [{"modality": "AUDIO", "tokenCount": 8}],
                "cacheTokensDetails": [{"modality": "AUDIO", "tokenCount": 3}],
                "candidatesTokensDetails": [{"modality": 4, "tokenCount": 9}],
            },
            Usage(input=1, cache_read=4, audio_input=5, audio_output=9),
        ),
        # Thoughts that only the total tells of, and thoughts that stand in the answer.
        (
            {"promptTokenCount": 4, "candidatesTokenCount": 2, "totalTokenCount": 9},
            Usage(input=4, output=2, reasoning=3),
        ),
        (
            {
                "promptTokenCount": 4,
                "candidatesTokenCount": 8,
                "thoughtsTokenCount": 5,
                "totalTokenCount": 12,
            },
            Usage(input=4, output=3, reasoning=5),
        ),
    ],
)
def test_tokens_stand_in_one_bucket_each_and_add_up(counts, usage):
    total = counts.get("totalTokenCount", usage.total)
    told = {**counts, "totalTokenCount": total}
    said = whole(reply({"text": "a"}, usageMetadata=told))
    assert said.usage == usage
    assert said.usage.total == total
    again = whole(json.loads(CODEC.write_reply(said, IDENTITY)))
    assert again.usage == usage


def test_counts_that_cannot_be_are_guessed_and_marked():
    for counts in (
        {},
        {"promptTokenCount": -1},
        {"promptTokenCount": 10**12},
        {"totalTokenCount": "9"},
    ):
        assert whole(reply({"text": "four"}, usageMetadata=counts)).usage.estimated


def test_counts_behind_the_end_are_read():
    chunks = (chunk({"text": "a"}, reason="STOP"), {"usageMetadata": USAGE})
    assert read(stream(*chunks))[-1].reply.usage.total == 6
    assert read(array(*chunks))[-1].reply.usage.total == 6


def test_model_version_request_id_tier_and_metadata_are_kept():
    body = reply(
        {"text": "a"},
        modelVersion="gemini-2.5-flash-001",
        createTime="2026",
        usageMetadata={**USAGE, "serviceTier": "standard"},
    )
    beside = {
        "groundingMetadata": {"webSearchQueries": ["q"]},
        "citationMetadata": {"citations": [1]},
        "safetyRatings": [{"category": "c"}],
        "avgLogprobs": -0.5,
    }
    body["candidates"][0] |= beside
    said = whole(body)
    assert (said.model, said.request_id) == ("gemini-2.5-flash-001", "r-1")
    assert said.extra["candidate"] == {"index": 0, **beside}
    again = json.loads(CODEC.write_reply(said, ReplyIdentity("r-1", said.model, 0)))
    assert again == body


def test_logprobs_have_the_form_of_all_others():
    tokens = [{"token": "é", "tokenId": 1, "logProbability": -0.1}]
    body = reply({"text": "é"})
    body["candidates"][0]["logprobsResult"] = {
        "chosenCandidates": tokens,
        "topCandidates": [{"candidates": tokens}],
    }
    said = whole(body)
    one = {"token": "é", "logprob": -0.1, "bytes": [195, 169]}
    assert said.logprobs == {"content": [{**one, "top_logprobs": [one]}]}
    foreign = Reply((Text("é"),), "stop", logprobs=said.logprobs)
    assert told_back(foreign).logprobs == said.logprobs


def test_metadata_of_several_chunks_are_joined_and_empty_ones_take_nothing_back():
    chunks = [chunk({"text": "a"}), chunk({"text": "b"}), chunk({"text": "c"}, reason="STOP")]
    grounding = ({"a": [1]}, {"b": [2]}, {"a": []})
    for made, metadata in zip(chunks, grounding, strict=True):
        made["candidates"][0]["groundingMetadata"] = metadata
    candidate = read(stream(*chunks))[-1].reply.extra["candidate"]
    assert candidate["groundingMetadata"] == {"a": [1], "b": [2]}


def test_pictures_and_sounds_come_back_and_raw_sound_is_one():
    data = base64.b64encode(b"\x01\x02").decode()
    image = {"inlineData": {"mimeType": "image/png", "data": data}}
    sound = {"inlineData": {"mimeType": "audio/L16;codec=pcm;rate=24000", "data": data}}
    said = whole(reply({"text": "see"}, image))
    assert said.parts[1] == Media("image", "image/png", b"\x01\x02")
    events = read(stream(chunk(image), chunk(sound), chunk(sound, reason="STOP")))
    assert [p.data for p in events[-1].reply.parts] == [b"\x01\x02", b"\x01\x02\x01\x02"]


def test_parallel_calls_in_one_chunk_and_in_several_are_all_told():
    calls = [{"functionCall": {"name": n, "args": {}}} for n in "abc"]
    events = read(stream(chunk(*calls[:2]), chunk(calls[2]), chunk({"text": ""}, reason="STOP")))
    begun = [e for e in events if isinstance(e, ToolCallStarted)]
    assert [(e.index, e.name) for e in begun] == [(0, "a"), (1, "b"), (2, "c")]
    assert events[-1].reply.finish == "tool_calls"
    assert whole(reply(*calls)).parts == events[-1].reply.parts


def test_arguments_that_come_in_pieces_are_put_together():
    def piece(path, **value):
        return {"jsonPath": path, **value}

    def part(*pieces, **fields):
        return {"functionCall": {"partialArgs": [*pieces], **fields}}

    begun = {"functionCall": {"name": "f", "willContinue": True}, "thoughtSignature": "Qg=="}
    events = read(
        stream(
            chunk({"text": "I look."}),
            chunk(begun),
            chunk(part(piece("$.city", stringValue="Zü", willContinue=True), willContinue=True)),
            chunk(part(piece("$.city", stringValue="rich"), willContinue=True)),
            chunk(
                part(
                    piece("$.days[0].n", numberValue=1),
                    piece("$.days[1]['n']", nullValue="NULL_VALUE"),
                    piece("$.days[9]", numberValue=1),
                    piece("$.ok", boolValue=False),
                    piece("odd"),
                    willContinue=True,
                )
            ),
            chunk({"functionCall": {}}),
            chunk({"functionCall": {"name": "g", "args": {"b": 1}}}, reason="STOP"),
        )
    )
    first, second = (p for p in events[-1].reply.parts if isinstance(p, ToolCall))
    arguments = {"city": "Zürich", "days": [{"n": 1}, {"n": None}], "ok": False}
    assert (json.loads(first.arguments), first.signature) == (arguments, "Qg==")
    assert (second.name, second.arguments) == ("g", '{"b":1}')
    told = [e for e in events if isinstance(e, ToolCallStarted | ArgumentsDelta)]
    assert [e.index for e in told] == [0, 0, 1, 1]


def test_a_call_of_which_the_end_is_missing_is_told_as_far_as_it_came():
    begun = {"functionCall": {"name": "f", "willContinue": True}}
    events = read(stream(chunk(begun, reason="MAX_TOKENS")))
    assert [(p.name, p.arguments) for p in events[-1].reply.parts] == [("f", "{}")]
    assert events[-1].reply.finish == "length"


def test_of_several_answers_the_first_is_read():
    body = reply({"text": "a"})
    body["candidates"].insert(0, {"index": 1, "content": {"parts": [{"text": "b"}]}})
    assert whole(body).text == "a"


def test_more_stop_texts_than_are_taken_are_cut_here():
    stops = tuple("ABCDEF")
    request = Request("t", HI.messages, sampling=Sampling(stop=stops))
    events = read(
        stream(chunk({"text": "one F"}), chunk({"text": " two"}, reason="STOP")), request=request
    )
    assert (events[-1].reply.text, events[-1].reply.finish) == ("one ", "stop")
    few = Request("t", HI.messages, sampling=Sampling(stop=("F",)))
    assert whole(reply({"text": "one F"}), request=few).text == "one F"
