"""What one process writes in shared memory another reads as it was or as it is."""

import subprocess
import sys
from contextlib import closing, contextmanager

from aihandler.gateway.windows import Windows, make_windows
from aihandler.ledger.spool import make_spool, write_spool

TAKES = """
import sys
from pathlib import Path
from aihandler.ledger.spool import read_spool
reader = read_spool(Path(sys.argv[1]))
print("ready", flush=True)
for position in range(1_000_000_000):
    reader.take(position)
"""
COUNTS = """
import sys
from pathlib import Path
from aihandler.gateway.windows import Windows
windows = Windows(Path(sys.argv[1]), slot=1)
windows.add("key:a", 100.0, requests=1, tokens=1)
print("ready", flush=True)
while True:
    windows.add("key:a", 100.0, requests=1, tokens=1)
"""


@contextmanager
def writing(program, path):
    """Another process that writes as fast as it can."""
    with subprocess.Popen(
        [sys.executable, "-c", program, str(path)], stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout.readline() == "ready\n"
            yield
        finally:
            process.kill()


def test_what_is_taken_only_grows(tmp_path):
    path = tmp_path / "worker-0.spool"
    make_spool(path, size=1024)
    with write_spool(path) as writer, writing(TAKES, path):
        before = 0
        while before < 300_000:
            taken = writer.taken
            assert taken >= before
            before = taken


def test_what_others_count_only_grows(tmp_path):
    path = tmp_path / "windows"
    make_windows(path, workers=2)
    with closing(Windows(path, slot=0)) as windows, writing(COUNTS, path):
        before = (0, 0)
        while before[0] < 60_000:
            total = windows.total("key:a", 100.0)
            assert total >= before
            before = total
