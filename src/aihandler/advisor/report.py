"""The whole advice: what the terminal, `--json`, the page and the watch all show."""

from collections.abc import Mapping
from datetime import date
from typing import Literal

import msgspec

from aihandler.advisor.company import Company, Fact
from aihandler.advisor.economics.total_cost import TotalCost
from aihandler.advisor.frameworks.contradictions import Contradiction
from aihandler.advisor.frameworks.judging import Judgement
from aihandler.advisor.verdicts import TaskVerdict

FindingKind = Literal["confirmed", "flagged", "not_checked"]
Readiness = Literal["covered", "partly", "open"]


class Assumed(msgspec.Struct, frozen=True):
    """What was taken because nobody gave it. No `task`: it holds for all of them."""

    what: str
    taken: str
    why: str
    task: str = ""


class Missing(msgspec.Struct, frozen=True):
    """An input to ask for, by the name it has in a profile; `needed_by` in words."""

    name: str
    needed_by: tuple[str, ...]
    task: str = ""


class Finding(msgspec.Struct, frozen=True):
    """What the linter says of one number. `place` is where the number stands."""

    place: str
    words: str
    kind: FindingKind


class TaskReport(msgspec.Struct, frozen=True):
    """One task. Without a `total_cost`, `no_cost` says why."""

    task: str
    facts: Mapping[str, Fact]
    judgements: tuple[Judgement, ...]
    verdict: TaskVerdict
    total_cost: TotalCost | None = None
    no_cost: str = ""


class Gate(msgspec.Struct, frozen=True):
    """What has to be shown before the next phase, and what stops when it is not."""

    passes_if: str
    otherwise: str
    task: str = ""


class Step(msgspec.Struct, frozen=True):
    """One thing to do. No `task`: for all of them."""

    does: str
    task: str = ""
    command: str = ""


class Phase(msgspec.Struct, frozen=True):
    """`ends` is the day after the last one; None: it has no end."""

    name: str
    starts: date
    ends: date | None
    steps: tuple[Step, ...]
    gates: tuple[Gate, ...]
    staff: str


class Ranked(msgspec.Struct, frozen=True):
    """A task by its value at risk: what its vendor's tokens cost in a year, None when not known.

    `examples` show with a chance of 80 % that nothing beyond `margin_points` is lost, when nothing
    is and two deployments differ on `spread` of the examples. `shows` are margins by examples.
    """

    task: str
    usd_per_year: float | None
    moves: bool
    margin_points: float
    spread: float
    examples: int
    shows: tuple[tuple[int, float], ...] = ()


class ReadinessItem(msgspec.Struct, frozen=True):
    """A line of the security checklist: what AI Handler covers here, and what people must do."""

    id: str
    group: str
    what: str
    state: Readiness
    here: str
    people: str


class Plan(msgspec.Struct, frozen=True):
    """`ranking` is in the order of value at risk; `pilot` names the first task to move, if any."""

    starts: date
    ranking: tuple[Ranked, ...]
    phases: tuple[Phase, ...]
    readiness: tuple[ReadinessItem, ...]
    pilot: str = ""


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """`made_at` is in seconds since 1970; `origin` names the profile or the ledger it stands on."""

    made_at: float
    origin: str
    company: Company
    assumed: tuple[Assumed, ...]
    missing: tuple[Missing, ...]
    tasks: tuple[TaskReport, ...]
    contradictions: tuple[tuple[str, Contradiction], ...] = ()
    findings: tuple[Finding, ...] = ()
    plan: Plan | None = None
