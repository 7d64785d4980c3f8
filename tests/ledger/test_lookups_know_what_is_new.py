import asyncio
from pathlib import Path

from ledger_making import StandingClock, accepted, call, opened, review

from aihandler.domain.keys import digest
from aihandler.ledger import Ledger, read_ledger
from aihandler.ledger.seen import Seen
from aihandler.ledger.store import open_for_reading

NAMES = [f"{n:04d}" for n in range(300)]


def work(name: str) -> bytes:
    return digest("work", name)


def make_done(ledger: Ledger, *names: str) -> None:
    async def body() -> None:
        for name in names:
            await call(ledger, name)
            await ledger.journal.accept(accepted(name))

    asyncio.run(body())


def look_until_all_is_read(ledger: Ledger) -> None:
    for n in range(20):
        assert ledger.journal.done(work(f"unknown {n}")) is None


def seen(folder: Path) -> Seen:
    known = Seen(open_for_reading(folder / "ledger.sqlite", "ledger"))
    known.look_again()
    return known


def test_what_an_earlier_process_did_is_found_from_the_first_question_to_the_last(
    tmp_path: Path,
) -> None:
    with opened(tmp_path) as ledger:
        make_done(ledger, *NAMES)
    with opened(tmp_path) as ledger:
        assert all(ledger.journal.done(work(name)) for name in NAMES)
        assert all(ledger.journal.finished(digest("attempt", name)) for name in NAMES)
        look_until_all_is_read(ledger)
        assert all(ledger.journal.done(work(name)) for name in NAMES)
        assert all(ledger.journal.finished(digest("attempt", name)) for name in NAMES)


def test_what_this_process_does_is_found_at_once_and_later(tmp_path: Path) -> None:
    clock = StandingClock()
    with opened(tmp_path, clock=clock) as ledger:
        look_until_all_is_read(ledger)
        make_done(ledger, "mine")
        for _ in range(4):
            assert ledger.journal.done(work("mine")) is not None
            assert ledger.journal.finished(digest("attempt", "mine")) is not None
            clock.now += 1.0


def test_new_keys_are_not_looked_for_in_the_file(tmp_path: Path) -> None:
    with opened(tmp_path) as ledger:
        make_done(ledger, *NAMES)
    known = seen(tmp_path)
    assert not any(known.lacks(work(f"unknown {n}")) for n in range(5))
    while not known.lacks(work("unknown")):
        pass
    assert not any(known.lacks(work(name)) for name in NAMES)
    # One key in a hundred thousand shares its bit with one of these.
    assert sum(known.lacks(work(f"other {n}")) for n in range(1000)) >= 990


def test_what_is_decided_from_beside_is_found(tmp_path: Path) -> None:
    clock = StandingClock()
    with opened(tmp_path, clock=clock) as ledger:
        asyncio.run(ledger.journal.review(review("one")))
        look_until_all_is_read(ledger)
        assert ledger.journal.done(work("one")) is None
        with read_ledger(tmp_path / "ledger.sqlite", clock=clock) as beside:
            beside.accept_review("review-one")
        clock.now += 1.0
        assert ledger.journal.done(work("one")) is not None


def test_a_decision_that_takes_the_place_of_a_forgotten_one_is_found(tmp_path: Path) -> None:
    clock = StandingClock()
    with opened(tmp_path, clock=clock) as ledger:
        for name in ("one", "two"):
            asyncio.run(ledger.journal.review(review(name)))
        look_until_all_is_read(ledger)
        with read_ledger(tmp_path / "ledger.sqlite", clock=clock) as beside:
            beside.accept_review("review-one")
            clock.now += 1.0
            assert ledger.journal.done(work("one")) is not None
            beside.forget(document_id="one.txt")
            beside.accept_review("review-two")
        clock.now += 1.0
        assert ledger.journal.done(work("one")) is None
        assert ledger.journal.done(work("two")) is not None


def test_what_is_remembered_is_let_go_also_by_those_who_only_write(tmp_path: Path) -> None:
    clock = StandingClock()
    with opened(tmp_path, clock=clock) as ledger:
        for name in NAMES[:40]:
            make_done(ledger, name)
            clock.now += 1.0
        lookups = ledger._lookups
        held = [len(part) for part in (*lookups._work, *lookups._replies)]
        # No question was asked, and all of it can still be found.
        assert max(held) <= 2
        assert all(ledger.journal.done(work(name)) for name in NAMES[:40])
