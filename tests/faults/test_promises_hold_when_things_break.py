"""The fault matrix: its short form here, all of it with `make faults`."""

import asyncio

import pytest
from bench.faults import ourselves, upstream

# One of each kind of trouble; the rest differ in a number.
SERVERS = [
    "dribble: one byte at a time", "characters cut in two", "slow headers",
    "connection closed after each answer", "half-closed after the answer", "no first byte",
    "garbage JSON", "wrong content type", "invalid SSE", "a line of 10 MB",
    "200 with an error in it", "no HTTP at all",
    "a name that does not resolve", "nobody listens", "a certificate of somebody else",
    "stall after 500 bytes", "half-close after 500 bytes", "reset after 500 bytes",
    "429, Retry-After 60", "503", "529",
]  # fmt: skip
OURS = ["disk full, and a worker dies", "database locked"]


def test_whatever_servers_do(tmp_path):
    chosen = [fault for fault in upstream.faults() if fault.name in SERVERS]
    assert len(chosen) == len(SERVERS)
    found = asyncio.run(upstream.run(tmp_path, chosen, rounds=1))
    assert {outcome.fault: outcome.broken for outcome in found if outcome.broken} == {}


@pytest.mark.nightly
def test_a_bill_without_counts_is_bounded(tmp_path):
    chosen = [fault for fault in upstream.faults() if not fault.counts]
    found = asyncio.run(upstream.run(tmp_path, chosen, rounds=1))
    assert {outcome.fault: outcome.broken for outcome in found if outcome.broken} == {}


@pytest.mark.parametrize("name", OURS)
def test_whatever_happens_to_us(name, tmp_path):
    outcome = asyncio.run(ourselves.faults()[name](tmp_path, short=True))
    assert outcome.broken == ()


@pytest.mark.nightly
@pytest.mark.parametrize("name", ourselves.faults())
def test_the_whole_matrix(name, tmp_path):
    outcome = asyncio.run(ourselves.faults()[name](tmp_path, short=False))
    assert outcome.broken == ()
