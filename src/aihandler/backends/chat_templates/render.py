"""A conversation becomes the prompt that one model was trained on."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from aihandler.backends.chat_templates.adapt import Adapted, adapted
from aihandler.backends.chat_templates.conversation import Prompt, Template, Tool, ToolCall, Turn
from aihandler.backends.chat_templates.limits import TemplateFailed, TemplateLimits
from aihandler.backends.chat_templates.messages import to_messages, to_tools
from aihandler.backends.chat_templates.neutral import Neutraliser, tokens_in_source
from aihandler.backends.chat_templates.sandbox import CompiledTemplate
from aihandler.backends.chat_templates.shape import shape_of, started
from aihandler.errors import InputError

_TOOL_NAME = re.compile(r"[A-Za-z0-9_.:/-]{1,128}")
_NOT_COMPARED = re.compile(r"[\s\"'\\]+")
_OURS = frozenset({"messages", "tools", "add_generation_prompt", "bos_token", "eos_token"})


class ChatTemplate:
    """One model's template, compiled and probed once; `render` may be called from any thread."""

    def __init__(
        self,
        template: Template,
        *,
        now: Callable[[], datetime],
        monotonic: Callable[[], float],
        limits: TemplateLimits | None = None,
    ) -> None:
        self.template = template
        self._compiled = CompiledTemplate(
            template.name,
            template.source,
            monotonic=monotonic,
            now=now,
            limits=limits or TemplateLimits(),
        )
        self.shape = shape_of(self._compiled, template)
        ends = [end.strip() for end in self.shape.stop]
        own = (template.bos_token, template.eos_token, *template.special_tokens, *ends)
        self.neutraliser = Neutraliser(
            {*own, *self.shape.tokens, *tokens_in_source(template.source)}
        )

    def render(
        self,
        turns: Sequence[Turn],
        *,
        tools: Sequence[Tool] = (),
        prefill: str = "",
        variables: Mapping[str, Any] = {},
    ) -> Prompt:
        """The prompt, with the beginning of the assistant's turn at its end.

        `prefill` is text that the answer has to begin with; `variables` are the template's own
        switches (`enable_thinking`). `TemplateFailed` when the template refuses the conversation
        or would leave a part of it out, `InputError` when a call or a tool's name is malformed.
        """
        safe = [self._neutral_turn(turn) for turn in turns]
        fitting = adapted(safe, [self._neutral_tool(tool) for tool in tools], self.shape)
        text, notes = self._rendered(fitting, variables)
        notes += self._left_out(fitting.turns, text)
        prefill = self.neutraliser.neutral(prefill)
        return Prompt(
            text + prefill,
            start=started(text) + prefill,
            stop=self.shape.stop,
            family="hermes" if fitting.as_text else self.shape.family,
            notes=notes,
        )

    def restore(self, text: str) -> str:
        """An answer that repeats the user's control tokens, as the user wrote them."""
        return self.neutraliser.restore(text)

    def _rendered(
        self, fitting: Adapted, variables: Mapping[str, Any]
    ) -> tuple[str, tuple[str, ...]]:
        if taken := sorted(_OURS & variables.keys()):
            raise InputError(
                f"template variable {taken[0]!r} is set by the conversation",
                hint="give it another name, or leave it out",
            )
        try:
            return self._run(fitting.turns, fitting.tools, variables), fitting.notes
        except TemplateFailed:
            if not any(turn.reasoning for turn in fitting.turns):
                raise
        # Some templates take reasoning or words beside a call, never both.
        bare = [msgspec.structs.replace(turn, reasoning="") for turn in fitting.turns]
        note = "earlier reasoning was left out: the template refuses it"
        return self._run(bare, fitting.tools, variables), (*fitting.notes, note)

    def _run(
        self, turns: Sequence[Turn], tools: Sequence[Tool], variables: Mapping[str, Any]
    ) -> str:
        return self._compiled.render(
            {
                **variables,
                "bos_token": self.template.bos_token,
                "eos_token": self.template.eos_token,
                "messages": to_messages(turns, self.shape.form),
                "tools": to_tools(tools),
                "add_generation_prompt": True,
            }
        )

    def _neutral_turn(self, turn: Turn) -> Turn:
        neutral = self.neutraliser.neutral
        return msgspec.structs.replace(
            turn,
            text=neutral(turn.text),
            reasoning=neutral(turn.reasoning),
            calls=tuple(self._neutral_call(call) for call in turn.calls),
            call_id=neutral(turn.call_id),
            name=_checked_name(turn.name) if turn.name else "",
        )

    def _neutral_call(self, call: ToolCall) -> ToolCall:
        arguments = self.neutraliser.neutral_json(_arguments(call))
        return ToolCall(
            _checked_name(call.name),
            json.dumps(arguments, ensure_ascii=False),
            self.neutraliser.neutral(call.id),
        )

    def _neutral_tool(self, tool: Tool) -> Tool:
        return Tool(
            _checked_name(tool.name),
            self.neutraliser.neutral(tool.description),
            self.neutraliser.neutral_json(tool.parameters),
        )

    def _left_out(self, turns: Sequence[Turn], prompt: str) -> tuple[str, ...]:
        notes: list[str] = []
        for number, turn in enumerate(turns, 1):
            if any(call.name not in prompt for call in turn.calls):
                raise self._loss(f"the calls of turn {number}")
            if turn.text.strip() in prompt or _core(turn.text) in _core(prompt):
                continue
            if not turn.calls:
                raise self._loss(f"the words of turn {number} ({turn.role})")
            # Some formats have no place for them, and the call itself carries the turn.
            notes.append(f"the words beside the calls of turn {number} were left out")
        return tuple(notes)

    def _loss(self, what: str) -> TemplateFailed:
        return TemplateFailed(
            f"chat template {self.template.name!r} leaves out {what}",
            hint="join turns, or choose a model whose template keeps them",
        )


def _core(text: str) -> str:
    # Templates trim, escape and re-indent; what is left must be there.
    return _NOT_COMPARED.sub("", text.replace("\\n", "\n"))


def _arguments(call: ToolCall) -> Mapping[str, Any]:
    try:
        arguments = json.loads(call.arguments or "{}")
    except ValueError:
        arguments = None
    if not isinstance(arguments, dict):
        raise InputError(
            f"the arguments of a call of {call.name!r} are no JSON object",
            hint="leave the call out of the conversation, or repair its arguments",
        )
    return arguments


def _checked_name(name: str) -> str:
    # A name stands in markup unquoted, so it cannot be neutralised.
    if not _TOOL_NAME.fullmatch(name):
        raise InputError(
            "a tool's name holds other characters than letters, digits and _ . : / -",
            hint="rename the tool",
        )
    return name
