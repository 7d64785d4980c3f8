"""A workflow can be written in Python; it is checked as one of the file is."""

import asyncio
from pathlib import Path

import pytest

from aihandler.domain.task import CheckStep, TaskStep, Workflow
from aihandler.errors import ConfigError
from aihandler.testing import FakeServer
from aihandler.workflow.graph import function_step
from workflow.offices import answer, office
from workflow.python_steps import shout


def test_steps_in_python_run_like_those_of_the_file(tmp_path: Path) -> None:
    written = Workflow(
        "written",
        (
            TaskStep("triage", "triage"),
            function_step(shout, uses=["triage"]),
            CheckStep("loud", "shout == 'bug!'"),
        ),
    )

    async def go() -> object:
        async with FakeServer(answer) as server, office(tmp_path, server.url) as handler:
            (result,) = [r async for r in handler.map(written, ["it crashes"])]
            return {name: step.state for name, step in result.steps.items()}

    assert asyncio.run(go()) == {"triage": "done", "shout": "done", "loud": "done"}


def test_all_mistakes_are_told_before_anything_runs(tmp_path: Path) -> None:
    wrong = Workflow(
        "wrong",
        (
            TaskStep("a", "triag"),
            CheckStep("b", "later == 1"),
            function_step(shout, uses=["nobody"]),
        ),
    )
    with office(tmp_path, "http://127.0.0.1:1") as handler, pytest.raises(ConfigError) as caught:
        handler.workflow(wrong)
    for told in ("'triag'", "'triage'", "'later'", "'nobody'"):
        assert told in caught.value.message
