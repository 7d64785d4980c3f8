"""Attacks on the rules with configurations that nobody would write."""

import datetime

import msgspec
from configurations import classes, configurations, deployments, filters
from hypothesis import given, settings
from hypothesis import strategies as st

from aihandler.domain.deployment import HERE, Hosting
from aihandler.domain.labels import DataClass, Labels
from aihandler.policy import clear, prove

SELDOM = settings(max_examples=60, deadline=None)
TODAY = datetime.date(2026, 10, 1)


def admits(rule, deployment):
    """A reading of a rule that shares no line with the one under test."""
    conditions = []
    if rule.hosting is not None:
        conditions.append(deployment.hosting in rule.hosting)
    if rule.region is not None:
        at = deployment.region
        under = {"-".join(at.split("-")[:n]) for n in range(1, at.count("-") + 2)} - {""}
        conditions.append(at == HERE or bool(under & set(rule.region)))
    if rule.provider is not None:
        conditions.append(deployment.provider in rule.provider)
    if rule.licence is not None:
        conditions.append(deployment.model.licence in rule.licence)
    if rule.agreements is not None:
        conditions.append(set(rule.agreements) <= deployment.agreements)
    if rule.deployments is not None:
        conditions.append(deployment.name in rule.deployments)
    if rule.open_weights is not None:
        conditions.append(deployment.model.open.weights is rule.open_weights)
    return all(conditions)


def may_go(configuration, task, data_class, deployment):
    read = [data_class, task.data_class]
    if task.shots or task.examples.rows:
        read.append(task.examples.data_class)
    order = list(DataClass)
    reached = order[: max(order.index(c) for c in read) + 1]
    for c in reached:
        rule = configuration.policy.classes.get(c)
        if rule is None:
            if deployment.hosting is not Hosting.SELF:
                return False
        elif not admits(rule, deployment):
            return False
    for gate in configuration.policy.gates:
        applies = gate.customer_facing in (None, task.customer_facing)
        applies &= gate.stakes is None or task.stakes in gate.stakes
        applies &= gate.tasks is None or task.name in gate.tasks
        if applies and not admits(gate.require, deployment):
            return False
    return True


@SELDOM
@given(configurations(), classes)
def test_what_is_cleared_is_exactly_what_a_plain_reading_of_the_rules_admits(
    configuration, data_class
):
    for task in configuration.tasks.values():
        clearance = clear(configuration, task, Labels(data_class))
        expected = {
            name
            for name, d in configuration.deployments.items()
            if may_go(configuration, task, data_class, d)
        }
        assert set(clearance.allowed) == expected
        assert {e.deployment for e in clearance.exclusions} == (
            set(configuration.deployments) - expected
        )
        assert all(e.reason and e.gate for e in clearance.exclusions)


@SELDOM
@given(configurations(), classes, classes)
def test_raising_a_class_never_opens_a_door(configuration, one, other):
    low, high = sorted((one, other), key=lambda c: c.rank)
    for task in configuration.tasks.values():
        below = clear(configuration, task, Labels(low)).allowed
        above = clear(configuration, task, Labels(high)).allowed
        assert set(above) <= set(below)


@SELDOM
@given(configurations(), classes)
def test_clearing_twice_gives_the_same_and_leaves_the_input_as_it_was(configuration, data_class):
    before = msgspec.json.encode(configuration)
    for task in configuration.tasks.values():
        first = clear(configuration, task, Labels(data_class))
        second = clear(configuration, task, Labels(data_class))
        assert first == second
        assert first.fingerprint == second.fingerprint
    assert msgspec.json.encode(configuration) == before


@SELDOM
@given(configurations(), classes, deployments)
def test_no_other_deployment_passes_under_a_name_that_was_cleared(
    configuration, data_class, others
):
    for task in configuration.tasks.values():
        clearance = clear(configuration, task, Labels(data_class))
        known = {d.identity for d in configuration.deployments.values()}
        assert not any(clearance.permits(d) for d in others if d.identity not in known)


@SELDOM
@given(filters, deployments)
def test_a_deployment_whose_region_is_not_stated_passes_no_region_rule(rule, found):
    rule = msgspec.structs.replace(rule, region=rule.region or ("eu",))
    for deployment in found:
        if deployment.region == "":
            assert rule.objection(deployment) is not None


@settings(max_examples=40, deadline=None)
@given(configurations(), st.dictionaries(st.sampled_from(["one", "two"]), classes))
def test_the_proof_is_the_same_twice_and_shows_nothing_that_clear_forbids(
    configuration, corrections
):
    proof = prove(configuration, today=TODAY, corrections=corrections)
    assert proof == prove(configuration, today=TODAY, corrections=corrections)
    for row in proof.table:
        clearance = clear(configuration, configuration.tasks[row.task], Labels(row.data_class))
        assert set(row.reachable) <= set(clearance.allowed)


@settings(max_examples=40, deadline=None)
@given(configurations(), classes)
def test_without_an_error_every_class_finds_a_deployment_or_a_review(configuration, data_class):
    proof = prove(configuration, today=TODAY)
    if not proof.ok:
        return
    for task in configuration.tasks.values():
        rows = [r for r in proof.table if r.task == task.name and r.path == "candidates"]
        assert {r.data_class for r in rows} >= {DataClass.RESTRICTED}
        assert task.otherwise != "error" or all(r.reachable for r in rows)
