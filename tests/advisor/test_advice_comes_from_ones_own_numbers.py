from decimal import Decimal

import msgspec
import pytest

from aihandler.advisor.advice import Advice, advise
from aihandler.advisor.company import Profile, demo_profile, parse_profile
from aihandler.advisor.costing import cost_task
from aihandler.advisor.facts import with_usage
from aihandler.advisor.frameworks.reading import shipped
from aihandler.domain.usage import Usage
from aihandler.errors import InputError
from aihandler.ledger import ValidRate
from aihandler.ledger.rollups import MonthOfUsage

NAMED = "company: {}\ntasks: {mail: {closed: gpt, open: llama, margin: 3}}\n"


def month(**changes: object) -> MonthOfUsage:
    row = MonthOfUsage(
        task="mail", deployment="gpt", model="gpt-5-mini", month=202610, attempts=110, calls=100,
        valid=100, not_valid=0, in_doubt=0, unpriced=0, estimated=0, marginal_nano=2_500_000_000,
        allocated_nano=0, doubt_nano=0, days=20, usage=Usage(900, cache_read=100, output=40),
    )  # fmt: skip
    return msgspec.structs.replace(row, **changes)


def advised(profile: Profile, seed: int = 1) -> Advice:
    return advise(profile, shipped(), seed=seed, runs=500)


def test_what_a_profile_leaves_out_comes_from_the_ledger_and_is_listed() -> None:
    text = "company: {}\ntasks: {mail: {output_tokens_per_month: 7}}\n"
    filled, taken = with_usage(parse_profile(text), [month(), month(month=202609)], month=202610)
    task = filled.tasks["mail"]
    assert (task.input_tokens_per_month, task.output_tokens_per_month) == (1000, 7)
    assert task.api_usd_per_month == Decimal("2.5")
    assert task.costs["requests_per_month"] == (100.0,)
    assert [t.name for t in taken] == [
        "input_tokens_per_month", "api_usd_per_month", "requests_per_month",
    ]  # fmt: skip


def rates(*, valid: int, refused: int, went_on: int) -> list[ValidRate]:
    return [
        ValidRate("llama", "mail", "native", valid + refused, valid),
        ValidRate("gpt", "mail", "native", went_on, went_on, escalated=went_on),
        ValidRate("llama", "chat", "", 900, 0),
    ]


def test_how_often_an_open_model_was_asked_again_comes_from_the_ledger() -> None:
    asked = rates(valid=950, refused=80, went_on=50)
    filled, taken = with_usage(parse_profile(NAMED), [month()], month=202610, rates=asked)
    costs = filled.tasks["mail"].costs
    assert costs["escalation_share"] == (0.05, 0.0381, 0.0653)
    assert costs["retry_share"][0] == 0.03
    told = {t.name: (t.value, t.source) for t in taken}
    assert told["escalation_share"] == (Decimal("0.05"), "ledger, 202610")


def busy(**usage: int) -> MonthOfUsage:
    return month(attempts=1000, calls=1000, usage=Usage(**usage))


def test_what_a_vendor_read_from_its_cache_comes_from_the_ledger() -> None:
    used = busy(input=600, cache_read=400, output=40)
    filled, taken = with_usage(parse_profile(NAMED), [used], month=202610)
    assert filled.tasks["mail"].costs["cached_share"] == (0.4, 0.3701, 0.4307)
    assert "cache_write_share" not in filled.tasks["mail"].costs
    assert "cached_share" in [t.name for t in taken]


def test_reads_and_writes_of_a_cache_are_never_more_than_the_input() -> None:
    for read, written in ((950, 50), (999, 1), (0, 1000), (333, 667)):
        used = busy(input=0, cache_read=read, cache_write=written, output=40)
        filled, _ = with_usage(parse_profile(NAMED), [used], month=202610)
        shares = [filled.tasks["mail"].costs[f"cache{n}_share"] for n in ("d", "_write")]
        assert sum(high for _, _, high in shares) <= 1
        assert all(0 <= low <= likely <= high for likely, low, high in shares)


def test_neither_the_open_deployment_nor_few_requests_tell_of_a_vendors_cache() -> None:
    ours = busy(input=600, cache_read=400)
    for row in (msgspec.structs.replace(ours, deployment="llama"), month()):
        filled, _ = with_usage(parse_profile(NAMED), [row], month=202610)
        assert "cached_share" not in filled.tasks["mail"].costs


def test_a_cost_says_that_the_ledger_gave_its_inputs() -> None:
    prices = "costs: {input_usd_per_million: [3], output_usd_per_million: [12]}"
    said = NAMED.replace("margin: 3", f"margin: 3, {prices}")
    asked = rates(valid=950, refused=80, went_on=50)
    used = busy(input=600_000, cache_read=400_000, output=40_000)
    filled, _ = with_usage(parse_profile(said), [used], month=202610, rates=asked)
    figures = cost_task(filled, "mail", seed=1, runs=50).figures
    given = {n: (f.source, f.as_of) for n, f in figures.items() if f.source.startswith("ledger")}
    shares = ("retry_share", "escalation_share", "cached_share")
    names = ("requests_per_month", "input_tokens", "output_tokens", *shares)
    assert given == dict.fromkeys(names, ("ledger, 202610", "2026-10"))
    assert figures["input_usd_per_million"].source == "profile, task 'mail'"


def test_a_share_that_the_profile_says_stays() -> None:
    said = NAMED.replace("margin: 3", "margin: 3, costs: {retry_share: [0.2]}")
    asked = rates(valid=950, refused=80, went_on=50)
    filled, taken = with_usage(parse_profile(said), [month()], month=202610, rates=asked)
    assert filled.tasks["mail"].costs["retry_share"] == (0.2,)
    assert "retry_share" not in [t.name for t in taken]


def test_few_answers_tell_no_share() -> None:
    asked = rates(valid=150, refused=80, went_on=40)
    filled, _ = with_usage(parse_profile(NAMED), [month()], month=202610, rates=asked)
    assert set(filled.tasks["mail"].costs) == {"requests_per_month"}


def test_the_command_for_evidence_names_the_deployments_of_the_profile() -> None:
    text = NAMED.replace(
        "margin: 3",
        "margin: 3, data_may_leave: true, open_licence_allowed: true, frontier_needed: false",
    )
    verdict = advised(parse_profile(text)).tasks["mail"].verdict
    assert (
        verdict.command
        == "aihandler compare mail --deployments gpt,llama --data mail.jsonl --margin 3"
    )


def test_a_cost_without_its_figures_asks_for_them_by_name() -> None:
    costing = cost_task(parse_profile(NAMED), "mail", seed=1)
    assert costing.total is None
    assert {"input_tokens_per_month", "costs.requests_per_month"} <= set(costing.ask)


def test_the_same_seed_gives_the_same_advice() -> None:
    one, same, other = (advised(demo_profile(), seed=s) for s in (1, 1, 2))
    assert one == same != other


def test_a_length_that_was_not_measured_has_a_labelled_bound_and_says_so() -> None:
    costing = cost_task(demo_profile(), "triage", seed=1, runs=200)
    assert "outside the lengths measured" in costing.notes[0]
    assert costing.notes[0].startswith("self-hosting stands on a bound, not measured")
    assert costing.total is not None
    served = costing.total.figures["requests_per_replica_s"]
    assert served.high > 5 * served.low
    assert served.source.startswith("bound, not measured")


def test_a_misspelt_input_of_the_cost_is_refused_with_all_names() -> None:
    profile = demo_profile()
    costs = {**profile.tasks["chat"].costs, "requets": (1.0,)}
    task = msgspec.structs.replace(profile.tasks["chat"], costs=costs)
    wrong = msgspec.structs.replace(profile, tasks={"chat": task})
    with pytest.raises(InputError, match="'requets'"):
        cost_task(wrong, "chat", seed=1, runs=10)
