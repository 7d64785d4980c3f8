"""Gemini generateContent: streams of both forms, however they are cut, and what goes wrong."""

import json

import pytest
from gemini_cases import (
    CODEC,
    STREAM,
    USAGE,
    WHOLE,
    array,
    chunk,
    read,
    reading,
    reply,
    stream,
    whole,
)

from aihandler.domain.answer import (
    TextDelta,
    ThinkingDelta,
)
from aihandler.domain.parts import Opaque, Text, Thinking
from aihandler.domain.usage import Usage
from aihandler.errors import (
    BackendError,
    BackendRejected,
    BackendUnavailable,
    ContentRefused,
)

CALL = {"functionCall": {"name": "f", "args": {"a": 1}}, "thoughtSignature": "Qg=="}
BUSY = {"error": {"code": 503, "message": "The model is overloaded.", "status": "UNAVAILABLE"}}


def test_the_last_word_of_a_stream_on_tokens_holds_and_is_not_added_up():
    first = {"promptTokenCount": 4, "candidatesTokenCount": 1, "totalTokenCount": 5}
    said = read(
        stream(
            chunk({"text": "a"}, usageMetadata={**first, "cachedContentTokenCount": 2}),
            chunk({"text": "b"}, usageMetadata={"trafficType": "ON_DEMAND"}),
            chunk({"text": "c"}, reason="STOP", usageMetadata=USAGE),
        )
    )[-1].reply
    assert said.usage == Usage(input=4, output=2)
    assert said.extra["usageMetadata"] == {"trafficType": "ON_DEMAND"}


def test_logprobs_of_a_stream_are_joined():
    chunks = [chunk({"text": t}, reason="STOP" if t == "b" else None) for t in "ab"]
    for made, letter in zip(chunks, "ab", strict=True):
        token = {"token": letter, "logProbability": -1}
        made["candidates"][0]["logprobsResult"] = {"chosenCandidates": [token]}
    logprobs = read(stream(*chunks))[-1].reply.logprobs
    assert [token["token"] for token in logprobs["content"]] == ["a", "b"]


def test_texts_of_a_stream_are_one_and_a_signature_ends_it():
    events = read(
        stream(
            chunk({"text": "Hm", "thought": True}),
            chunk({"text": "m.", "thought": True}),
            chunk({"text": "A"}),
            chunk({"text": "B"}),
            chunk({"text": "C", "thoughtSignature": "Qw=="}),
            chunk({"text": "D"}),
            chunk({"text": "", "thoughtSignature": "RA=="}, reason="STOP"),
        )
    )
    signed = {"text": "", "thoughtSignature": "RA=="}
    assert events[-1].reply.parts == (
        Thinking("Hmm."),
        Text("AB"),
        Text("C", extra={"thoughtSignature": "Qw=="}),
        Text("D"),
        Opaque(CODEC.kind, signed),
    )
    assert [e.text for e in events if isinstance(e, TextDelta)] == ["A", "B", "C", "D"]
    assert [e.text for e in events if isinstance(e, ThinkingDelta)] == ["Hm", "m."]


@pytest.mark.parametrize("form", [stream, array])
def test_streams_of_both_forms_may_be_cut_at_every_byte(form):
    data = form(
        chunk({"text": 'Zü"rich \\ {[😀'}),
        chunk(CALL),
        chunk({"text": "Ende"}, reason="STOP", usageMetadata=USAGE),
    )
    expected = read(data)
    for place in range(len(data)):
        assert read(data, places=[place]) == expected
    assert read(data, places=range(len(data))) == expected


def test_a_server_that_streams_otherwise_than_asked_is_understood():
    chunks = (chunk({"text": "a"}), chunk({"text": "b"}, reason="STOP", usageMetadata=USAGE))
    expected = read(stream(*chunks))[-1]
    assert read(array(*chunks), headers=STREAM)[-1] == expected
    assert read(array(*chunks), headers=WHOLE, streamed=True)[-1] == expected
    assert read(array(*chunks), headers=WHOLE, streamed=False)[-1] == expected
    assert read(stream(*chunks), headers=STREAM, streamed=False)[-1] == expected
    one = reply({"text": "ab"})
    assert read(json.dumps(one).encode(), headers=WHOLE, streamed=True)[-1].reply == whole(one)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\n\n",
        b"{}",
        b"[]",
        b"[",
        b"data: {}\n\n",
        b"data: [DONE]\n\n",
        b"<html>busy</html>",
        b"[1, 2]",
        b"nonsense",
        b'[{"candidates": 1}]',
        b'{"candidates": [{}',
        b"[" * 100_000,
        b'{"a":' * 100_000,
    ],
)
def test_what_is_no_reply_is_an_error(body):
    for kwargs in ({"headers": STREAM}, {"headers": WHOLE}, {"headers": WHOLE, "streamed": True}):
        with pytest.raises(BackendError):
            read(body, **kwargs)


def test_a_stream_that_ends_before_the_model_does_is_an_error_after_its_events():
    for data in (stream(chunk({"text": "a"})), array(chunk({"text": "a"}))[:-2]):
        reader = reading()
        assert [e.text for e in reader.feed(data)] == ["a"]
        with pytest.raises(BackendUnavailable, match="before the answer was complete"):
            reader.end()


def test_an_error_within_a_stream_comes_after_the_events_before_it():
    for data in (stream(chunk({"text": "a"}), BUSY), array(chunk({"text": "a"}), BUSY)):
        reader = reading()
        assert [e.text for e in reader.feed(data)] == ["a"]
        with pytest.raises(BackendUnavailable) as caught:
            reader.end()
        # It may have been billed, so no status says that it was not.
        assert caught.value.status is None


def test_an_error_before_the_model_began_says_what_it_is():
    for data in (stream(BUSY), array(BUSY), json.dumps(BUSY).encode()):
        with pytest.raises(BackendUnavailable) as caught:
            read(data)
        assert caught.value.status == 503


def test_a_stream_without_end_is_refused_in_bounded_memory(monkeypatch):
    monkeypatch.setattr("aihandler.backends.gemini.reader.MAX_REPLY_BYTES", 100_000)
    for begin, more in ((b'[{"a": "', b"x"), (b'data: {"a": "', b"x"), (b"[", b" ")):
        reader = reading()
        reader.feed(begin + more * 99_000)
        with pytest.raises(BackendUnavailable, match="without end"):
            reader.feed(more * 1000)


@pytest.mark.parametrize(
    ("status", "error", "kind", "wait_s"),
    [
        (
            400,
            {"message": "API key not valid. Please pass a valid API key."},
            BackendRejected,
            None,
        ),
        (403, {"message": "denied", "status": "PERMISSION_DENIED"}, BackendRejected, None),
        (404, {"message": "models/x is not found", "status": "NOT_FOUND"}, BackendRejected, None),
        (
            429,
            {
                "message": "Resource has been exhausted.",
                "status": "RESOURCE_EXHAUSTED",
                "details": [
                    {"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": []},
                    {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "34.07s"},
                ],
            },
            BackendUnavailable,
            34.07,
        ),
        (429, {"message": "x", "details": [{"retryDelay": "soon"}, 1]}, BackendUnavailable, None),
        (500, {"message": "An internal error", "status": "INTERNAL"}, BackendUnavailable, None),
        (503, {"message": "overloaded", "status": "UNAVAILABLE"}, BackendUnavailable, None),
        (504, {"message": "late", "status": "DEADLINE_EXCEEDED"}, BackendUnavailable, None),
        (400, {"message": "blocked by content_filter"}, ContentRefused, None),
    ],
)
def test_errors_are_typed_and_say_how_long_to_wait(status, error, kind, wait_s):
    body = json.dumps({"error": {"code": status, **error}}).encode()
    for sent in (body, b"[" + body + b"]"):
        with pytest.raises(kind) as caught:
            read(sent, headers=WHOLE, status=status)
        assert type(caught.value) is kind
        assert caught.value.retry_after_s == wait_s


def test_a_key_that_is_not_valid_and_a_prompt_that_is_too_long_say_so():
    def said(message):
        body = json.dumps({"error": {"code": 400, "message": message}}).encode()
        with pytest.raises(BackendRejected) as caught:
            read(body, headers=WHOLE, status=400)
        return caught.value.message

    assert "refused the key" in said("API key not valid. Please pass a valid API key.")
    too_long = "The input token count (1200000) exceeds the maximum number of tokens allowed"
    assert "too small a context" in said(too_long)
