"""Finds out what a template can express, by rendering small conversations with known words."""

import json
import re
from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

import msgspec

from aihandler.backends.chat_templates.conversation import (
    Speaker,
    Template,
    Tool,
    ToolCall,
    Turn,
)
from aihandler.backends.chat_templates.limits import TemplateFailed, TemplateStopped
from aihandler.backends.chat_templates.markup import ParsedMessage, family_of, parse
from aihandler.backends.chat_templates.messages import Form, to_messages, to_tools
from aihandler.backends.chat_templates.neutral import tokens_in_separators
from aihandler.backends.chat_templates.sandbox import CompiledTemplate

# A turn of this format holds several messages, and `<|end|>` ends each one of them.
_HARMONY_STOP = ("<|call|>", "<|return|>")
_ASK, _SAY, _RULE, _AGAIN, _LATER = "wxaskone", "wxsayone", "wxruleone", "wxasktwo", "wxruletwo"
_NAME, _KEY, _VALUE, _RESULT = "wxtool", "wxkey", "wxvalue", "wxresult"
_TOOL = Tool(_NAME, "wxabout", {"type": "object", "properties": {_KEY: {"type": "string"}}})
_CALL = ToolCall(_NAME, f'{{"{_KEY}": "{_VALUE}"}}', "wxcall-1")


_REASONING_AT_END = re.compile(
    r"(?:(?:</?(?:seed:)?think(?:ing)?>|\[/?THINK\]|<\|channel>(?:thought)?|<channel\|>"
    r"|<\|(?:START|END)_THINKING\|>|<\|(?:open|close)\|>think<\|sep\|>"
    r"|Here are my reasoning steps:|<\|inner_(?:prefix|suffix)\|>)\s*)+\Z"
)


class Shape(msgspec.Struct, frozen=True):
    """What one template can say, and how it wants to be told.

    `tools`: descriptions, calls and results arrive, and what the template writes for a call is read
    back as that call. `tokens` stand between its turns, `stop` follows an assistant's words.
    """

    form: Form
    system: bool
    late_system: bool
    repeats: bool
    tools: bool
    parallel: bool
    user_after_tool: bool
    family: str
    tokens: tuple[str, ...]
    stop: tuple[str, ...]


class Probe:
    """Renders with one template; says `""` where the template refuses."""

    def __init__(self, compiled: CompiledTemplate, template: Template) -> None:
        self._compiled = compiled
        self._fixed = {"bos_token": template.bos_token, "eos_token": template.eos_token}

    def render(
        self, turns: Sequence[Turn], *, form: Form, tools: Sequence[Tool] = (), ask: bool = True
    ) -> str:
        """The prompt, or an empty text."""
        variables: Mapping[str, Any] = {
            **self._fixed,
            "messages": to_messages(turns, form),
            "tools": to_tools(tools),
            "add_generation_prompt": ask,
        }
        try:
            return self._compiled.render(variables)
        except TemplateStopped:
            # It would be stopped at each of the twenty questions.
            raise
        except TemplateFailed:
            return ""

    def shows(self, words: Sequence[str], turns: Sequence[Turn], **how: Any) -> bool:
        """Whether all these words arrive in the prompt."""
        prompt = self.render(turns, **how)
        return all(word in prompt for word in words)


def shape_of(compiled: CompiledTemplate, template: Template) -> Shape:
    """Probes a template; `TemplateFailed` when not even one question can be rendered."""
    probe = Probe(compiled, template)
    ask, again = Turn("user", _ASK), Turn("user", _AGAIN)
    form = next((f for f in (Form(), Form(parts=True)) if probe.shows([_ASK], [ask], form=f)), None)
    if form is None:
        raise TemplateFailed(
            f"chat template {template.name!r} does not render a question",
            hint="check that it is the model's chat template",
        )
    form, calls = _calls(probe, form)
    family = family_of(template.source)
    tools = calls and _read_back(probe, form, family)
    return Shape(
        form=form,
        system=_system(probe, form, tools=tools),
        late_system=_late_system(probe, form),
        repeats=probe.shows([_ASK, _AGAIN], [ask, again], form=form),
        tools=tools,
        parallel=tools and _parallel(probe, form),
        user_after_tool=tools and _user_after_tool(probe, form),
        family=family,
        tokens=tokens_in_separators(_separators(probe, form)),
        stop=_stop(probe, form, template),
    )


def _calls(probe: Probe, form: Form) -> tuple[Form, bool]:
    turns = [
        Turn("user", _ASK),
        Turn("assistant", calls=(_CALL,)),
        Turn("tool", _RESULT, call_id=_CALL.id, name=_NAME),
    ]
    # Templates differ here most: text or mapping, null or empty text, ids of nine characters.
    # A template that prints null as a word would put `None` into the model's mouth.
    for clean, *how in product((True, False), *[(False, True)] * 3):
        as_text, empty, short = how
        tried = msgspec.structs.replace(
            form, arguments_as_text=as_text, empty_text=empty, short_ids=short
        )
        prompt = probe.render(turns, form=tried, tools=[_TOOL])
        shown = all(word in prompt for word in (_NAME, _KEY, _VALUE, _RESULT))
        if shown and not (clean and "None" in prompt):
            return tried, True
    return form, False


def _read_back(probe: Probe, form: Form, family: str) -> bool:
    """Whether a call that the template writes is read as that call, as the model's must be."""
    ask = Turn("user", _ASK)
    asked = probe.render([ask], form=form, tools=[_TOOL])
    told = probe.render(
        [ask, Turn("assistant", calls=(_CALL,))], form=form, tools=[_TOOL], ask=False
    )
    before = asked.removesuffix(started(asked))
    if not all(word in asked for word in (_NAME, _KEY, _ASK)) or not told.startswith(before):
        return False
    written = told[len(before) :].removeprefix("</think>")
    message = parse(written, family, tools=[_TOOL])
    if not isinstance(message, ParsedMessage) or len(message.tool_calls) != 1:
        return False
    call = message.tool_calls[0]
    return call.name == _NAME and json.loads(call.arguments) == {_KEY: _VALUE}


def started(prompt: str) -> str:
    """What stands in the assistant's turn already: the reasoning marks that end the prompt."""
    found = _REASONING_AT_END.search(prompt[-200:])
    return found.group() if found else ""


def _parallel(probe: Probe, form: Form) -> bool:
    second = ToolCall(_NAME, f'{{"{_KEY}": "{_VALUE}two"}}', "wxcall-2")
    turns = [
        Turn("user", _ASK),
        Turn("assistant", calls=(_CALL, second)),
        Turn("tool", _RESULT, call_id=_CALL.id, name=_NAME),
        Turn("tool", f"{_RESULT}two", call_id=second.id, name=_NAME),
    ]
    return probe.shows([f"{_VALUE}two", f"{_RESULT}two"], turns, form=form, tools=[_TOOL])


def _user_after_tool(probe: Probe, form: Form) -> bool:
    turns = [
        Turn("user", _ASK),
        Turn("assistant", calls=(_CALL,)),
        Turn("tool", _RESULT, call_id=_CALL.id, name=_NAME),
        Turn("user", _AGAIN),
    ]
    return probe.shows([_RESULT, _AGAIN], turns, form=form, tools=[_TOOL])


def _separators(probe: Probe, form: Form) -> list[str]:
    prompt = probe.render(
        [Turn("user", _ASK), Turn("assistant", _SAY), Turn("user", _AGAIN)], form=form
    )
    ends = [prompt.find(word) for word in (_ASK, _SAY, _AGAIN)]
    if -1 in ends:
        return [prompt]
    first, second, third = ends
    return [
        prompt[first + len(_ASK) : second],
        prompt[second + len(_SAY) : third],
        prompt[third + len(_AGAIN) :],
        prompt[max(prompt.rfind("\n", 0, first), first - 40) : first],
    ]


def _stop(probe: Probe, form: Form, template: Template) -> tuple[str, ...]:
    if all(token in template.source for token in _HARMONY_STOP):
        return _HARMONY_STOP
    separators = _separators(probe, form)
    found = {template.eos_token} - {""}
    if len(separators) > 1:
        tags = [token for token in tokens_in_separators(separators[1:2]) if token in separators[1]]
        first = sorted(tags, key=separators[1].find)[:1]
        # A plain word ends a turn at the beginning of a line only.
        found |= {f"\n{tag}" if tag.endswith(":") else tag for tag in first}
    return tuple(sorted(found))


def _system(probe: Probe, form: Form, *, tools: bool) -> bool:
    rule, ask = Turn("system", _RULE), Turn("user", _ASK)
    talks = [[rule, ask], [rule, ask, Turn("assistant", _SAY), Turn("user", _AGAIN)]]
    if tools:
        # One of them prints the system text with a last user turn only, so not here.
        call, told = Turn("assistant", calls=(_CALL,)), Turn("tool", _RESULT, call_id=_CALL.id)
        talks.append([rule, ask, call, told])
    return all(probe.shows([_RULE, _ASK], talk, form=form, tools=[_TOOL] * tools) for talk in talks)


def _late_system(probe: Probe, form: Form) -> bool:
    words = [_RULE, _ASK, _SAY, _LATER, _AGAIN]
    roles: list[Speaker] = ["system", "user", "assistant", "system", "user"]
    prompt = probe.render([Turn(r, w) for r, w in zip(roles, words, strict=True)], form=form)
    # Some templates print the last one only, or all of them at the top.
    places = [prompt.find(word) for word in words]
    return -1 not in places and places == sorted(places)
