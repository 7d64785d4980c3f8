"""Judges the tool calls of a reply as answers are judged: is it offered, do its arguments fit?"""

from collections.abc import Sequence

import msgspec

from aihandler.domain.answer import Reply
from aihandler.domain.conversation import Message
from aihandler.domain.parts import Part, Text, Thinking, ToolCall, ToolResult
from aihandler.domain.task import AskedOutput
from aihandler.domain.tools import AnyTool, Tool, ToolChoice
from aihandler.errors import ConfigError, InputError
from aihandler.validation.reask import MAX_PROBLEM_CHARS, MAX_PROBLEMS
from aihandler.validation.validator import Validator
from aihandler.validation.verdict import Problem, State, Verdict, name

_encode = msgspec.json.Encoder().encode
# A tool without parameters takes an object all the same.
_ANY_OBJECT = {"type": "object"}
# Compiling all schemas of one reply's calls takes no longer than compiling one of the largest.
_MAX_WEIGHT = 128 * 1024


class ToolJudge:
    """Judges the calls of one offer of tools. Schemas are compiled when a call first needs one.

    A call of a provider's own tool, or of a tool whose schema cannot be compiled within bounds, is
    let through: nothing is known of its arguments.
    """

    def __init__(self, tools: Sequence[AnyTool], choice: ToolChoice | None = None) -> None:
        self._tools = {tool.name: tool for tool in tools if isinstance(tool, Tool)}
        self._foreign = len(self._tools) < len(tools)
        self._choice = choice or ToolChoice()
        self._validators: dict[str, Validator | None] = {}
        self._weight = 0

    def check(self, reply: Reply) -> tuple[Verdict, Reply]:
        """The verdict on all calls, and the reply with what could be put right in them.

        Problems point into the calls of the reply: `/0/arguments/city`.
        """
        calls = [part for part in reply.parts if isinstance(part, ToolCall)]
        if reply.finish == "length" and calls:
            cut = Problem("", "the reply was cut amid its calls", "form")
            return _of("truncated", [cut]), reply
        problems = self._problems_of_choice(calls)
        notes: list[str] = []
        judged = [
            self._call(call, place, problems=problems, notes=notes)
            for place, call in enumerate(calls)
        ]
        if problems:
            return _of("invalid", problems), reply
        if not notes:
            return Verdict("exact"), reply
        following = iter(judged)
        parts: list[Part] = [
            next(following) if isinstance(part, ToolCall) else part for part in reply.parts
        ]
        corrected = msgspec.structs.replace(reply, parts=tuple(parts), raw=b"")
        return Verdict("repaired", notes=tuple(notes)), corrected

    def _problems_of_choice(self, calls: list[ToolCall]) -> list[Problem]:
        choice = self._choice
        problems = []
        if choice.mode == "required" and not calls and not self._foreign:
            problems.append(Problem("", "a tool has to be called, and none was", "form"))
        if choice.parallel is False and len(calls) > 1:
            message = f"one call is allowed at a time, and there are {len(calls)}"
            problems.append(Problem("", message, "form"))
        return problems

    def _call(
        self,
        call: ToolCall,
        place: int,
        *,
        problems: list[Problem],
        notes: list[str],
    ) -> ToolCall:
        allowed = self._choice.names or tuple(self._tools)
        if self._choice.mode == "none" or call.name not in allowed:
            if not self._foreign:
                message = f"there is no tool {name(call.name)} to be called"
                problems.append(Problem(f"/{place}/name", message))
            return call
        validator = self._validator(call.name)
        if validator is None:
            return call
        verdict = validator.check(call.arguments or "{}", finish="stop", source="")
        if not verdict.ok:
            at = f"/{place}/arguments"
            problems += [Problem(at + p.pointer, p.message, p.kind) for p in verdict.problems]
            return call
        if verdict.state == "exact":
            return call
        notes += [f"{name(call.name)}: {note}" for note in verdict.notes]
        return msgspec.structs.replace(call, arguments=_encode(verdict.value).decode())

    def _validator(self, tool_name: str) -> Validator | None:
        if tool_name not in self._validators:
            self._validators[tool_name] = self._compiled(tool_name)
        return self._validators[tool_name]

    def _compiled(self, tool_name: str) -> Validator | None:
        if self._weight >= _MAX_WEIGHT:
            return None
        schema = self._tools[tool_name].parameters if tool_name in self._tools else {}
        try:
            validator = Validator(AskedOutput(schema or _ANY_OBJECT))
        except (ConfigError, InputError):
            return None
        self._weight += validator.weight
        return validator


def reask_calls(
    messages: tuple[Message, ...], reply: Reply, verdict: Verdict
) -> tuple[Message, ...]:
    """The conversation, longer by two turns: the reply as it was, and a failed result for each
    of its calls, with what is wrong."""
    lines = [_told(problem) for problem in verdict.problems[:MAX_PROBLEMS]]
    told = "\n".join(["That call cannot be made:", *lines, "Call again, with this put right."])
    calls = [part for part in reply.parts if isinstance(part, ToolCall)]
    results = tuple(
        ToolResult(call.id, (Text(told),), name=call.name, failed=True) for call in calls
    )
    # Thoughts have to stand before the calls that they led to; other words may stay too.
    kept = tuple(p for p in reply.parts if isinstance(p, Text | Thinking | ToolCall))
    answered = (Message("assistant", kept),) if kept else ()
    return (*messages, *answered, Message("user", results or (Text(told),)))


def _told(problem: Problem) -> str:
    place = f"at {problem.pointer}: " if problem.pointer else ""
    return f"- {place}{problem.message}"[:MAX_PROBLEM_CHARS]


def _of(state: State, problems: list[Problem]) -> Verdict:
    return Verdict(state, problems=tuple(problems))
