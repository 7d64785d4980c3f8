"""Recorded exchanges of many providers, read, written and read again."""

import itertools
import json
import random

import msgspec
import pytest
from chat_cases import CHAT, DEPLOYMENT, PROFILES, WHO, plain, read_pieces, read_whole, recorded

from aihandler.backends.codec import ReplyIdentity
from aihandler.domain.answer import ReplyDone
from aihandler.domain.deployment import Deployment, Hosting, Model
from aihandler.errors import BackendError

# What is made up or put right on the way: an id, a missing object of arguments, the word `eos`, a
# mark on a closed thought.
_PUT_RIGHT = (
    "without_id",
    "tool_optional_parameters",
    "together_chat_legacy",
    "mistral-small-thinking-high",
)
EXCHANGES = recorded()
WHOLE = [e for e in EXCHANGES if not e["stream"]]
STREAMS = [e for e in EXCHANGES if e["stream"] and '"error"' not in e["reply"]]


def named(exchange):
    return exchange["name"]


def splices(body):
    return {k: v for k, v in body.items() if k not in {"model", "stream", "stream_options"}}


@pytest.mark.parametrize("exchange", EXCHANGES, ids=named)
def test_a_request_goes_to_our_own_form_and_back_with_every_field(exchange):
    sent = exchange["request"]
    inbound = CHAT.read_request(json.dumps(sent).encode(), {})
    profile = PROFILES["vllm" if sent.get("max_tokens") is not None else "openai"]
    # Some hold ids of other providers, which are to come back as they were.
    profile = msgspec.structs.replace(profile, call_ids="any")
    deployment = Deployment("d", "openai", Model(inbound.model), Hosting.SELF)
    call = CHAT.encode(inbound.request, deployment, profile, streamed=inbound.streamed)
    assert json.loads(call.body)["model"] == sent["model"]
    if not call.lost:
        assert splices(json.loads(call.body)) == splices(sent)
    else:
        assert sent["n"] > 1


@pytest.mark.parametrize("exchange", EXCHANGES, ids=named)
def test_nothing_is_lost_on_the_streaming_path_only(exchange):
    request = CHAT.read_request(json.dumps(exchange["request"]).encode(), {}).request
    whole, streamed = (
        CHAT.encode(request, DEPLOYMENT, PROFILES["openai"], streamed=way) for way in (False, True)
    )
    assert splices(json.loads(whole.body)) == splices(json.loads(streamed.body))
    assert whole.lost == streamed.lost


@pytest.mark.parametrize("exchange", WHOLE, ids=named)
def test_a_reply_goes_to_our_own_form_and_back_with_every_field(exchange):
    sent = exchange["reply"]
    identity = ReplyIdentity(sent["id"], sent["model"], sent["created"])
    made = json.loads(CHAT.write_reply(read_whole(sent), identity))
    if any(name in exchange["name"] for name in _PUT_RIGHT):
        assert made["choices"][0]["message"].keys() >= {"role", "content"}
    else:
        assert plain(made) == plain(sent)


@pytest.mark.parametrize("exchange", WHOLE, ids=named)
def test_a_stream_of_the_same_content_gives_the_same_reply(exchange):
    reply = read_whole(exchange["reply"])
    made = CHAT.stream_writer(WHO, usage=True).write(ReplyDone(reply))
    again = read_pieces([made])[-1].reply
    assert (again.parts, again.finish, again.usage) == (reply.parts, reply.finish, reply.usage)
    assert again.fingerprint == reply.fingerprint
    assert again.logprobs == reply.logprobs


@pytest.mark.parametrize("exchange", STREAMS, ids=named)
def test_what_is_told_piece_by_piece_is_told_on_piece_by_piece(exchange):
    events = read_pieces([exchange["reply"].encode()])
    writer = CHAT.stream_writer(WHO, usage=True)
    made = b"".join(map(writer.write, events))
    again = read_pieces([made])
    assert again[-1].reply.parts == events[-1].reply.parts
    assert [e for e in again if not isinstance(e, ReplyDone)] == events[:-1]


@pytest.mark.parametrize("exchange", STREAMS, ids=named)
def test_a_recorded_stream_means_the_same_however_it_is_cut(exchange):
    data = exchange["reply"].encode()
    whole = read_pieces([data])
    chance = random.Random(7)
    for line_end in (b"\n", b"\r\n"):
        cut = data.replace(b"\n", line_end)
        for _ in range(3):
            places = sorted(chance.randrange(len(cut)) for _ in range(20))
            edges = itertools.pairwise([0, *places, len(cut)])
            assert read_pieces([cut[a:b] for a, b in edges]) == whole


@pytest.mark.parametrize("exchange", STREAMS, ids=named)
def test_a_recorded_stream_cut_off_is_an_error_or_no_whole_answer(exchange):
    data = exchange["reply"].encode()
    whole = read_pieces([data])[-1].reply
    for place in range(0, len(data), max(1, len(data) // 15)):
        try:
            reply = read_pieces([data[:place]])[-1].reply
        except BackendError:
            continue
        assert reply.parts == whole.parts
        assert reply.finish == whole.finish
