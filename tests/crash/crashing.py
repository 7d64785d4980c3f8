"""Kills a run again and again, and adds up what everybody says was paid."""

import json
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import msgspec

from aihandler.handler import Handler
from aihandler.testing import read_bill, spawn_server

CONCURRENCY = 16
_CONFIGURATION = """
version: 1
deployments:
  fake:
    backend: openai
    model: fake-1
    url: "{url}/v1"
    hosting: self
    price: {{input: 3, output: 15}}
    limits: {{concurrency: {concurrency}}}
tasks:
  note:
    prompt: "Note this down: {{{{ text }}}}"
    output: {{text: true}}
    max_output_tokens: 64
    candidates: [fake]
workflows:
  job:
    concurrency: {concurrency}
    steps: [note]
"""


class Reckoning(msgspec.Struct, frozen=True):
    """Counts and money after the last run. Money in nano-dollars."""

    documents: int
    kills: int
    output_ids: list[str]
    not_done: int
    billed_calls: int
    billed_nano: int
    settled_nano: int
    doubt_nano: int
    in_doubt: int


def crash(folder: Path, *, documents: int, kills: int, seed: int) -> Reckoning:
    """Runs a job of `documents`, kills it `kills` times at random moments, lets it end."""
    chance = random.Random(seed)
    texts = [{"id": str(n), "text": f"document {n} of the crash test"} for n in range(documents)]
    (folder / "docs.jsonl").write_text("".join(json.dumps(t) + "\n" for t in texts))
    bill = folder / "bill"
    with spawn_server("--bill", str(bill), "--delay", "0.35") as server:
        configuration = _CONFIGURATION.format(url=server.url, concurrency=CONCURRENCY)
        (folder / "aihandler.yaml").write_text(configuration)
        hit = sum(_killed(folder, after_s=chance.uniform(0.3, 1.6)) for _ in range(kills))
        assert hit == kills, "the job ended before it was killed often enough: make it longer"
        _run(folder).wait(timeout=600)
    return _reckon(folder, documents, kills)


def _run(folder: Path) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "aihandler", "run", "job", "--input", "docs.jsonl"]
    return subprocess.Popen(
        [*command, "--out", "out.jsonl", "--json"], cwd=folder, stdout=subprocess.DEVNULL
    )


def _killed(folder: Path, *, after_s: float) -> bool:
    """True when it was still running, so that the kill counts."""
    process = _run(folder)
    time.sleep(after_s)
    running = process.poll() is None
    process.send_signal(signal.SIGKILL) if running else None
    process.wait(timeout=60)
    return running


def _reckon(folder: Path, documents: int, kills: int) -> Reckoning:
    rows = [json.loads(line) for line in (folder / "out.jsonl").read_text().splitlines()]
    billed = read_bill(folder / "bill")
    with Handler.load(folder / "aihandler.yaml").read_ledger() as ledger:
        costs = ledger.queries.costs("deployment")
    return Reckoning(
        documents=documents,
        kills=kills,
        output_ids=[row["id"] for row in rows],
        not_done=sum(row["how"]["note"]["state"] != "done" for row in rows),
        billed_calls=len(billed),
        billed_nano=sum(
            line.usage.prompt_tokens * 3000 + line.usage.completion_tokens * 15000
            for line in billed
        ),
        settled_nano=sum(row.marginal_nano for row in costs),
        doubt_nano=sum(row.in_doubt_nano for row in costs),
        in_doubt=sum(row.in_doubt for row in costs),
    )
