import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aihandler.advisor.economics import hosting, lines
from aihandler.advisor.economics.figures import Figure, exact
from aihandler.advisor.economics.inputs import RULES, case
from aihandler.advisor.economics.scenarios import BASE, TENTH_IN_TWO_YEARS, THREE_RISES
from aihandler.advisor.economics.throughput import Throughput
from aihandler.advisor.economics.total_cost import TotalCost, total_cost
from aihandler.errors import InputError


def given_figures(**values: float | tuple[float, float, float]) -> dict[str, Figure]:
    known: dict[str, float | tuple[float, float, float]] = {
        "requests_per_month": 2_000_000,
        "input_tokens": 2000,
        "output_tokens": 300,
        "input_usd_per_million": 2.5,
        "output_usd_per_million": 10,
        "requests_per_replica_s": (4, 3, 5.5),
        "gpus_per_replica": 2,
        "usd_per_gpu_hour": (2.95, 2.5, 3.5),
    }
    return {
        name: Figure(*value, RULES[name].unit, "a test")
        if isinstance(value, tuple)
        else exact(value, RULES[name].unit, source="a test")
        for name, value in {**known, **values}.items()
    }


def costed(seed: int = 1, **values: float | tuple[float, float, float]) -> TotalCost:
    return total_cost(case(given_figures(**values)), seed=seed, runs=2000)


def likely(result: TotalCost, option: str) -> float:
    return next(t.usd.likely for t in result.totals if t.option == option)


def test_the_same_seed_gives_the_same_report() -> None:
    assert msgspec.json.encode(costed()) == msgspec.json.encode(costed())
    assert msgspec.json.encode(costed(seed=1)) != msgspec.json.encode(costed(seed=2))


def test_what_is_assumed_is_listed() -> None:
    result = costed()
    assert {"growth_per_month", "staff_share", "peak_to_mean", "utilisation"} <= {
        a.name for a in result.assumed
    }
    assert all(a.figure.source.startswith("assumed") or a.figure.source for a in result.assumed)


def test_an_option_without_its_figures_is_not_computed_and_says_what_it_needs() -> None:
    result = costed()
    assert "managed" not in [t.option for t in result.totals]
    assert "managed_input_usd_per_million" in result.missing["managed"]


def test_vendor_tokens_are_volume_times_price() -> None:
    result = costed()
    a_request = (2000 * 2.5 + 300 * 10) / 1e6
    assert likely(result, "closed") == pytest.approx(2_000_000 * a_request * 36, rel=0.01)


def test_machines_that_carry_the_load_cost_what_the_staircase_says() -> None:
    stairs = hosting.staircase(
        2_000_000 * 1.05,
        requests_per_replica_s=4,
        gpus_per_replica=2,
        peak_to_mean=3,
        utilisation=0.6,
        spare=1,
    )
    (self_host,) = [t for t in costed().totals if t.option == "self_host"]
    month = stairs.gpus * 730 * 2.95
    building = 2 * 730 * 2.95
    assert self_host.lines_usd["machines"] == pytest.approx(month * 8 + building * 4, rel=0.01)


def test_a_tiny_volume_never_pays_a_machine() -> None:
    (self_host, *_) = costed(requests_per_month=10_000).returns
    assert self_host.month is None
    assert self_host.never_share == 1.0


def test_a_large_volume_does() -> None:
    (self_host, *_) = costed(requests_per_month=20_000_000).returns
    assert self_host.month is not None
    assert self_host.curve_usd[-1].likely > 0
    assert self_host.curve_usd[0].likely < 0


def test_the_tornado_names_the_widest_swing_first() -> None:
    swings = costed(growth_per_month=(0.03, 0, 0.08)).tornado["self_host"]
    widths = [swing.width_usd for swing in swings]
    assert widths == sorted(widths, reverse=True)
    assert swings[0].name == "growth_per_month"


def test_price_scenarios_move_the_vendor_alone() -> None:
    whole = case(given_figures(api_price_change_per_year=0.0))
    base, rises, falls = (
        likely(total_cost(whole, seed=1, runs=200, scenario=s), "closed")
        for s in (BASE, THREE_RISES, TENTH_IN_TWO_YEARS)
    )
    assert falls < base < rises
    assert THREE_RISES.factors(24)[-1] == pytest.approx(1.728)
    assert TENTH_IN_TWO_YEARS.factors(36)[24] == pytest.approx(0.1)
    assert TENTH_IN_TWO_YEARS.factors(36)[35] == pytest.approx(0.1)


def test_seats_are_an_alternative() -> None:
    result = costed(seats=40, usd_per_seat_month=20)
    assert likely(result, "per_seat") == 28_800


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"price": exact(1, "USD", source="")}, "'price'"),
        ({"staff_share": exact(1, "%", source="")}, "'%'"),
    ],
)
def test_a_wrong_input_is_one_message(change: dict[str, Figure], told: str) -> None:
    with pytest.raises(InputError, match=told) as caught:
        case({**given_figures(), **change})
    assert caught.value.hint


def test_no_demand_is_asked_for() -> None:
    with pytest.raises(InputError, match="requests_per_month"):
        case({})


@given(
    volumes=st.lists(st.floats(1, 1e9), min_size=2, max_size=8),
    peak=st.floats(1, 10),
    spare=st.integers(0, 3),
)
def test_more_requests_never_take_fewer_machines(
    volumes: list[float], peak: float, spare: int
) -> None:
    counts = [
        hosting.staircase(
            volume,
            requests_per_replica_s=2.5,
            gpus_per_replica=2,
            peak_to_mean=peak,
            utilisation=0.6,
            spare=spare,
        )
        for volume in sorted(volumes)
    ]
    assert [c.gpus for c in counts] == sorted(c.gpus for c in counts)
    assert all(c.mean_utilisation <= 0.6 / peak + 1e-4 for c in counts)


def test_a_nightly_job_pays_for_its_nights() -> None:
    price = exact(3.0, "USD/GPU-hour", source="quote")
    rented = hosting.nightly(price, hours=3, cold_start_minutes=12)
    assert rented.hours_per_month.value == pytest.approx(730 / 24 * 3.2)


def test_what_is_owned_costs_its_life_and_its_energy() -> None:
    def figure(value: float) -> Figure:
        return exact(value, "", source="quote")

    rented = hosting.owned(
        figure(26_280),
        life_months=figure(36),
        power_w=figure(700),
        usd_per_kwh=figure(0.2),
        overhead=figure(1.5),
    )
    assert rented.usd_per_gpu_hour.value == pytest.approx(1.0 + 0.21)


def test_every_option_has_its_lines() -> None:
    mixed = {"hybrid", "hybrid_managed"}
    assert set(lines.OPTIONS) == {"closed", "managed", "self_host", "per_seat", *mixed}


def test_a_measured_machine_gives_the_inputs_of_a_case() -> None:
    served = Figure(1.5, 1.0, 2.0, "requests/GPU/s", "points", "2026-04-27")
    machine = hosting.inputs(
        Throughput(served, 2, "vllm", "measured at 1024/1024 tokens"),
        hosting.hourly(exact(3.5, "USD/GPU-hour", source="quote")),
    )
    whole = case({**given_figures(), **machine})
    assert "self_host" in whole.options
    assert whole.figures["requests_per_replica_s"].value == 3.0
    assert "measured at 1024/1024" in whole.figures["requests_per_replica_s"].source


def test_managed_open_is_tokens_staff_and_what_goes_back_to_the_vendor() -> None:
    result = costed(managed_input_usd_per_million=0.5, managed_output_usd_per_million=1)
    vendor, host = (2000 * 2.5 + 300 * 10) / 1e6, (2000 * 0.5 + 300 * 1) / 1e6
    # The vendor serves the first month, in which a quarter of an engineer sets it up.
    first = 2_000_000 * vendor + 200_000 / 12 * 0.25
    later = 2_000_000 * (host * 1.05 + vendor * 0.05) + 200_000 / 12 * 0.05
    assert likely(result, "managed") == pytest.approx(first + 35 * later, rel=0.01)


def test_a_whole_number_is_an_input_like_any_other() -> None:
    given = {**given_figures(), "utilisation": Figure(1, 0.5, 1, "share", "a test")}
    (swing,) = [
        one
        for one in total_cost(case(given), seed=1, runs=50).tornado["self_host"]
        if one.name == "utilisation"
    ]
    assert swing.low_usd < swing.high_usd


def test_people_with_seats_may_become_more() -> None:
    flat = costed(seats=40, usd_per_seat_month=20, seats_change_per_year=0.0)
    more = costed(seats=40, usd_per_seat_month=20, seats_change_per_year=0.2)
    assert likely(more, "per_seat") > likely(flat, "per_seat")
