"""Whatever holders do, and in whatever order: no cent too much, and none lost."""

import sqlite3

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from aihandler.domain.budget import Budget, Held, Period
from aihandler.ledger import budgets
from aihandler.ledger.allotment import MOST_TIMES, Allotment, Wish, granted
from aihandler.ledger.budgets import LeaseStore
from aihandler.ledger.store import open_for_writing, transaction

SCOPE, PERIOD = "team:search", "total"
nanos = st.integers(1, 400)


class Holder:
    """A process with its allotment, what it holds, and what it wrote and nobody has folded."""

    def __init__(self, name, path, connection, limit):
        self.store = LeaseStore(path, name)
        self.store._connection = connection
        self.allotment = Allotment(Budget(SCOPE, limit, "total"), Period(PERIOD))
        self.open = []
        self.unfolded = []

    def ask(self, wish):
        if wish is not None:
            (grant,) = self.store.ask([wish])
            self.allotment.answered(wish, grant, 0.0)

    def reserve(self, nano):
        """As `Leases` does, without the waiting."""
        allotment = self.allotment
        for _ in range(2):
            if allotment.free < nano:
                allotment.waiting.append(nano)
                self.ask(allotment.wish(1.0, over=False))
                allotment.waiting.remove(nano)
        if allotment.free < nano:
            return False
        allotment.take(nano)
        self.open.append(nano)
        if allotment.is_low():
            self.ask(allotment.wish(1.0, over=False))
        return True


class Spending(RuleBasedStateMachine):
    """Three processes, one store. The limit may change; processes may die."""

    def __init__(self):
        super().__init__()
        self.ledger = sqlite3.connect(":memory:", isolation_level=None)
        source = sqlite3.connect(str(_ledger_file()))
        source.backup(self.ledger)
        source.close()
        self.limit = 10_000
        self.cost = 0
        self.highest = 0
        self.lives = 0
        self.all = [self.born() for _ in range(3)]

    def born(self):
        self.lives += 1
        return Holder(f"h{self.lives}", _ledger_file(), self.ledger, self.limit)

    def stands(self):
        row = self.ledger.execute("SELECT spent_nano, leased_nano FROM budget").fetchone()
        return tuple(row) if row else (0, 0)

    @rule(who=st.integers(0, 2), nano=nanos)
    def reserve(self, who, nano):
        free = self.limit - sum(self.stands())
        made = self.all[who].reserve(nano)
        assert made or free < nano

    @rule(who=st.integers(0, 2), part=st.integers(0, 100))
    def settle(self, who, part):
        holder = self.all[who]
        if holder.open:
            held = holder.open.pop()
            spent = held * part // 100
            holder.allotment.settle(held, spent)
            holder.unfolded.append(spent)

    @rule(who=st.integers(0, 2))
    def fold(self, who):
        holder = self.all[who]
        nano, holder.unfolded = sum(holder.unfolded), []
        with transaction(self.ledger):
            budgets.spend(self.ledger, {(holder.store.holder, SCOPE, PERIOD): nano})
        self.cost += nano

    @rule(who=st.integers(0, 2))
    def spare(self, who):
        self.all[who].ask(self.all[who].allotment.spare())

    @rule(who=st.integers(0, 2))
    def die(self, who):
        self.fold(who)
        holder = self.all[who]
        doubt = sum(holder.open)
        name = holder.store.holder
        with transaction(self.ledger):
            self.ledger.execute(budgets.RETURN_LEASES, (name, name))
            self.ledger.execute(budgets.FORGET_LEASES, (name,))
            budgets.spend(self.ledger, {(name, SCOPE, PERIOD): doubt})
        self.cost += doubt
        self.all[who] = self.born()

    @rule(limit=st.integers(0, 20_000))
    def change_limit(self, limit):
        self.limit = limit
        self.highest = max(self.highest, sum(self.stands()))
        for holder in self.all:
            holder.allotment.retune(Budget(SCOPE, limit, "total"))
            holder.ask(holder.allotment.wish(1.0, over=False))

    @invariant()
    def no_more_than_the_limit(self):
        assert sum(self.stands()) <= max(self.limit, self.highest)

    @invariant()
    def what_is_spent_is_what_was_booked(self):
        assert self.stands()[0] == self.cost

    @invariant()
    def every_holder_knows_what_it_has(self):
        for holder in self.all:
            row = self.ledger.execute(
                "SELECT granted_nano - used_nano FROM lease WHERE holder = ?",
                (holder.store.holder,),
            ).fetchone()
            known = holder.allotment.free + holder.allotment.reserved + sum(holder.unfolded)
            assert (row[0] if row else 0) == known
            assert holder.allotment.free >= 0
            assert holder.allotment.reserved == sum(holder.open)

    def teardown(self):
        for who in range(3):
            self.die(who)
        assert self.stands()[1] == 0
        assert self.ledger.execute("SELECT count(*) FROM lease").fetchone()[0] == 0
        self.ledger.close()


_FILES = {}


@pytest.fixture(scope="module", autouse=True)
def _schema(tmp_path_factory):
    path = tmp_path_factory.mktemp("ledger") / "ledger.sqlite"
    open_for_writing(path, "ledger", wall=0.0).close()
    _FILES["ledger"] = path
    yield
    _FILES.clear()


def _ledger_file():
    return _FILES["ledger"]


Spending.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestLeases = Spending.TestCase


def wish(**settings):
    return Wish(SCOPE, PERIOD, 1_000_000, **settings)


def test_far_from_the_limit_a_lease_is_many_reservations():
    grant = granted(wish(need=10, least=10, step=10), spent_nano=0, leased_nano=0)
    assert grant.nano == 10 + 10 * MOST_TIMES


def test_a_lease_is_a_small_part_of_what_is_left():
    grant = granted(wish(need=10, least=10, step=10), spent_nano=996_800, leased_nano=0)
    assert 10 < grant.nano <= 10 + 3_190 // 32


def test_near_the_limit_each_takes_what_it_needs():
    grant = granted(wish(need=100, least=100, step=100), spent_nano=999_000, leased_nano=0)
    assert grant.nano == 100


def test_what_helps_nobody_is_not_leased():
    grant = granted(wish(need=500, least=200, step=200), spent_nano=999_900, leased_nano=0)
    assert grant.nano == 0


def test_who_spent_more_than_was_held_owes_it_to_the_next_lease():
    allotment = Allotment(Budget(SCOPE, 1_000_000, "total"), Period(PERIOD))
    allotment.waiting.append(100)
    first = allotment.wish(1.0, over=False)
    allotment.answered(first, granted(first, spent_nano=999_900, leased_nano=0), 1.0)
    allotment.waiting.clear()
    allotment.take(100)
    allotment.settle(100, 150)
    assert allotment.free == -50
    allotment.waiting.append(100)
    assert allotment.wish(1.0, over=False).need == 150


def test_the_store_itself_refuses_a_lease_beyond_the_limit(tmp_path):
    ledger = open_for_writing(tmp_path / "l.sqlite", "ledger", wall=0.0)
    ledger.execute("INSERT INTO budget VALUES ('all', 'total', 100, 60, 30)")
    with pytest.raises(sqlite3.IntegrityError, match="beyond the limit"):
        ledger.execute("UPDATE budget SET leased_nano = 41")
    ledger.execute("UPDATE budget SET leased_nano = 40")
    ledger.close()


def test_an_end_that_comes_after_doubt_puts_it_right(tmp_path):
    held = Held("gone", 100, (("all", "total"),))
    ledger = open_for_writing(tmp_path / "l.sqlite", "ledger", wall=0.0)
    ledger.execute("INSERT INTO budget VALUES ('all', 'total', 1000, 100, 0)")
    budgets.correct(ledger, [(held, 30)])
    assert ledger.execute("SELECT spent_nano FROM budget").fetchone()[0] == 30
    ledger.close()
