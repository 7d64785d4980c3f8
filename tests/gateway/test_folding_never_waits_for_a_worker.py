"""While workers start, however slowly, what the others write is folded into the ledger."""

import os
import subprocess

import pytest

from aihandler.testing import FakeServer
from gateway.running import POLICY, deployments, written
from gateway.serving import AIHANDLER, kill_hard, run, serving, until

# Holds up every worker that starts while the file `slow` lies in the folder; or ends it at once.
_STARTS = """
import os, sys, time
if "aihandler.gateway.worker" in sys.orig_argv:
    if os.path.exists("broken"):
        os._exit(7)
    while os.path.exists("slow"):
        time.sleep(0.02)
"""


@pytest.fixture
def servers():
    with FakeServer("Hello there.") as near, FakeServer("From afar.") as far:
        yield {"near": near, "far": far}


@pytest.fixture
def folder(servers, tmp_path, monkeypatch):
    written(tmp_path, deployments({"near": servers["near"]}) + POLICY)
    started = tmp_path / "started"
    started.mkdir()
    (started / "sitecustomize.py").write_text(_STARTS)
    monkeypatch.setenv(
        "PYTHONPATH", os.pathsep.join([str(started), os.environ.get("PYTHONPATH", "")])
    )
    return tmp_path


def is_folded(gateway) -> bool:
    """Asks once, and waits until the ledger has it."""
    status, headers, _ = gateway.ask()
    assert status == 200
    call = headers["x-aihandler-call"]
    return until(lambda: any(row[0] == call for row in gateway.entries()))


def test_while_another_configuration_starts(folder, servers):
    with serving(folder, "--insecure-local") as gateway:
        (before,) = gateway.workers()
        (folder / "slow").touch()
        written(folder, deployments(servers) + POLICY)
        applying = subprocess.Popen([*AIHANDLER, "apply"], cwd=folder, stdout=subprocess.PIPE)
        until(lambda: len(gateway.workers()) == 2)
        assert is_folded(gateway)
        assert applying.poll() is None
        assert gateway.ask("far")[0] == 404
        (folder / "slow").unlink()
        told, _ = applying.communicate(timeout=20)
        assert b"is in force" in told
        until(lambda: before not in gateway.workers())
        assert gateway.ask("far")[0] == 200


def test_while_another_takes_the_place_of_a_dead_one(folder):
    with serving(folder, "--insecure-local", "--workers", "2") as gateway:
        before = gateway.workers()
        (folder / "slow").touch()
        kill_hard(before[0])
        until(lambda: len(set(gateway.workers()) - set(before)) == 1)
        assert is_folded(gateway)
        (folder / "slow").unlink()


def test_workers_that_do_not_start_leave_the_old_in_force(folder, servers):
    with serving(folder, "--insecure-local") as gateway:
        before = gateway.workers()
        (folder / "broken").touch()
        written(folder, deployments(servers) + POLICY)
        refused = subprocess.run(
            [*AIHANDLER, "apply"], cwd=folder, capture_output=True, text=True, check=False
        )
        assert refused.returncode == 2
        assert "its workers did not start" in refused.stderr
        assert gateway.workers() == before
        assert is_folded(gateway)
        (folder / "broken").unlink()
        assert "is in force" in run(folder, "apply")
