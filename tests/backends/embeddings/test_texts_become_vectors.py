"""Embeddings: what is sent in each form, and what is read from each."""

import base64
import json
import struct

import pytest

from aihandler.backends.codec import ReplyIdentity
from aihandler.backends.embeddings import EMBEDDERS
from aihandler.backends.embeddings.inbound import read_request, wants_base64, write_reply
from aihandler.config.deployments import EMBEDDERS as CONFIGURED
from aihandler.domain.answer import Reply
from aihandler.domain.conversation import Media, Message, Text
from aihandler.errors import BackendError, BackendRejected, InputError
from backends.embeddings.embedding_cases import (
    BACKENDS,
    filled,
    read,
    recorded,
    request,
    sent,
)

VECTOR = [0.5, -0.25, 0.0, 1.0]


def openai_reply(*rows, **more):
    data = [{"object": "embedding", "index": i, "embedding": row} for i, row in enumerate(rows)]
    return {"object": "list", "data": data, "model": "m", **more}


def as_base64(vector, form="f"):
    return base64.b64encode(struct.pack(f"<{len(vector)}{form}", *vector)).decode()


def test_the_configuration_knows_the_backends_that_have_a_form():
    assert tuple(EMBEDDERS) == CONFIGURED


@pytest.mark.parametrize("exchange", recorded(), ids=lambda e: f"{e['path']}#{e['index']}")
def test_recorded_exchanges_are_read(exchange):
    backend = BACKENDS.get(exchange["provider"], "openai")
    wire = filled(exchange["response_body"])
    if exchange["status"] >= 400:
        with pytest.raises(BackendError):
            read(wire, backend, status=exchange["status"])
        return
    reply = read(wire, backend)
    told = wire.get("usage") or wire.get("usageMetadata") or {}
    total = told.get("total_tokens", told.get("promptTokenCount"))
    assert (reply.usage.total if reply.usage else None) == total
    asked = exchange["request_body"]
    texts = asked.get("input", asked.get("requests", "one"))
    tokens = isinstance(texts, list) and isinstance(texts[0], int)
    assert len(reply.vectors) == (1 if isinstance(texts, str) or tokens else len(texts))
    assert len({len(vector) for vector in reply.vectors}) == 1


def test_openais_form():
    call, body = sent(request("a", "b", dimensions=256), profile="openai")
    assert (call.prefix, call.path) == ("/v1", "/embeddings")
    assert body == {
        "model": "m",
        "input": ["a", "b"],
        "encoding_format": "float",
        "dimensions": 256,
    }


def test_voyage_has_another_word_for_dimensions():
    _, body = sent(request("a", dimensions=256), profile="voyage")
    assert body["output_dimension"] == 256


def test_geminis_form_has_a_content_for_each_text():
    call, body = sent(request("a", "b", dimensions=8), "gemini")
    assert call.path == "/models/m:batchEmbedContents"
    assert [r["content"]["parts"][0]["text"] for r in body["requests"]] == ["a", "b"]
    assert {r["model"] for r in body["requests"]} == {"models/m"}
    assert {r["outputDimensionality"] for r in body["requests"]} == {8}


@pytest.mark.parametrize(("texts", "verb"), [(("a",), "embedContent"), (("a", "b"), "predict")])
def test_vertex_cuts_no_text_silently(texts, verb):
    call, body = sent(request(*texts, dimensions=8), "vertex")
    assert call.path == f"/publishers/google/models/m:{verb}"
    bounds = body["embedContentConfig"] if verb == "embedContent" else body["parameters"]
    assert bounds == {"autoTruncate": False, "outputDimensionality": 8}


def test_vertex_predictions_are_read():
    rows = [{"embeddings": {"values": VECTOR, "statistics": {"token_count": 3.0}}}] * 2
    reply = read({"predictions": rows}, "vertex")
    assert (reply.vectors, reply.usage.input) == ((tuple(VECTOR),) * 2, 6)


def test_ollamas_form_cuts_no_text_silently():
    call, body = sent(request("a"), "ollama")
    assert (call.prefix, call.path) == ("/api", "/embed")
    assert body == {"model": "m", "input": ["a"], "truncate": False}
    reply = read({"model": "m", "embeddings": [VECTOR], "prompt_eval_count": 4}, "ollama")
    assert (reply.vectors, reply.usage.total) == ((tuple(VECTOR),), 4)


def test_vectors_come_in_the_order_of_their_numbers():
    rows = openai_reply([1.0], [2.0])
    rows["data"].reverse()
    assert read(rows).vectors == ((1.0,), (2.0,))


def test_base64_is_read():
    assert read(openai_reply(as_base64(VECTOR))).vectors == (tuple(VECTOR),)


def test_base64_of_double_width_is_known_by_its_length():
    asked = request("hi", dimensions=4)
    assert read(openai_reply(as_base64(VECTOR, "d")), asked=asked).vectors == (tuple(VECTOR),)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"[]",
        b"<html>hi</html>",
        b'{"data": [{"embedding": "not base64!"}]}',
        b'{"data": [{"embedding": "QUJD"}]}',
        b'{"data": [{"embedding": ["1", "2"]}]}',
        b'{"data": [{"embedding": [true]}]}',
        b'{"data": [{"embedding": null}]}',
        b'{"data": [{"index": 0, "embedding": [1]}, {"index": 0, "embedding": [2]}]}',
        b'{"data": [{"index": 1, "embedding": [1]}]}',
        b'{"data": [{"embedding": [1e400]}]',
        b'{"error": {"message": "overloaded"}}',
    ],
)
def test_what_is_no_list_of_vectors_is_an_error(body):
    with pytest.raises(BackendError):
        read(body)


def test_a_reply_may_come_in_any_pieces():
    body = json.dumps(openai_reply(VECTOR, usage={"prompt_tokens": 2, "total_tokens": 2})).encode()
    whole = read(body)
    for place in range(0, len(body), 7):
        assert read(body, pieces=[place]) == whole


def test_a_text_with_a_picture_is_refused_and_not_halved():
    picture = Media("image", "image/png", data=b"..")
    asked = request()
    asked = type(asked)("t", (Message("user", (Text("see"), picture)),), output=asked.output)
    with pytest.raises(BackendRejected, match="vectors of text alone"):
        sent(asked)


def test_a_clients_request_goes_through_equal():
    body = {
        "model": "m",
        "input": ["a", [1, 2]],
        "dimensions": 4,
        "encoding_format": "base64",
        "user": "u",
        "input_type": "query",
    }
    inbound = read_request(json.dumps(body).encode())
    assert sent(inbound.request)[1] == body
    assert wants_base64(inbound.request)


@pytest.mark.parametrize("asked", ["one text", [5, 6, 7]])
def test_one_text_stays_one_text(asked):
    inbound = read_request(json.dumps({"model": "m", "input": asked}).encode())
    assert len(inbound.request.messages) == 1
    body = sent(inbound.request)[1]
    assert body["input"] == (asked if isinstance(asked, str) else [asked])


def test_another_form_names_what_it_loses():
    inbound = read_request(b'{"model": "m", "input": "a", "user": "u"}')
    call, _ = sent(inbound.request, "gemini")
    assert [lost.pointer for lost in call.lost] == ["/extra/user"]


def test_tokens_of_one_vocabulary_are_no_text_of_another_form():
    inbound = read_request(b'{"model": "m", "input": [1, 2]}')
    with pytest.raises(BackendRejected, match="text alone"):
        sent(inbound.request, "ollama")


@pytest.mark.parametrize(
    ("body", "place"),
    [
        (b"{", "at /"),
        (b"[]", "at /"),
        (b'{"input": "a"}', "/model"),
        (b'{"model": "m"}', "/input"),
        (b'{"model": "m", "input": []}', "/input"),
        (b'{"model": "m", "input": ""}', "/input"),
        (b'{"model": "m", "input": ["a", ""]}', "/input/1"),
        (b'{"model": "m", "input": ["a", 1]}', "/input/1"),
        (b'{"model": "m", "input": "a", "dimensions": 0}', "/dimensions"),
        (b'{"model": "m", "input": "a", "dimensions": true}', "/dimensions"),
    ],
)
def test_a_wrong_request_is_told_where(body, place):
    with pytest.raises(InputError, match=place):
        read_request(body)


@pytest.mark.parametrize("base64", [False, True])
def test_a_reply_is_written_as_it_was_asked_for(base64):
    reply = Reply((), "stop", vectors=(tuple(VECTOR),))
    body = write_reply(reply, ReplyIdentity("id", "m", 0), base64=base64)
    assert read(body).vectors == reply.vectors
    assert isinstance(json.loads(body)["data"][0]["embedding"], str) == base64
