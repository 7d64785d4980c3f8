"""What is told of the whole, the plan and the assumptions does not say other than the verdicts."""

from datetime import date

import pytest

from aihandler.advisor.advice import advise
from aihandler.advisor.assuming import assumed_figures, compact, grouped
from aihandler.advisor.company import Company, TaskFacts, demo_profile, parse_profile
from aihandler.advisor.frameworks.reading import shipped
from aihandler.advisor.report import Report
from aihandler.advisor.reporting import of_advice
from aihandler.advisor.summary import summary

HOSPITAL = """\
company: {api_growth_per_quarter: 0.1}
tasks:
  letters: &task
    data_may_leave: false
    open_licence_allowed: true
    frontier_needed: true
    input_tokens_per_month: 90000000
    output_tokens_per_month: 9000000
    costs: {requests_per_month: [30000], input_usd_per_million: [3], output_usd_per_million: [15]}
  coding:
    data_may_leave: false
    open_licence_allowed: true
    frontier_needed: false
    growth_per_quarter: 0.2
    input_tokens_per_month: 60000000
    output_tokens_per_month: 600000
    costs: {requests_per_month: [60000], input_usd_per_million: [3], output_usd_per_million: [15]}
  notes: {data_may_leave: true}
"""
SOLO = """\
company: {people: 1}
tasks:
  app:
    data_may_leave: true
    open_licence_allowed: true
    frontier_needed: false
    input_tokens_per_month: 10000000
    output_tokens_per_month: 1000000
    costs:
      requests_per_month: [5000]
      input_usd_per_million: [2.5]
      output_usd_per_million: [10]
      managed_input_usd_per_million: [0.2]
      managed_output_usd_per_million: [0.2]
"""


def reported(text: str = "") -> Report:
    profile = parse_profile(text.replace("&task", "")) if text else demo_profile()
    advice = advise(profile, shipped(), seed=1, runs=400)
    return of_advice(advice, profile, made_at=0, origin="a test", starts=date(2026, 1, 1))


@pytest.fixture(scope="module")
def hospital() -> Report:
    return reported(HOSPITAL)


@pytest.fixture(scope="module")
def demo() -> Report:
    return reported()


def test_what_may_not_leave_is_not_told_to_stay_at_its_vendor(hospital: Report) -> None:
    assert hospital.whole is not None
    told = hospital.whole.decided.says
    assert "no option is allowed for letters, counted as today" in told
    assert "move coding to own machines, counted as today: its cost is not known" in told
    assert "keep" not in told


def test_where_no_option_is_allowed_the_summary_names_none(hospital: Report) -> None:
    row = summary(hospital.tasks)[0]
    assert (row.outcome, row.then_option, row.then_usd) == ("no_admissible_option", "", None)


def test_the_summary_says_who_is_cheaper_than_whom() -> None:
    (row,) = summary(reported(SOLO).tasks)
    assert row.decided_by == "closed is cheaper than managed-open in 100 % of runs"


def test_a_way_that_changes_nothing_is_as_today() -> None:
    found = reported(SOLO).whole
    assert found is not None
    assert found.decided.says.endswith("as today")


def test_stated_growth_is_a_forecast_and_listed_as_assumed(hospital: Report) -> None:
    growth = [f for f in assumed_figures(hospital.tasks) if f.name == "growth_per_month"]
    assert [(f.tasks, "company." in f.why) for f in growth] == [
        (("letters",), True),
        (("coding",), False),
    ]


def test_only_what_a_computed_option_reads_is_told_as_assumed() -> None:
    found = reported(SOLO)
    assumed = {one.name for one in assumed_figures(found.tasks)}
    assert {"managed_staff_share", "peak_to_mean", "escalation_share"} & assumed == {
        "managed_staff_share",
        "escalation_share",
    }
    assert not {"setup_months", "utilisation", "seats_change_per_year"} & assumed
    assert not {"setup_months", "utilisation"} & found.tasks[0].figures.keys()
    hosted = "hosting: {model: llama-3.1-8b, gpu: h100_sxm, precision: bf16, latency_s: 10}"
    more = {one.name for one in assumed_figures(reported(f"{SOLO}    {hosted}\n").tasks)}
    assert {"setup_months", "utilisation", "peak_to_mean"} <= more


def test_an_assumption_that_may_fall_says_how_far(demo: Report) -> None:
    *_, nothing = compact(grouped(assumed_figures(demo.tasks))["vendor's prices"])
    assert "api price change per year (-50 to 20 %)" in nothing


def test_what_a_verdict_or_a_cost_waits_for_is_asked_first(hospital: Report) -> None:
    asked = [(one.name, one.task, one.needed_by[0]) for one in hospital.missing]
    assert asked[0] == ("open_licence_allowed", "notes", "the verdict")
    assert ("costs.requests_per_month", "notes", "the cost") in asked


def test_money_is_no_gate_where_data_may_not_leave(demo: Report) -> None:
    assert demo.plan is not None
    gates = {gate.passes_if: gate for phase in demo.plan.phases for gate in phase.gates}
    assert (
        "the open option costs less than closed in 90 % of the runs (but where data may not leave)"
        in gates
    )
    assert all(gate.task != "triage" for said, gate in gates.items() if "money is back" in said)
    (staff,) = [gate for said, gate in gates.items() if "engineer by name" in said]
    assert staff.otherwise.endswith("where data may not leave (triage), wait")


def test_all_that_is_asked_for_can_be_written_in_a_profile(hospital: Report) -> None:
    keys = {*Company.__struct_fields__, *TaskFacts.__struct_fields__}
    asked = {one.name for one in hospital.missing}
    assert "cost_sensitive" in asked
    assert [name for name in asked if name.partition(".")[0] not in keys] == []


def test_a_model_without_a_size_is_told_which_ones_have_one() -> None:
    hosting = "hosting: {model: none/such, gpu: h100_sxm, precision: fp8, latency_s: 10}"
    (task,) = reported(f"{SOLO}    {hosting}\n").tasks
    (note,) = [note for note in task.notes if "none/such" in note]
    assert "known are " in note
    assert "llama-3.1-70b" in note
    assert note.count("not measured") <= 1
