"""Which marks open reasoning and tool calls, by the family of models that writes them."""

from collections.abc import Mapping
from types import MappingProxyType

import msgspec

from aihandler.backends.chat_templates.markup import calls
from aihandler.backends.chat_templates.markup.calls import Found, Reader
from aihandler.backends.chat_templates.markup.message import Source

AUTO = "auto"
_XML = {
    "<tool_call>": calls.tagged("</tool_call>"),
    "<function=": calls.function_block,
}
_THINK = {"<think>": "</think>"}


class Family(msgspec.Struct, frozen=True):
    """How one family writes.

    `calls` and `reasoning` map an opening mark to its reader or to its closing mark. `anywhere`
    are reasoning marks that count amid an answer too, being special tokens. `silent` marks say
    nothing. `bare` families call tools with no opening mark at all.
    """

    calls: Mapping[str, Reader] = {}
    reasoning: Mapping[str, str] = MappingProxyType(_THINK)
    anywhere: frozenset[str] = frozenset()
    silent: frozenset[str] = frozenset()
    bare: bool = False


def families() -> Mapping[str, Family]:
    """Every family by name; `auto` reads the marks of all of them and no bare calls."""
    known = _known()
    return MappingProxyType(
        {
            **known,
            AUTO: Family(
                calls={mark: read for f in known.values() for mark, read in f.calls.items()},
                reasoning={o: c for f in known.values() for o, c in f.reasoning.items()},
                anywhere=frozenset().union(*(f.anywhere for f in known.values())),
                silent=frozenset().union(*(f.silent for f in known.values())),
            ),
        }
    )


def family_of(source: str) -> str:
    """The family whose marks a template's own text holds; `auto` when that is none or several."""
    if "<|channel|>" in source and "<|message|>" in source:
        return "gpt_oss"
    if "<|open|>" in source and "<|sep|>" in source:
        return "kimi_k3"
    if "<|start_header_id|>" in source:
        return "llama3"
    plain = source.replace("' + dsml_token + '", "｜DSML｜")
    found = {
        name
        for name, family in _known().items()
        if any(mark in plain for mark in family.calls) and not family.bare
    }
    return found.pop() if len(found) == 1 else AUTO


def _known() -> dict[str, Family]:
    return {**_with_tags(), **_with_tokens()}


def _with_tags() -> dict[str, Family]:
    """Families whose marks are ordinary text to the tokenizer, or were once."""
    return {
        "hermes": Family(_XML),
        "seed": Family(
            {"<seed:tool_call>": calls.tagged("</seed:tool_call>")},
            {"<seed:think>": "</seed:think>"},
        ),
        "minicpm": Family({'<function name="': _at_attribute}),
        "apriel": Family(
            {"<tool_calls>": calls.listed("</tool_calls>")},
            {
                "<thinking>": "</thinking>",
                "Here are my reasoning steps:": "[BEGIN FINAL RESPONSE]",
            },
            silent=frozenset({"[BEGIN FINAL RESPONSE]", "[END FINAL RESPONSE]"}),
        ),
        "nemotron": Family({"<TOOLCALL>": calls.listed("</TOOLCALL>")}),
        "mistral": Family(
            {"[TOOL_CALLS]": calls.mistral},
            {"[THINK]": "[/THINK]"},
            anywhere=frozenset({"[THINK]"}),
        ),
        "minimax": Family({"<minimax:tool_call>": calls.invoked("", "</minimax:tool_call>")}),
        "plain": Family({}, {}),
    }


def _with_tokens() -> dict[str, Family]:
    """Families whose marks are special tokens, which no quotation makes."""
    return {
        "command_r": Family(
            {"<|START_ACTION|>": calls.listed("<|END_ACTION|>")},
            {"<|START_THINKING|>": "<|END_THINKING|>"},
            anywhere=frozenset({"<|START_THINKING|>"}),
            silent=frozenset({"<|START_RESPONSE|>", "<|END_RESPONSE|>"}),
        ),
        "gemma": Family(
            {"<|tool_call>": calls.gemma},
            {"<|channel>thought": "<channel|>"},
            anywhere=frozenset({"<|channel>thought"}),
            silent=frozenset({"<|channel>", "<channel|>"}),
        ),
        "granite": Family({"<|tool_call|>": calls.listed("")}),
        "gigachat": Family({"<|function_call|>": calls.listed("")}),
        "deepseek": Family({"<｜tool▁calls▁begin｜>": calls.deepseek}),
        "deepseek_dsml": Family(
            {
                f"<｜DSML｜{name}>": calls.invoked("｜DSML｜", f"</｜DSML｜{name}>")
                for name in ("tool_calls", "function_calls")
            }
        ),
        "kimi_k2": Family(
            {
                "<|tool_calls_section_begin|>": calls.kimi,
                "<|tool_call_begin|>": calls.kimi_without_section,
            }
        ),
        "lfm": Family({"<|tool_call_start|>": calls.pythonic}),
        "apertus": Family(
            {"<|tools_prefix|>": calls.apertus},
            {"<|inner_prefix|>": "<|inner_suffix|>"},
            anywhere=frozenset({"<|inner_prefix|>"}),
        ),
        "llama3": Family(
            {"<|python_tag|>": calls.listed(""), "<function=": calls.function_block}, bare=True
        ),
    }


def _at_attribute(source: Source, at: int) -> Found:
    return calls.named_function(source, at - len('name="'))
