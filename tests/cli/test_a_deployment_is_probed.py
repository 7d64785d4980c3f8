"""`aihandler probe` finds out what a server really does, and what it found holds from then on."""

import pytest
from click.testing import CliRunner

from aihandler import Handler
from aihandler.cli import cli
from aihandler.domain.conversation import Request, message
from aihandler.domain.task import JsonOutput
from aihandler.testing import FakeServer

CONFIGURATION = """
version: 1
deployments:
  near: {{backend: openai, url: "{url}", model: m-1, hosting: self, profile: vllm}}
policy:
  public: {{hosting: [self]}}
"""


@pytest.fixture
def near(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with FakeServer("Hello there.") as server:
        (tmp_path / "aihandler.yaml").write_text(CONFIGURATION.format(url=server.url))
        yield server


def run(*arguments):
    done = CliRunner().invoke(cli, list(arguments), catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


def test_what_it_would_ask_is_said_and_nothing_is_asked(near):
    assert "at most" in run("probe", "near", "--dry-run")
    assert near.calls == 0


def test_a_server_that_ignores_all_is_found_out_and_each_question_is_booked(near):
    run("probe", "near")
    assert near.calls > 20
    assert '"probe"' in run("costs", "--by", "task", "--json")
    asked = near.calls
    run("probe", "near", "--if-changed")
    assert near.calls == asked


def test_what_was_found_stands_above_the_row_that_ships(near):
    run("probe", "near")
    with Handler.load("aihandler.yaml") as handler:
        caller = handler.caller(handler.deployment("near"))
        wanted = Request("t", (message("user", "hi"),), output=JsonOutput({"type": "object"}))
        means = caller.schema_means(wanted, handler.deployment("near"), streamed=False)
    assert [rung.mode for rung in means] == ["prompt"]
