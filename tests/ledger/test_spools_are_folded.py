"""What workers wrote reaches the ledger once, whoever dies in between."""

import asyncio
import sqlite3
from contextlib import closing
from time import monotonic

import msgspec
import pytest

from aihandler.domain.labels import DataClass
from aihandler.domain.ports import Intent, Settlement
from aihandler.domain.usage import Cost, Usage
from aihandler.errors import StorageError
from aihandler.ledger.batch import Batches
from aihandler.ledger.content import content_path, write_content
from aihandler.ledger.folding import Folding
from aihandler.ledger.spool import make_spool, read_spool, write_spool
from aihandler.ledger.spool_journal import MAX_TEXT_BYTES, SpoolJournal
from aihandler.ledger.spool_waiting import NotSynced
from aihandler.ledger.store import open_for_writing
from aihandler.surroundings import SystemClock


def intent(number, **more):
    fields = {"task": "t", "task_version": "1", "deployment": "d", "model": "m", "reason": "first"}
    return Intent(
        key=b"%d" % number,
        call_id=f"c{number}",
        data_class=DataClass.INTERNAL,
        clearance="x",
        expected_nano=7,
        started_at=1.0,
        request=b"[]",
        **fields,
        **more,
    )


SETTLED = Settlement("valid", Cost(marginal=5), 0.1, usage=Usage(input=3), reply=b"{}")


class Place:
    """A ledger and one worker's spool."""

    def __init__(self, folder):
        self.taken_from = True
        self.path = folder / "ledger.sqlite"
        self.spool_path = folder / "worker-1.spool"
        self.ledger = open_for_writing(self.path, "ledger", wall=0.0)
        self.content = write_content(content_path(self.path), None, wall=0.0)
        make_spool(self.spool_path)
        self.writer = write_spool(self.spool_path)
        self.journal = SpoolJournal(
            self.writer, first_id=1, clock=SystemClock(), taken_from=self.is_taken
        )

    def is_taken(self):
        return self.taken_from

    def folding(self):
        batches = Batches(self.ledger, self.content, keep_content=True)
        reader = read_spool(self.spool_path)
        return Folding(reader, ledger=self.ledger, batches=batches, wall=lambda: 1.0)

    def states(self):
        rows = self.ledger.execute("SELECT call_id, state, marginal_nano FROM entry ORDER BY id")
        return [tuple(row) for row in rows]

    def close(self):
        self.writer.close()
        self.ledger.close()
        self.content.connection.close()


@pytest.fixture
def place(tmp_path):
    with closing(Place(tmp_path)) as made:
        yield made


def attempt(journal, number, settlement=SETTLED, *, sent=True):
    async def go():
        entry_id = await journal.intend(intent(number))
        if sent:
            journal.sent(entry_id)
        if settlement:
            await journal.settle(entry_id, settlement)

    asyncio.run(go())


def test_an_attempt_reaches_the_ledger(place):
    attempt(place.journal, 1)
    folding = place.folding()
    assert folding.fold() == 3
    assert place.states() == [("c1", "settled", 5)]
    assert folding.fold() == 0


def test_intent_and_end_may_be_folded_apart(place):
    folding = place.folding()
    attempt(place.journal, 1, None)
    folding.fold()
    assert place.states() == [("c1", "sent", 0)]
    asyncio.run(place.journal.settle(1, SETTLED))
    folding.fold()
    assert place.states() == [("c1", "settled", 5)]


def test_what_was_committed_and_not_marked_is_not_folded_twice(place):
    attempt(place.journal, 1)
    dying = place.folding()
    dying.spool.take = lambda position: (_ for _ in ()).throw(SystemExit)
    with pytest.raises(SystemExit):
        dying.fold()
    attempt(place.journal, 2)
    place.folding().fold()
    assert place.states() == [("c1", "settled", 5), ("c2", "settled", 5)]


def test_a_failed_commit_loses_nothing(place):
    attempt(place.journal, 1)
    folding = place.folding()
    write = folding._batches.write
    folding._batches.write = lambda *_, **__: (_ for _ in ()).throw(sqlite3.OperationalError)
    with pytest.raises(sqlite3.OperationalError):
        folding.fold()
    folding._batches.write = write
    folding.fold()
    assert place.states() == [("c1", "settled", 5)]


def test_what_a_dead_worker_left_is_doubt_or_was_never_sent(place):
    attempt(place.journal, 1, None, sent=True)
    attempt(place.journal, 2, None, sent=False)
    attempt(place.journal, 3)
    folding = place.folding()
    folding.fold()
    assert folding.bury() == 1
    assert [(c, s) for c, s, _ in place.states()] == [
        ("c1", "in_doubt"),
        ("c2", "settled"),
        ("c3", "settled"),
    ]
    (doubt,) = place.ledger.execute("SELECT doubt_nano FROM entry WHERE call_id = 'c1'").fetchone()
    assert doubt == 7


def test_texts_that_would_fill_the_spool_are_left_out(place):
    async def go():
        entry_id = await place.journal.intend(intent(1, tags={"a": "b"}))
        large = Settlement("valid", Cost(), 0.1, reply=b"x" * (MAX_TEXT_BYTES + 1))
        await place.journal.settle(entry_id, large)

    asyncio.run(go())
    assert place.writer.appended < 10_000
    place.folding().fold()
    assert len(place.states()) == 1


def test_waiting_for_the_disk_is_possible(place):
    async def go():
        await place.journal.intend(intent(1))
        waiting = asyncio.ensure_future(place.journal.synced(until=monotonic() + 5))
        await asyncio.sleep(0.02)
        assert not waiting.done()
        place.folding().fold()
        await asyncio.wait_for(waiting, 2)

    asyncio.run(go())


def test_a_disk_that_does_not_answer_is_waited_for_until_the_deadline(place):
    async def go():
        await place.journal.intend(intent(1))
        await place.journal.synced(until=monotonic() + 0.02)

    with pytest.raises(NotSynced, match="in the time that it has"):
        asyncio.run(go())


def test_who_is_left_alone_waits_no_longer(place):
    async def go():
        await place.journal.intend(intent(1))
        waiting = [
            asyncio.ensure_future(place.journal.synced(until=monotonic() + 60)) for _ in range(3)
        ]
        await asyncio.sleep(0.02)
        place.taken_from = False
        for one in waiting:
            with pytest.raises(NotSynced, match="supervisor is gone"):
                await asyncio.wait_for(one, 2)

    asyncio.run(go())


def test_everybody_waits_for_his_own_record_alone(place):
    async def go():
        await place.journal.intend(intent(1))
        first = asyncio.ensure_future(place.journal.synced(until=monotonic() + 5))
        await asyncio.sleep(0)
        place.folding().fold()
        await place.journal.intend(intent(2))
        second = asyncio.ensure_future(place.journal.synced(until=monotonic() + 5))
        await asyncio.wait_for(first, 2)
        await asyncio.sleep(0.02)
        assert not second.done()
        place.folding().fold()
        await asyncio.wait_for(second, 2)

    asyncio.run(go())


def test_what_has_begun_can_be_booked_when_nothing_more_may_begin(place):
    large = msgspec.structs.replace(intent(1), request=b"x" * (MAX_TEXT_BYTES - 1))
    begun = []

    async def fill():
        while True:
            begun.append(await place.journal.intend(large))

    async def book():
        for entry_id in begun:
            place.journal.sent(entry_id)
            await place.journal.settle(entry_id, SETTLED)

    with pytest.raises(StorageError, match="full"):
        asyncio.run(fill())
    asyncio.run(book())
    assert len(begun) > 8
