"""Token counts in buckets that do not overlap, in both directions.

Here `promptTokenCount` includes what was read from a cache; thoughts, and what the provider's own
tools put into the prompt, are counted beside prompt and answer.
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
_PROMPT, _ANSWER, _THOUGHTS = "promptTokenCount", "candidatesTokenCount", "thoughtsTokenCount"
_CACHED, _TOOLS, _TOTAL = "cachedContentTokenCount", "toolUsePromptTokenCount", "totalTokenCount"
_PROMPT_DETAILS, _ANSWER_DETAILS = "promptTokensDetails", "candidatesTokensDetails"
_CACHE_DETAILS = "cacheTokensDetails"
_COUNTED = frozenset({_PROMPT, _ANSWER, _THOUGHTS, _CACHED, _TOTAL})
# As a word, and as the number that Vertex writes when asked to.
_AUDIO = ("AUDIO", 4)


def merge(counts: dict[str, Json], more: Json) -> dict[str, Json]:
    """Counts after a later word of a stream, which says all of them anew when it has a total."""
    if not isinstance(more, dict):
        return counts
    if _TOTAL not in more:
        return {**counts, **more}
    if counts.keys() <= more.keys():
        return more
    beside = {key: value for key, value in counts.items() if not _is_counted(key)}
    return {**beside, **more}


def read_usage(wire: Mapping[str, Json]) -> Usage | None:
    """The buckets, or None when there are no counts that can be believed."""
    counts = [wire.get(key) for key in (_PROMPT, _ANSWER, _TOTAL)]
    if counts == [None, None, None] or not all(c is None or _is_count(c) for c in counts):
        return None
    prompt, answer, thoughts = (_count(wire, key) for key in (_PROMPT, _ANSWER, _THOUGHTS))
    used = _count(wire, _TOOLS)
    beyond = _count(wire, _TOTAL) - prompt - used - answer - thoughts
    if _TOTAL in wire and beyond < 0 and beyond + thoughts >= 0:
        # Some servers count thoughts in the answer.
        answer = max(0, answer - thoughts)
        thoughts = max(0, _count(wire, _TOTAL) - prompt - used - answer)
    elif beyond > 0:
        # What the total has beyond the counts that are told was thought.
        thoughts += beyond
    cached = min(prompt, _count(wire, _CACHED))
    heard = min(prompt - cached, _audio(wire, _PROMPT_DETAILS) - _audio(wire, _CACHE_DETAILS))
    spoken = min(answer, _audio(wire, _ANSWER_DETAILS))
    heard = max(0, heard)
    return Usage(
        input=prompt - cached - heard + used,
        cache_read=cached,
        output=answer - spoken,
        reasoning=thoughts,
        audio_input=heard,
        audio_output=spoken,
    )


def unread(wire: Mapping[str, Json]) -> dict[str, Json]:
    """What a provider says beside the counts (tier, kinds of tokens, its own tools)."""
    return {key: value for key, value in wire.items() if key not in _COUNTED}


def write_usage(usage: Usage, extra: Mapping[str, Json]) -> dict[str, Json]:
    """The counts as this format has them; `extra` is what `unread` gave."""
    used = min(usage.input, _count(extra, _TOOLS))
    answer = usage.output + usage.audio_output
    wire: dict[str, Json] = {_PROMPT: usage.prompt - used, _ANSWER: answer}
    if usage.reasoning:
        wire[_THOUGHTS] = usage.reasoning
    if usage.cache_read:
        wire[_CACHED] = usage.cache_read
    wire[_TOTAL] = usage.total
    told = ((_PROMPT_DETAILS, usage.prompt - used, usage.audio_input),)
    for key, tokens, audio in (*told, (_ANSWER_DETAILS, answer, usage.audio_output)):
        if audio and key not in extra:
            details = [("TEXT", tokens - audio), ("AUDIO", audio)]
            wire[key] = [{"modality": kind, "tokenCount": n} for kind, n in details if n]
    return {**wire, **extra}


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


def _audio(wire: Mapping[str, Json], key: str) -> int:
    details = wire.get(key)
    if not isinstance(details, list):
        return 0
    kinds = (d for d in details if isinstance(d, dict) and d.get("modality") in _AUDIO)
    return sum(_count(kind, "tokenCount") for kind in kinds)


def _is_counted(key: str) -> bool:
    return key in _COUNTED or key == _TOOLS or key.endswith("TokensDetails")


def _count(wire: Mapping[str, Json], key: str) -> int:
    value = wire.get(key)
    return int(value) if _is_count(value) else 0  # type: ignore[arg-type]  # looked at by `_is_count`


def _is_count(value: Json) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _MOST
