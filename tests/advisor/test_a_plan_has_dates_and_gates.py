"""Phases, sizes and the security checklist."""

from datetime import date
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest
from advices import STARTS, demo_advice, with_outcome

from aihandler.advisor.advice import advise
from aihandler.advisor.company import SecurityMeasures, demo_profile, parse_profile
from aihandler.advisor.frameworks.lists import JudgedItem, JudgedList
from aihandler.advisor.frameworks.reading import shipped
from aihandler.advisor.phases import months_later
from aihandler.advisor.plan import plan, size
from aihandler.advisor.readiness import counted, readiness, told_apart
from aihandler.advisor.report import Plan, Report
from aihandler.advisor.reporting import of_advice
from aihandler.advisor.spreads import Spread, measured_spreads
from aihandler.config.loading import load
from aihandler.evaluation.pairs import PairFindings
from aihandler.evaluation.statistics.means import Interval
from aihandler.evaluation.statistics.paired import Difference
from aihandler.ledger.comparisons import ComparisonRecord

LIMITED = """\
version: 1
limits: [{user: "*", requests_per_minute: 60}]
budgets: [{usd: 20, per: month}]
deployments: {short: {backend: builtin/summarise}}
tasks: {sum: {output: {text: true}, candidates: [short]}}
"""


def planned(advice: Report, **changes: object) -> Plan:
    company = msgspec.structs.replace(advice.company, **changes)
    return plan(advice.tasks, company, starts=STARTS)


@pytest.mark.parametrize(
    ("months", "day"),
    [
        (0, date(2026, 1, 31)),
        (1, date(2026, 2, 28)),
        (11, date(2026, 12, 31)),
        (25, date(2028, 2, 29)),
    ],
)
def test_months_end_where_months_end(months: int, day: date) -> None:
    assert months_later(STARTS, months) == day


def test_tasks_stand_in_order_of_what_their_vendor_costs() -> None:
    found = planned(demo_advice())
    assert [(r.task, r.usd_per_year) for r in found.ranking] == [
        ("documents", 72_000.0),
        ("chat", 60_000.0),
        ("code", 30_000.0),
        ("triage", 18_000.0),
    ]


def test_the_pilot_is_the_costliest_that_no_customer_sees() -> None:
    advice = demo_advice()
    assert planned(advice).pilot == "documents"
    staying = with_outcome(advice, "documents", "stay_closed")
    assert planned(staying).pilot == "triage"


def test_data_that_may_not_leave_is_not_sent_to_a_vendor_to_compare() -> None:
    first = planned(demo_advice()).phases[0]
    (triage,) = [step for step in first.steps if step.task == "triage"]
    assert triage.commands
    assert not any("CLOSED" in command for command in triage.commands)
    assert not any("closed" in g.otherwise for g in first.gates if g.task == "triage")
    staying = with_outcome(demo_advice(), "documents", "stay_closed")
    pilot = planned(staying).phases[1]
    words = [*(s.does for s in pilot.steps), *(g.otherwise for g in pilot.gates)]
    assert not any("vendor" in text for text in words)


def test_the_phases_follow_each_other() -> None:
    phases = planned(demo_advice()).phases
    assert [p.starts for p in phases[1:]] == [p.ends for p in phases[:-1]]
    assert phases[-1].ends is None
    assert all(p.gates and p.steps and p.staff for p in phases)
    assert all(g.otherwise for p in phases for g in p.gates)


def test_where_no_cost_is_known_the_plan_is_to_evaluate_and_has_no_figure_of_money() -> None:
    found = planned(demo_advice(with_costs=False))
    (only,) = found.phases
    assert (found.pilot, only.name, only.work, only.staff) == ("", "Evaluate", None, "")
    told = [*(step.does for step in only.steps), *(gate.passes_if for gate in only.gates)]
    assert not any("$" in text or "engineer" in text for text in told)
    assert any("aihandler compare chat" in c for step in only.steps for c in step.commands)


def test_a_task_without_a_cost_is_evaluated_and_not_moved() -> None:
    advice = demo_advice()
    bare = tuple(
        msgspec.structs.replace(t, total_cost=None, no_cost="give prices", figures={})
        if t.task == "documents"
        else t
        for t in advice.tasks
    )
    found = planned(msgspec.structs.replace(advice, tasks=bare))
    assert found.pilot == "triage"
    first, *later = found.phases
    assert any(step.task == "documents" and "give prices" in step.does for step in first.steps)
    assert not any(step.task == "documents" for phase in later for step in phase.steps)


def test_what_may_be_compared_is_asked_before_anything_is_sent() -> None:
    profile = parse_profile("company: {}\ntasks: {mail: {}}\n")
    advice = advise(profile, shipped(), seed=1, runs=50)
    found = of_advice(advice, profile, made_at=0, origin="a test", starts=STARTS).plan
    assert found is not None
    (only,) = found.phases
    assert only.steps[0].does.startswith("say data_may_leave, open_licence_allowed")
    assert not any(step.commands for step in only.steps)


def test_the_pilot_ends_at_the_share_of_escalations_at_which_it_stops_paying() -> None:
    profile = demo_profile()
    tasks = {"documents": profile.tasks["documents"]}
    alone = msgspec.structs.replace(profile, tasks=tasks)
    advice = advise(alone, shipped(), seed=1, runs=1000)
    turn = advice.tasks["documents"].escalation
    assert turn is not None
    assert turn.at is not None
    report = of_advice(advice, alone, made_at=0, origin="a test", starts=STARTS)
    assert report.plan is not None
    gates = [gate.passes_if for phase in report.plan.phases for gate in phase.gates]
    (told,) = [gate for gate in gates if "escalate" in gate]
    assert told == (
        f"at most {100 * turn.at:.0f} % of the calls escalate to the vendor's deployment: beyond "
        "that managed-open is not cheaper in 90 % of the runs"
    )


def test_where_money_does_not_decide_the_gate_says_which_share_was_assumed() -> None:
    staying = with_outcome(demo_advice(), "documents", "stay_closed")
    (told,) = [g.passes_if for g in planned(staying).phases[1].gates if "escalate" in g.passes_if]
    assert told.startswith("at most 15 % of the calls escalate to a second own deployment")
    assert "escalation_share, assumed: not measured" in told


def test_a_company_that_stays_gets_no_pilot() -> None:
    advice = demo_advice()
    for task in ("documents", "triage", "chat"):
        advice = with_outcome(advice, task, "stay_closed")
    found = planned(advice)
    assert (found.pilot, len(found.phases)) == ("", 1)


def test_nobody_for_machine_learning_is_hired_or_trained_first() -> None:
    def hires(**changes: object) -> bool:
        steps = planned(demo_advice(), **changes).phases[0].steps
        return any("hire one engineer" in step.does for step in steps)

    assert hires(ml_engineers=0)
    assert not hires(ml_engineers=1)
    assert not hires(ml_engineers=0, can_hire=False)


def test_a_margin_says_how_many_examples_show_it() -> None:
    first = planned(demo_advice()).ranking[0]
    # (1.6449 + 0.8416)^2 * 0.1 / 0.02^2, as Nam (1997) has it.
    assert first.examples == 1546
    assert dict(first.shows)[500] == 3.5


def test_without_a_configuration_what_depends_on_one_is_open() -> None:
    found = {item.id: item for item in readiness(None)}
    assert len(found) == 15
    assert found["user_rate_limit"].state == "open"
    assert found["kill_switch"].state == "covered"


def test_a_configuration_covers_what_it_covers(tmp_path: Path) -> None:
    file = tmp_path / "aihandler.yaml"
    file.write_text(LIMITED, encoding="utf-8")
    items = readiness(load(file))
    states = {item.id: item.state for item in items}
    assert (states["user_rate_limit"], states["input_anomalies"]) == ("covered", "partly")
    assert (states["output_filter"], states["checksums"]) == ("open", "open")
    assert sum(counted(items).values()) == 15


def test_what_the_profile_has_in_place_is_done_by_people() -> None:
    said = SecurityMeasures(poisoning=True, alerting=True, kill_switch=True, redaction=False)
    items = {item.id: item for item in readiness(None, said)}
    states = [items[n].state for n in ("poisoning", "alerting", "kill_switch", "redaction")]
    # What is covered here does not wait for people, and what they do not have is still to do.
    assert states == ["people", "people", "covered", "open"]
    assert items["alerting"].people == "in place, as the profile says"
    assert items["redaction"].people.startswith("redact")
    assert sum(counted(items.values()).values()) == 15


def test_the_checklist_is_told_once_in_the_words_of_its_source() -> None:
    (published,) = [
        one for file in shipped() for one in file.lists if one.id == "security_checklist"
    ]
    own = {item.id: f"{item.group}: {item.what}" for item in readiness(None)}
    assert own == {item.id: item.says for item in published.items}
    assert set(own) == set(SecurityMeasures.__struct_fields__)
    for task in demo_advice().tasks:
        assert "security_checklist" not in {one.id for one in task.lists}


def test_lines_that_somebody_added_to_the_checklist_are_still_told() -> None:
    item = JudgedItem("escrow", "keys in escrow", "applies", "in place", None, {}, (), ())
    known = msgspec.structs.replace(item, id="redaction")
    (kept,) = told_apart([JudgedList("security_checklist", "own", "900", (item, known))])
    assert kept.items == (item,)


def test_a_report_asks_once_for_what_every_task_lacks() -> None:
    advice = demo_advice()
    assert advice.plan is not None
    assert advice.plan.starts == STARTS
    assert [(m.name, m.task) for m in advice.missing] == [
        ("closed", "chat"),
        ("open", "chat"),
        ("api_share_of_cogs", ""),
    ]


def test_examples_follow_from_the_spread_that_was_measured() -> None:
    advice = demo_advice()
    spreads = {"documents": Spread(0.2, "comparison c1")}
    found = plan(advice.tasks, advice.company, starts=STARTS, spreads=spreads)
    by_task = {ranked.task: ranked for ranked in found.ranking}
    assert (by_task["documents"].examples, by_task["documents"].spread_from) == (
        3092,
        "comparison c1",
    )
    assert "a guess" in by_task["chat"].spread_from


def test_the_margin_of_a_task_is_that_of_its_profile() -> None:
    ranked = size("mail", {"margin": Decimal(4)})
    assert (ranked.margin_points, ranked.examples, ranked.margin_from) == (4.0, 387, "the profile")


def test_a_comparison_in_the_ledger_gives_the_spread() -> None:
    one = Difference(0.0, 0.0, 0.01, 50, 398)
    pair = PairFindings(
        "llama", "gpt", 398, 398, one, Interval(-0.02, 0.02), -0.02, 20, 20, None, 1.0, 0.01, 0.02,
        0.02, 400,
    )  # fmt: skip
    findings = msgspec.to_builtins({"pairs": [pair]})
    record = ComparisonRecord("c1", 1.0, "mail", "v", "d", "x", "exact", 1, "", findings)
    found = measured_spreads([record])["mail"]
    # The squared error times the items, two of them added.
    assert found.value == pytest.approx(0.0001 * 400)
    assert found.source == "comparison c1: llama against gpt, 398 examples"
    timed = msgspec.structs.replace(record, id="c2", at=2.0, scorer="latency:2")
    assert measured_spreads([record, timed]) == {"mail": found}
    assert measured_spreads([msgspec.structs.replace(record, findings={})]) == {}


def test_work_is_told_in_months_of_engineers_and_in_money() -> None:
    phases = planned(with_outcome(demo_advice(), "documents", "self_host")).phases
    # One engineer for two months, half of one to two of them, at 150 to 300 thousand a year.
    assert phases[0].work is not None
    assert phases[0].work.months == (2.0, 1.0, 4.0)
    assert phases[0].work.usd == (33_300.0, 12_500.0, 100_000.0)
    assert phases[0].work.once_usd == (0.0, 0.0, 60_000.0)
    assert phases[-1].work is not None
    assert (phases[-1].work.each_month, phases[-1].work.months) == (True, (0.2, 0.2, 0.3))


def test_a_managed_host_takes_less_of_an_engineer() -> None:
    advice = with_outcome(demo_advice(), "triage", "stay_closed")
    for task in ("documents", "chat"):
        advice = with_outcome(advice, task, "managed_open")
    work = planned(advice).phases[0].work
    assert work is not None
    assert work.months == (0.1, 0.0, 0.2)
    assert "managed host" in work.source


def test_gates_of_quality_have_their_size_and_margin() -> None:
    first = planned(demo_advice()).phases[0]
    gate = next(g for g in first.gates if g.task == "documents" and g.examples)
    assert (gate.examples, gate.margin_points) == (1546, 2.0)
    assert "stays closed" in gate.otherwise
