"""An advice on the demo company: real frameworks, contradictions and costs, invented evidence."""

from datetime import date
from decimal import Decimal

import msgspec

from aihandler.advisor.company import demo_profile, facts_of
from aihandler.advisor.economics.figures import Figure, exact
from aihandler.advisor.economics.inputs import RULES, Case, case
from aihandler.advisor.economics.total_cost import TotalCost, total_cost
from aihandler.advisor.evidence import evidence
from aihandler.advisor.frameworks.judging import judge_all
from aihandler.advisor.frameworks.reading import shipped
from aihandler.advisor.linter import Finding
from aihandler.advisor.report import Assumed, Report, TaskReport
from aihandler.advisor.reporting import report
from aihandler.advisor.verdicts import Cost, Outcome, Quality, decide

EQUAL = Quality(Decimal(-1), Decimal(1), Decimal(2), "a test")
STARTS = date(2026, 1, 31)


def costed(requests: float, **more: float) -> TotalCost:
    """Six figures of a task; the rest is assumed."""
    return total_cost(cased(requests, **more), seed=7, runs=400)


def cased(requests: float, **more: float) -> Case:
    """The inputs of that cost."""
    known: dict[str, float | tuple[float, float, float]] = {
        "requests_per_month": requests,
        "input_tokens": 3000,
        "output_tokens": 240,
        "input_usd_per_million": 2.5,
        "output_usd_per_million": 10,
        "requests_per_replica_s": (4, 3, 5.5),
        "gpus_per_replica": 1,
        "usd_per_gpu_hour": (2.95, 2.5, 3.5),
        "managed_input_usd_per_million": 0.6,
        "managed_output_usd_per_million": 0.8,
        **more,
    }
    figures = {
        name: Figure(*value, RULES[name].unit, "a test")
        if isinstance(value, tuple)
        else exact(value, RULES[name].unit, source="a test")
        for name, value in known.items()
    }
    return case(figures)


def demo_advice(*, text: str = "a contract in a table", with_costs: bool = True) -> Report:
    """Four tasks; documents are decided by cost, triage and code by a constraint, chat not yet."""
    profile, files = demo_profile(), shipped()
    given: dict[str, tuple[float, Quality | None]] = {
        "documents": (900_000, EQUAL),
        "code": (200_000, None),
        "triage": (300_000, EQUAL),
        "chat": (120_000, None),
    }
    tasks = []
    for task, (requests, quality) in given.items():
        facts = facts_of(profile, task)
        judged = judge_all(facts, files)
        more = {"seats": 20.0, "usd_per_seat_month": 19.0} if task == "code" else {}
        cost = costed(requests, **more) if with_costs else None
        costs = (
            Cost("stay_closed", Decimal(5000), Decimal(6000), "a test"),
            Cost("managed_open", Decimal(1000), Decimal(2000), "a test"),
        )
        verdict = decide(task, facts, judged, quality=quality, costs=costs)
        no_cost = "" if cost else "no price of a vendor is known"
        tasks.append(
            TaskReport(
                task,
                facts,
                judged,
                verdict,
                cost,
                no_cost,
                evidence=evidence(task, facts, examples=1546, margin_points=2),
                quality=quality,
                figures=cased(requests, **more).figures if with_costs else {},
            )
        )
    return report(
        profile.company,
        tasks,
        # 2026-01-31, a day that most months do not have.
        made_at=1_769_860_800.0,
        origin="demo_company.yaml",
        assumed=[Assumed("base quarter of the growth", "2025-Q3", "the last whole quarter")],
        findings=[
            Finding("flagged", "company.api_usd_per_year", text),
            Finding("confirmed", "tasks.documents", "the sums hold"),
        ],
    )


def with_outcome(advice: Report, task: str, outcome: Outcome, because: str = "a test") -> Report:
    """The same advice with another verdict on one task."""
    replace = msgspec.structs.replace
    tasks = tuple(
        replace(t, verdict=replace(t.verdict, outcome=outcome, decided_by=because))
        if t.task == task
        else t
        for t in advice.tasks
    )
    return replace(advice, tasks=tasks)
