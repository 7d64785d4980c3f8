from fractions import Fraction

import pytest

from aihandler.advisor.economics import arithmetic as sums
from aihandler.advisor.economics.memory import fit
from aihandler.advisor.economics.reference import gpu, shape


def test_31_thousand_for_15_3_saves_15_7_a_month_with_a_fifth_of_the_engineer() -> None:
    staff = Fraction(16_600) / 5
    after = 8_000 + staff + 4_000
    saved = sums.net_saving_usd(Fraction(31_000), after)
    assert round(saved, -2) == 15_700
    assert round(saved * 12, -3) == 188_000
    assert sums.net_saving_usd(Fraction(31_000), Fraction(8_000 + 16_600 + 4_000)) == 2_400


def test_60_percent_is_neither_of_the_two_shares() -> None:
    assert float(1 - sums.share_saved(Fraction(31_000), Fraction(15_300))) == pytest.approx(
        1 - 0.506, abs=0.001
    )
    assert float(sums.share_saved(Fraction(31), Fraction(7))) == pytest.approx(0.774, abs=0.001)


@pytest.mark.parametrize(
    ("net", "once", "month"), [(15_700, 0, 10.3), (15_700, 50_000, 13.5), (2_400, 0, 45)]
)
def test_the_month_of_return_hangs_on_the_engineer(net: int, once: int, month: float) -> None:
    found = sums.payback(
        setup_months=4,
        usd_per_setup_month=Fraction(16_600 + 8_000),
        net_usd_per_month=Fraction(net),
        once_usd=Fraction(once),
    )
    assert found.months is not None
    assert round(float(found.months), 1) == pytest.approx(month, abs=0.06)


def test_no_saving_has_no_return() -> None:
    found = sums.payback(
        setup_months=4, usd_per_setup_month=Fraction(1), net_usd_per_month=Fraction(0)
    )
    assert found.months is None


def test_a_p4d_all_month_costs_more_than_8_thousand() -> None:
    assert round(sums.machine_month_usd(Fraction("32.77"), discount=Fraction("0.4")), -2) == 14_400
    cut = Fraction("32.77") * Fraction(2, 3)
    assert round(sums.machine_month_usd(cut, discount=Fraction("0.4")), -2) == 9_600
    assert sums.hours_bought(Fraction(8_000), Fraction("32.77") * Fraction("0.6")) < 730


def test_405_billion_in_fp8_do_not_fit_8_gpus_of_40_gb_and_in_int4_do() -> None:
    node = gpu("a100_40gb")
    model = shape("llama-3.1-405b")
    assert not fit(model, node, precision="fp8", gpus=8).fits
    assert fit(model, node, precision="int4", gpus=8).fits
    assert sums.gpus_to_hold(Fraction(405), Fraction(40)) == 11


def test_20_cents_a_request_on_an_a10g_imply_83_dollars_an_hour() -> None:
    implied = sums.usd_per_machine_hour_implied(Fraction("0.20"), requests_per_day=10_000)
    assert round(implied) == 83
    real = sums.usd_per_request(Fraction("1.01"), requests_per_day=10_000)
    assert round(float(real), 4) == 0.0024
    assert round(sums.tokens_bought(Fraction("0.80"), Fraction(60)), -2) == 13_300


def test_80_thousand_a_month_buy_11_7_h200_and_127_tokens_a_document() -> None:
    gpus = sums.gpus_for(Fraction(30_000), Fraction("3.50"))
    assert round(float(gpus), 1) == 11.7
    tokens = sums.tokens_per_month(Fraction("11.7"), Fraction(69), Fraction("0.6"))
    assert int(tokens / 10_000_000) == 127


def test_fixed_costs_are_carried_by_159_thousand_contracts_and_208_thousand_users() -> None:
    assert (
        round(sums.units_to_break_even(Fraction(350_000), Fraction("2.50") - Fraction("0.30")), -3)
        == 159_000
    )
    assert round(sums.units_to_break_even(Fraction(50_000), Fraction("0.02") * 12), -3) == 208_000


def test_the_base_quarter_decides_between_968_and_691_thousand() -> None:
    fourth = sums.grown(Fraction(180), per_quarter=Fraction("0.4"), quarters=1)
    assert fourth == 252
    assert round(sums.grown(fourth, per_quarter=Fraction("0.4"), quarters=4)) == 968
    assert round(sums.grown(Fraction(180), per_quarter=Fraction("0.4"), quarters=4)) == 691
    assert round(sums.yearly_growth(Fraction("0.4")), 2) == Fraction("2.84")


def test_twelve_months_of_growth_cost_320_to_448_thousand() -> None:
    assert round(sums.spend_of_months(Fraction(180), per_quarter=Fraction("0.4"))) == 320
    assert round(sums.spend_of_months(Fraction(252), per_quarter=Fraction("0.4"))) == 448


def test_400_thousand_are_back_in_29_days() -> None:
    assert round(sums.payback_days(Fraction(400_000), Fraction(420_000))) == 29


def test_2000_dollars_of_tuning_are_1087_gpu_hours() -> None:
    assert round(sums.gpu_hours_bought(Fraction(2_000), Fraction("1.84"))) == 1087
    assert round(sums.gpu_hours_bought(Fraction(5_000), Fraction("1.84"))) == 2717


def test_25_thousand_against_46_means_84_percent_growth() -> None:
    assert float(sums.growth_needed(Fraction(25), Fraction(46))) == pytest.approx(0.84)
