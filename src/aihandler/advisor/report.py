"""The whole advice: what the terminal, `--json`, the page and the watch all show."""

from collections.abc import Mapping
from datetime import date
from typing import Literal

import msgspec

from aihandler.advisor.company import Company, Fact
from aihandler.advisor.deciding import UnderPrices
from aihandler.advisor.economics.break_even import BreakEven
from aihandler.advisor.economics.figures import Figure
from aihandler.advisor.economics.total_cost import TotalCost
from aihandler.advisor.economics.turns import Turn
from aihandler.advisor.frameworks.contradictions import Contradiction
from aihandler.advisor.frameworks.judging import Judgement
from aihandler.advisor.frameworks.lists import JudgedList
from aihandler.advisor.linter import Finding
from aihandler.advisor.units import Tagged, UnitCost
from aihandler.advisor.verdicts import Quality, TaskVerdict
from aihandler.advisor.whole import Whole

Readiness = Literal["covered", "partly", "people", "open"]


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


class TaskReport(msgspec.Struct, frozen=True):
    """One task. Without a `total_cost`, `no_cost` says why; `notes` say what of it is not computed.

    `figures` are the inputs of the cost, with source and day; `sources` say where the facts come
    from. `quality` is what a comparison showed; `evidence` are the commands that would show it,
    and `unready` says what they need first.
    `turns` and `scenarios` say what would turn the verdict, `escalation` from which share of
    escalations on an open option no longer pays; `reached` is the month of break-even.
    """

    task: str
    facts: Mapping[str, Fact]
    judgements: tuple[Judgement, ...]
    verdict: TaskVerdict
    total_cost: TotalCost | None = None
    no_cost: str = ""
    notes: tuple[str, ...] = ()
    break_even: BreakEven | None = None
    figures: Mapping[str, Figure] = {}
    sources: Mapping[str, str] = {}
    quality: Quality | None = None
    evidence: tuple[str, ...] = ()
    unready: tuple[str, ...] = ()
    turns: tuple[Turn, ...] = ()
    scenarios: tuple[UnderPrices, ...] = ()
    units: tuple[UnitCost, ...] = ()
    managed_break_even: BreakEven | None = None
    reached: int | None = None
    lists: tuple[JudgedList, ...] = ()
    escalation: Turn | None = None


class Gate(msgspec.Struct, frozen=True):
    """What has to be shown before the next phase, and what stops when it is not.

    `examples` and `margin_points` stand where it is shown by a comparison.
    """

    passes_if: str
    otherwise: str
    task: str = ""
    examples: int | None = None
    margin_points: float | None = None


class Step(msgspec.Struct, frozen=True):
    """One thing to do. No `task`: for all of them."""

    does: str
    task: str = ""
    commands: tuple[str, ...] = ()


class Staffing(msgspec.Struct, frozen=True):
    """Work of engineers in a phase: likely, low, high; months of one engineer, and dollars.

    `each_month` where the phase has no end. `once_usd` is paid beside it; `source` says by what.
    """

    months: tuple[float, float, float]
    usd: tuple[float, float, float]
    source: str
    once_usd: tuple[float, float, float] = (0.0, 0.0, 0.0)
    each_month: bool = False


class Phase(msgspec.Struct, frozen=True):
    """`ends` is the day after the last one; None: no end. `staff` says who, `work` how much."""

    name: str
    starts: date
    ends: date | None
    steps: tuple[Step, ...]
    gates: tuple[Gate, ...]
    staff: str
    work: Staffing | None = None


class Ranked(msgspec.Struct, frozen=True):
    """A task by its value at risk: what its vendor's tokens cost in a year, None when not known.

    `examples` show with a chance of 80 % that nothing beyond `margin_points` is lost, when nothing
    is and two deployments differ on `spread` of the examples. `shows` are margins by examples;
    `spread_from` says where the spread comes from, and `margin_from` the margin.
    """

    task: str
    usd_per_year: float | None
    moves: bool
    margin_points: float
    spread: float
    examples: int
    shows: tuple[tuple[int, float], ...] = ()
    spread_from: str = ""
    margin_from: str = ""


class ReadinessItem(msgspec.Struct, frozen=True):
    """A line of the security checklist: what AI Handler covers here, and what people must do.

    `people`: they do it already, as the profile says.
    """

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
    """`made_at` is in seconds since 1970; `origin` names the profile or the ledger it stands on.

    `tagged` is what units of call tags have cost so far.
    """

    made_at: float
    origin: str
    company: Company
    assumed: tuple[Assumed, ...]
    missing: tuple[Missing, ...]
    tasks: tuple[TaskReport, ...]
    contradictions: tuple[tuple[str, Contradiction], ...] = ()
    findings: tuple[Finding, ...] = ()
    plan: Plan | None = None
    whole: Whole | None = None
    tagged: tuple[Tagged, ...] = ()
