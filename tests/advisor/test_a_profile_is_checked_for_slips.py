"""The linter on a company's own numbers: each finding names the key, both values and a question."""

import pytest

from aihandler.advisor.company import parse_profile
from aihandler.advisor.findings import Finding
from aihandler.advisor.linter import lint

LLAMA = "meta-llama/Llama-3.1-8B-Instruct"
MAIL = "input_tokens_per_month: 3000000000, output_tokens_per_month: 240000000"


def findings(company: str = "", task: str = "", more: str = "") -> dict[str, Finding]:
    text = f"company: {{{company}}}\ntasks:\n  mail: {{{task}}}\n{more}"
    return {finding.where: finding for finding in lint(parse_profile(text))}


@pytest.mark.parametrize(
    ("company", "task", "where", "says"),
    [
        (
            "api_usd_per_year: 6000",
            "api_usd_per_month: 6000",
            "company.api_usd_per_year",
            "12 x: is one of a month and of a year?",
        ),
        (
            "api_usd_per_year: 60000",
            "api_usd_per_month: 6000",
            "company.api_usd_per_year",
            "which task is missing, or counted twice?",
        ),
        (
            "api_usd_per_year: 100000, cogs_usd_per_year: 1000000, api_share_of_cogs: 0.2",
            "",
            "company.api_share_of_cogs",
            "stated 0.2, the sum gives 0.1",
        ),
        (
            "api_usd_per_year: 100000, cogs_usd_per_year: 10000",
            "",
            "company.api_usd_per_year",
            "of a month, and the other of a year",
        ),
        (
            "cogs_usd_per_year: 100000, revenue_usd_per_year: 10000",
            "",
            "company.cogs_usd_per_year",
            "more than the $10,000",
        ),
        ("api_growth_per_quarter: 40", "", "company.api_growth_per_quarter", "is 0.4 meant?"),
        ("api_share_of_cogs: 20", "", "company.api_share_of_cogs", "is 0.2 meant?"),
        ("", "invalid_share: 8", "tasks.mail.invalid_share", "is 0.08 meant?"),
        ("", "growth_per_quarter: 15", "tasks.mail.growth_per_quarter", "is 0.15 meant?"),
        ("", "latency_target_s: 2000", "tasks.mail.latency_target_s", "milliseconds"),
        (
            "people: 10",
            "costs: {seats: [20], usd_per_seat_month: [19]}",
            "tasks.mail.costs.seats",
            "more than the 10 people",
        ),
        (
            "",
            "input_tokens_per_month: 900, costs: {requests_per_month: [1000000]}",
            "tasks.mail.input_tokens_per_month",
            "0.0009 tokens a request",
        ),
        (
            "free_engineer_share: 0.5",
            "costs: {staff_share: [1]}",
            "company.free_engineer_share",
            "is the same engineer counted in each of mail?",
        ),
    ],
)
def test_a_slip_is_flagged_with_a_question(company: str, task: str, where: str, says: str) -> None:
    found = findings(company, task)[where]
    assert found.status == "flagged"
    assert says in found.says


def test_growth_of_the_tasks_is_held_against_that_of_the_company() -> None:
    task = "api_usd_per_month: 100, growth_per_quarter: 0.1"
    found = findings("api_growth_per_quarter: 0.4", task)["company.api_growth_per_quarter"]
    assert (found.status, found.comes_out) == ("flagged", "10 % over the tasks, by their spend")


@pytest.mark.parametrize(
    ("price", "status", "asks"),
    [("3", "confirmed", ""), ("0.003", "flagged", "1,000 x"), ("2.5", "flagged", "an old one")],
)
def test_a_price_is_held_against_the_list_with_its_day(price: str, status: str, asks: str) -> None:
    task = f"price_model: claude-sonnet-4-5, costs: {{input_usd_per_million: [{price}]}}"
    found = findings(task=task)["tasks.mail.costs.input_usd_per_million"]
    assert found.status == status
    assert "claude-sonnet-4-5, litellm of 20" in found.says
    assert asks in found.ask


def test_a_model_that_the_list_does_not_have_is_told_with_the_nearest() -> None:
    found = findings(task="price_model: claude-sonet-4-5")["tasks.mail.price_model"]
    assert (found.status, found.ask) == ("flagged", "did you mean 'claude-sonnet-4-5'?")


@pytest.mark.parametrize(("usd", "status"), [(12_600, "confirmed"), (126, "flagged")])
def test_dollars_over_tokens_lie_between_prices_of_the_model(usd: int, status: str) -> None:
    task = f"price_model: claude-sonnet-4-5, api_usd_per_month: {usd}, {MAIL}"
    found = findings(task=task)["tasks.mail.api_usd_per_month"]
    assert found.status == status
    assert "tokens a dollar" in found.says


def hosted(costs: str = "", hosting: str = "precision: unstated") -> dict[str, Finding]:
    model = "" if "model:" in hosting else f"model: {LLAMA}, "
    return findings(
        "gpu_budget_usd: 1000",
        f"{MAIL}, costs: {{requests_per_month: [1000000]{costs}}},"
        f" hosting: {{{model}gpu: h100_sxm, latency_s: 10, {hosting}}}",
    )


@pytest.mark.parametrize(
    ("price", "status", "asks"),
    [
        ("2.95", "confirmed", ""),
        ("23.60", "flagged", "machine of eight"),
        ("2150", "flagged", "730 x"),
    ],
)
def test_a_gpu_hour_is_held_against_the_sample_of_prices(
    price: str, status: str, asks: str
) -> None:
    found = hosted(hosting=f"precision: unstated, usd_per_gpu_hour: {price}")
    assert found["tasks.mail.hosting.usd_per_gpu_hour"].status == status
    assert asks in found["tasks.mail.hosting.usd_per_gpu_hour"].ask


def test_a_price_in_two_places_is_counted_once() -> None:
    hosting = "precision: unstated, usd_per_gpu_hour: 2.95"
    found = hosted(", usd_per_gpu_hour: [3.5]", hosting)["tasks.mail.costs.usd_per_gpu_hour"]
    assert (found.status, found.comes_out) == ("flagged", "$2.95 in `hosting`")


def test_a_model_has_to_fit_the_gpus_of_a_replica() -> None:
    big = "model: llama-3.1-70b, precision: bf16"
    found = hosted(hosting=big)["tasks.mail.hosting"]
    assert "does not fit one h100_sxm; give `gpus_per_replica` of 2 or more" in found.says
    assert "tasks.mail.hosting" not in hosted(", gpus_per_replica: [2]", big)


def test_a_machine_without_figures_is_asked_about_and_not_refused() -> None:
    task = "hosting: {model: m, gpu: h100_sx, precision: fp9, latency_s: 3}"
    found = findings(task=task)
    assert found["tasks.mail.hosting.gpu"].ask == "did you mean 'h100_sxm'?"
    assert found["tasks.mail.hosting.precision"].status == "flagged"


def test_a_throughput_beyond_what_was_measured_is_flagged() -> None:
    costs = ", requests_per_replica_s: [200], gpus_per_replica: [1]"
    found = hosted(costs)["tasks.mail.costs.requests_per_replica_s"]
    assert found.status == "flagged"
    assert "2026-04-27" in found.comes_out


def test_money_for_gpus_has_to_pay_for_the_mean_load() -> None:
    found = hosted()["company.gpu_budget_usd"]
    assert found.status == "flagged"
    assert "without peaks or a spare" in found.ask


def test_a_part_that_is_counted_twice_is_named() -> None:
    parts = "{infra: 8000, compute: 4000, gpu: 4000}"
    claims = f"claims:\n  total: {{is: sum, total: 12000, parts: {parts}}}\n"
    assert "is compute or gpu counted twice?" in findings(more=claims)["claims.total"].says


def test_what_is_not_said_is_no_finding() -> None:
    assert findings() == {}
