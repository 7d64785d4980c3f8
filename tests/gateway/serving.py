"""`aihandler serve` as users run it: a supervisor with its workers."""

import contextlib
import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

AIHANDLER = (sys.executable, "-m", "aihandler")


def run(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        [*AIHANDLER, *arguments], cwd=folder, check=True, capture_output=True, text=True
    )
    return done.stdout


class Served:
    """A running gateway."""

    def __init__(self, folder: Path, url: str, process: subprocess.Popen) -> None:
        self.folder = folder
        self.url = url
        self.process = process

    def ask(self, model="near", *, key="", path="/v1/chat/completions", **more):
        body = {"model": model, "messages": [{"role": "user", "content": "hi"}], **more}
        return self.send(path, json.dumps(body).encode(), key=key)

    def send(self, path, body=None, *, key="", headers=None):
        """Status, headers and decoded body."""
        request = urllib.request.Request(self.url + path, data=body, headers=headers or {})
        if key:
            request.add_header("authorization", f"Bearer {key}")
        try:
            with urllib.request.urlopen(request, timeout=20) as reply:
                return reply.status, reply.headers, reply.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.headers, error.read()

    def workers(self) -> list[int]:
        found = subprocess.run(
            ["pgrep", "-P", str(self.process.pid)], capture_output=True, text=True, check=False
        )
        return [int(pid) for pid in found.stdout.split()]

    def entries(self) -> list[tuple]:
        path = self.folder / ".aihandler" / "ledger.sqlite"
        with contextlib.closing(sqlite3.connect(path)) as ledger:
            return list(ledger.execute("SELECT call_id, state, outcome FROM entry ORDER BY id"))


@contextlib.contextmanager
def serving(folder: Path, *arguments: str):
    process = subprocess.Popen(
        [*AIHANDLER, "serve", "--port", "0", *arguments],
        cwd=folder,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        said, match = "", None
        # What an earlier gateway left in doubt is told before.
        while match is None and (line := process.stderr.readline()):
            said += line
            match = re.search(r"serving at (\S+)/v1", line)
        assert match, said
        yield Served(folder, match[1], process)
    finally:
        stop(process)


def stop(process) -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    process.stderr.close()


def until(holds, within_s=10.0):
    end = time.monotonic() + within_s
    while not (found := holds()):
        assert time.monotonic() < end, "did not happen in time"
        time.sleep(0.02)
    return found


def kill_hard(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)
