"""Sums by day, kept beside the entries: what millions of calls were, without reading them."""

import contextlib
import json
import sqlite3
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from datetime import date

import msgspec

from aihandler.domain.usage import Usage
from aihandler.ledger import again, summands
from aihandler.ledger.again import Again
from aihandler.ledger.summands import NUMBERS, Alike, Key, Marks, Numbers, Summand

_OLD_LATENCIES = """
SELECT latencies FROM usage_day
WHERE tag = ? AND day = ? AND value = ? AND task = ? AND deployment = ? AND model = ?
  AND data_class = ? AND step = ? AND schema_mode = ? AND outcome = ? AND validity = ?
"""
_KEEP_CELL = """
INSERT INTO usage_day VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?,
    ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT DO UPDATE SET
    attempts = attempts + excluded.attempts, firsts = firsts + excluded.firsts,
    input_tokens = input_tokens + excluded.input_tokens,
    cache_read_tokens = cache_read_tokens + excluded.cache_read_tokens,
    cache_write_tokens = cache_write_tokens + excluded.cache_write_tokens,
    output_tokens = output_tokens + excluded.output_tokens,
    reasoning_tokens = reasoning_tokens + excluded.reasoning_tokens,
    cache_write_1h_tokens = cache_write_1h_tokens + excluded.cache_write_1h_tokens,
    audio_input_tokens = audio_input_tokens + excluded.audio_input_tokens,
    audio_output_tokens = audio_output_tokens + excluded.audio_output_tokens,
    marginal_nano = marginal_nano + excluded.marginal_nano,
    allocated_nano = allocated_nano + excluded.allocated_nano,
    doubt_nano = doubt_nano + excluded.doubt_nano,
    unpriced = unpriced + excluded.unpriced, estimated = estimated + excluded.estimated,
    reported_nano = reported_nano + excluded.reported_nano,
    reported_more_nano = reported_more_nano + excluded.reported_more_nano,
    latencies = excluded.latencies
"""
_KEEP_HOUR = """
INSERT INTO allocated_hour (deployment, hour, nano) VALUES (?, ?, ?)
ON CONFLICT (deployment, hour) DO UPDATE SET nano = nano + excluded.nano
"""
_NOTE = "INSERT INTO unsummed (entries) VALUES (?)"
_NOTED = "SELECT w.value FROM unsummed AS u, json_each(u.entries) AS w"
_SUMMED = "DELETE FROM unsummed"
_OPEN = "SELECT id FROM entry WHERE state IN ('intent', 'sent')"
_COUNT = "SELECT count(*) FROM entry"
_COUNT_HOURS = """
INSERT INTO allocated_hour
SELECT deployment, CAST(started_at / 3600 AS INTEGER), sum(allocated_nano) FROM entry
WHERE allocated_nano <> 0 AND outcome IS NOT NULL GROUP BY 1, 2
"""

# To sum thousands at once costs a tenth of summing each; whoever asks sums the rest meanwhile.
_MOST_UNSUMMED = 4096
_AT_ONCE = 50_000
_MOST_CELLS = 20_000
_ALLOCATED = NUMBERS.index("allocated_nano")
_EPOCH = date(1970, 1, 1).toordinal()

# What latencies there were (microseconds), and how often.
Latencies = Counter[int]
# The tag and its value, both empty for sums by task and so on; and what entries have in common.
CellKey = tuple[str, str, Key]
Sums = dict[CellKey, "Cell"]
# Called with how many of how many entries are summed.
Watch = Callable[[int, int], None]

_pack = msgspec.msgpack.Encoder().encode
_unpack = msgspec.msgpack.Decoder(dict[int, int]).decode


class Cell:
    """Sums of entries that have their key in common."""

    __slots__ = ("latencies", "numbers")

    def __init__(self, numbers: Numbers, latencies: Latencies) -> None:
        self.numbers = numbers
        self.latencies = latencies


class Pending(msgspec.Struct, frozen=True):
    """What entries say that are in no sum yet."""

    cells: Sums
    again: Again
    hours: Counter[tuple[str, int]]


class Unsummed:
    """Entries that have ended and are not in the sums, as the process that writes them has it.

    `note` and `book` are part of a transaction; `done` is called after its commit.
    """

    def __init__(self, ledger: sqlite3.Connection) -> None:
        self._ledger = ledger
        self._earlier = _noted(ledger)
        self._ended: dict[int, Summand] = {}
        self._noting: dict[int, Summand] = {}
        self._booked = False

    def note(self, ended: Mapping[int, Summand]) -> None:
        """Entries that this transaction has ended."""
        if not ended:
            return
        self._noting = dict(ended)
        if len(self._earlier) + len(self._ended) + len(ended) > _MOST_UNSUMMED:
            self.book()
        else:
            self._ledger.execute(_NOTE, (json.dumps(list(ended)),))

    def book(self) -> None:
        """Sums all that was noted."""
        earlier, ended = ([], {}) if self._booked else (self._earlier, self._ended)
        book(
            self._ledger,
            [
                *summands.of_entries(self._ledger, earlier),
                *ended.values(),
                *self._noting.values(),
            ],
        )
        self._ledger.execute(_SUMMED)
        self._noting = {}
        self._booked = True

    def done(self) -> None:
        """The transaction is on the disk."""
        if self._booked:
            self._earlier, self._ended = [], {}
        self._ended.update(self._noting)
        self.undone()

    def undone(self) -> None:
        """The transaction begins, or was rolled back."""
        self._noting, self._booked = {}, False


def note(ledger: sqlite3.Connection, entries: Collection[int]) -> None:
    """Notes entries that were ended by others than `Unsummed`, in their transaction."""
    if entries:
        ledger.execute(_NOTE, (json.dumps(list(entries)),))


def book(ledger: sqlite3.Connection, ended: Collection[Summand], *, times: int = 1) -> None:
    """Adds entries to the sums, or with -1 takes them away before they are changed.

    Every other entry that has ended must be in the sums.
    """
    if ended:
        again.keep(ledger, again.added(ledger, ended), times=times)
        _keep_hours(ledger, _hours(ended), times=times)
        _keep_cells(ledger, gathered(ended), times=times)


def pending(ledger: sqlite3.Connection, *, with_open: bool) -> Pending:
    """What is in no sum yet; also, if asked, what attempts say that have not ended."""
    ids = _noted(ledger)
    if with_open:
        ids += [int(row[0]) for row in ledger.execute(_OPEN)]
    if not ids:
        return Pending({}, Counter(), Counter())
    found = summands.of_entries(ledger, ids)
    return Pending(gathered(found), again.added(ledger, found), _hours(found))


def recount(ledger: sqlite3.Connection, watch: Watch) -> None:
    """Sums all entries of a ledger that has no sums."""
    total = int(ledger.execute(_COUNT).fetchone()[0])
    done = 0
    cells: Sums = {}
    watch(0, total)
    for n, alike in summands.slices(ledger, _AT_ONCE):
        for each in alike:
            _place(cells, each)
        if len(cells) > _MOST_CELLS:
            _keep_cells(ledger, cells)
            cells = {}
        done += n
        watch(done, total)
    _keep_cells(ledger, cells)
    ledger.execute(_COUNT_HOURS)
    again.keep(ledger, again.of_all(ledger))


def gathered(ended: Iterable[Summand]) -> Sums:
    """Sums of these entries, by task and so on and by the tags that are kept."""
    alike: dict[tuple[Key, Marks], list[Summand]] = {}
    for summand in ended:
        alike.setdefault((summand.key, summand.marks), []).append(summand)
    cells: Sums = {}
    for (key, marks), group in alike.items():
        numbers = tuple(map(sum, zip(*[s.numbers for s in group], strict=True)))
        latencies = Counter(
            [summands.two_digits_us(s.latency_ms) for s in group if s.latency_ms is not None]
        )
        _place(cells, (key, marks, numbers, latencies))
    return cells


@contextlib.contextmanager
def one_moment(ledger: sqlite3.Connection) -> Iterator[None]:
    """All that is read inside is of the same moment, whatever is written meanwhile."""
    # Unlike a transaction it can be begun twice: threads share the connection.
    ledger.execute("SAVEPOINT one_moment")
    try:
        yield
    finally:
        ledger.execute("RELEASE one_moment")


def unpacked(latencies: bytes) -> dict[int, int]:
    """Latencies as `usage_day` has them."""
    return _unpack(latencies)


def percentile_s(latencies: Mapping[int, int], percent: int) -> float | None:
    """The latency of that rank; None when there is none."""
    place = (sum(latencies.values()) * percent + 99) // 100
    for microseconds in sorted(latencies):
        place -= latencies[microseconds]
        if place <= 0:
            return microseconds / 1_000_000
    return None


def usage_of(numbers: Mapping[str, int]) -> Usage:
    """The tokens among sums, by their names."""
    return Usage(
        numbers["input_tokens"],
        numbers["cache_read_tokens"],
        numbers["cache_write_tokens"],
        numbers["output_tokens"],
        numbers["reasoning_tokens"],
        numbers["estimated"] > 0,
        numbers["cache_write_1h_tokens"],
        numbers["audio_input_tokens"],
        numbers["audio_output_tokens"],
    )


def date_of(day: int) -> str:
    """`2026-11-21`, from days since 1970."""
    return date.fromordinal(_EPOCH + day).isoformat()


def day_of(text: str) -> int:
    """Days since 1970, from `2026-11-21`."""
    return date.fromisoformat(text).toordinal() - _EPOCH


def _noted(ledger: sqlite3.Connection) -> list[int]:
    return [int(row[0]) for row in ledger.execute(_NOTED)]


def _hours(ended: Iterable[Summand]) -> Counter[tuple[str, int]]:
    hours: Counter[tuple[str, int]] = Counter()
    for summand in ended:
        if nano := summand.numbers[_ALLOCATED]:
            hours[summand.key[2], int(summand.started_at // 3600)] += nano
    return hours


def _keep_hours(
    ledger: sqlite3.Connection, hours: Mapping[tuple[str, int], int], *, times: int = 1
) -> None:
    if hours:
        ledger.executemany(_KEEP_HOUR, [(*key, times * nano) for key, nano in hours.items()])


def _keep_cells(ledger: sqlite3.Connection, cells: Sums, *, times: int = 1) -> None:
    rows = []
    for (tag, value, (day, *others)), cell in cells.items():
        place = (tag, day, value, *others)
        numbers, latencies = cell.numbers, cell.latencies
        if times != 1:
            numbers = tuple(times * n for n in numbers)
            latencies = Counter({us: times * n for us, n in latencies.items()})
        old = ledger.execute(_OLD_LATENCIES, place).fetchone()
        if old is not None:
            latencies = _together(_unpack(old[0]), latencies)
        rows.append((*place, *numbers, _pack(latencies)))
    ledger.executemany(_KEEP_CELL, rows)


def _together(old: Mapping[int, int], more: Latencies) -> Latencies:
    both = Counter(old)
    for microseconds, n in more.items():
        both[microseconds] += n
        if not both[microseconds]:
            del both[microseconds]
    return both


def _place(cells: Sums, alike: Alike) -> None:
    key, marks, numbers, latencies = alike
    _add(cells, ("", "", key), numbers, latencies)
    if marks:
        day, *_, outcome, validity = key
        shared: Key = (day, "", "", "", "", "", "", outcome, validity)
        for tag, value in marks:
            _add(cells, (tag, value, shared), numbers, latencies)


def _add(cells: Sums, key: CellKey, numbers: Numbers, latencies: Latencies) -> None:
    cell = cells.get(key)
    if cell is None:
        cells[key] = Cell(numbers, Counter(latencies))
    else:
        cell.numbers = tuple(map(int.__add__, cell.numbers, numbers))
        cell.latencies.update(latencies)
