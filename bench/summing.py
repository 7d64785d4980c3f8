"""What keeping the sums costs whoever folds entries: `python -m bench.summing --entries 40000`.

Entries are begun and ended in commits of 64, 8 and 1, as a supervisor folds them, with the sums and
without, by turns; the difference of the least CPU times is what sums cost. The file is in memory
where `/dev/shm` is there, so that no disk is measured.
"""

import argparse
import os
import random
import tempfile
import time
from pathlib import Path

import msgspec

from aihandler.domain.answer import Validity
from aihandler.domain.keys import digest
from aihandler.domain.labels import DataClass
from aihandler.domain.ports import Intent, Settlement
from aihandler.domain.usage import Cost, Usage
from aihandler.ledger.batch import Batches, Begun, Ended, Operation
from aihandler.ledger.content import content_path, write_content
from aihandler.ledger.store import open_for_writing

BEGAN_AT = 1_790_000_000.0


class _Silent:
    """Stands where sums are kept, and keeps none."""

    def __getattr__(self, name: str) -> object:
        return lambda *_, **__: None


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--entries", type=int, default=40_000)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--tagged", action="store_true", help="with the tags a gateway sets")
    chosen = parser.parse_args()
    for size in (64, 8, 1):
        entries = chosen.entries if size > 1 else chosen.entries // 4
        rounds = [
            [_cpu_us(entries, size, sums=sums, tagged=chosen.tagged) for sums in (True, False)]
            for _ in range(chosen.rounds)
        ]
        having, lacking = (min(times) for times in zip(*rounds, strict=True))
        print(
            f"commits of {size}: {having - lacking:.1f} us an entry for sums, beside "
            f"{lacking:.1f} for the entry, load {os.getloadavg()[0]:.1f}",
            flush=True,
        )
    return 0


def _cpu_us(entries: int, size: int, *, sums: bool, tagged: bool) -> float:
    shared = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=shared if shared.is_dir() else None) as folder:
        path = Path(folder) / "ledger.sqlite"
        ledger = open_for_writing(path, "ledger", wall=0.0)
        content = write_content(content_path(path), None, wall=0.0)
        batches = Batches(ledger, content, keep_content=False)
        if not sums:
            batches._unsummed = _Silent()  # type: ignore[assignment]  # noqa: SLF001  # it is asked for nothing
        commits = _commits(entries, size, tagged=tagged)
        began = time.process_time()
        for operations in commits:
            batches.write(operations, (), wall=BEGAN_AT)
        spent = time.process_time() - began
        ledger.close()
        content.connection.close()
    return spent / entries * 1e6


def _commits(entries: int, size: int, *, tagged: bool) -> list[list[Operation]]:
    chance = random.Random(1)
    commits: list[list[Operation]] = []
    for start in range(0, entries, size):
        commit: list[Operation] = []
        for number in range(start + 1, start + size + 1):
            settlement = msgspec.structs.replace(_SETTLED, latency_s=chance.uniform(0.2, 9.0))
            commit += [Begun(number, _intent(number, tagged=tagged)), Ended(number, settlement)]
        commits.append(commit)
    return commits


def _intent(number: int, *, tagged: bool) -> Intent:
    # One call in ten is asked again.
    reason = "retry" if number % 10 == 0 else "first"
    call = number - 1 if reason == "retry" else number
    key = f"key-{number % 7}"
    return Intent(
        key=digest("bench", number),
        call_id=f"{call:032x}",
        task=f"task-{number % 12}",
        task_version="v",
        deployment=f"deployment-{number % 5}",
        model="large",
        reason=reason,
        data_class=DataClass.INTERNAL,
        clearance="c" * 32,
        expected_nano=500,
        started_at=BEGAN_AT + number * 0.01,
        tenant=key if tagged else "",
        tags={"key": key, "team": "red"} if tagged else {},
    )


_SETTLED = Settlement(
    "valid", Cost(700), 0.25, usage=Usage(100, output=10), validity=Validity.EXACT
)


if __name__ == "__main__":
    raise SystemExit(main())
