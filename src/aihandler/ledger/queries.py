"""The read side: questions that can be asked at any time, also while a run writes."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import msgspec

from aihandler.domain.answer import DocumentResult
from aihandler.domain.attempt import Snapshot
from aihandler.domain.budget import BudgetState
from aihandler.domain.deployment import Deployment
from aihandler.domain.ports import Pricer, ReviewItem
from aihandler.domain.probes import Probed
from aihandler.domain.task import Json
from aihandler.ledger import (
    answered,
    budgets,
    calls,
    changes,
    comparisons,
    costs,
    costs_kept,
    evidence,
    hits,
    probes,
    projection,
    reviews,
    rollups,
)
from aihandler.ledger.answered import AnsweredCall
from aihandler.ledger.calls import CallRecord
from aihandler.ledger.changes import ChangeRecord
from aihandler.ledger.comparisons import ComparisonRecord
from aihandler.ledger.content import Content
from aihandler.ledger.costs import CostRow, Counterfactual, UnitCost, Window
from aihandler.ledger.evidence import LatencyPoint, ValidRate
from aihandler.ledger.reviews import LabelledExample
from aihandler.ledger.rollups import DayOfUsage, MonthOfUsage
from aihandler.ledger.store import storage_errors

_RUNS = """
SELECT id, workflow, configuration, state, started_at, ended_at FROM run
ORDER BY started_at DESC LIMIT ?
"""


class RunRecord(msgspec.Struct, frozen=True):
    """One run. `state`: running, done, stopped, failed, or died (found so by a later run)."""

    id: str
    workflow: str
    configuration: str
    state: str
    started_at: float
    ended_at: float | None


class Queries:
    """Reads a ledger. Every method raises StorageError when the file cannot be read."""

    def __init__(self, path: Path, ledger: sqlite3.Connection, content: Content) -> None:
        self._path = path
        self._ledger = ledger
        self._content = content

    def costs(
        self,
        by: str = "task",
        *,
        run: str | None = None,
        since: float | None = None,
        until: float | None = None,
    ) -> list[CostRow]:
        """By task, deployment, model, day, class, step, validity, mode, tenant, run, document or
        `tag:NAME`; of what began from `since` on and before `until`.

        Where both are midnights (UTC) no entry is read but those of documents, unless it is for
        one run, by run, by document, or by a tag that gateways do not set. Time that machines stood
        idle is in the rows of `deployment` and `day`; with another grouping it is a row of its own,
        `idle`.
        """
        with storage_errors(self._path):
            return costs.costs(self._ledger, by, window=Window(run, since, until))

    def costs_without_documents(
        self, by: str = "task", *, since: float | None = None, until: float | None = None
    ) -> list[CostRow]:
        """The same, documents not counted: then no entry of them is read either."""
        window = Window(None, since, until)
        with storage_errors(self._path):
            return costs.costs(self._ledger, by, window=window, documents=False)

    def costs_as(
        self,
        deployment: Deployment,
        pricer: Pricer,
        *,
        by: str = "task",
        window: Window = Window(),  # noqa: B008  # it is frozen
    ) -> list[Counterfactual]:
        """What the attempts that answered would have cost at `deployment`."""
        with storage_errors(self._path):
            return costs.costs_as(self._ledger, deployment, pricer, by=by, window=window)

    def unit_costs(
        self,
        tag: str,
        *,
        run: str | None = None,
        since: float | None = None,
        until: float | None = None,
    ) -> list[UnitCost]:
        """Costs by the values of a call tag, dearest first."""
        with storage_errors(self._path):
            return costs.unit_costs(self._ledger, tag, window=Window(run, since, until))

    def answered_from_cache(
        self, *, since: float | None = None, until: float | None = None
    ) -> list[hits.CachedCalls]:
        """By task, how many calls were told kept answers, and what that saved."""
        with storage_errors(self._path):
            return hits.by_task(self._ledger, since=since, until=until)

    def budgets(self, wall: float) -> list[BudgetState]:
        """Every budget that was asked for in its present period (`wall`: seconds since 1970)."""
        with storage_errors(self._path):
            return budgets.states(self._ledger, wall)

    def show(self, name: str, *, with_content: bool = False) -> tuple[CallRecord, ...]:
        """The calls of a call id, a document id or an entry number. Raises InputError if none."""
        with storage_errors(self._path):
            return calls.show(self._ledger, name, content=self._content if with_content else None)

    def valid_rates(
        self, *, run: str | None = None, since: float | None = None, until: float | None = None
    ) -> list[ValidRate]:
        """Valid answers by task, deployment and how their schema was asked for."""
        days = costs_kept.days_of(since, until)
        with storage_errors(self._path):
            if run is None and days is not None:
                return costs_kept.rates(self._ledger, days)
            return evidence.valid_rates(self._ledger, run=run, since=since, until=until)

    def changes(self, *, since: float | None = None) -> list[ChangeRecord]:
        """Deployments that came to report another model or fingerprint, oldest first."""
        with storage_errors(self._path):
            return changes.changes(self._ledger, since=since)

    def probes(self) -> dict[str, Probed]:
        """The newest probe of each deployment."""
        with storage_errors(self._path):
            return probes.newest(self._ledger)

    def comparisons(self, task: str | None = None, *, limit: int = 20) -> list[ComparisonRecord]:
        """What comparisons have shown, newest first."""
        with storage_errors(self._path):
            return comparisons.comparisons(self._ledger, task=task, limit=limit)

    def answered(self, task: str) -> list[AnsweredCall]:
        """The calls of a task that were answered validly, oldest first; without their texts."""
        with storage_errors(self._path):
            return answered.answered(self._ledger, task)

    def answered_texts(self, call: AnsweredCall) -> tuple[bytes, Json]:
        """What such a call was sent (canonical JSON), and its answer; empty, None: gone."""
        with storage_errors(self._path):
            return answered.texts(self._content, call)

    def latency_trend(
        self, bucket: Literal["hour", "day"] = "day", *, since: float | None = None
    ) -> list[LatencyPoint]:
        """Median and 95th percentile by task, deployment and hour or day (UTC)."""
        with storage_errors(self._path):
            return evidence.latency_trend(self._ledger, bucket, since=since)

    def usage_by_month(
        self, *, since: float | None = None, until: float | None = None
    ) -> list[MonthOfUsage]:
        """Usage by task, deployment, model and month, from sums that are kept: no entry is read."""
        with storage_errors(self._path):
            return rollups.by_month(self._ledger, since=since, until=until)

    def usage_by_day(self, first: str, last: str) -> list[DayOfUsage]:
        """Usage by day (`2026-11-21`, UTC), deployment and model; both days are included."""
        with storage_errors(self._path):
            return rollups.by_day(self._ledger, first, last)

    def snapshot(self, now: float) -> Snapshot:
        """What routing may know of the past. `now` is wall time."""
        with storage_errors(self._path):
            return evidence.snapshot(self._ledger, now)

    def open_reviews(self, task: str | None = None) -> list[ReviewItem]:
        """What waits for a person, oldest first."""
        with storage_errors(self._path):
            return reviews.open_reviews(self._ledger, self._content, task=task)

    def review_item(self, review_id: str) -> ReviewItem:
        """One item of the queue. Raises InputError if there is none."""
        with storage_errors(self._path):
            return reviews.review_item(self._ledger, self._content, review_id)

    def examples(self, task: str, *, tenant: str = "") -> list[LabelledExample]:
        """The corrections made to answers of a task, of one tenant: never those of another."""
        with storage_errors(self._path):
            return reviews.examples(self._ledger, self._content, task, tenant=tenant)

    def projection(self, run_id: str) -> Iterator[DocumentResult]:
        """Finished documents of a run in input order, as a stream."""
        with storage_errors(self._path):
            yield from projection.projection(self._ledger, self._content, run_id)

    def document_states(self, run_id: str) -> dict[str, int]:
        """How many documents of a run are open, done, in review or failed."""
        with storage_errors(self._path):
            return projection.document_states(self._ledger, run_id)

    def runs(self, limit: int = 20) -> list[RunRecord]:
        """The latest runs, newest first."""
        with storage_errors(self._path):
            return [RunRecord(*row) for row in self._ledger.execute(_RUNS, (limit,))]
