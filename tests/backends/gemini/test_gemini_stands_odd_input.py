"""Gemini generateContent: recorded exchanges with odd values in odd places do no harm."""

import copy
import json
import random

import msgspec
from gemini_cases import (
    CODEC,
    DEPLOYMENT,
    IDENTITY,
    PROFILE,
    PROFILES,
    WHOLE,
    read,
    recorded,
    request_of,
)

from aihandler.backends import AnthropicMessages, OpenAIChat
from aihandler.domain.answer import ReplyDone
from aihandler.errors import BackendError, InputError

ODD = (
    *(None, 0, -1, 1.5, 2.0, True, False, "", "x", "text/plain", "AUTO", "AAAA", 10**15),
    *([], {}, [1], {"a": 1}, {"text": "t"}, [{"text": "t"}], [[]], ["a"], {"~given": 1}),
)
NAMES = (
    *("~spelled", "~written", "~strange", "new", "text", "thought", "thoughtSignature"),
    *("functionCall", "willContinue", "partialArgs", "inline_data", "generation_config"),
)
SMALL = [e for e in recorded() if len(json.dumps(e)) < 4000]
OTHERS = ((AnthropicMessages(), PROFILES["anthropic"]), (OpenAIChat(), PROFILES["openai"]))


def places(value, at=()):
    if at:
        yield at
    listed = list(enumerate(value)) if isinstance(value, list) else []
    for key, inner in value.items() if isinstance(value, dict) else listed:
        yield from places(inner, (*at, key))


def spoilt(chance, value):
    value = copy.deepcopy(value)
    for _ in range(chance.choice([1, 1, 2, 3])):
        found = list(places(value))
        if not found:
            break
        *way, last = chance.choice(found)
        inner = value
        for key in way:
            inner = inner[key]
        deed = chance.random()
        if deed < 0.2:
            del inner[last]
        elif deed < 0.4 and isinstance(inner, dict):
            inner[chance.choice(NAMES)] = copy.deepcopy(chance.choice(ODD))
        else:
            inner[last] = copy.deepcopy(chance.choice(ODD))
    return value


def test_an_odd_request_is_refused_or_comes_back_as_it_was():
    chance = random.Random(3)
    for _ in range(1000):
        body = spoilt(chance, chance.choice(SMALL)["request_body"])
        try:
            request = request_of(body)
        except InputError:
            continue
        call = CODEC.encode(request, DEPLOYMENT, PROFILE, streamed=False)
        assert json.loads(call.body) == body or call.lost
        for codec, profile in OTHERS:
            codec.encode(request, DEPLOYMENT, profile, streamed=False)
        theirs = msgspec.structs.replace(request, origin="")
        CODEC.encode(theirs, DEPLOYMENT, PROFILES["gemini-3"], streamed=True)


def test_an_odd_reply_is_an_error_or_a_reply_that_can_be_told():
    chance = random.Random(4)
    whole = [e for e in SMALL if not isinstance(e["response_body"], str)]
    for _ in range(1000):
        body = spoilt(chance, [chance.choice(whole)["response_body"]])
        try:
            *_, done = read(json.dumps(body).encode(), headers=WHOLE, streamed=True)
        except BackendError:
            continue
        assert isinstance(done, ReplyDone)
        json.loads(CODEC.write_reply(done.reply, IDENTITY))
        told = read(CODEC.stream_writer(IDENTITY, usage=True).write(done))[-1].reply
        assert told.text == done.reply.text
        for codec, _ in OTHERS:
            codec.write_reply(done.reply, IDENTITY)
