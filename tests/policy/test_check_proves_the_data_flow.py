"""`prove`: what `aihandler check` says about a configuration before anything moves."""

import datetime

import msgspec
import pytest
from configurations import (
    BUILTIN,
    CONFIDENTIAL,
    EVERYWHERE,
    HOSTED,
    INTERNAL,
    LOCAL,
    OPEN_POLICY,
    PUBLIC,
    RESTRICTED,
    SELF,
    VENDORS,
    configured,
    task,
)

from aihandler.config.configuration import Helper
from aihandler.domain.attempt import Evidence
from aihandler.domain.deployment import HERE
from aihandler.domain.rules import DeploymentFilter, Policy
from aihandler.domain.task import (
    CheckStep,
    Default,
    Example,
    Examples,
    FunctionStep,
    TaskStep,
    Workflow,
)
from aihandler.policy import prove

TODAY = datetime.date(2026, 10, 1)


def proven(configuration, **more):
    return prove(configuration, today=TODAY, **more)


def found(proof, code):
    return [f for f in proof.findings if f.code == code]


def inbox(*steps, data_class=None):
    return {"inbox": Workflow("inbox", steps, data_class=data_class)}


def reachable(proof, data_class, place="triage", path="candidates"):
    return next(
        r.reachable
        for r in proof.table
        if (r.place, r.data_class, r.path) == (place, data_class, path)
    )


def test_a_sound_configuration_has_no_finding():
    asked = task("triage", "builtin", "local", "hosted", "vendors", otherwise="review")
    proof = proven(configured(asked))
    assert proof.findings == ()
    assert proof.ok


def test_the_table_shows_for_each_class_where_it_can_go_and_why_not():
    proof = proven(configured(task(otherwise="review")))
    assert reachable(proof, PUBLIC) == ("local", "hosted", "vendors")
    assert reachable(proof, RESTRICTED) == ("local",)
    assert reachable(proof, CONFIDENTIAL, path="fallback and escalation") == ("hosted",)
    row = next(r for r in proof.table if r.data_class is RESTRICTED)
    assert [(e.deployment, e.gate) for e in row.excluded] == [
        ("hosted", "class restricted"),
        ("vendors", "class restricted"),
    ]


def test_no_deployment_left_and_nothing_said_about_it_is_an_error():
    configuration = configured(task("triage", "vendors"), deployments=(VENDORS,))
    (finding,) = proven(configuration).errors
    assert finding.code == "no-deployment"
    assert "no deployment is left for confidential and restricted data" in finding.message
    assert "vendors: hosting is vendor" in finding.message
    assert "restricted" in finding.hint


@pytest.mark.parametrize("otherwise", ["review", Default("other")])
def test_a_review_or_a_default_stands_in_for_a_deployment(otherwise):
    configuration = configured(
        task("triage", "vendors", otherwise=otherwise), deployments=(VENDORS,)
    )
    assert proven(configuration).ok


def test_only_classes_that_reach_a_task_are_asked_about():
    workflow = inbox(TaskStep("triage", "triage"), data_class=CONFIDENTIAL)
    proof = proven(configured(task("triage", "local"), workflows=workflow))
    assert [r.data_class for r in proof.table] == [CONFIDENTIAL, RESTRICTED]
    assert {r.place for r in proof.table} == {"inbox / triage"}


def test_a_step_has_the_class_of_the_step_that_it_reads():
    secret = task("secret", "local", data_class=RESTRICTED)
    public = task("summary", "vendors")
    steps = (
        TaskStep("secret", "secret"),
        TaskStep("summary", "summary", reads={"text": "secret ~ ''"}),
    )
    workflows = inbox(*steps, data_class=PUBLIC)
    (finding,) = found(proven(configured(secret, public, workflows=workflows)), "no-deployment")
    assert finding.path == "tasks.summary.candidates"
    assert "inbox / summary" in finding.message


def test_a_step_that_reads_only_the_document_keeps_the_class_of_the_document():
    steps = (
        TaskStep("secret", "secret"),
        TaskStep("summary", "summary", when="document.kind == 'secret'"),
    )
    proof = proven(
        configured(
            task("secret", "local", data_class=RESTRICTED),
            task("summary", "vendors", otherwise="review"),
            workflows=inbox(*steps, data_class=PUBLIC),
        )
    )
    assert reachable(proof, PUBLIC, "inbox / summary") == ("vendors",)


@pytest.mark.parametrize(
    "between",
    [
        FunctionStep("between", "rules:enrich", "v1"),
        CheckStep("between", "secret == 'x'"),
        TaskStep("between", "other", when="secret == 'x'"),
    ],
)
def test_a_class_goes_through_functions_checks_and_conditions(between):
    steps = (
        TaskStep("secret", "secret"),
        between,
        TaskStep("summary", "summary", when="between"),
    )
    configuration = configured(
        task("secret", "local", data_class=RESTRICTED),
        task("other", "local"),
        task("summary", "vendors"),
        workflows=inbox(*steps, data_class=PUBLIC),
    )
    (finding,) = found(proven(configuration), "no-deployment")
    assert finding.path == "tasks.summary.candidates"


def test_examples_and_corrections_raise_the_class_of_a_task():
    examples = Examples((Example({"text": "a"}, "b"),), data_class=CONFIDENTIAL)
    proof = proven(configured(task(examples=examples, otherwise="review")))
    assert {r.data_class for r in proof.table} == {CONFIDENTIAL, RESTRICTED}
    proof = proven(configured(task(otherwise="review")), corrections={"triage": RESTRICTED})
    assert {r.data_class for r in proof.table} == {RESTRICTED}


def test_a_helper_that_sees_what_it_may_not_is_an_error():
    helper = Helper("search", "embedder", "vendors")
    (finding,) = proven(configured(task("triage", "local"), helpers=(helper,))).errors
    assert finding.code == "helper-not-allowed"
    assert "confidential data of triage" in finding.message
    assert "restricted data of triage" in finding.message
    assert "internal data" not in finding.message


@pytest.mark.parametrize("kind", ["embedder", "judge", "guard", "cache", "sink", "exporter"])
def test_every_kind_of_helper_is_a_destination(kind):
    helper = Helper("h", kind, "vendors", tasks=("triage",))
    proof = proven(configured(task("triage", "local"), helpers=(helper,)))
    assert found(proof, "helper-not-allowed")
    assert reachable(proof, PUBLIC, path=f"{kind} h") == ("vendors",)
    assert reachable(proof, RESTRICTED, path=f"{kind} h") == ()


def test_a_helper_of_other_tasks_is_not_in_the_way():
    helper = Helper("judge", "judge", "vendors", tasks=("open",))
    configuration = configured(
        task("triage", "local"), task("open", "vendors", otherwise="review"), helpers=(helper,),
        workflows=inbox(TaskStep("triage", "triage"), data_class=RESTRICTED),
    )  # fmt: skip
    (finding,) = found(proven(configuration), "helper-not-allowed")
    assert "triage" not in finding.message


def test_a_stated_class_below_everything_that_the_task_reads_is_an_error():
    asked = task("triage", "local", data_class=INTERNAL)
    workflow = inbox(TaskStep("triage", "triage"), data_class=CONFIDENTIAL)
    (finding,) = proven(configured(asked, workflows=workflow)).errors
    assert finding.code == "class-lowered"
    assert "states class internal" in finding.message
    assert "at least confidential" in finding.message


def test_a_stated_class_is_fine_where_some_use_is_as_low():
    asked = task("triage", "local", data_class=INTERNAL)
    workflows = {
        **inbox(TaskStep("triage", "triage"), data_class=CONFIDENTIAL),
        "open": Workflow("open", (TaskStep("triage", "triage"),), data_class=PUBLIC),
    }
    assert not found(proven(configured(asked, workflows=workflows)), "class-lowered")


def test_a_task_that_says_public_over_examples_that_do_not_is_an_error():
    asked = task("triage", "local", examples=Examples(source="tickets.csv"))
    lines = {"tasks.triage.class": 12}
    (finding,) = proven(configured(asked, lines=lines)).errors
    assert (finding.code, finding.line) == ("class-lowered", 12)
    assert not found(proven(configured(asked)), "class-lowered")


def test_examples_stated_below_their_corrections_are_an_error():
    examples = Examples(source="tickets.csv", data_class=PUBLIC)
    asked = task("triage", "local", examples=examples)
    proof = proven(configured(asked), corrections={"triage": RESTRICTED})
    assert [f.path for f in found(proof, "class-lowered")] == ["tasks.triage.examples.class"]


def test_a_step_above_the_class_of_its_workflow_is_pointed_out():
    workflow = inbox(
        TaskStep("open", "open"), TaskStep("secret", "secret"), data_class=CONFIDENTIAL
    )
    configuration = configured(
        task("open", "local"), task("secret", "local", data_class=RESTRICTED), workflows=workflow
    )
    (finding,) = found(proven(configuration), "class-raised")
    assert finding.level == "warning"
    assert "from step 'secret' on data is restricted" in finding.message


def test_auto_without_any_evidence_is_an_error():
    (finding,) = proven(configured(task("triage", "auto", otherwise="review"))).errors
    assert finding.code == "no-evidence"


def test_declared_or_measured_quality_is_evidence():
    asked = task("triage", "auto", otherwise="review", quality_target=0.9)
    declared = msgspec.structs.replace(LOCAL, quality={"triage": 0.95})
    assert proven(configured(asked, deployments=(declared,))).ok
    many = {("triage", "local"): Evidence(0.95, 50)}
    few = {("triage", "local"): Evidence(0.95, 49)}
    configuration = configured(asked, deployments=(LOCAL,))
    assert proven(configuration, measured=many).ok
    assert found(proven(configuration, measured=few), "no-evidence")


def test_auto_whose_evidence_misses_the_target_has_no_deployment_left():
    asked = task("triage", "auto", quality_target=0.9)
    measured = {("triage", "local"): Evidence(0.5, 100)}
    configuration = configured(asked, deployments=(LOCAL,))
    assert found(proven(configuration, measured=measured), "no-deployment")


def test_a_candidate_that_nothing_can_reach_is_a_warning():
    workflow = inbox(TaskStep("triage", "triage"), data_class=RESTRICTED)
    proof = proven(configured(task("triage", "local", "vendors"), workflows=workflow))
    (finding,) = found(proof, "candidate-unreachable")
    assert finding.level == "warning"
    assert "'vendors'" in finding.message


def test_a_deployment_that_nobody_names_is_a_warning():
    proof = proven(configured(task("triage", "local"), deployments=(LOCAL, HOSTED)))
    (finding,) = found(proof, "deployment-unused")
    assert "'hosted'" in finding.message


def test_a_deployment_without_a_price_is_a_warning_and_one_of_this_process_is_not():
    free = msgspec.structs.replace(LOCAL, price=None)
    configuration = configured(task("triage", "builtin", "local"), deployments=(BUILTIN, free))
    assert [f.path for f in found(proven(configuration), "unpriced")] == ["deployments.local"]


@pytest.mark.parametrize(
    ("days", "code"), [(61, None), (60, "retires-soon"), (1, "retires-soon"), (0, "retired")]
)
def test_a_deployment_near_its_end_is_a_warning_and_past_it_an_error(days, code):
    old = msgspec.structs.replace(LOCAL, retires=TODAY + datetime.timedelta(days))
    proof = proven(configured(task("triage", "local"), deployments=(old,)))
    assert [f.code for f in proof.findings] == ([code] if code else [])
    assert proof.ok is (code != "retired")


def test_here_is_no_region_for_another_machine():
    claimed = msgspec.structs.replace(VENDORS, region=HERE)
    configuration = configured(task("t", "vendors", otherwise="review"), deployments=(claimed,))
    assert found(proven(configuration), "region-claimed")


@pytest.mark.parametrize(
    ("url", "refused"),
    [
        ("http://127.0.0.1:11434/v1", False),
        ("http://localhost:8080/v1", False),
        ("http://[::1]:8080/v1", False),
        ("http://gpu-1:8000/v1", True),
        ("http://10.0.0.7:8000/v1", True),
    ],
)
def test_here_is_a_region_for_a_server_of_this_machine(url, refused):
    claimed = msgspec.structs.replace(LOCAL, region=HERE, urls=(url,))
    configuration = configured(task("t", "local", otherwise="review"), deployments=(claimed,))
    assert bool(found(proven(configuration), "region-claimed")) is refused


def test_a_class_that_a_lower_one_cuts_is_a_warning_that_says_what_to_add():
    policy = Policy(classes={PUBLIC: EVERYWHERE, CONFIDENTIAL: EVERYWHERE})
    asked = task(otherwise="review")
    (finding,) = found(proven(configured(asked, policy=policy)), "class-cut")
    assert finding.message.startswith(
        "`confidential` is cut by `internal`, which has no row and so reaches only self"
    )
    assert "hosted, vendors" in finding.message
    assert finding.hint == "add `internal: {...}`"


def test_a_narrower_rule_of_a_lower_class_is_named_as_the_one_that_cuts():
    classes = {**OPEN_POLICY.classes, INTERNAL: DeploymentFilter(hosting=(SELF,))}
    proof = proven(configured(task(otherwise="review"), policy=Policy(classes=classes)))
    (finding,) = found(proof, "class-cut")
    assert "cut by `internal`, whose rule is narrower: lost are hosted" in finding.message


def test_findings_carry_the_line_of_the_nearest_place_in_the_file():
    configuration = configured(
        task("triage", "vendors"), deployments=(VENDORS,), lines={"tasks.triage": 7, "tasks": 5}
    )
    assert proven(configuration).errors[0].line == 7


def test_errors_come_before_warnings():
    free = msgspec.structs.replace(VENDORS, price=None)
    levels = [
        f.level for f in proven(configured(task("t", "vendors"), deployments=(free,))).findings
    ]
    assert levels == ["error", "warning"]
