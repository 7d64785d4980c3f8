"""CPU per call of the journal alone, time of a resume scan, and memory: `python bench/journal.py`.

A call is intend, sent, settle and accept, awaited by 64 coroutines at once, with full sync.
"""

import argparse
import asyncio
import json
import os
import resource
import tempfile
import time
from pathlib import Path

import msgspec

from aihandler.domain.answer import Answer, Reply, Validity
from aihandler.domain.conversation import Text, message
from aihandler.domain.keys import digest
from aihandler.domain.labels import DataClass
from aihandler.domain.ports import Accepted, Intent, Settlement
from aihandler.domain.usage import Cost, Usage
from aihandler.ledger import SqliteJournal, open_ledger

CONCURRENCY = 64
_encode = msgspec.json.Encoder().encode


class SystemClock:
    def monotonic(self) -> float:
        return time.monotonic()

    def wall(self) -> float:
        return time.time()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


# Made once: encoding them is the engine's cost, not the journal's.
REQUEST = _encode([message("system", "Say which kind it is."), message("user", "word " * 300)])
REPLY = _encode(
    Reply((Text('{"category": "billing", "priority": "low"}'),), "stop", Usage(380, 12))
)
ANSWER = _encode(
    Answer(
        {"category": "billing", "priority": "low"},
        Validity.EXACT,
        "local",
        None,
        Cost(),
        "call-00000000",
        DataClass.INTERNAL,
    )
)


async def one_call(journal: SqliteJournal, number: int) -> None:
    key = digest("bench", number)
    document_id = f"mails/{number:07d}.eml"
    intent = Intent(
        key=key,
        call_id=f"{number:032x}",
        task="triage",
        task_version="0123456789abcdef",
        deployment="local",
        model="llama-3.3-70b-instruct",
        reason="first",
        data_class=DataClass.INTERNAL,
        clearance="0123456789abcdef0123456789abcdef",
        expected_nano=120_000,
        started_at=1_790_000_000.0,
        run_id="run-1",
        document_id=document_id,
        step="triage",
        tags={"customer": "acme"},
        request=REQUEST,
        schema_mode="native",
        enforced="partial",
        dropped=2,
    )
    entry_id = await journal.intend(intent)
    journal.sent(entry_id)
    settlement = Settlement(
        "valid",
        Cost(marginal=123_456, snapshot="0123456789abcdef"),
        0.25,
        usage=Usage(380, output=12),
        validity=Validity.EXACT,
        reply=REPLY,
        reported_model="llama-3.3-70b-instruct-2026-10",
        fingerprint="fp_0123456789",
        tier="default",
    )
    await journal.settle(entry_id, settlement)
    await journal.accept(Accepted(key, key, ANSWER, "run-1", document_id, "triage"))


async def measure(journal: SqliteJournal, calls: int) -> list[float]:
    numbers = iter(range(calls))
    marks: list[float] = []

    async def work() -> None:
        for number in numbers:
            await one_call(journal, number)
            if number % (calls // 4) == calls // 4 - 1:
                marks.append(_resident_mib())

    await journal.start_run("run-1", "bench")
    await asyncio.gather(*(work() for _ in range(CONCURRENCY)))
    return marks


def _resident_mib() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=100_000)
    parser.add_argument("--encrypted", action="store_true")
    parser.add_argument("--folder", default=None, help="where to write; default: a temporary one")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        path = Path(folder) / "ledger.sqlite"
        key = os.urandom(32) if arguments.encrypted else None
        with open_ledger(path, clock=SystemClock(), encryption_key=key) as ledger:
            wall, cpu = time.perf_counter(), time.process_time()
            resident = asyncio.run(measure(ledger.journal, arguments.calls))
            cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
            scan = time.perf_counter()
            found = len(ledger.journal.done_keys("bench"))
            scan = time.perf_counter() - scan
        size = sum(f.stat().st_size for f in Path(folder).iterdir())
        print(
            json.dumps(
                {
                    "calls": arguments.calls,
                    "cpu_us_per_call": round(cpu / arguments.calls * 1e6, 1),
                    "wall_us_per_call": round(wall / arguments.calls * 1e6, 1),
                    "resume_scan_s": round(scan, 3),
                    "resume_keys": found,
                    "resident_mib_at_quarters": [round(m, 1) for m in resident],
                    "bytes_per_call": size // arguments.calls,
                }
            )
        )


if __name__ == "__main__":
    main()
