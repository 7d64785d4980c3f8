"""Fills a task's prompt for one model family."""

from collections.abc import Mapping

import msgspec

from aihandler.config.templates import Template
from aihandler.domain.conversation import Message, Role, message
from aihandler.domain.deployment import Deployment
from aihandler.domain.task import Example, JsonOutput, Prompt, Task

# Clients name forms of their own, each a version: what they name is not remembered for ever.
_KEPT = 512


class Prompts:
    """Compiles each prompt once. A family without a variant of its own gets the task's prompt."""

    def __init__(self) -> None:
        self._compiled: dict[tuple[str, str], tuple[tuple[Role, Template], ...]] = {}

    def messages(
        self, task: Task, deployment: Deployment, fields: Mapping[str, str]
    ) -> tuple[Message, ...]:
        """The conversation to send: system messages, examples shown, then the request."""
        family = deployment.model.family if deployment.model.family in task.variants else ""
        filled = [
            message(role, template.render(fields))
            for role, template in self._templates(task, family)
        ]
        return _with_shots(task, filled)

    def _templates(self, task: Task, family: str) -> tuple[tuple[Role, Template], ...]:
        known = (task.version, family)
        if known not in self._compiled:
            if len(self._compiled) >= _KEPT:
                self._compiled.clear()
            prompt = task.variants[family] if family else task.prompt
            where = f"tasks.{task.name}.prompt"
            self._compiled[known] = tuple(
                (m.role, Template(m.template, where=where)) for m in (prompt or Prompt(())).messages
            )
        return self._compiled[known]


def _with_shots(task: Task, filled: list[Message]) -> tuple[Message, ...]:
    if not task.shots:
        return tuple(filled)
    shots = [turn for example in task.examples.rows[: task.shots] for turn in _shot(task, example)]
    # Examples stand before the last user message, as earlier turns of the same conversation.
    return (*filled[:-1], *shots, *filled[-1:])


def _shot(task: Task, example: Example) -> tuple[Message, Message]:
    asked = "\n".join(example.fields.get(name, "") for name in task.fields)
    return message("user", asked), message("assistant", _written(task, example.expected))


def _written(task: Task, expected: object) -> str:
    if isinstance(task.output, JsonOutput):
        return msgspec.json.encode(expected).decode()
    return str(expected)
