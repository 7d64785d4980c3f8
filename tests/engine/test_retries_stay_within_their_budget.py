"""In an outage retries are a fifth of requests and ten a second; fallbacks are no retries."""

import asyncio

from hypothesis import given, settings
from hypothesis import strategies as st

from aihandler.errors import BackendUnavailable
from engine.bench_of_fakes import call, near_and_far, task

DOWN = BackendUnavailable("near is down", deployment="near", status=503)


def reasons(fakes):
    return [entry.intent.reason for entry in fakes.journal.entries]


@settings(max_examples=20, deadline=None)
@given(pauses_s=st.lists(st.floats(0, 0.3), min_size=20, max_size=120))
def test_retries_stay_below_a_fifth_of_requests_and_ten_a_second(pauses_s):
    # One candidate, so that nothing is left but to ask it again.
    fakes, _, _ = near_and_far(DOWN)
    began = fakes.clock.monotonic()

    async def outage():
        for pause_s in pauses_s:
            asked = call(task(candidates=("near",)), reuse=False)
            await asyncio.gather(fakes.engine.run(asked), return_exceptions=True)
            await fakes.clock.sleep(pause_s)

    asyncio.run(outage())
    elapsed_s = fakes.clock.monotonic() - began
    # What one second brings is there from the start.
    assert reasons(fakes).count("retry") <= 0.2 * len(pauses_s) + 10 * (elapsed_s + 1)


def test_a_burst_gets_ten_retries_and_a_fifth_and_every_call_its_fallback():
    fakes, near, far = near_and_far(DOWN)
    # Waiting takes no time here, so that all of it is one moment.
    fakes.engine._random = lambda: 0.0

    async def burst():
        for _ in range(100):
            await fakes.engine.run(call(task(), reuse=False))

    asyncio.run(burst())
    told = reasons(fakes)
    assert told.count("retry") <= 0.2 * 100 + 10
    # The first calls find out that it is down; from then on nobody asks it.
    assert len(near.calls) < 20
    assert len(far.calls) == 100
    # Each call ends at the other one, by a fallback or because the first is left alone.
    assert told.count("first") == 100
    assert told.count("fallback") == len(near.calls) - told.count("retry")
