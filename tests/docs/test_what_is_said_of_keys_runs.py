"""The commands of docs/keys.md run as they stand, one after the other."""

import re
import shlex
from pathlib import Path

import pytest

from cli.commands import here

PAGE = (Path(__file__).parents[2] / "docs" / "keys.md").read_text("utf-8")
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


def commands() -> list[list[str]]:
    text = "".join(body for kind, body in BLOCKS if kind == "sh").replace("\\\n", " ")
    return [shlex.split(line, comments=True)[1:] for line in text.splitlines() if line.strip()]


def test_every_command_about_keys_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (configuration,) = (body for kind, body in BLOCKS if kind == "yaml")
    (tmp_path / "aihandler.yaml").write_text(configuration)
    run = here(capsys)
    for command in commands():
        ran = run(*command)
        assert ran.code == 0, (command, ran.err)
        if command[:2] in (["keys", "create"], ["keys", "rotate"]) and "--json" not in command:
            assert ran.out.startswith("ahk_"), command
    verbs = {command[1] for command in commands() if command[0] == "keys"}
    assert verbs == {"create", "list", "rotate", "revoke"}


@pytest.mark.parametrize(
    "option",
    ["role", "user", "team", "project", "tenant", "task", "deployment", "route", "ceiling", "floor",
     "requests-per-minute", "tokens-per-minute", "budget", "expires"],
)  # fmt: skip
def test_every_option_of_a_key_is_told(option):
    assert f"`--{option}" in PAGE
