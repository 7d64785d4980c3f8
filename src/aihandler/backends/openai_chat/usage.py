"""Token counts in buckets that do not overlap, whose sum is the provider's total."""

from aihandler.backends.openai_chat.wire import Details, WireUsage
from aihandler.domain.conversation import Request
from aihandler.domain.usage import Usage

# English text and source code lie between 3 and 5; only used when a server counts nothing.
_CHARACTERS_PER_TOKEN = 4


def usage_from(wire: WireUsage) -> Usage:
    """Here the prompt includes cached tokens, and the answer mostly includes reasoning."""
    prompt = max(0, wire.prompt_tokens or 0)
    completion = max(0, wire.completion_tokens or 0)
    of_prompt = wire.prompt_tokens_details or Details()
    of_answer = wire.completion_tokens_details or Details()
    cached = min(
        prompt,
        max(0, of_prompt.cached_tokens or wire.prompt_cache_hit_tokens or wire.cached_tokens or 0),
    )
    written = min(prompt - cached, max(0, of_prompt.cache_write_tokens or 0))
    reasoning = of_answer.reasoning_tokens or wire.reasoning_tokens or 0
    # A total above the sum of both means that reasoning is counted apart (xAI, Gemini).
    apart = max(0, (wire.total_tokens or 0) - prompt - completion)
    if apart:
        return Usage(prompt - cached - written, cached, written, completion, apart)
    reasoning = max(0, min(reasoning, completion))
    return Usage(prompt - cached - written, cached, written, completion - reasoning, reasoning)


def estimated_usage(request: Request, answer_characters: int) -> Usage:
    """A guess from the number of characters, and marked as one."""
    asked = sum(len(message.text) for message in request.messages)
    return Usage(
        input=-(-asked // _CHARACTERS_PER_TOKEN),
        output=-(-answer_characters // _CHARACTERS_PER_TOKEN),
        estimated=True,
    )
