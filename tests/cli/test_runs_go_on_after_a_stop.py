"""Ctrl-C, SIGTERM, a full disk, a closed pipe, a second run: nothing is lost, one message."""

import json
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from aihandler.testing import read_bill, spawn_server
from cli.commands import environment, fill, program, started

CONCURRENCY = 4
DOCUMENTS = 40
SLOW = f"""
version: 1
deployments:
  fake: {{{{backend: openai, model: fake-1, url: "{{url}}/v1", hosting: self, price: {{{{input: 3, output: 15}}}}}}}}
tasks:
  note: {{{{output: {{{{text: true}}}}, candidates: [fake]}}}}
workflows:
  job: {{{{concurrency: {CONCURRENCY}, steps: [note]}}}}
"""  # noqa: E501  # one line a deployment is easier to read here
RUN = ("run", "job", "--input", "documents.jsonl", "--out", "out.jsonl")


def prepare(folder: Path, url: str) -> None:
    (folder / "aihandler.yaml").write_text(SLOW.format(url=url))
    rows = [json.dumps({"id": str(n), "text": f"document {n}"}) for n in range(DOCUMENTS)]
    (folder / "documents.jsonl").write_text("\n".join(rows))


def wait_until(met: "object", *, within_s: float = 30) -> None:
    assert callable(met)
    end = time.monotonic() + within_s
    while not met():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)


def answered(bill: Path) -> int:
    return len(read_bill(bill)) if bill.exists() else 0


@pytest.mark.parametrize(("wanted", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_stopped_run_goes_on_and_pays_nothing_twice(
    tmp_path: Path, wanted: signal.Signals, code: int
) -> None:
    bill = tmp_path / "bill"
    with spawn_server("--bill", str(bill), "--delay", "0.1") as server:
        prepare(tmp_path, server.url)
        with started(*RUN, folder=tmp_path) as process:
            wait_until(lambda: answered(bill) >= 2 * CONCURRENCY)
            process.send_signal(wanted)
            _, told = process.communicate(timeout=30)
        assert process.returncode == code
        assert "nothing is lost, and the same command goes on from here" in told
        assert "Traceback" not in told
        again = program(*RUN, folder=tmp_path)
    assert again.code == 0
    assert len((tmp_path / "out.jsonl").read_text().splitlines()) == DOCUMENTS
    # What was in the air when the signal came may have been answered, and nothing else.
    assert answered(bill) <= DOCUMENTS + CONCURRENCY


def test_a_stopped_run_says_so_only_once_and_leaves_what_it_has(tmp_path: Path) -> None:
    bill = tmp_path / "bill"
    with spawn_server("--bill", str(bill), "--delay", "0.1") as server:
        prepare(tmp_path, server.url)
        with started(*RUN, "--json", folder=tmp_path) as process:
            wait_until(lambda: answered(bill) >= 2 * CONCURRENCY)
            process.send_signal(signal.SIGINT)
            out, told = process.communicate(timeout=30)
    assert out == ""
    assert told.count("stopped") == 1
    assert 0 < len((tmp_path / "out.jsonl").read_text().splitlines()) < DOCUMENTS


def test_a_stop_leaves_the_whole_output_of_an_earlier_run_alone(tmp_path: Path) -> None:
    bill = tmp_path / "bill"
    with spawn_server("--bill", str(bill), "--delay", "0.1") as server:
        prepare(tmp_path, server.url)
        (tmp_path / "out.jsonl").write_text("the run before\n")
        with started(*RUN, folder=tmp_path) as process:
            wait_until(lambda: answered(bill) >= CONCURRENCY)
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=30)
    assert (tmp_path / "out.jsonl").read_text() == "the run before\n"


def test_a_second_run_on_the_same_ledger_is_told_to_wait(tmp_path: Path) -> None:
    bill = tmp_path / "bill"
    with spawn_server("--bill", str(bill), "--delay", "1") as server:
        prepare(tmp_path, server.url)
        with started(*RUN, folder=tmp_path) as process:
            wait_until(lambda: answered(bill) >= 1)
            second = program(*RUN, folder=tmp_path)
            looked = program("costs", folder=tmp_path)
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=30)
    assert second.code == 6
    assert f"is being written by process {process.pid}" in second.err
    assert "wait until that run ends" in second.err
    assert looked.code == 0


def test_a_disk_that_fills_up_is_told_once_and_a_later_run_completes(tmp_path: Path) -> None:
    with spawn_server() as server:
        prepare(tmp_path, server.url)
        full = program(*RUN, folder=tmp_path, preexec_fn=_little_room)
        again = program(*RUN, folder=tmp_path)
    assert full.code == 6
    assert full.err.count("error:") == 1
    assert "hint:" in full.err
    assert "Traceback" not in full.err
    assert again.code == 0
    assert len((tmp_path / "out.jsonl").read_text().splitlines()) == DOCUMENTS


def _little_room() -> None:
    # What a full disk is to the ledger: it cannot grow any further.
    resource.setrlimit(resource.RLIMIT_FSIZE, (160 * 1024, 160 * 1024))


def test_a_server_that_answers_with_a_web_page_is_told(tmp_path: Path) -> None:
    with spawn_server("--fault", "html") as server:
        prepare(tmp_path, server.url)
        ran = program(*RUN, folder=tmp_path)
    assert ran.code == 1
    assert "40 ended in an error" in ran.out
    reason = json.loads((tmp_path / "out.jsonl").read_text().splitlines()[0])["how"]["note"]
    assert "web page" in reason["reason"]


def test_a_server_that_is_not_there_is_told(tmp_path: Path) -> None:
    prepare(tmp_path, "http://127.0.0.1:9")
    ran = program(*RUN, folder=tmp_path)
    assert ran.code == 1
    reason = json.loads((tmp_path / "out.jsonl").read_text().splitlines()[0])["how"]["note"]
    assert "127.0.0.1" in reason["reason"]


def test_a_reader_that_has_seen_enough_is_no_error(tmp_path: Path) -> None:
    fill(tmp_path)
    shell = f"{sys.executable} -m aihandler check | true; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(
        ["bash", "-c", shell],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout == "141\n"
    assert done.stderr == ""
