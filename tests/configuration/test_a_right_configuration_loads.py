import datetime
import os
import shutil
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest

from aihandler.config import load
from aihandler.domain.deployment import Hosting, Secret
from aihandler.domain.labels import DataClass
from aihandler.domain.task import (
    CheckStep,
    Default,
    Example,
    FunctionStep,
    JsonOutput,
    LabelOutput,
    TaskStep,
    TextOutput,
)

RIGHT = Path(__file__).parents[1] / "data" / "configs" / "right"


@pytest.fixture
def folder(tmp_path):
    shutil.copytree(RIGHT, tmp_path, dirs_exist_ok=True)
    return tmp_path


@pytest.fixture
def whole(folder):
    return load(folder / "aihandler.yaml")


def test_a_vendor_deployment_keeps_exact_prices_and_no_secret(whole, folder):
    claude = whole.deployments["claude"]
    assert claude.price.reasoning == Decimal("0.10000000000000000001")
    assert claude.price.as_of == datetime.date(2026, 10, 1)
    assert claude.key == Secret("env", "ANTHROPIC_API_KEY")
    assert claude.urls == ("https://api.anthropic.com/v1",)
    assert claude.agreements == {"no_training", "dpa"}
    assert claude.retires == datetime.date(2027, 3, 1)
    assert whole.deployments["llama"].key == Secret("file", str(folder / "secrets/llama"))


def test_a_deployment_takes_the_model_that_the_file_describes(whole):
    llama = whole.deployments["llama"]
    assert llama.model.family == "llama"
    assert llama.model.open.weights
    assert llama.hourly_cost.usd_per_hour == Decimal("5.9")
    assert len(llama.urls) == 2
    assert whole.deployments["claude"].model.name == "claude-sonnet-4-5"


def test_a_builtin_model_runs_here_and_is_ours(whole):
    intents = whole.deployments["intents"]
    assert (intents.hosting, intents.region) == (Hosting.SELF, "here")
    assert intents.in_process


def test_a_word_where_a_list_is_expected_is_a_list_of_one(whole):
    rule = whole.policy.classes[DataClass.RESTRICTED]
    assert rule.hosting == (Hosting.SELF,)
    assert whole.policy.classes[DataClass.CONFIDENTIAL].region == ("eu",)
    assert DataClass.INTERNAL not in whole.policy.classes


def test_shipped_gates_can_be_replaced_and_switched_off(whole):
    gates = {gate.name: gate for gate in whole.policy.gates}
    assert set(gates) == {"customer-facing", "local-triage"}
    assert gates["customer-facing"].require.agreements == ("sla", "dpa")


def test_gates_are_shipped(tmp_path):
    (tmp_path / "aihandler.yaml").write_text("version: 1\n")
    gates = {gate.name: gate for gate in load(tmp_path / "aihandler.yaml").policy.gates}
    assert gates["customer-facing"].require.agreements == ("sla",)
    assert gates["high-stakes"].stakes == ("high",)
    assert gates["high-stakes"].require.agreements == ("sla", "dpa")


def test_a_task_has_all_that_the_file_says(whole):
    triage = whole.tasks["triage"]
    assert triage.output == LabelOutput(("billing", "bug"))
    assert triage.prompt.messages[0].template.startswith("Sort into")
    assert triage.variants["llama"].messages[0].template.startswith("One word")
    assert triage.examples.rows[0] == Example({"text": "My invoice is wrong"}, "billing")
    assert triage.examples.data_class is DataClass.INTERNAL
    assert triage.candidates == ("intents", "llama", "claude")
    assert triage.otherwise == Default("bug")
    assert triage.limits.latency_s == 2
    assert (triage.quality_target, triage.min_confidence) == (0.95, 0.8)
    assert whole.tasks["answer"].output == TextOutput(160)
    assert [m.role for m in whole.tasks["answer"].prompt.messages] == ["system", "user"]


def test_auto_and_what_is_left_out_mean_every_candidate(whole):
    assert whole.tasks["extract"].candidates is None
    assert whole.tasks["answer"].candidates is None


def test_a_schema_is_made_whole_from_files_of_the_folder(whole):
    output = whole.tasks["extract"].output
    assert isinstance(output, JsonOutput)
    assert output.schema["properties"]["total"] == {
        "$ref": "#/$defs/shared~1money.json/$defs/amount"
    }
    line = output.schema["$defs"]["shared/money.json"]["$defs"]["line"]
    assert line["properties"]["amount"]["$ref"] == "#/$defs/shared~1money.json/$defs/amount"
    assert output.arithmetic == ("sum(lines, 'amount') == total",)


def test_examples_of_a_schema_are_whole_or_column_by_column(whole):
    rows = whole.tasks["extract"].examples.rows
    assert rows[0].expected == {"total": 3, "lines": []}
    assert rows[1].expected == {"total": 4.5, "lines": [{"amount": 4.5}]}
    assert rows[1].fields == {"text": "Total 4.5", "kind": "invoice"}
    assert whole.tasks["extract"].examples.data_class is DataClass.CONFIDENTIAL


def test_a_python_type_gives_its_schema_with_its_keys_at_the_root(whole):
    output = whole.tasks["address"].output
    assert output.python_type == "right_code:Address"
    assert set(output.schema["properties"]) == {"street", "place"}
    assert output.schema["$defs"]["Place"]["required"] == ["city"]


@pytest.mark.parametrize("name", ["Person", "Row", "LikePydantic"])
def test_dataclasses_typed_dicts_and_pydantic_models_are_types_too(name, folder):
    (folder / "t.yaml").write_text(
        f'version: 1\ntasks: {{t: {{output: {{type: "right_code:{name}"}}}}}}'
    )
    assert load(folder / "t.yaml").tasks["t"].output.schema["properties"]


def test_the_folder_is_on_the_module_path_only_while_importing(folder):
    before = list(sys.path)
    load(folder / "aihandler.yaml")
    assert sys.path == before


def test_two_folders_may_each_have_a_module_of_the_same_name(tmp_path):
    versions = []
    for name, body in (("a", "return 1"), ("b", "return 2")):
        place = tmp_path / name
        place.mkdir()
        (place / "same_name.py").write_text(f"def f(document, results):\n    {body}\n")
        (place / "c.yaml").write_text(
            'version: 1\nworkflows: {w: {steps: [{function: "same_name:f"}]}}'
        )
        versions.append(load(place / "c.yaml").workflows["w"].steps[0].version)
    assert versions[0] != versions[1]


def test_a_workflow_has_its_steps_in_order(whole):
    workflow = whole.workflows["inbox"]
    triage, extract, enrich, sane = workflow.steps
    assert triage == TaskStep("triage", "triage")
    assert isinstance(extract, TaskStep)
    assert extract.reads == {"text": "document.body", "kind": "triage"}
    assert isinstance(enrich, FunctionStep)
    assert len(enrich.version) == 32
    assert sane == CheckStep("sane", "extract.total >= 0 and enrich.known")
    assert workflow.data_class is DataClass.CONFIDENTIAL
    assert workflow.tags == {"customer": "acme"}


def test_keys_helpers_and_ledger_are_there(whole):
    assert whole.policy.keys["ci"].ceiling is DataClass.INTERNAL
    assert whole.helpers[0].tasks == ("triage",)
    assert whole.ledger.encryption_key == Secret("env", "AIHANDLER_CONTENT_KEY")
    assert whole.ledger.retention_days == 90


def test_every_place_has_its_line(whole):
    text = (RIGHT / "aihandler.yaml").read_text().splitlines()
    assert "shots: 2" in text[whole.lines["tasks.triage.shots"] - 1]
    assert "name: sane" in text[whole.lines["workflows.inbox.steps[3].name"] - 1]


def test_code_is_not_imported_when_it_is_not_wanted(folder):
    (folder / "right_code.py").write_text("raise RuntimeError('imported')")
    whole = load(folder / "aihandler.yaml", import_code=False)
    assert whole.workflows["inbox"].steps[2].version == ""
    assert whole.tasks["address"].output.python_type == "right_code:Address"


def test_empty_sections_are_no_mistake(tmp_path):
    (tmp_path / "a.yaml").write_text("version: 1\ntasks:\n  # later\nworkflows:\n")
    assert load(tmp_path / "a.yaml").tasks == {}


CHANGES = {
    "prompts/triage.md": ("Sort into", "Put into"),
    "prompts/triage.llama.md": ("One word", "A word"),
    "tickets.csv": ("My invoice", "Our invoice"),
    "aihandler.yaml": ("[billing, bug]", "[billing, bug, other]"),
}


@pytest.mark.parametrize("file", CHANGES)
def test_a_task_has_another_version_when_a_right_answer_may_be_another(file, folder, whole):
    _change(folder / file, *CHANGES[file])
    changed = load(folder / "aihandler.yaml")
    assert changed.tasks["triage"].version != whole.tasks["triage"].version
    assert changed.tasks["answer"].version == whole.tasks["answer"].version


def test_a_schema_in_another_file_counts_too(folder, whole):
    _change(folder / "shared/money.json", "0.0", "1.0")
    changed = load(folder / "aihandler.yaml")
    assert changed.tasks["extract"].version != whole.tasks["extract"].version


@pytest.mark.parametrize(
    "change",
    [
        ("It crashes again", "It crashes twice"),
        ("cost_usd: 0.01", "cost_usd: 0.02"),
        ("intents, ", ""),
    ],
)
def test_examples_not_shown_limits_and_candidates_leave_the_version_alone(change, folder, whole):
    _change(folder / "tickets.csv", *change)
    _change(folder / "aihandler.yaml", *change)
    assert load(folder / "aihandler.yaml").tasks["triage"].version == whole.tasks["triage"].version


def test_a_function_has_another_version_when_its_source_changes(folder):
    # In processes of their own: a module is imported once in each.
    code = (
        "import sys; from pathlib import Path; from aihandler.config import load;"
        "print(load(Path(sys.argv[1])).workflows['inbox'].steps[2].version)"
    )
    versions = []
    for change in (("", ""), ("True}", "False}")):
        _change(folder / "right_code.py", *change)
        run = [sys.executable, "-c", code, str(folder / "aihandler.yaml")]
        environ = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
        versions.append(subprocess.check_output(run, text=True, env=environ))
    assert versions[0] != versions[1]


@pytest.mark.parametrize(
    ("output", "wanted"),
    [
        ("{label: [billing, bug]}", "- billing\n- bug"),
        ("{text: {max_chars: 80}}", "at most 80 characters"),
        ('{schema: {properties: {"{{x}}": {type: string}}}}', '"{{x}}"'),
    ],
)
def test_a_task_without_a_prompt_gets_one_that_says_what_is_wanted(output, wanted, tmp_path):
    from aihandler.config.templates import Template

    text = f"version: 1\ntasks: {{t: {{output: {output}, input: [text, subject]}}}}"
    (tmp_path / "a.yaml").write_text(text)
    system, user = load(tmp_path / "a.yaml").tasks["t"].prompt.messages
    assert wanted in Template(system.template).render({"text": "T", "subject": "S"})
    assert (
        Template(user.template).render({"text": "T", "subject": "S"}) == "text:\nT\n\nsubject:\nS"
    )


def _change(file: Path, old: str, new: str) -> None:
    file.write_text(file.read_text().replace(old, new))
