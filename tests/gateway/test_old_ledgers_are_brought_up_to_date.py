"""A gateway over a ledger of an earlier version: it changes it first, and says so."""

import asyncio
import contextlib
import sqlite3

import pytest
from click.testing import CliRunner

from aihandler.cli import cli, waiting
from aihandler.ledger import bring_up_to_date, open_ledger
from aihandler.testing import FakeServer
from gateway.running import POLICY, deployments, written
from gateway.serving import serving
from ledger.ledger_making import StandingClock, call


@pytest.fixture
def folder(tmp_path):
    with FakeServer("Hello there.") as near:
        written(tmp_path, deployments({"near": near}) + POLICY)
        yield tmp_path


@pytest.fixture
def old(folder):
    """A ledger with one call, from before there were sums by day."""
    path = folder / ".aihandler" / "ledger.sqlite"
    with open_ledger(path, clock=StandingClock()) as ledger:
        asyncio.run(call(ledger))
    with contextlib.closing(sqlite3.connect(path)) as older, older:
        for table in ("usage_day", "call_again", "allocated_hour", "unsummed"):
            older.execute(f"DROP TABLE {table}")
        older.execute("CREATE TABLE usage_day (day INTEGER)")
        older.execute("CREATE TABLE latency_month (month INTEGER)")
        older.execute("DELETE FROM schema_version WHERE version >= 11")
    return path


def version(path):
    with contextlib.closing(sqlite3.connect(path)) as ledger:
        return ledger.execute("SELECT max(version) FROM schema_version").fetchone()[0]


def test_a_gateway_serves_from_an_old_ledger(folder, old):
    assert version(old) == 10
    with serving(folder, "--insecure-local") as gateway:
        assert gateway.ask()[0] == 200
    assert version(old) > 10


def test_whoever_waits_is_told_how_far_it_is(old):
    seen = []
    bring_up_to_date(old, clock=StandingClock(), watch=lambda *place: seen.append(place))
    assert (1, 1) in seen
    seen.clear()
    bring_up_to_date(old, clock=StandingClock(), watch=lambda *place: seen.append(place))
    assert seen == []


class Slow:
    """A supervisor that takes its time before it serves."""

    def __init__(self, _settings, *, watch):
        watch(5, 1000)

    def run(self, *, ready):
        ready("http://here")


def test_serve_says_that_it_changes_the_ledger_before_it_serves(folder, monkeypatch):
    monkeypatch.setattr(waiting, "_PATIENCE_S", 0.0)
    monkeypatch.setattr("aihandler.gateway.supervisor.Supervisor", Slow)
    said = CliRunner().invoke(cli, ["serve", "--config", str(folder / "aihandler.yaml")]).stderr
    first, *_, last = said.splitlines()
    assert first.startswith("bringing the ledger up to date, 5 of 1,000, ")
    assert last.startswith("serving at http://here/v1")
