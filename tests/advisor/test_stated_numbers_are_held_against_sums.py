"""The worked numbers of the published texts come out confirmed or flagged."""

from fractions import Fraction

import pytest

from aihandler.advisor.company import demo_profile, parse_profile
from aihandler.advisor.economics import arithmetic as sums
from aihandler.advisor.linter import Finding, enough, hold, lint, readings


def month_of_return(net: int, once: int = 0) -> Fraction:
    found = sums.payback(
        setup_months=4,
        usd_per_setup_month=Fraction(24_600),
        net_usd_per_month=Fraction(net),
        once_usd=Fraction(once),
    )
    assert found.months is not None
    return found.months


def claim(
    stated: Fraction | int | str, computed: Fraction | int | str, unit: str = "USD"
) -> Finding:
    return hold("a claim", stated=Fraction(stated), computed=Fraction(computed), unit=unit)


def read_as(*values: Fraction | int) -> Finding:
    named = {f"reading {n}": Fraction(value) for n, value in enumerate(values)}
    return readings("a claim", named, unit="USD", ask="which is meant?")


QUARTER = Fraction("0.4")
SPEND = sums.grown(Fraction(180), per_quarter=QUARTER, quarters=4)
H200 = sums.gpus_for(Fraction(30_000), Fraction("3.50"))
P4D = Fraction("32.77")


@pytest.mark.parametrize(
    ("finding", "status"),
    [
        (claim(31_000, 18_000 + 5_000 + 8_000), "confirmed"),
        (claim(15_700, sums.net_saving_usd(Fraction(31_000), Fraction(15_320))), "confirmed"),
        (claim(188_000, Fraction(15_700) * 12), "confirmed"),
        (read_as(4_000 + 1_000 + 2_000, 8_000 + 4_000), "flagged"),
        (claim("0.60", sums.share_saved(Fraction(31), Fraction("15.3")), "share"), "flagged"),
        (claim("0.60", sums.share_saved(Fraction(31), Fraction(7)), "share"), "flagged"),
        (claim(25_000, 31_000 + 15_000), "flagged"),
        (read_as(31_000 - 15_320, 31_000 - 28_600), "flagged"),
        (read_as(month_of_return(15_700), month_of_return(2_400)), "flagged"),
        (read_as(month_of_return(15_700), month_of_return(15_700, 50_000)), "flagged"),
        (read_as(6, 11), "flagged"),
        (claim(8_000, sums.machine_month_usd(P4D, discount=QUARTER)), "flagged"),
        (claim(8_000, sums.machine_month_usd(P4D * 2 / 3, discount=QUARTER)), "flagged"),
        (enough("405B fp8", needed=Fraction(405), has=Fraction(320), unit="GB"), "flagged"),
        (enough("405B int4", needed=Fraction(203), has=Fraction(320), unit="GB"), "confirmed"),
        (claim(250, sums.grown(Fraction(180), per_quarter=QUARTER, quarters=1)), "confirmed"),
        (read_as(SPEND * Fraction("1.4"), SPEND), "flagged"),
        (enough("year 1", needed=Fraction(350), has=Fraction(180), unit="K USD"), "flagged"),
        (
            enough("year 1, grown", needed=Fraction(350), has=Fraction(448), unit="K USD"),
            "confirmed",
        ),
        (
            claim(
                Fraction("1.01"),
                sums.usd_per_machine_hour_implied(Fraction("0.20"), requests_per_day=10_000),
            ),
            "flagged",
        ),
        (claim("0.20", sums.usd_per_request(Fraction("1.01"), requests_per_day=10_000)), "flagged"),
        (claim("0.05", Fraction(500_000, 10_000_000)), "confirmed"),
        (
            claim(127, sums.tokens_per_month(H200, Fraction(69), Fraction("0.6")) / 10_000_000),
            "confirmed",
        ),
        (claim(29, sums.payback_days(Fraction(400_000), Fraction(420_000)), "days"), "confirmed"),
        (read_as(Fraction("0.30"), Fraction("0.30") + Fraction(350_000, 50_000)), "flagged"),
        (
            claim(159_000, sums.units_to_break_even(Fraction(350_000), Fraction("2.20"))),
            "confirmed",
        ),
        (claim(208_000, sums.units_to_break_even(Fraction(50_000), Fraction("0.24"))), "confirmed"),
        (claim(2_000_000, 800_000 + 1_200_000), "confirmed"),
        (claim(584, sums.machine_month_usd(Fraction("0.80"))), "confirmed"),
        (
            enough(
                "no more than the GPU", needed=Fraction(584 + 3_300), has=Fraction(584), unit="USD"
            ),
            "flagged",
        ),
        (
            enough(
                "a session",
                needed=sums.gpu_hours_bought(Fraction(2_000), Fraction("1.84")),
                has=Fraction(24),
                unit="h",
            ),
            "flagged",
        ),
        (enough("70B bf16", needed=Fraction(140), has=Fraction(80), unit="GB"), "flagged"),
        (
            enough(
                "open below closed, MMLU",
                needed=Fraction("87.8"),
                has=Fraction("86.4"),
                unit="points",
            ),
            "flagged",
        ),
    ],
)
def test_a_published_number_is_confirmed_or_flagged(finding: Finding, status: str) -> None:
    assert finding.status == status, finding.says


def test_an_implied_83_dollars_an_hour_are_told_as_so_many_times_too_much() -> None:
    implied = sums.usd_per_machine_hour_implied(Fraction("0.20"), requests_per_day=10_000)
    assert claim("1.01", implied).says.endswith("82.5 x apart")


def test_the_demo_company_adds_up() -> None:
    assert {finding.status for finding in lint(demo_profile())} == {"confirmed"}


def test_spend_that_tasks_and_prices_do_not_explain_is_flagged() -> None:
    text = (
        "company: {api_usd_per_year: 100000, api_growth_per_quarter: 0.4}\n"
        "tasks:\n  mail:\n    api_usd_per_month: 6000\n    input_tokens_per_month: 1000000\n"
        "    output_tokens_per_month: 0\n"
        "    costs: {input_usd_per_million: [3], output_usd_per_million: [9]}\n"
        "    hosting: {model: llama-3.1-405b, gpu: a100_40gb, precision: fp8, latency_s: 5}\n"
    )
    flagged = {f.where: f.says for f in lint(parse_profile(text)) if f.status == "flagged"}
    assert flagged["company.api_usd_per_year"].startswith("stated 100,000, the sum gives 72,000")
    assert "growth_base_quarter" in flagged["company.api_growth_per_quarter"]
    assert "2,000 x apart" in flagged["tasks.mail.api_usd_per_month"]
    assert "does not fit one a100_40gb" in flagged["tasks.mail.hosting"]
