"""`/metrics`: one page for all workers, exact, strict in form, and never going back."""

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aihandler.config import load
from aihandler.domain.board import Alone
from aihandler.domain.ports import Settlement
from aihandler.domain.usage import Cost, Usage
from aihandler.gateway.exposition import Exposition, counts_of_one
from aihandler.gateway.figures import Figures, settle_gauges
from aihandler.gateway.metrics import METRICS
from aihandler.gateway.tally import Tally, make_tallies
from aihandler.testing import FakeClock, FakeServer
from gateway.prometheus_pages import read, value
from gateway.running import POLICY, deployments, written
from gateway.serving import kill_hard, run, serving, until


@pytest.fixture
def near():
    with FakeServer("Hello there.") as server:
        yield server


@pytest.fixture
def folder(near, tmp_path):
    written(tmp_path, deployments({"near": near}) + POLICY)
    return tmp_path


def counts(folder):
    return counts_of_one(load(folder / "aihandler.yaml"), FakeClock())


def settled(outcome="valid", **more):
    return Settlement(outcome, Cost(marginal=1_500_000_001, allocated=2), 0.2, **more)


def test_each_metric_is_told_of_once_and_a_page_without_counts_is_right(folder):
    families = read(counts(folder).exposition.page())
    assert list(families) == [metric.name for metric in METRICS]
    assert all(name.startswith("aihandler_") for name in families)


def test_every_metric_stands_in_the_documents_with_its_labels():
    docs = Path(__file__).parents[2] / "docs" / "operations.md"
    rows = [line for line in docs.read_text().splitlines() if line.startswith("| `aihandler_")]
    told = {name: row for row in rows for name in re.findall(r"`(aihandler_\w+)`", row)}
    assert set(told) == {metric.name for metric in METRICS}
    for metric in METRICS:
        assert set(metric.labels) <= set(told[metric.name].split("|")[2].replace(",", "").split())


def test_what_an_attempt_was_is_counted(folder):
    both = counts(folder)
    usage = Usage(input=7, output=3, cache_read=5)
    both.figures.attempted("triage", "near", reason="first", ended=settled(usage=usage))
    both.figures.attempted(
        "triage",
        "near",
        reason="fallback",
        ended=Settlement("failed", Cost(status="unpriced"), 3.0, error_code="backend_rejected"),
    )
    page = both.exposition.page()
    who = {"task": "triage", "deployment": "near"}
    assert value(page, "aihandler_attempts_total", **who) == 2
    assert value(page, "aihandler_attempts_total", reason="fallback", outcome="failed") == 1
    assert value(page, "aihandler_attempt_errors_total", kind="backend_rejected", **who) == 1
    assert value(page, "aihandler_tokens_total", kind="cache_read", **who) == 5
    assert value(page, "aihandler_tokens_total", **who) == 15
    assert value(page, "aihandler_unpriced_attempts_total", **who) == 1
    # Exact to the nano-dollar.
    assert b'kind="marginal"} 1.500000001\n' in page
    assert b'kind="allocated"} 0.000000002\n' in page
    assert value(page, "aihandler_attempt_seconds_bucket", deployment="near", le="0.25") == 1
    assert value(page, "aihandler_attempt_seconds_count", deployment="near") == 2
    assert value(page, "aihandler_attempt_seconds_sum", deployment="near") == 3.2


def test_looks_for_kept_answers_are_counted_by_task(folder):
    both = counts(folder)
    for event in ("miss", "kept", "hit", "hit"):
        both.figures.cached("triage", event)
    page = both.exposition.page()
    assert value(page, "aihandler_cache_total", task="triage", event="hit") == 2
    assert value(page, "aihandler_cache_total", task="triage") == 4


texts = st.text(max_size=20)


@settings(max_examples=100, deadline=None)
@given(names=st.lists(st.tuples(texts, texts), min_size=1, max_size=8))
def test_whatever_a_task_is_called_its_label_is_read_as_it_was(names, tmp_path_factory):
    figures = Figures(tally := Tally())
    for task, deployment in names:
        figures.attempted(task, deployment, reason="first", ended=settled())
    exposition = Exposition(lambda: (tally,), Alone(), configuration=_Empty, clock=FakeClock())
    families = read(exposition.page())
    found = {
        (dict(labels)["task"], dict(labels)["deployment"]): number
        for (_, labels), number in families["aihandler_attempts_total"].items()
    }
    assert found == {pair: names.count(pair) for pair in names}


class _Empty:
    deployments = {}


def test_the_pages_of_workers_are_one(tmp_path):
    tallies = make_tallies(tmp_path / "tallies", slots=2)
    for slot, seconds in ((0, 0.02), (1, 200.0)):
        figures = Figures(tallies.of(slot))
        figures.begun()
        figures.begun()
        figures.ended("/v1/messages", 200, seconds)
    page = Exposition(tallies.all, Alone(), configuration=_Empty, clock=FakeClock()).page()
    assert value(page, "aihandler_requests_total", route="/v1/messages") == 2
    assert value(page, "aihandler_requests_open") == 2
    assert value(page, "aihandler_request_seconds_bucket", le="0.05") == 1
    assert value(page, "aihandler_request_seconds_sum") == 200.02


def test_who_takes_a_slot_counts_on_where_the_last_one_ended(tmp_path):
    tallies = make_tallies(tmp_path / "tallies", slots=1)
    first = Figures(tallies.of(0))
    first.begun()
    first.begun()
    first.ended("/v1/messages", 200, 0.1)
    settle_gauges(tallies.of(0))
    exposition = Exposition(tallies.all, Alone(), configuration=_Empty, clock=FakeClock())
    assert value(exposition.page(), "aihandler_requests_open") == 0
    second = Figures(tallies.of(0))
    second.begun()
    second.ended("/v1/messages", 200, 0.1)
    assert value(exposition.page(), "aihandler_requests_total") == 2


def test_more_names_than_there_is_room_for_are_left_out_and_harm_nothing():
    tally = Tally()
    figures = Figures(tally)
    for number in range(9_000):
        figures.attempted(f"task-{number}" * 3, "near", reason="first", ended=settled())
    figures.begun()
    figures.ended("/v1/messages", 200, 0.1)
    page = Exposition(lambda: (tally,), Alone(), configuration=_Empty, clock=FakeClock()).page()
    assert 1_000 < value(page, "aihandler_attempts_total") < 9_000
    assert value(page, "aihandler_attempt_seconds_count") == 9_000


def metrics(gateway, key=""):
    status, _, page = gateway.send("/metrics", key=key)
    assert status == 200, page
    return page


def test_two_workers_tell_the_same_and_nothing_goes_back_when_one_dies(folder, near):
    with serving(folder, "--insecure-local", "--workers", "2") as gateway:
        for _ in range(8):
            assert gateway.ask()[0] == 200
        assert gateway.ask("nobody")[0] == 404
        page = metrics(gateway)
        assert value(page, "aihandler_requests_total", route="/v1/chat/completions") == 9
        assert value(page, "aihandler_attempts_total", deployment="near") == near.calls == 8
        assert value(page, "aihandler_errors_total", code="unknown_model") == 1
        assert value(page, "aihandler_workers") == 2
        assert value(page, "aihandler_places_held", deployment="near") == 0
        kill_hard(gateway.workers()[0])
        until(lambda: value(metrics(gateway), "aihandler_worker_deaths_total") == 1)
        page = metrics(gateway)
        assert value(page, "aihandler_attempts_total") == 8
        until(lambda: value(metrics(gateway), "aihandler_workers") == 2)
        assert value(metrics(gateway), "aihandler_attempts_total") == 8
        until(lambda: value(metrics(gateway), "aihandler_spool_waiting_bytes") == 0)
        assert value(metrics(gateway), "aihandler_folding_lag_seconds") < 5
        assert value(metrics(gateway), "aihandler_folded_records_total") >= 24


def test_the_page_is_for_those_who_may_look(folder):
    member = run(folder, "keys", "create", "ann").strip()
    scraper = run(
        folder, "keys", "create", "prometheus", "--role", "auditor", "--route", "/metrics"
    ).strip()
    with serving(folder) as gateway:
        assert gateway.send("/metrics")[0] == 401
        status, _, told = gateway.send("/metrics", key=member)
        assert status == 403
        assert b"--role auditor" in told
        assert b"ann" not in metrics(gateway, scraper)
        assert gateway.ask(key=scraper)[0] == 403
