"""Where a request may go follows from its class, the rules and the gates, and from nothing else."""

import msgspec
import pytest
from configurations import (
    CONFIDENTIAL,
    EVERYWHERE,
    INTERNAL,
    LOCAL,
    OPEN_POLICY,
    PUBLIC,
    RESTRICTED,
    SELF,
    VENDOR,
    VENDORS,
    configured,
    task,
)

from aihandler.domain.labels import Labels
from aihandler.domain.rules import DeploymentFilter, Gate, Policy
from aihandler.errors import PolicyDenied
from aihandler.policy import clear


def allowed(configuration, asked, data_class):
    return sorted(clear(configuration, asked, Labels(data_class)).allowed)


def test_each_class_reaches_what_its_rule_admits():
    configuration = configured(task())
    everything = ["builtin", "hosted", "local", "vendors"]
    assert allowed(configuration, task(), PUBLIC) == everything
    assert allowed(configuration, task(), INTERNAL) == everything
    assert allowed(configuration, task(), CONFIDENTIAL) == ["builtin", "hosted", "local"]
    assert allowed(configuration, task(), RESTRICTED) == ["builtin", "local"]


def test_a_class_without_a_rule_reaches_only_self():
    configuration = configured(task(), policy=Policy())
    for data_class in (PUBLIC, INTERNAL, CONFIDENTIAL, RESTRICTED):
        assert allowed(configuration, task(), data_class) == ["builtin", "local"]


def test_a_higher_class_with_a_wider_rule_is_cut_by_the_lower_ones():
    policy = Policy(classes={PUBLIC: EVERYWHERE, CONFIDENTIAL: EVERYWHERE})
    configuration = configured(task(), policy=policy)
    assert "vendors" in allowed(configuration, task(), PUBLIC)
    assert "vendors" not in allowed(configuration, task(), CONFIDENTIAL)


def test_the_reason_names_the_class_that_cuts_and_that_it_has_no_rule():
    policy = Policy(classes={PUBLIC: EVERYWHERE, CONFIDENTIAL: EVERYWHERE})
    clearance = clear(configured(task(), policy=policy), task(), Labels(CONFIDENTIAL))
    exclusion = next(e for e in clearance.exclusions if e.deployment == "vendors")
    assert exclusion.gate == "class internal"
    assert "internal has no rule, so only self" in exclusion.reason


def test_a_gate_holds_only_for_the_tasks_that_it_is_for():
    require = DeploymentFilter(hosting=(SELF,))
    gate = Gate("customers", require, customer_facing=True, stakes=("high",))
    policy = msgspec.structs.replace(OPEN_POLICY, gates=(gate,))
    configuration = configured(task(), policy=policy)
    assert "vendors" in allowed(configuration, task(customer_facing=True), PUBLIC)
    assert "vendors" in allowed(configuration, task(stakes="high"), PUBLIC)
    both = task(customer_facing=True, stakes="high")
    assert allowed(configuration, both, PUBLIC) == ["builtin", "local"]


def test_a_deployment_is_named_once_with_the_first_gate_that_took_it_out():
    gate = Gate("no-vendors", DeploymentFilter(hosting=(SELF,)))
    policy = msgspec.structs.replace(OPEN_POLICY, gates=(gate,))
    clearance = clear(configured(task(), policy=policy), task(), Labels(CONFIDENTIAL))
    named = [(e.deployment, e.gate) for e in clearance.exclusions]
    assert named == [("vendors", "class confidential"), ("hosted", "no-vendors")]


def test_an_unknown_region_matches_no_region_rule():
    nowhere = msgspec.structs.replace(LOCAL, region="")
    policy = Policy(classes={PUBLIC: DeploymentFilter(region=("eu", "us"))})
    configuration = configured(task(), policy=policy, deployments=(nowhere,))
    assert allowed(configuration, task(), PUBLIC) == []


def test_another_deployment_of_the_same_name_is_not_let_through():
    clearance = clear(configured(task()), task(), Labels(RESTRICTED))
    clearance.require(LOCAL)
    for swapped in (
        msgspec.structs.replace(LOCAL, hosting=VENDOR),
        msgspec.structs.replace(LOCAL, urls=("https://api.openai.com/v1",)),
        msgspec.structs.replace(VENDORS, name="local"),
    ):
        with pytest.raises(PolicyDenied):
            clearance.require(swapped)


def test_a_clearance_covers_helpers_that_are_no_candidates():
    assert "builtin" in allowed(configured(task("t", "local")), task("t", "local"), RESTRICTED)


def test_an_allow_list_cannot_be_changed_afterwards():
    clearance = clear(configured(task()), task(), Labels(RESTRICTED))
    for change in (
        lambda: clearance.allowed.update(vendors=VENDORS.identity),
        lambda: clearance.allowed.__setitem__("vendors", VENDORS.identity),
        lambda: clearance.allowed.__ior__({"vendors": VENDORS.identity}),
    ):
        with pytest.raises(TypeError):
            change()
    assert msgspec.json.decode(msgspec.json.encode(clearance))["allowed"].keys() == {
        "builtin",
        "local",
    }


def test_labels_below_the_class_of_the_task_are_raised_to_it():
    secret = task(data_class=RESTRICTED)
    clearance = clear(configured(secret), secret, Labels(PUBLIC))
    assert clearance.data_class is RESTRICTED
    assert "vendors" not in clearance.allowed
