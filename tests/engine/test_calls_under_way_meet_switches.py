"""What is switched off while a call is under way gets no retry, re-ask or fallback of it."""

import asyncio

import pytest

from aihandler.domain.task import TextOutput
from aihandler.errors import BackendUnavailable, Refused
from engine.bench_of_fakes import call, near_and_far, task


class Switch:
    """A permit that lets the first attempt through and nothing after it."""

    def __init__(self):
        self.asked = 0

    def __call__(self, _labels):
        self.asked += 1
        if self.asked > 1:
            raise Refused("it is switched off", hint="")


def gone(status):
    return BackendUnavailable("'near' failed", deployment="near", status=status)


@pytest.mark.parametrize(
    ("near", "settings"),
    [
        (gone(503), {}),
        (gone(None), {"candidates": ("near",)}),
        ("no label", {}),
        ("no label", {"candidates": ("near",)}),
    ],
    ids=["fallback", "retry", "re-ask", "re-ask alone"],
)
def test_nothing_more_is_sent(near, settings):
    bench, first, second = near_and_far(near)
    with pytest.raises(Refused, match="switched off"):
        bench.run(call(task(**settings), permit=Switch()))
    assert (len(first.calls), len(second.calls)) == (1, 0)
    # What was sent has its end in the ledger.
    assert len(bench.outcomes) == 1


def test_nor_is_the_fallback_of_a_stream():
    bench, first, second = near_and_far(gone(503))
    asked = call(task(output=TextOutput()), permit=Switch())

    async def heard():
        return [event async for event in bench.engine.stream(asked)]

    with pytest.raises(Refused, match="switched off"):
        asyncio.run(heard())
    assert (len(first.calls), len(second.calls)) == (1, 0)
