"""What the role of a key lets its holder see and ask."""

import pytest

from aihandler.domain.api_key import ROUTES, ApiKey
from aihandler.errors import Refused
from aihandler.gateway.admission import Asker, _asker
from aihandler.gateway.pages import may_see
from aihandler.ledger import CallRecord

LOOKING = {"/v1/models", "/v1/calls", "/metrics"}


def asker(role="member", **rights) -> Asker:
    return _asker(ApiKey(id="k", prefix="k", name="ann", role=role, **rights))


def asks(one: Asker) -> set[str]:
    return {path for path in ROUTES if allowed(one, path)}


def allowed(one: Asker, path: str) -> bool:
    try:
        one.require_route(path)
    except Refused:
        return False
    return True


@pytest.mark.parametrize("role", ["member", "operator", "admin"])
def test_members_operators_and_admins_may_ask_models(role):
    assert asks(asker(role)) == set(ROUTES)


def test_an_auditor_looks_and_asks_no_model_unless_its_routes_say_so():
    assert asks(asker("auditor")) == LOOKING
    assert asks(asker("auditor", routes=("/v1/embeddings",))) == {"/v1/embeddings"}


def test_what_an_auditor_may_not_ask_is_told_with_the_way_to_it():
    with pytest.raises(Refused, match="auditor") as refused:
        asker("auditor").require_route("/v1/messages")
    assert "--role auditor --route" in refused.value.hint


@pytest.mark.parametrize(
    ("role", "tenant", "seen"),
    [
        ("member", "A", {"own"}),
        ("auditor", "A", {"own", "A"}),
        ("operator", "A", {"own", "A"}),
        ("admin", "A", {"own", "A"}),
        ("auditor", "", {"none"}),
        ("operator", "", {"none"}),
        ("admin", "", {"own", "A", "B", "none"}),
    ],
)
def test_who_sees_whose_calls(role, tenant, seen):
    calls = {
        "own": call("A", key="ann"),
        "A": call("A", key="bob"),
        "B": call("B", key="bob"),
        "none": call("", key="bob"),
    }
    one = asker(role, tenant=tenant)
    assert {name for name, made in calls.items() if may_see(one, made)} == seen


def call(tenant: str, *, key: str) -> CallRecord:
    return CallRecord(
        call_id="c",
        task="t",
        task_version="1",
        data_class="internal",
        run_id="",
        document_id="",
        step="",
        tenant=tenant,
        tags={"key": key},
        clearance="",
        could_go=(),
        attempts=(),
    )
