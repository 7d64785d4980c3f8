"""GPT-OSS: one turn is several messages, each with a channel and perhaps a recipient."""

import re

from aihandler.backends.chat_templates.conversation import ToolCall
from aihandler.backends.chat_templates.markup.message import ParsedMessage, Source, unsure
from aihandler.backends.chat_templates.markup.values import json_value

_CHANNEL = re.compile(r"<\|channel\|>\s*([a-z]+)")
_RECIPIENT = re.compile(r"\bto=([A-Za-z0-9_.:-]+)")
_END = re.compile(r"<\|(?:end|call|return)\|>|(?=<\|start\|>)|\Z")


def read_channels(source: Source) -> ParsedMessage:
    """The final and commentary channels are the answer, analysis is reasoning."""
    content: list[str] = []
    reasoning: list[str] = []
    calls: list[ToolCall] = []
    ended = True
    at = 0
    while at < len(source.text.rstrip()):
        header, body = source.until(at, "<|message|>")
        end = _END.search(source.text, body)
        assert end is not None
        text, at, ended = source.text[body : end.start()], end.end(), bool(end.group())
        channel = (_CHANNEL.findall(header) or [""])[-1]
        recipient = _RECIPIENT.search(header)
        if recipient and recipient.group(1) != "assistant":
            calls.append(_call(recipient.group(1), text))
        elif channel == "analysis":
            reasoning.append(text.strip())
        elif channel in {"final", "commentary"}:
            content.append(text)
        else:
            unsure("a message names no channel that is known")
    complete = ended or bool(content) or bool(calls)
    return ParsedMessage("\n\n".join(content), "\n\n".join(reasoning), tuple(calls), complete)


def _call(recipient: str, body: str) -> ToolCall:
    if not recipient.startswith("functions."):
        unsure("the model calls a tool of its own, which was not offered")
    arguments, end = json_value(Source(body, ()), 0)
    if body[end:].strip():
        unsure("text follows the arguments of a tool call")
    return ToolCall(recipient.removeprefix("functions."), arguments)
