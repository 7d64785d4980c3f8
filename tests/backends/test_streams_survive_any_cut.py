"""A stream means the same however the network cuts it."""

import itertools

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aihandler.backends import OpenAIChat, load_profiles
from aihandler.backends.codec import Asked
from aihandler.backends.openai_chat.sse import MAX_LINE_BYTES, SseParser
from aihandler.domain.answer import ReplyDone, TextDelta
from aihandler.domain.conversation import Request, message
from aihandler.domain.deployment import Deployment, Hosting, Model
from aihandler.errors import BackendError

DEPLOYMENT = Deployment("d", "openai", Model("m"), Hosting.SELF, urls=("http://127.0.0.1:1",))
ASKED = Asked(
    Request("t", (message("user", "hi"),)), DEPLOYMENT, load_profiles()["openai"], streamed=True
)
HEADERS = {"content-type": "text/event-stream"}

texts = st.lists(st.text(max_size=12), min_size=1, max_size=8)
line_ends = st.sampled_from([b"\n", b"\r\n", b"\r"])
cuts = st.lists(st.integers(min_value=0, max_value=5000), max_size=30)


def stream_of(pieces, line_end, *, noise=True):
    events = [{"choices": [{"index": 0, "delta": {"content": text}}]} for text in pieces]
    events.append({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
    events.append({"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 4}})
    lines = [b"\xef\xbb\xbf: begins", b""] if noise else []
    for event in events:
        lines += [b"event: message", b"id: 1"] if noise else []
        lines += [b"data: " + msgspec.json.encode(event), b""]
        lines += [b": still here", b""] if noise else []
    lines += [b"data: [DONE]", b"", b""]
    return line_end.join(lines)


def read(pieces, *, headers=HEADERS):
    reader = OpenAIChat().reader(200, headers, asked=ASKED)
    events = []
    for piece in pieces:
        events += reader.feed(piece)
    return [*events, *reader.end()]


def cut_at(data, places):
    places = sorted({place % (len(data) + 1) for place in places})
    edges = [0, *places, len(data)]
    return [data[a:b] for a, b in itertools.pairwise(edges)]


@settings(max_examples=150, deadline=None)
@given(texts, line_ends, cuts)
def test_any_cutting_gives_the_same_events(pieces, line_end, places):
    data = stream_of(pieces, line_end)
    whole = read([data])
    assert read(cut_at(data, places)) == whole
    assert "".join(e.text for e in whole if isinstance(e, TextDelta)) == "".join(pieces)
    assert isinstance(whole[-1], ReplyDone)
    assert whole[-1].reply.usage.total == 7


def test_cutting_at_every_byte_gives_the_same_events():
    data = stream_of(["Grüße ", "東京", "\N{GRINNING FACE}"], b"\r\n")
    assert read([data[i : i + 1] for i in range(len(data))]) == read([data])


@settings(max_examples=100, deadline=None)
@given(texts, st.integers(min_value=0, max_value=3000))
def test_a_stream_cut_off_anywhere_is_whole_or_an_error(pieces, place):
    data = stream_of(pieces, b"\n", noise=False)
    try:
        reply = read([data[: place % len(data)]])[-1].reply
    except BackendError as error:
        assert error.status is None  # noqa: PT017 - either end is right
    else:
        assert reply.text == "".join(pieces)
        assert reply.finish == "stop"


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=400), st.booleans())
def test_no_bytes_whatever_break_the_reader(data, streamed):
    headers = HEADERS if streamed else {"content-type": "application/json"}
    with pytest.raises(BackendError):
        read([data], headers=headers)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "choices",
                    "message",
                    "delta",
                    "content",
                    "error",
                    "usage",
                    "text",
                    "type",
                    "code",
                    "finish_reason",
                    "index",
                    "reasoning",
                    "prompt_tokens",
                    "id",
                    "status",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@settings(max_examples=300, deadline=None)
@given(json_values, st.sampled_from([200, 400, 429, 500]), st.booleans())
def test_no_json_whatever_breaks_the_reader(value, status, streamed):
    body = msgspec.json.encode(value)
    headers = HEADERS if streamed else {}
    reader = OpenAIChat().reader(status, headers, asked=ASKED)
    try:
        reader.feed(b"data: " + body + b"\n\n" if streamed else body)
        events = reader.end()
    except BackendError:
        return
    assert isinstance(events[-1], ReplyDone)


def test_a_line_without_end_is_refused_before_it_fills_the_memory():
    with pytest.raises(BackendError):
        read(itertools.repeat(b"x" * 65536, MAX_LINE_BYTES // 65536 + 2))


def test_an_event_of_endless_data_lines_is_refused_too():
    with pytest.raises(BackendError):
        read(itertools.repeat(b"data: " + b"x" * 65536 + b"\n", MAX_LINE_BYTES // 65536 + 2))


def test_several_data_lines_are_one_event():
    assert list(SseParser().feed(b"event: e\ndata: a\ndata:b\n\n")) == [(b"e", b"a\nb")]


def test_an_error_event_of_any_form_is_an_error():
    for event in (
        b'data: {"error":{"message":"overloaded"}}\n\n',
        b'data: {"error":"overloaded"}\n\n',
        b'event: error\ndata: {"message":"overloaded"}\n\n',
        b"event: error\ndata: overloaded\n\n",
    ):
        with pytest.raises(BackendError, match="reported an error"):
            read([stream_of(["half"], b"\n", noise=False)[:60], event])
