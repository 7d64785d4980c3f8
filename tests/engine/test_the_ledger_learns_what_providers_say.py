"""An attempt's entry tells how it was asked for and what the provider said of itself."""

import json
from decimal import Decimal

import pytest

from aihandler.domain.answer import Reply
from aihandler.domain.conversation import Text
from aihandler.domain.schemas import SchemaMeans
from aihandler.domain.task import JsonOutput
from aihandler.domain.usage import Usage
from aihandler.testing import FakeCaller
from engine.bench_of_fakes import Fakes, call, near_and_far, task

SCHEMA = {
    "type": "object",
    "properties": {"age": {"type": "integer", "minimum": 3}},
    "required": ["age"],
    "additionalProperties": False,
}


class Offering(FakeCaller):
    def schema_means(self, request, deployment, *, streamed):
        return (SchemaMeans("native", "openai-strict"), SchemaMeans("prompt"))


def said(**extra):
    return Reply((Text("bug"),), "stop", Usage(10, output=5), fingerprint="fp_1", extra=extra)


def test_the_mode_of_a_schema_is_written_before_it_is_sent():
    fakes = Fakes({"near": Offering(json.dumps({"age": 4})), "far": FakeCaller("")})
    fakes.run(call(task(output=JsonOutput(SCHEMA))))
    (entry,) = fakes.journal.entries
    assert entry.intent.schema_mode == "native"
    assert entry.intent.enforced in {"full", "partial"}


def test_a_task_without_a_schema_names_no_mode():
    fakes, _, _ = near_and_far("billing")
    fakes.run(call(task()))
    intent = fakes.journal.entries[0].intent
    assert (intent.schema_mode, intent.enforced, intent.dropped) == ("", "", 0)


def test_fingerprint_tier_and_reported_cost_are_kept():
    left = {"reply": {"service_tier": "default"}}
    reply = said(**{"openai.chat": left, "reported_cost_usd": "0.00042"})
    fakes, _, _ = near_and_far(reply)
    fakes.run(call(task()))
    settled = fakes.journal.entries[0].settlement
    assert (settled.fingerprint, settled.tier) == ("fp_1", "default")
    assert settled.reported_cost_usd == Decimal("0.00042")
    assert settled.cost.status == "priced"


@pytest.mark.parametrize(("tier", "status"), [("", "priced"), ("priority", "unpriced")])
def test_a_tier_without_a_price_is_not_charged_at_the_standard_one(tier, status):
    fakes, _, _ = near_and_far(said(service_tier=tier))
    fakes.run(call(task()))
    assert fakes.journal.entries[0].settlement.cost.status == status
