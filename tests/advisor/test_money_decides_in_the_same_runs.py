"""Two ways are held against each other run by run; a verdict says what decided, what turns it."""

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from advisor.paired import compared, pair
from aihandler.advisor.advice import Advice, TaskAdvice, advise
from aihandler.advisor.company import Profile, demo_profile, facts_of, parse_profile
from aihandler.advisor.costing import cost_task
from aihandler.advisor.economics.figures import Figure, exact
from aihandler.advisor.economics.inputs import RULES, case
from aihandler.advisor.economics.runs import Difference, Order, Runs, against, run
from aihandler.advisor.economics.total_cost import of_runs
from aihandler.advisor.economics.turns import turn_of, turns
from aihandler.advisor.frameworks.reading import shipped
from aihandler.advisor.verdicts import Quality, decide

EQUAL = Quality(Decimal(-1), Decimal(1), Decimal(2), "a test")
MAIL = """
company: {}
tasks:
  mail:
    closed: gpt
    open: llama
    margin: 2
    data_may_leave: true
    open_licence_allowed: true
    frontier_needed: false
    input_tokens_per_month: 2000000000
    output_tokens_per_month: 200000000
    costs:
      requests_per_month: [1000000]
      growth_per_month: [0.02, 0, 0.08]
      input_usd_per_million: [INPUT]
      output_usd_per_million: [10]
      managed_input_usd_per_million: [0.4, 0.2, 0.9]
      managed_output_usd_per_million: [0.6, 0.3, 1.2]
"""
PAIR = ("managed", "closed")
GOOD, WORSE, OPEN = pair(-0.01, 0.01, verdict="not worse"), pair(-0.2, -0.1), pair(-0.05, 0.05)


def profile(usd: float = 2.5, **costs: float) -> Profile:
    more = "".join(f"      {name}: [{value}]\n" for name, value in costs.items())
    return parse_profile(MAIL.replace("INPUT", str(usd)) + more)


def advised(found: Profile, *pairs: dict[str, Any]) -> Advice:
    records = [compared(one) for one in pairs]
    return advise(found, shipped(), seed=1, comparisons=records, runs=800)


def mail(found: Profile, *pairs: dict[str, Any]) -> TaskAdvice:
    return advised(found, *pairs).tasks["mail"]


def drawn(**values: float | tuple[float, float, float]) -> Runs:
    known: dict[str, float | tuple[float, float, float]] = {
        "requests_per_month": 1_000_000,
        "input_tokens": 2000,
        "output_tokens": 200,
        "growth_per_month": (0.02, 0, 0.08),
        "input_usd_per_million": 2.5,
        "output_usd_per_million": 10,
        "managed_input_usd_per_million": (1.9, 1.5, 2.4),
        "managed_output_usd_per_million": (6, 5, 9),
        **values,
    }
    figures = {
        name: Figure(*value, RULES[name].unit, "a test")
        if isinstance(value, tuple)
        else exact(value, RULES[name].unit, source="a test")
        for name, value in known.items()
    }
    return run(case(figures), Order(seed=3, runs=2000))


def managed_against_closed(runs: Runs) -> Difference:
    found = against(of_runs(runs).differences, "managed", "closed")
    assert found is not None
    return found


def test_a_difference_is_better_known_than_either_of_the_two() -> None:
    runs = drawn()
    totals = {total.option: total.usd for total in of_runs(runs).totals}
    paired = managed_against_closed(runs).usd
    assert totals["managed"].high > totals["closed"].low
    apart = totals["closed"].high - totals["managed"].low
    apart -= totals["closed"].low - totals["managed"].high
    assert paired.high - paired.low < 0.6 * apart


def test_the_same_is_told_of_either_side() -> None:
    found = managed_against_closed(drawn())
    other = found.turned()
    assert other.cheaper_share == pytest.approx(1 - found.cheaper_share)
    assert (other.usd.low, other.usd.high) == (-found.usd.high, -found.usd.low)
    told, told_other = str(found), str(other)
    assert ("saves" in told) != ("saves" in told_other)
    assert ("more in 36 months" in told) != ("more in 36 months" in told_other)


def test_money_decides_when_nine_of_ten_runs_agree() -> None:
    verdict = mail(profile(), GOOD).verdict
    assert verdict.outcome == "managed_open"
    assert "managed-open is cheaper than closed in" in verdict.decided_by
    assert verdict.decided_by.endswith("90 % of runs decide")


def test_a_verdict_names_the_value_of_an_input_that_turns_it() -> None:
    found = mail(profile(), GOOD)
    assert len(found.turns) >= 2
    told = "managed-open is no longer cheaper than closed in 90 % of runs when "
    assert any(flip.startswith(told) and "falls below" in flip for flip in found.verdict.flips)
    (price,) = [turn for turn in found.turns if turn.name == "input_usd_per_million"]
    assert price.at is not None
    assert 0 < price.at < 2.5
    assert f"falls below ${price.at:.3g}/1M tokens (now $2.5/1M tokens" in str(price)


def share_at(name: str, value: float, **values: float) -> float:
    found = against(of_runs(drawn(**{**values, name: value})).differences, "managed", "closed")
    assert found is not None
    return found.cheaper_share


@pytest.mark.parametrize(
    ("name", "prices", "edge"),
    [
        ("input_usd_per_million", 9.0, 0.9),
        ("growth_per_month", 9.0, 0.9),
        ("managed_setup_months", 9.0, 0.9),
        ("api_price_change_per_year", 9.0, 0.9),
        # Between the two, the nearer end: where closed is surely cheaper.
        ("input_usd_per_million", 2.5, 0.1),
        ("growth_per_month", 1.0, 0.1),
    ],
)
def test_a_turn_is_where_nine_of_ten_runs_begin_or_cease_to_agree(
    name: str, prices: float, edge: float
) -> None:
    given = {"input_usd_per_million": prices}
    turn = turn_of(drawn(**given), name, "managed", "closed")
    assert turn.at is not None
    assert share_at(name, turn.at, **given) == pytest.approx(edge, abs=0.02)
    beyond = turn.at + 0.1 * abs(turn.at) * (1 if turn.above else -1)
    before = 2 * turn.at - beyond
    low, high = sorted([share_at(name, beyond, **given), share_at(name, before, **given)])
    assert low < edge < high
    # Who is told to start or to stop does so beyond that value.
    one = share_at(name, beyond, **given)
    leads = one if turn.option == "managed" else 1 - one
    assert (leads >= 0.9) == turn.starts


def test_what_decides_once_it_is_known_is_told_so() -> None:
    # As if other runs had left it open: from here on it is known that growth is no less.
    turn = turn_of(drawn(input_usd_per_million=9), "growth_per_month", *PAIR, share=0.8)
    assert turn.at is not None
    assert (turn.at < turn.now, turn.above, turn.starts) == (True, True, True)
    assert "managed-open is cheaper than closed in 90 % of runs when" in str(turn)
    assert "is sure to stay above" in str(turn)


def test_a_price_list_turns_what_no_single_price_does() -> None:
    # Either half of the bill alone is more than the host asks for both.
    runs = drawn(input_usd_per_million=20, output_usd_per_million=200)
    assert turn_of(runs, "input_usd_per_million", "managed", "closed").at is None
    whole = turns(runs, "managed", "closed")[-1]
    assert whole.name == "vendor_prices"
    assert whole.at is not None
    assert "of today's" in str(whole)


def test_a_difference_that_is_open_is_no_verdict_and_asks_for_what_moves_it() -> None:
    verdict = mail(profile(0.35), GOOD).verdict
    assert verdict.outcome == "not_enough_evidence"
    assert verdict.decided_by.startswith("the difference is open, 90 % of runs would decide: $")
    assert set(verdict.ask) == {"costs.growth_per_month", "costs.api_price_change_per_year"}
    assert verdict.command == ""


def test_without_a_comparison_it_is_told_what_is_at_stake() -> None:
    verdict = mail(profile()).verdict
    assert (verdict.outcome, verdict.pending) == ("not_enough_evidence", "managed_open")
    assert (
        verdict.command
        == "aihandler compare mail --deployments gpt,llama --data mail.jsonl --margin 2"
    )
    assert verdict.flips[0].startswith("managed_open once a comparison shows it good enough: $")
    assert mail(profile(), OPEN).verdict.outcome == "not_enough_evidence"


def test_what_is_unknown_in_quality_and_in_money_is_told_together() -> None:
    verdict = mail(profile(0.35)).verdict
    assert (verdict.outcome, verdict.pending) == ("not_enough_evidence", None)
    assert verdict.decided_by.startswith("no comparison of open and closed on this task; the diff")
    assert verdict.command
    assert "costs.growth_per_month" in verdict.ask


def test_what_would_show_a_loss_is_among_what_turns_a_verdict() -> None:
    first = mail(profile(), GOOD).verdict.flips[0]
    assert first.startswith("stay_closed when a comparison shows a loss of more than 2 points")
    assert "comparison c1 of 2026-09-21" in first


def test_no_comparison_is_asked_for_where_it_could_change_nothing() -> None:
    cheap = profile(0.01, managed_setup_months=6.0)
    cheap.tasks["mail"].costs["output_usd_per_million"] = (0.05,)
    verdict = mail(cheap).verdict
    assert (verdict.outcome, verdict.command) == ("stay_closed", "")


def test_what_is_worse_as_a_whole_is_routed_where_it_was_good_enough() -> None:
    found = mail(profile(), WORSE)
    assert found.verdict.outcome == "hybrid_route"
    assert found.verdict.shares == {"managed_open": Decimal("0.9"), "stay_closed": Decimal("0.1")}
    assert "no lower on 90 % of 400 examples" in found.verdict.decided_by
    assert found.costing.total is not None
    share = found.costing.total.figures["routed_share"]
    assert (share.as_of, share.source[:13]) == ("2026-09-21", "comparison c1")


def cascade(low: float, high: float, share: float = 0.7) -> dict[str, Any]:
    """Llama asked first, gpt where llama is not sure, as `aihandler compare` keeps it."""
    return {
        "share": share,
        "interval": {"low": share - 0.05, "high": share + 0.05},
        "difference": {"low": low, "high": high},
        "at_worst": low,
    }


def test_the_share_of_a_mix_is_an_upper_bound_where_no_router_was_seen() -> None:
    found = mail(profile(), WORSE)
    assert "an upper bound, as if a router knew each time which" in found.verdict.decided_by
    assert found.verdict.routed_by.startswith("an upper bound")
    assert any(
        "a mix sends 90 % to the open model, an upper bound" in n for n in found.costing.notes
    )


def test_a_mix_stands_on_what_the_open_model_really_handed_on() -> None:
    found = mail(profile(), {**WORSE, "cascade": cascade(-0.015, 0.01)})
    assert found.verdict.outcome == "hybrid_route"
    assert found.verdict.shares == {"managed_open": Decimal("0.7"), "stay_closed": Decimal("0.3")}
    assert "it answered 70 % of 400 examples itself" in found.verdict.decided_by
    assert found.verdict.routed_by.startswith("measured")
    figures = found.costing.figures
    # Everything is asked first, and three of ten are paid for twice.
    assert figures["routed_share"].value == 1
    assert figures["escalation_share"].value == pytest.approx(0.3)


def test_a_mix_that_loses_too_much_is_not_chosen() -> None:
    found = mail(profile(), {**WORSE, "cascade": cascade(-0.1, -0.03)})
    assert found.verdict.outcome == "stay_closed"
    assert (
        "with the vendor where it is not sure, too: -10.0 to -3.0 points"
        in found.verdict.decided_by
    )
    assert "routed_share" not in found.costing.figures


def test_what_alone_is_not_shown_may_be_shown_with_the_vendor_behind_it() -> None:
    found = mail(profile(), {**OPEN, "cascade": cascade(-0.015, 0.02)})
    assert found.verdict.outcome == "hybrid_route"
    assert "alone is not shown good enough" in found.verdict.decided_by


def test_a_share_that_is_given_comes_before_that_of_a_comparison() -> None:
    found = mail(profile(routed_share=0.6), WORSE)
    assert found.verdict.shares["managed_open"] == Decimal("0.6")


def test_without_a_share_no_mix_is_chosen_but_its_cost_is_shown_by_share() -> None:
    costing = mail(profile()).costing
    assert costing.total is not None
    assert "hybrid_managed" not in [total.option for total in costing.total.totals]
    assert any("routed_share" in note for note in costing.notes)
    (mix,) = costing.total.mixes
    middles = [one.usd.median for one in mix.by_share]
    assert middles == sorted(middles, reverse=True)
    assert mix.best_share == 1.0
    best = mix.up_to(0.55)
    assert best is not None
    assert best.share == 0.5


def test_seats_are_told_where_they_cost_less() -> None:
    verdict = advised(demo_profile()).tasks["code"].verdict
    assert (verdict.outcome, verdict.by_seats) == ("stay_closed", True)
    assert "stay closed, by seats: $17" in verdict.decided_by
    dear = msgspec.structs.replace(demo_profile().tasks["code"])
    dear.costs["usd_per_seat_month"] = (9000.0,)
    costly = msgspec.structs.replace(demo_profile(), tasks={"code": dear})
    verdict = advised(costly).tasks["code"].verdict
    assert (verdict.outcome, verdict.by_seats) == ("stay_closed", False)


def test_data_that_may_not_leave_has_its_price_told() -> None:
    verdict = advised(demo_profile()).tasks["triage"].verdict
    assert (verdict.outcome, verdict.option, verdict.than) == ("self_host", "self_host", "")
    assert "self-hosting is cheaper than closed in" in verdict.money


def test_price_scenarios_show_their_totals_and_whether_a_verdict_flips() -> None:
    found = mail(profile(), GOOD)
    assert found.costing.total is not None
    rises, falls = found.costing.total.scenarios
    assert falls.totals["closed"].median < rises.totals["closed"].median
    assert falls.totals["managed"].median <= rises.totals["managed"].median
    assert [one.flips for one in found.scenarios] == [False, True]
    assert found.scenarios[1].outcome == "stay_closed"
    assert "closed is cheaper than managed-open in" in found.scenarios[1].decided_by


def test_a_scenario_is_what_runs_at_its_prices_come_to() -> None:
    from aihandler.advisor.economics.scenarios import THREE_RISES

    whole = drawn().case
    base = of_runs(run(whole, Order(seed=3, runs=500)))
    dearer = of_runs(run(whole, Order(seed=3, runs=500, scenario=THREE_RISES)))
    told = {total.option: total.usd for total in dearer.totals}
    assert base.scenarios[0].totals["closed"] == told["closed"]
    assert base.scenarios[0].totals["managed"] == told["managed"]


def test_intervals_decide_where_no_runs_are_there() -> None:
    from aihandler.advisor.verdicts import Cost

    closed = Cost("stay_closed", Decimal(5000), Decimal(6000), "a test")
    apart = Cost("managed_open", Decimal(1000), Decimal(2000), "a test")
    facts = facts_of(profile(), "mail")
    found = decide("mail", facts, (), quality=EQUAL, costs=(closed, apart))
    assert found.outcome == "managed_open"


def test_every_figure_of_a_result_has_a_source_and_a_day() -> None:
    text = MAIL.replace("INPUT", "2.5").replace("company: {}", "company: {}\nas_of: 2026-11-01")
    text += "    sources: {output_usd_per_million: [the price list, 2026-10-15]}\n"
    total = cost_task(parse_profile(text), "mail", seed=1, runs=50).total
    assert total is not None
    assert all(figure.source and figure.as_of for figure in total.figures.values())
    given = total.figures["output_usd_per_million"]
    assert (given.source, given.as_of) == ("the price list", "2026-10-15")
    assert total.figures["input_usd_per_million"].as_of == "2026-11-01"
    assert total.figures["managed_staff_share"].source.startswith("assumed")
