from decimal import Decimal

import pytest

from aihandler.backends.told import Told, told
from aihandler.domain.answer import Reply


def reply(**extra: object) -> Reply:
    return Reply((), "stop", extra=extra)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("extra", "tier"),
    [
        ({}, ""),
        ({"openai.chat": {"reply": {"service_tier": "flex"}}}, "flex"),
        ({"service_tier": "priority"}, "priority"),
        ({"usage": {"service_tier": "batch"}}, "batch"),
        ({"usage": {"service_tier": "standard", "speed": "fast"}}, "fast"),
        ({"usageMetadata": {"trafficType": "ON_DEMAND_FLEX"}}, "ON_DEMAND_FLEX"),
        ({"serviceTier": {"type": "default"}}, "default"),
        ({"service_tier": None, "usage": [], "serviceTier": 3}, ""),
    ],
)
def test_the_tier_is_found_where_each_format_has_it(extra: dict[str, object], tier: str) -> None:
    assert told(reply(**extra)).tier == tier


def test_the_cost_is_exact() -> None:
    assert told(reply(reported_cost_usd="7.159e-05")).cost_usd == Decimal("0.00007159")


@pytest.mark.parametrize("said", ["much", "", None, 3, []])
def test_a_cost_that_is_none_is_passed_over(said: object) -> None:
    assert told(reply(reported_cost_usd=said)) == Told()
