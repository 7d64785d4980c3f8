"""`aihandler serve` says what is wrong with how it is started, and where it serves."""

import subprocess

import pytest
from click.testing import CliRunner

from aihandler.cli.serve import command
from aihandler.gateway.listening import address_of
from aihandler.gateway.workers import Complaints, Workers
from aihandler.testing import FakeServer
from gateway.running import POLICY, deployments, written
from gateway.serving import AIHANDLER, serving


@pytest.mark.parametrize(
    "wrong",
    [
        ("--port", "99999"),
        ("--port", "-1"),
        ("--drain", "nan"),
        ("--drain", "inf"),
        ("--drain", "-1"),
    ],
    ids=" ".join,
)
def test_what_cannot_be_is_refused_before_anything_starts(wrong, tmp_path):
    done = CliRunner().invoke(command, [*wrong, "--config", str(tmp_path / "none.yaml")])
    assert done.exit_code == 2
    assert f"Invalid value for '{wrong[0]}'" in done.output


def test_an_address_of_ipv6_stands_in_brackets():
    assert address_of("::1", 8080) == "http://[::1]:8080"
    assert address_of("127.0.0.1", 8080) == "http://127.0.0.1:8080"


def test_without_a_worker_nobody_takes_requests(tmp_path):
    """Else a gateway whose workers cannot start says at its end that it serves."""
    workers = Workers(
        None, tmp_path, orders=None, slots=1, complaints=Complaints(), housekeeping=None
    )
    assert not workers.are_ready


def test_a_second_one_is_told_who_has_the_ledger(tmp_path):
    with FakeServer() as near:
        written(tmp_path, deployments({"near": near}) + POLICY)
        with serving(tmp_path, "--insecure-local") as gateway:
            second = subprocess.run(
                [*AIHANDLER, "serve", "--port", "0", "--insecure-local", "--drain", "0.1"],
                cwd=tmp_path,
                capture_output=True,
                text=True,
                check=False,
            )
            assert second.returncode == 6
            assert f"is being written by process {gateway.process.pid}" in second.stderr
            assert gateway.ask()[0] == 200
