"""Several processes spend of one budget: never more than it holds, and nearly all of it."""

import random
import time
from contextlib import closing

import pytest

from budgets.workers_that_spend import Supervised


@pytest.fixture
def house(tmp_path):
    with closing(Supervised(tmp_path)) as made:
        yield made


def test_a_thousand_calls_at_once_use_a_budget_up_and_never_pass_it(house):
    limit = 100 * 1_000
    house.start(4, budgets=[("team:search", limit)], clients=250, each=1, bound=1_000, cost=1_000)
    house.until_all_ended()
    spent, leased, _ = house.budget()
    assert leased == 0
    assert 0.95 * limit <= spent <= limit
    assert house.peak()[0] <= limit
    assert house.peak()[1] == 0
    assert house.entries()[:2] == (spent, 0)


def test_what_was_held_and_not_spent_is_used_by_others(house):
    limit = 100 * 1_000
    house.start(3, budgets=[("team:search", limit)], clients=80, each=30, bound=1_000, cost=130)
    house.until_all_ended()
    spent, leased, _ = house.budget()
    assert leased == 0
    assert 0.95 * limit <= spent <= limit
    assert house.peak()[1] == 0
    assert house.entries()[0] == spent


def test_two_budgets_of_one_call_hold_both(house):
    budgets = [("team:search", 50_000), ("all", 70_000)]
    house.start(2, budgets=budgets, clients=40, each=5, bound=700, cost=650)
    house.until_all_ended()
    assert house.budget()[:2] == house.budget("all")[:2]
    assert 0.95 * 50_000 <= house.budget()[0] <= 50_000
    assert house.peak()[1] == 0


def test_workers_that_are_killed_leave_no_reservation_and_lose_no_cent(house):
    limit = 1_000_000
    plan = {"clients": 50, "each": 400, "bound": 1_000, "cost": 400, "takes_s": 0.02}
    house.start(3, budgets=[("team:search", limit)], **plan)
    while (house.budget() if house.leases() else (0,))[0] < limit // 10:
        house.fold()
        time.sleep(0.005)
    for process, _ in house.workers:
        process.kill()
        process.join()
    house.bury_the_dead()
    spent, leased, _ = house.budget()
    cost, doubt, _ = house.entries()
    assert (leased, house.leases()) == (0, 0)
    assert spent == cost + doubt <= limit
    house.start(2, budgets=[("team:search", limit)], **plan)
    house.until_all_ended()
    spent, leased, _ = house.budget()
    assert leased == 0
    assert 0.95 * limit <= spent <= limit
    assert spent == sum(house.entries()[:2])
    assert house.peak()[1] == 0


@pytest.mark.nightly
@pytest.mark.parametrize("seed", range(12))
def test_workers_that_are_killed_at_any_moment_leave_every_sum_right(house, seed):
    chance, limit = random.Random(seed), 2_000_000
    plan = {"clients": 60, "each": 200, "bound": 1_000, "cost": chance.randint(0, 1_000)}
    budgets = [("team:search", limit), ("all", limit // chance.randint(1, 3))]
    for _ in range(4):
        house.start(3, budgets=budgets, takes_s=chance.random() / 50, **plan)
        until = time.monotonic() + 0.8 + chance.random()
        while time.monotonic() < until:
            house.fold()
            time.sleep(0.005)
        for process, _ in house.workers:
            process.kill()
            process.join()
        house.bury_the_dead()
        assert house.leases() == 0
        if house.entries()[2]:
            spent, leased, _ = house.budget()
            assert (spent, leased) == (sum(house.entries()[:2]), 0)
            assert house.budget("all")[:2] == (spent, 0)
        assert house.peak()[1] == 0


def test_a_supervisor_that_is_killed_finds_every_cent_again(house, tmp_path):
    limit = 1_000_000
    plan = {"clients": 50, "each": 400, "bound": 1_000, "cost": 400, "takes_s": 0.005}
    house.start(2, budgets=[("team:search", limit)], **plan)
    while (house.budget() if house.leases() else (0,))[0] < limit // 20:
        house.fold()
        time.sleep(0.005)
    # It folds no more; the workers go on for a moment, and die too.
    time.sleep(0.1)
    for process, folding in house.workers:
        process.kill()
        process.join()
        folding.spool.close()
    house.workers.clear()
    house.close()
    with closing(Supervised(tmp_path, sampled=False)) as again:
        assert sum(again.left.values()) >= 0
        spent, leased, _ = again.budget()
        cost, doubt, _ = again.entries()
        assert (leased, again.leases()) == (0, 0)
        assert spent == cost + doubt <= limit
        assert again.peak()[1] == 0
