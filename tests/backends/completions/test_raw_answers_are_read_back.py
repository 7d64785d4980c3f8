"""What a model wrote as one text comes back as words, thinking and calls."""

import itertools
import json

import msgspec
import pytest
from completions_cases import (
    CODEC,
    GENERIC,
    HI,
    IDENTITY,
    LLAMA,
    STREAM,
    TGI,
    TOOL,
    VLLM,
    WHOLE,
    answer,
    at,
    own,
    read,
    reading,
    stream,
    whole,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from aihandler.backends.chat_templates.neutral import JOINER, Neutraliser
from aihandler.backends.codec import Asked
from aihandler.backends.completions.restoring import Restoring
from aihandler.backends.readers import MAX_REPLY_BYTES
from aihandler.backends.sse import MAX_LINE_BYTES
from aihandler.domain.answer import (
    ArgumentsDelta,
    TextDelta,
    ThinkingDelta,
    ToolCallStarted,
)
from aihandler.domain.conversation import Message, Request, Sampling, message
from aihandler.domain.parts import Text, Thinking, ToolCall, ToolResult
from aihandler.errors import BackendError, BackendRejected, BackendUnavailable

ASKED = msgspec.structs.replace(HI, tools=(TOOL,))
CALL = '<tool_call>\n{"name": "get_time", "arguments": {"city": "Paris"}}\n</tool_call>'
THOUGHT = f"<think>\nThe clock knows.\n</think>\n\nI look.\n{CALL}"


def texts(events, kind):
    return "".join(event.text for event in events if isinstance(event, kind))


def test_words_thinking_and_calls_are_told_apart():
    reply = answer(THOUGHT, request=ASKED, template="qwen-qwen3-0.6b")
    thought, text, call = reply.parts
    assert (thought, text) == (Thinking("The clock knows."), Text("I look."))
    assert (call.name, json.loads(call.arguments)) == ("get_time", {"city": "Paris"})
    assert call.id.startswith("call_")
    assert (reply.finish, reply.unreadable) == ("tool_calls", "")
    assert (reply.model, reply.request_id, reply.origin) == ("m-1", "cmpl-9", "openai.completions")


def test_a_stream_tells_the_same_piece_by_piece():
    data = stream(*(THOUGHT[i : i + 3] for i in range(0, len(THOUGHT), 3)))
    how = {"request": ASKED, "template": "qwen-qwen3-0.6b"}
    events = read(data, headers=STREAM, **how)
    reply = events[-1].reply
    assert reply.parts == answer(THOUGHT, **how).parts
    assert texts(events, ThinkingDelta) == "The clock knows."
    assert texts(events, TextDelta) == "I look."
    assert texts(events, ArgumentsDelta) == reply.parts[-1].arguments
    (begun,) = [event for event in events if isinstance(event, ToolCallStarted)]
    assert (begun.index, begun.id) == (0, reply.parts[-1].id)
    assert isinstance(events[0], ThinkingDelta)


def test_reasoning_that_the_prompt_began_needs_no_opening_mark():
    reply = answer("Let me see.\n</think>\n\nNoon.", template="qwen3.5-4b")
    assert reply.parts == (Thinking("Let me see."), Text("Noon."))


def test_answers_in_a_frame_of_their_own_are_read():
    framed = (
        "<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant<|channel|>final<|message|>Noon."
    )
    data = stream(*framed)
    events = read(data, headers=STREAM, template="openai-gpt-oss-120b")
    assert events[-1].reply.parts == (Thinking("Hm."), Text("Noon."))
    assert texts(events, TextDelta) == "Noon."
    assert texts(events, ThinkingDelta) == "Hm."


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('I look.\n<tool_call>\n{"name": "get_time", "argu', "are cut"),
        (CALL.replace("get_time", "rm"), "not offered"),
        (f"{CALL} and more", "text follows"),
        ("Noon.</think>", "reasoning ends"),
    ],
)
def test_what_reads_in_no_certain_way_is_no_valid_answer(text, why):
    how = {"request": ASKED, "template": "qwen-qwen2.5-7b-instruct"}
    reply = answer(text, **how)
    assert why in reply.unreadable
    # Nothing of it is lost but space before the marks.
    assert "".join(reply.text.split()) == "".join(text.split())
    assert not any(isinstance(part, ToolCall) for part in reply.parts)
    events = read(stream(*text), headers=STREAM, **how)
    assert events[-1].reply == reply
    assert texts(events, TextDelta) == reply.text


def test_an_answer_that_is_cut_inside_a_call_says_so():
    body = whole('<tool_call>\n{"name": "get_', finish="length")
    reply = read(body, request=ASKED, template="qwen3-coder")[-1].reply
    assert (reply.finish, bool(reply.unreadable)) == ("length", True)
    body = whole("<think>\nI wonder", finish="length")
    reply = read(body, template="qwen-qwen3-0.6b")[-1].reply
    assert (reply.finish, reply.parts) == ("length", (Thinking("I wonder"),))
    body = whole("<think>\nI wonder")
    assert read(body, template="qwen-qwen3-0.6b")[-1].reply.finish == "other"


def test_without_tools_on_offer_nothing_is_a_call():
    reply = answer(CALL, template="qwen-qwen2.5-7b-instruct")
    assert (reply.text, reply.unreadable) == (CALL, "")


def test_stop_texts_are_cut_off_also_by_us():
    asked = msgspec.structs.replace(HI, sampling=Sampling(stop=("END",)))
    assert answer("Noon.<|eot_id|>user", request=asked).text == "Noon."
    events = read(stream("No", "on.E", "ND or", " not"), headers=STREAM, request=asked)
    assert (events[-1].reply.text, texts(events, TextDelta)) == ("Noon.", "Noon.")
    assert read(whole("Noon.END", finish="length"), request=asked)[-1].reply.finish == "stop"


def test_what_the_prompt_began_is_no_part_of_the_reply():
    request = Request("t", (message("user", "As JSON"), message("assistant", '{"a":')))
    assert answer(" 1}", request=request).text == " 1}"


def test_control_tokens_of_the_user_come_back_as_they_were():
    request = Request("t", (message("user", "Repeat: <|eot_id|> and 👩\u200d🚀"),))
    said = f"<{JOINER}|eot_id|> and 👩\u200d🚀"
    assert answer(said, request=request).text == "<|eot_id|> and 👩\u200d🚀"
    events = read(stream(*said), headers=STREAM, request=request)
    assert texts(events, TextDelta) == events[-1].reply.text == "<|eot_id|> and 👩\u200d🚀"
    tool = f'{{"name": "get_time", "parameters": {{"city": "<{JOINER}|eot_id|>"}}}}'
    reply = answer(tool, request=ASKED)
    assert json.loads(reply.parts[0].arguments) == {"city": "<|eot_id|>"}


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_restoring_in_pieces_is_restoring_the_whole(data):
    neutraliser = Neutraliser(["User:", "<extra_1>"])
    tokens = st.sampled_from(
        [
            "<|im_start|>",
            "<think>",
            "[INST]",
            "User:",
            JOINER,
            "<",
            "\n",
            "x",
            "ශ්\u200dරී",
            "<extra_1>",
        ]
    )
    parts = data.draw(st.lists(tokens, max_size=30))
    text = neutraliser.neutral("".join(parts))
    places = data.draw(st.lists(st.integers(0, len(text)), max_size=6))
    edges = [0, *sorted(places), len(text)]
    restoring = Restoring(neutraliser)
    told = [restoring.feed(text[a:b]) for a, b in itertools.pairwise(edges)]
    assert "".join([*told, restoring.end()]) == neutraliser.restore(text)


def test_a_joiner_of_a_script_holds_no_stream_up():
    restoring = Restoring(Neutraliser())
    assert restoring.feed("ශ්\u200dරී ලංකා") == "ශ්\u200dරී ලංකා"
    assert restoring.feed(f"<{JOINER}|im") == "<"
    assert restoring.feed("x" * 300) == f"{JOINER}|im" + "x" * 300


def test_ids_of_calls_are_made_where_the_model_writes_none_and_stay_apart():
    two = f"{CALL}\n{CALL}"
    how = {"request": ASKED, "template": "qwen-qwen2.5-7b-instruct"}
    first, second = answer(two, **how).parts
    assert first.id != second.id
    assert answer(two, **how).parts == (first, second)
    went_on = Request(
        "t",
        (
            *ASKED.messages,
            Message("assistant", (first,)),
            Message("user", (ToolResult(first.id, (Text("12"),)),)),
        ),
        tools=(TOOL,),
    )
    (again,) = answer(CALL, request=went_on, template="qwen-qwen2.5-7b-instruct").parts
    assert again.id != first.id


def test_tokens_add_up_and_a_guess_is_called_one():
    usage = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}
    details = {"prompt_tokens_details": {"cached_tokens": 4}}
    counted = read(whole("hi", usage={**usage, **details}))[-1].reply.usage
    assert (counted.input, counted.cache_read, counted.output, counted.total) == (6, 4, 5, 15)
    streamed = read(stream("hi", usage=usage), headers=STREAM)[-1].reply.usage
    assert (streamed.total, streamed.estimated) == (15, False)
    assert answer("hello").usage.estimated


def test_log_probabilities_are_told_as_all_formats_tell_them():
    asked = msgspec.structs.replace(HI, logprobs=1)
    lists = {
        "tokens": ["No", "on"],
        "token_logprobs": [-0.1, -0.2],
        "top_logprobs": [{"No": -0.1}, {"on": -0.2}],
        "text_offset": [0, 2],
    }
    choice = {"index": 0, "text": "Noon", "finish_reason": "stop", "logprobs": lists}
    body = json.dumps({"choices": [choice]}).encode()
    told = read(body, request=asked)[-1].reply.logprobs["content"]
    assert [(t["token"], t["logprob"]) for t in told] == [("No", -0.1), ("on", -0.2)]
    assert told[1]["top_logprobs"] == [{"token": "on", "logprob": -0.2, "bytes": [111, 110]}]


def test_llama_server_is_understood():
    probability = {"id": 5, "token": "Noon", "bytes": [78], "logprob": -0.1, "top_logprobs": []}
    last = {
        "content": "",
        "stop": True,
        "stop_type": "word",
        "stopping_word": "<|eot_id|>",
        "model": "m-1",
        "prompt": "a secret",
        "generation_settings": {"n_predict": 5},
        "tokens_evaluated": 20,
        "tokens_predicted": 3,
        "timings": {"cache_n": 8},
    }
    asked = msgspec.structs.replace(HI, logprobs=0)
    how = {"profile": LLAMA, "request": asked}
    body = {**last, "content": "Noon.", "completion_probabilities": [probability]}
    reply = read(json.dumps(body).encode(), **how)[-1].reply
    assert (reply.text, reply.finish, reply.stop_text) == ("Noon.", "stop", "<|eot_id|>")
    assert (reply.usage.input, reply.usage.cache_read, reply.usage.output) == (12, 8, 3)
    assert reply.logprobs["content"][0]["bytes"] == [78]
    assert "a secret" not in str(reply.extra)
    pieces = [{"content": "No", "stop": False}, {"content": "on.", "stop": False}, last]
    data = "".join(f"data: {json.dumps(piece)}\n\n" for piece in pieces).encode()
    streamed = read(data, headers=STREAM, **how)[-1].reply
    assert (streamed.parts, streamed.finish, streamed.usage) == (
        reply.parts,
        reply.finish,
        reply.usage,
    )
    for why, finish in (("limit", "length"), ("eos", "stop"), ("none", "other")):
        data = json.dumps({**last, "content": "x", "stop_type": why}).encode()
        assert read(data, **how)[-1].reply.finish == finish
    with pytest.raises(BackendUnavailable, match="before the answer was complete"):
        read(b'data: {"content": "No", "stop": false}\n\n', headers=STREAM, **how)


def test_tgi_is_understood_with_its_control_tokens():
    def token(text, *, special=False):
        return {"id": 1, "text": text, "logprob": -0.5, "special": special}

    marks = [token("[TOOL_CALLS]", special=True), token('[{"name": "get_time", "arguments": ')]
    tokens = [*marks, token('{"city": "Paris"}, "id": "abcdefgh1"}]'), token("</s>", special=True)]
    details = {"finish_reason": "eos_token", "generated_tokens": 4, "seed": 3}
    how = {"profile": TGI, "request": ASKED, "template": "mistralai-mistral-nemo-instruct-2407"}
    body = [{"generated_text": tokens[2]["text"], "details": {**details, "tokens": tokens}}]
    reader = reading(**how, headers={**WHOLE, "x-prompt-tokens": "9", "x-generated-tokens": "4"})
    reader.feed(json.dumps(body).encode())
    reply = reader.end()[-1].reply
    (call,) = reply.parts
    assert (call.name, json.loads(call.arguments)) == ("get_time", {"city": "Paris"})
    assert (reply.finish, reply.usage.total, reply.logprobs) == ("tool_calls", 13, None)
    events = [{"index": n, "token": t, "details": None} for n, t in enumerate(tokens)]
    events[-1] |= {"generated_text": "", "details": {**details, "input_length": 9}}
    data = "".join(f"data: {json.dumps(event)}\n\n" for event in events).encode()
    streamed = read(data, headers=STREAM, **how)[-1].reply
    assert (streamed.finish, streamed.usage) == ("tool_calls", reply.usage)
    assert streamed.parts[0].arguments == call.arguments
    with pytest.raises(BackendError):
        read(b'data: {"error": "overloaded", "error_type": "x"}\n\n', headers=STREAM, **how)


def test_tgi_that_leaves_the_stop_text_in_is_trimmed():
    body = {"generated_text": "Noon.<|eot_id|>", "details": {"finish_reason": "stop_sequence"}}
    reply = read(json.dumps(body).encode(), profile=TGI)[-1].reply
    assert (reply.text, reply.finish) == ("Noon.", "stop")


@settings(max_examples=80, deadline=None)
@given(st.lists(st.integers(0, 4000), max_size=12), st.booleans())
def test_any_cutting_gives_the_same_events(places, crlf):
    data = stream(*(f"{THOUGHT} Grüße 東京 \N{GRINNING FACE}"[i : i + 5] for i in range(0, 150, 5)))
    data = data.replace(b"\n\n", b"\r\n\r\n") if crlf else data
    how = {"headers": STREAM, "request": ASKED, "template": "qwen-qwen3-0.6b"}
    assert read(data, places=places, **how) == read(data, **how)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 4000))
def test_a_stream_that_is_cut_off_is_whole_or_an_error(place):
    data = stream("No", "on.", done=False)
    try:
        reply = read(data[: place % len(data)], headers=STREAM)[-1].reply
    except BackendError as error:
        assert error.status is None  # noqa: PT017 - either end is right
    else:
        assert reply.text == "Noon."


def test_events_come_before_the_error_that_follows_them():
    reader = reading(headers=STREAM)
    good = stream("Noon", " it", " is").split(b"data: {")[:3]
    events = reader.feed(
        b"data: {".join(good) + b'data: {"error": {"message": "out of memory"}}\n\n'
    )
    assert texts(events, TextDelta) == "Noon it"
    with pytest.raises(BackendUnavailable, match="reported an error"):
        reader.feed(b"data: more\n\n")
    with pytest.raises(BackendUnavailable):
        reader.end()


def test_what_is_no_completion_is_a_typed_error():
    for body in (b"", b"{", b"[]", b"<html>hi</html>", b'{"choices": [{"message": {}}]}', b"{}"):
        if b"message" in body:
            assert read(body)[-1].reply.parts == ()
            continue
        with pytest.raises(BackendUnavailable):
            read(body)
    for body in (b"", b"\n\n", b"data: [DONE]\n\n", b"data: {\n\n", b'data: {"x": 1}\n\n'):
        with pytest.raises(BackendUnavailable):
            read(body, headers=STREAM)
    text = b'{"error": {"message": "This model\'s maximum context length is 5"}}'
    with pytest.raises(BackendRejected, match="too small a context"):
        read(text, status=400)
    with pytest.raises(BackendError, match="error in its answer"):
        read(b'{"error": {"message": "boom"}}')


def test_a_reply_without_end_is_not_kept():
    def flood(reader, size):
        for _ in range(size // 1_000_000 + 2):
            reader.feed(b"x" * 1_000_000)

    with pytest.raises(BackendUnavailable):
        flood(reading(headers=STREAM), MAX_LINE_BYTES)
    with pytest.raises(BackendUnavailable, match="without end"):
        flood(reading(), MAX_REPLY_BYTES)


def test_a_reply_comes_whole_where_a_stream_was_asked_for():
    asked = Asked(HI, at(), VLLM, streamed=True)
    reader = CODEC.reader(200, WHOLE, asked=asked)
    reader.feed(whole("Noon."))
    (done,) = reader.end()
    assert done.reply.text == "Noon."


def test_the_answer_to_a_clients_own_prompt_is_text_and_nothing_else():
    request = own("Once <|eot_id|>", stop=["END"]).request
    said = f"<think>x</think>{CALL}<|eot_id|> <{JOINER}|eot_id|>"
    how = {"request": request, "template": "", "profile": GENERIC}
    assert answer(f"{said}END more", **how).text == said
    events = read(stream(*said), headers=STREAM, **how)
    assert (texts(events, TextDelta), events[-1].reply.text) == (said, said)
    echoed = own("END of it", stop=["END"], echo=True).request
    how["request"] = echoed
    assert answer("END of it all", **how).text == "END of it all"


def test_a_reply_read_without_its_request_having_been_written_is_read_the_same():
    # A process that was not the one that sent, or has sent many since.
    reply = answer(THOUGHT, request=msgspec.structs.replace(ASKED), template="qwen-qwen3-0.6b")
    assert reply.parts[0] == Thinking("The clock knows.")


_KEYS = [
    "choices", "text", "index", "finish_reason", "logprobs", "tokens", "token_logprobs", "usage",
    "top_logprobs", "prompt_tokens", "completion_tokens", "content", "stop", "stop_type", "timings",
    "cache_n", "tokens_evaluated", "tokens_predicted", "completion_probabilities", "token", "id",
    "logprob", "generated_text", "details", "special", "top_tokens", "prefill", "input_length",
    "generated_tokens", "error", "model", "system_fingerprint", "stop_reason", "bytes",
]  # fmt: skip
_leaves = st.none() | st.booleans() | st.integers(-5, 5) | st.floats() | st.text(max_size=5)
_foreign = st.recursive(
    _leaves,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(_KEYS), inner, max_size=6)
    ),
    max_leaves=25,
)


@settings(max_examples=300, deadline=None)
@given(_foreign, st.sampled_from([VLLM, LLAMA, TGI]), st.booleans())
def test_whatever_a_server_sends_is_a_reply_or_a_typed_error(value, profile, streamed):
    asked = msgspec.structs.replace(ASKED, logprobs=1)
    body = json.dumps(value, allow_nan=True).encode()
    body = b"data: " + body + b"\n\ndata: [DONE]\n\n" if streamed else body
    headers = STREAM if streamed else WHOLE
    try:
        reply = read(body, request=asked, profile=profile, headers=headers)[-1].reply
    except BackendError:
        return
    assert reply.usage.total >= 0
    CODEC.write_reply(reply, IDENTITY)
