"""Token counts that cannot be true are not booked: the tokens are estimated, and said to be."""

import pytest

from aihandler.backends.openai_chat.wire import wire_usage


@pytest.mark.parametrize(
    "raw",
    [
        {},
        {"total_tokens": 20},
        {"prompt_tokens": 10**18, "completion_tokens": 1},
        {"prompt_tokens": 5, "completion_tokens": -1},
        {"prompt_tokens": 5, "completion_tokens": 1, "total_tokens": 10**18},
        {"prompt_tokens": "many"},
    ],
)
def test_what_cannot_be_true_is_no_count(raw: object) -> None:
    assert wire_usage(raw) is None


def test_one_of_two_counts_is_enough() -> None:
    usage = wire_usage({"prompt_tokens": 5})
    assert usage is not None
    assert usage.prompt_tokens == 5
