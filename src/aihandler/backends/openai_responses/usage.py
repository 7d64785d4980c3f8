"""Token counts in buckets that do not overlap, in both directions.

Here `input_tokens` includes what was read from and written to the cache, and `output_tokens`
includes reasoning.
"""

from collections.abc import Mapping

from aihandler.domain.conversation import Request
from aihandler.domain.parts import Part, Refusal, Text, Thinking, ToolCall
from aihandler.domain.task import Json
from aihandler.domain.usage import Usage

# No call has this many tokens: a server that says so miscounts.
_MOST = 1_000_000_000
# English text and source code lie between 3 and 5; only used when a server counts nothing.
_CHARACTERS_PER_TOKEN = 4
_IN, _OUT = "input_tokens_details", "output_tokens_details"
_READ = {
    _IN: ("cached_tokens", "cache_write_tokens", "audio_tokens"),
    _OUT: ("reasoning_tokens", "audio_tokens"),
}


def read_usage(wire: Json) -> Usage | None:
    """The buckets, or None when there are no counts that can be believed."""
    if not isinstance(wire, dict):
        return None
    counts = [wire.get("input_tokens"), wire.get("output_tokens")]
    if counts == [None, None] or not all(c is None or _is_count(c) for c in counts):
        return None
    prompt, answer = (_count(count) for count in counts)
    cached = min(prompt, _detail(wire, _IN, "cached_tokens"))
    written = min(prompt - cached, _detail(wire, _IN, "cache_write_tokens"))
    heard = min(prompt - cached - written, _detail(wire, _IN, "audio_tokens"))
    spoken = min(answer, _detail(wire, _OUT, "audio_tokens"))
    told = _detail(wire, _OUT, "reasoning_tokens")
    # A total above the sum of both means that reasoning is counted apart.
    apart = max(0, _count(wire.get("total_tokens")) - prompt - answer) if told else 0
    inside = 0 if apart else min(answer - spoken, told)
    return Usage(
        input=prompt - cached - written - heard,
        cache_read=cached,
        cache_write=written,
        output=answer - spoken - inside,
        reasoning=apart or inside,
        audio_input=heard,
        audio_output=spoken,
    )


def unread(wire: Mapping[str, Json]) -> dict[str, Json]:
    """What a provider says beside the counts."""
    known = {"input_tokens", "output_tokens", "total_tokens"}
    said = {key: value for key, value in wire.items() if key not in known}
    for key, names in _READ.items():
        details = said.get(key)
        if isinstance(details, dict):
            said[key] = {k: v for k, v in details.items() if k not in names}
            if not said[key]:
                del said[key]
    return said


def write_usage(usage: Usage, extra: Mapping[str, Json]) -> dict[str, Json]:
    """The counts as this format has them; `extra` is what `unread` gave."""
    answer = usage.output + usage.reasoning + usage.audio_output
    wire: dict[str, Json] = {
        "input_tokens": usage.prompt,
        _IN: {"cached_tokens": usage.cache_read},
        "output_tokens": answer,
        _OUT: {"reasoning_tokens": usage.reasoning},
        "total_tokens": usage.prompt + answer,
    }
    written = usage.cache_write + usage.cache_write_1h
    if written:
        wire[_IN]["cache_write_tokens"] = written
    for key, tokens in ((_IN, usage.audio_input), (_OUT, usage.audio_output)):
        if tokens:
            wire[key]["audio_tokens"] = tokens
    for key, value in extra.items():
        both = isinstance(value, dict) and isinstance(wire.get(key), dict)
        wire[key] = {**value, **wire[key]} if both else value
    return wire


def reported_cost(wire: Mapping[str, Json]) -> str:
    """What the provider says that this costs in US dollars, as decimal text; or ""."""
    cost = wire.get("cost")
    return repr(cost) if isinstance(cost, int | float) and not isinstance(cost, bool) else ""


def estimated(request: Request, parts: tuple[Part, ...]) -> Usage:
    """A guess from the number of characters, and marked as one."""
    asked = sum(len(message.text) for message in request.messages)
    said = sum(map(_characters, parts))
    return Usage(
        input=-(-asked // _CHARACTERS_PER_TOKEN),
        output=-(-said // _CHARACTERS_PER_TOKEN),
        estimated=True,
    )


def _characters(part: Part) -> int:
    if isinstance(part, Text | Thinking | Refusal):
        return len(part.text)
    return len(part.arguments) + len(part.name) if isinstance(part, ToolCall) else 0


def _detail(wire: Mapping[str, Json], key: str, name: str) -> int:
    details = wire.get(key)
    return _count(details.get(name)) if isinstance(details, dict) else 0


def _count(value: Json) -> int:
    return value if _is_count(value) else 0


def _is_count(value: Json) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _MOST
