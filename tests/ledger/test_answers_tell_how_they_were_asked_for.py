import asyncio
from decimal import Decimal
from pathlib import Path

import pytest
from ledger_making import call, deployment, opened, settlement

from aihandler.domain.deployment import Price
from aihandler.domain.usage import Cost, Usage
from aihandler.ledger import EntryRecord, Ledger, Prices

EVERY = Usage(1, 2, 3, 4, 5, cache_write_1h=6, audio_input=7, audio_output=8)


def shown(ledger: Ledger) -> EntryRecord:
    (record,) = ledger.queries.show("call-one")
    return record.attempts[0]


def test_every_bucket_of_tokens_is_kept_apart(tmp_path: Path) -> None:
    with opened(tmp_path) as ledger:
        asyncio.run(call(ledger, settled=settlement(usage=EVERY)))
        assert shown(ledger).usage == EVERY
        (row,) = ledger.queries.costs()
    assert row.usage == EVERY
    assert row.usage.total == 36


def test_tokens_with_a_price_of_their_own_have_it_also_elsewhere(tmp_path: Path) -> None:
    prices = {"cache_write_1h": Decimal(10), "audio_input": Decimal(100), "audio_output": None}
    other = deployment("other", price=Price(Decimal(1), Decimal(2), **prices))
    with opened(tmp_path) as ledger:
        asyncio.run(call(ledger, settled=settlement(usage=EVERY)))
        (row,) = ledger.queries.costs_as(other, Prices([other]))
    # 1 + 2 + 3 at $1, 4 + 5 + 8 at $2, 6 at $10, 7 at $100, each a million tokens.
    assert row.nano == 1000 * (6 + 34 + 60 + 700)


def test_a_call_of_sound_alone_is_counted_and_not_estimated(tmp_path: Path) -> None:
    other = deployment("other", price=Price(Decimal(1), Decimal(2)))
    with opened(tmp_path) as ledger:
        asyncio.run(call(ledger, settled=settlement(usage=Usage(audio_input=9))))
        (row,) = ledger.queries.costs_as(other, Prices([other]))
    assert (row.usage.audio_input, row.usage.input, row.estimated) == (9, 0, 0)


@pytest.mark.parametrize(
    ("said", "kept"), [("", ""), ("default", "standard"), ("Batch", "batch"), ("scale", "scale")]
)
def test_a_tier_is_kept_in_our_word(tmp_path: Path, said: str, kept: str) -> None:
    with opened(tmp_path) as ledger:
        asyncio.run(call(ledger, settled=settlement(tier=said)))
        assert shown(ledger).tier == kept


def test_how_a_schema_was_asked_for_is_shown(tmp_path: Path) -> None:
    with opened(tmp_path) as ledger:
        asked = {"schema_mode": "native", "enforced": "partial", "dropped": 3}
        asyncio.run(call(ledger, settled=settlement(fingerprint="fp"), **asked))
        entry = shown(ledger)
    assert (entry.schema_mode, entry.enforced, entry.dropped) == ("native", "partial", 3)
    assert entry.fingerprint == "fp"


def test_what_a_provider_says_of_its_cost_stands_beside_ours(tmp_path: Path) -> None:
    priced = settlement(cost=Cost(700), reported_cost_usd=Decimal("0.0000009"))
    unpriced = settlement(cost=Cost(status="unpriced"), reported_cost_usd=Decimal("0.000001"))
    with opened(tmp_path) as ledger:
        asyncio.run(call(ledger, "one", settled=priced))
        asyncio.run(call(ledger, "two", settled=unpriced))
        assert shown(ledger).reported_nano == 900
        (row,) = ledger.queries.costs()
    assert (row.nano, row.reported_nano, row.reported_more_nano) == (700, 1900, 200)


@pytest.mark.parametrize("said", ["NaN", "Infinity", "1e400"])
def test_a_cost_that_cannot_be_is_not_kept(tmp_path: Path, said: str) -> None:
    with opened(tmp_path) as ledger:
        asyncio.run(call(ledger, settled=settlement(reported_cost_usd=Decimal(said))))
        assert shown(ledger).reported_nano is None


def test_valid_rates_are_told_by_deployment_task_and_mode(tmp_path: Path) -> None:
    bad = settlement(outcome="invalid", validity=None)
    failed = settlement(outcome="failed", validity=None)
    with opened(tmp_path) as ledger:
        for number, (settled, mode) in enumerate(
            [(settlement(), "native"), (settlement(), "prompt"), (bad, "prompt"), (failed, "")]
        ):
            asyncio.run(call(ledger, str(number), settled=settled, schema_mode=mode))
        rates = ledger.queries.valid_rates()
        groups = [row.key for row in ledger.queries.costs("mode")]
        assert ledger.queries.valid_rates(since=1e12) == []
    assert [(r.deployment, r.task, r.mode, r.answers, r.rate) for r in rates] == [
        ("vendor", "triage", "native", 1, 1.0),
        ("vendor", "triage", "prompt", 2, 0.5),
    ]
    assert rates[1].exact == 1
    assert groups == ["", "native", "prompt"]
