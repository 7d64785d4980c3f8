"""A bound that a client sets is a number that bounds, whatever it is called."""

import json

import pytest

from aihandler.backends.completions.inbound import read_request as read_completion
from aihandler.backends.openai_chat.inbound import read_request as read_chat
from aihandler.backends.openai_responses.inbound import read_request as read_responses
from aihandler.errors import InputError

WORDS = {
    read_chat: {"messages": [{"role": "user", "content": "hi"}]},
    read_completion: {"prompt": "hi"},
    read_responses: {"input": "hi"},
}
BOUNDS = [
    (read_chat, "max_tokens"),
    (read_chat, "max_completion_tokens"),
    (read_chat, "n_predict"),
    (read_completion, "max_tokens"),
    (read_completion, "n_predict"),
    (read_responses, "max_output_tokens"),
]
COUNTS = [(read_chat, "n"), (read_completion, "n"), (read_completion, "best_of")]


def read(reader, **more):
    return reader(json.dumps({"model": "m", **WORDS[reader], **more}).encode()).request


@pytest.mark.parametrize("value", [-2, 2.5, "100", True, [], {}])
@pytest.mark.parametrize(("reader", "name"), BOUNDS + COUNTS)
def test_what_bounds_nothing_is_refused(reader, name, value):
    with pytest.raises(InputError, match=f"at /{name}") as raised:
        read(reader, **{name: value})
    assert raised.value.hint


@pytest.mark.parametrize(("reader", "name"), BOUNDS)
def test_a_bound_is_a_whole_number_also_with_a_point(reader, name):
    assert read(reader, **{name: 7.0}).sampling.max_output_tokens == 7
    assert read(reader, **{name: None}).sampling.max_output_tokens is None


def test_no_answer_at_all_is_a_wish_of_raw_completions_alone():
    assert read(read_completion, max_tokens=0).sampling.max_output_tokens == 0
    for reader, name in ((read_chat, "max_tokens"), (read_responses, "max_output_tokens")):
        with pytest.raises(InputError, match="at least 1"):
            read(reader, **{name: 0})


def test_of_several_names_the_largest_holds():
    asked = read(read_chat, max_completion_tokens=10, max_tokens=10_000)
    assert asked.sampling.max_output_tokens == 10_000
    assert not asked.extra
    assert read(read_chat, max_tokens=10, n_predict=30).sampling.max_output_tokens == 30


@pytest.mark.parametrize(("reader", "name"), COUNTS)
def test_a_number_of_answers_is_a_whole_number(reader, name):
    assert read(reader, **{name: 3.0}).extra[name] == 3


@pytest.mark.parametrize(("reader", "name"), BOUNDS[:-1])
def test_minus_one_is_no_bound_as_local_servers_have_it(reader, name):
    asked = read(reader, **{name: -1})
    assert asked.sampling.max_output_tokens is None
    assert asked.extra[name] == -1


def test_minus_one_is_no_bound_of_responses_or_number_of_answers():
    for reader, name in (BOUNDS[-1], *COUNTS):
        with pytest.raises(InputError, match=f"at /{name}"):
            read(reader, **{name: -1})
