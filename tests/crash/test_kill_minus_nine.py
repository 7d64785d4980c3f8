"""`kill -9` at any moment: nothing lost, nothing twice in the outputs, doubt booked as doubt."""

from pathlib import Path

import pytest

from crash.crashing import CONCURRENCY, Reckoning, crash


def check(reckoning: Reckoning) -> None:
    n = reckoning.documents
    assert len(reckoning.output_ids) == len(set(reckoning.output_ids)) == n
    assert reckoning.not_done == 0
    assert reckoning.billed_calls - n <= reckoning.kills * CONCURRENCY
    assert reckoning.billed_calls - n <= reckoning.in_doubt
    assert reckoning.settled_nano <= reckoning.billed_nano
    assert reckoning.billed_nano <= reckoning.settled_nano + reckoning.doubt_nano


def test_ten_kills_lose_nothing_and_pay_little_twice(tmp_path: Path) -> None:
    check(crash(tmp_path, documents=500, kills=10, seed=1))


@pytest.mark.nightly
def test_a_hundred_kills_lose_nothing_and_pay_little_twice(tmp_path: Path) -> None:
    check(crash(tmp_path, documents=5000, kills=100, seed=2))
