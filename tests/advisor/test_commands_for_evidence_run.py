"""The commands that an advice names for missing evidence."""

import shlex
from pathlib import Path

import pytest

from aihandler.advisor.company import Fact
from aihandler.advisor.evidence import evidence, pair, unready
from aihandler.cli.compare import command as compare
from aihandler.cli.dataset import command as dataset
from aihandler.config import load
from aihandler.config.configuration import Configuration

FILE = """\
version: 1
deployments:
  gpt: {backend: openai, model: gpt-5-mini, url: "https://x.test/v1",
    hosting: vendor, provider: openai, region: us}
  claude: {backend: openai, model: c, url: "https://y.test/v1",
    hosting: vendor, provider: other, region: us}
  llama: {backend: openai, model: llama, url: "http://localhost:8000/v1",
    hosting: self, provider: own, region: eu}
  qwen: {backend: openai, model: qwen, url: "http://localhost:8001/v1",
    hosting: self, provider: own, region: eu}
  short: {backend: builtin/summarise}
tasks:
  sum: {output: {text: true}, candidates: [qwen, claude]}
"""


@pytest.fixture
def configuration(tmp_path: Path) -> Configuration:
    file = tmp_path / "aihandler.yaml"
    file.write_text(FILE, encoding="utf-8")
    return load(file)


def commands(task: str, facts: dict[str, Fact], found: Configuration | None) -> tuple[str, ...]:
    return evidence(task, facts, examples=1546, margin_points=2.5, configuration=found)


def test_the_deployments_of_the_task_are_compared(configuration: Configuration) -> None:
    take, judge = commands("sum", {}, configuration)
    assert take.endswith("--task sum --limit 1546 --out sum.jsonl")
    assert judge.endswith("compare sum --deployments claude,qwen --data sum.jsonl --margin 2.5")
    assert unready("sum", {}, configuration) == ()


def test_what_a_profile_names_comes_first(configuration: Configuration) -> None:
    assert pair("sum", {"closed": "gpt", "open": "llama"}, configuration) == ("gpt", "llama")


def test_a_task_that_the_configuration_lacks_is_told(configuration: Configuration) -> None:
    assert pair("mail", {}, configuration) == ("gpt", "llama")
    assert unready("mail", {}, configuration) == ("put the task 'mail' into the configuration",)


def test_data_that_may_not_leave_is_compared_at_own_deployments(
    configuration: Configuration,
) -> None:
    assert pair("sum", {"data_may_leave": False}, configuration) == ("qwen", "llama")


def test_without_a_configuration_names_are_to_be_put_in() -> None:
    assert pair("sum", {}, None) == ("CLOSED", "OPEN")
    assert unready("sum", {}, None) == ("name deployments in place of CLOSED and OPEN",)


def test_the_command_line_knows_every_option_of_them(
    configuration: Configuration, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = evidence(
        "sum", {}, examples=9, margin_points=1, configuration=configuration, file="a b.yaml"
    )
    take, judge = map(shlex.split, lines)
    with dataset.commands["from-ledger"].make_context("x", take[3:]) as context:
        assert (context.params["task"], context.params["limit"]) == ("sum", 9)
        assert context.params["config"] == Path("a b.yaml")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sum.jsonl").touch()
    with compare.make_context("x", judge[2:]) as context:
        assert context.params["margin"] == 1
