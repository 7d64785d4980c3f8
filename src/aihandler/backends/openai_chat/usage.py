"""Token counts in buckets that do not overlap, whose sum is the provider's total."""

from aihandler.backends.openai_chat.wire import Details, WireUsage
from aihandler.domain.usage import Usage


def usage_from(wire: WireUsage) -> Usage:
    """The prompt includes cached tokens and sound here, the answer mostly includes reasoning."""
    prompt = max(0, wire.prompt_tokens or 0)
    completion = max(0, wire.completion_tokens or 0)
    of_prompt = wire.prompt_tokens_details or Details()
    of_answer = wire.completion_tokens_details or Details()
    cached = _within(prompt, of_prompt.cached_tokens or _cached(wire))
    written = _within(prompt - cached, of_prompt.cache_write_tokens)
    heard = _within(prompt - cached - written, of_prompt.audio_tokens)
    spoken = _within(completion, of_answer.audio_tokens)
    # A total above the sum of both means that reasoning is counted apart (xAI, Gemini).
    apart = max(0, (wire.total_tokens or 0) - prompt - completion)
    reasoning = of_answer.reasoning_tokens or wire.reasoning_tokens
    inside = 0 if apart else _within(completion - spoken, reasoning)
    return Usage(
        prompt - cached - written - heard,
        cached,
        written,
        completion - spoken - inside,
        apart or inside,
        audio_input=heard,
        audio_output=spoken,
    )


def _cached(wire: WireUsage) -> int | None:
    return wire.prompt_cache_hit_tokens or wire.cached_tokens or wire.num_cached_tokens


def _within(whole: int, part: int | None) -> int:
    if not part or part < 0:
        return 0
    return min(whole, part)
