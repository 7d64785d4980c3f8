"""Every row of the published worked numbers, as claims of a profile through the linter."""

import pytest

from aihandler.advisor.company import parse_profile
from aihandler.advisor.findings import Finding
from aihandler.advisor.linter import lint

# Row, claim as a profile states it, status of each finding, figures that it has to tell.
ROWS: list[tuple[str, str, list[str], list[str]]] = [
    (
        "000: 31K a month is 18 + 5 + 8",
        "{is: sum, total: 31000, parts: {documents: 18000, tools: 5000, triage: 8000}}",
        ["confirmed"],
        ["31,000"],
    ),
    (
        "000: 15.3K a month is 8 + 3.3 + 4",
        "{is: sum, total: 15300, parts: {infrastructure: 8000, staff: 3300, compute: 4000}}",
        ["confirmed"],
        ["15,300"],
    ),
    (
        "000: 15.7K net and 188K a year with a fifth of the engineer, 2.4K with all of them",
        "{is: net_saving, before_usd_per_month: 31000,"
        " after: {infrastructure: 8000, compute: 4000}, "
        "engineer_usd_per_month: 16600, charged_share: 0.2, net_usd_per_month: 15700,"
        " net_usd_per_year: 188000}",
        ["confirmed", "confirmed", "flagged"],
        ["15,700", "15,680", "188,400", "$2,400 a month", "$28,800 a year", "other 80 %"],
    ),
    (
        "000: two bases of the same cost differ by 5K a month",
        "{is: bases, first: {documents: 4000, tools: 1000, triage: 2000},"
        " second: {infrastructure: 8000, compute: 4000}}",
        ["flagged"],
        ["$7,000", "$12,000", "$5,000 apart", "hold a line of the other"],
    ),
    (
        "000: 60 % cannot be reproduced",
        "{is: share_saved, share: 0.6, before_usd: 31000,"
        " after_usd: {total: 15300, by lines: 7000}}",
        ["flagged"],
        ["60 %", "50.6 %", "77.4 %"],
    ),
    (
        "000: 25K a month against 31K shifted and 15K kept",
        "{is: change, was_usd: 25000, is_usd: 46000}",
        ["flagged"],
        ["grown by 84 %"],
    ),
    (
        "000: a return after month 11, told in month 8",
        "{is: payback, month: 11, setup_months: 4, usd_per_setup_month: 24600, said_in_month: 8,"
        " ways: {friendly: {net_usd_per_month: 15700},"
        " recruiting: {net_usd_per_month: 15700, once_usd: 50000},"
        " whole engineer: {net_usd_per_month: 2400}}}",
        ["flagged"],
        ["friendly: month 10.3", "recruiting: month 13.5", "whole engineer: month 45", "forecast"],
    ),
    (
        "000: a return after month 11 under the friendly assumption alone",
        "{is: payback, month: 11, setup_months: 4, usd_per_setup_month: 24600,"
        " ways: {friendly: {net_usd_per_month: 15700}}}",
        ["confirmed"],
        ["month 10.3"],
    ),
    (
        "000: 4 to 6 months, or month 11",
        "{is: durations, months: {before a return: [4, 6], return: [11, 11]}}",
        ["flagged"],
        ["contradict"],
    ),
    (
        "000: January to March, 4 months of setting up, 8 months of running",
        "{is: durations, months: {January to March: [2, 2], setup: [4, 4]}}",
        ["flagged"],
        ["January to March: 2", "setup: 4"],
    ),
    (
        "000: a P4d all month for 8K",
        "{is: rent, usd_per_month: 8000, discount: 0.4,"
        " usd_per_hour: {list of June 2026: 32.77, a third lower: 21.85}}",
        ["flagged"],
        ["$14,353", "$9,570", "of 730 hours", "spot"],
    ),
    (
        "000: 405B in fp8 on 8 GPUs of 40 GB",
        "{is: memory, model: llama-3.1-405b, precision: fp8, gpu: a100_40gb, gpus: 8}",
        ["flagged"],
        ["406 GB of weights", "int4 would fit"],
    ),
    (
        "000: 405B in int4 on 8 GPUs of 40 GB",
        "{is: memory, model: llama-3.1-405b, precision: int4, gpu: a100_40gb, gpus: 8}",
        ["confirmed"],
        ["203 GB of weights"],
    ),
    (
        "001: 180K and 40 % a quarter become 250K a quarter later",
        "{is: growth, usd_per_year: 180000, growth_per_quarter: 0.4, quarters: 0,"
        " becomes_usd_per_year: 250000, base: quarter_before}",
        ["confirmed"],
        ["$252,000"],
    ),
    (
        "001: 180K and 40 % a quarter become 1M, by the base quarter",
        "{is: growth, usd_per_year: 180000, growth_per_quarter: 0.4, quarters: 4,"
        " becomes_usd_per_year: 1000000}",
        ["flagged"],
        ["$691,488", "$968,083", "-30.9 %", "-3.19 %", "284 % a year", "of which quarter"],
    ),
    (
        "001: 1M holds when 180K is of the quarter before",
        "{is: growth, usd_per_year: 180000, growth_per_quarter: 0.4, quarters: 4,"
        " becomes_usd_per_year: 1000000, base: quarter_before}",
        ["confirmed"],
        ["$968,083"],
    ),
    (
        "000: option B or C in year 1",
        "{is: first_year, api_usd_per_year: 180000, staff_usd_per_year: 300000,"
        " gpu_usd_per_year: [50000, 200000], growth_per_quarter: 0.4}",
        ["flagged"],
        ["-$170,000 to -$320,000", "$319,680 to $447,552"],
    ),
    (
        "003: 20 cents a request on an A10G, 80 cents at the vendor",
        "{is: request, usd_per_request: 0.20, requests_per_day: 10000, usd_per_gpu_hour: 1.01,"
        " vendor_usd_per_request: 0.80, vendor_output_usd_per_million: 60}",
        ["flagged", "flagged"],
        ["$83.3 a GPU-hour", "82.5 x", "$0.00242", "1,000 requests", "13,333 output tokens"],
    ),
    (
        "000: 80K for 10M documents is 50K of staff and 30K of GPUs",
        "{is: sum, total: 80000, parts: {staff: 50000, gpus: 30000}}",
        ["confirmed"],
        ["80,000"],
    ),
    (
        "000: 10M documents for 80K in place of 500K save 84 %, 6.25 times less",
        "{is: share_saved, share: 0.84, before_usd: 500000, after_usd: {staff and gpus: 80000}}",
        ["confirmed"],
        ["84 %"],
    ),
    (
        "000: 10M documents on 30K of H200 hold for short answers only",
        "{is: capacity, units_per_month: 10000000, gpu_usd_per_month: 30000,"
        " usd_per_gpu_hour: 3.50, tokens_per_gpu_s: 69, utilisation: 0.6}",
        ["flagged"],
        ["11.7 GPUs", "127 output tokens a unit", "that short"],
    ),
    (
        "000: 10M documents with 100 tokens of answer have room",
        "{is: capacity, units_per_month: 10000000, gpu_usd_per_month: 30000,"
        " usd_per_gpu_hour: 3.50, tokens_per_gpu_s: 69, output_tokens_per_unit: 100}",
        ["confirmed"],
        ["127 output tokens"],
    ),
    (
        "000: 400K are back in 29 days",
        "{is: invested, invested_usd: 400000, saved_usd_per_month: 420000, days: 29}",
        ["confirmed"],
        ["29 days", "too good"],
    ),
    (
        "001: a contract from $2.50 to $0.30",
        "{is: break_even, from_usd: 2.50, to_usd: 0.30, fixed_usd_per_year: 350000}",
        ["flagged"],
        ["-88 %", "8.33 x", "159,091 units", "fully loaded"],
    ),
    (
        "001: two cents a user and month",
        "{is: units_for, usd_per_unit_month: 0.02, usd_per_year: 50000}",
        ["confirmed"],
        ["208,333"],
    ),
    (
        "000: 2M of API against 0.8M and 1.2M",
        "{is: sum, total: 2000000, parts: {infrastructure: 800000, engineering: 1200000}}",
        ["confirmed"],
        ["2,000,000"],
    ),
    (
        "002: a GPU for 80 cents an hour is a seventh to a twelfth of the cost",
        "{is: gpu_alone, usd_per_gpu_hour: 0.80, staff_usd_per_month: [3300, 6300], times: 10}",
        ["confirmed"],
        ["$584", "7 to 12 x"],
    ),
    (
        "003: a session of tuning a 70B model on one A100",
        "{is: tuning, usd: [2000, 5000], usd_per_gpu_hour: 1.84, model: llama-3.1-70b,"
        " precision: bf16, gpu: a100_sxm}",
        ["flagged", "flagged"],
        ["1,087 to 2,717 GPU-hours", "45 to 113 days", "141 GB of weights", "QLoRA"],
    ),
    (
        "003: closed is ahead with 86.4 against 87.8",
        "{is: scores, ahead: closed, closed: 86.4, open: 87.8, of: MMLU}",
        ["flagged"],
        ["closed 86.4, open 87.8", "reverse"],
    ),
]


def linted(claim: str) -> list[Finding]:
    profile = parse_profile(f"company: {{}}\ntasks: {{any: {{}}}}\nclaims:\n  stated: {claim}\n")
    return [finding for finding in lint(profile) if finding.where == "claims.stated"]


@pytest.mark.parametrize(("row", "claim", "statuses", "figures"), ROWS, ids=[r[0] for r in ROWS])
def test_a_published_number_is_confirmed_or_flagged_with_its_figures(
    row: str, claim: str, statuses: list[str], figures: list[str]
) -> None:
    findings = linted(claim)
    assert [finding.status for finding in findings] == statuses, row
    told = " | ".join(finding.says for finding in findings)
    for figure in figures:
        assert figure in told


def test_what_is_flagged_says_what_was_stated_what_comes_out_and_what_to_ask() -> None:
    for _, claim, _, _ in ROWS:
        for finding in linted(claim):
            assert finding.stated
            assert finding.comes_out
            assert finding.ask or finding.status == "confirmed"
