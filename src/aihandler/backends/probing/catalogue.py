"""Every question of a probe, in order, with the bounds of what it sends."""

from collections.abc import Awaitable, Callable, Sequence

import msgspec

from aihandler.backends.probing.context import FIRST_TOKENS, MOST_SENDS, ask_context
from aihandler.backends.probing.schemas import (
    ask_modes,
    ask_streamed,
    ask_thinking,
    ask_with_tools,
)
from aihandler.backends.probing.sends import LONG, SHORT, thinking_wish, with_thoughts
from aihandler.backends.probing.session import CHAT, Probing
from aihandler.backends.probing.texts import (
    ask_logprobs,
    ask_model_name,
    ask_n,
    ask_output_limit,
    ask_plainly,
    ask_seed,
    ask_stop,
    ask_stream_usage,
    ask_system,
    ask_wish,
)
from aihandler.backends.probing.tools import MOST_IDS, ask_allowed, ask_call_ids, ask_forced
from aihandler.domain.deployment import Deployment, Hosting
from aihandler.domain.probes import ProbeVerdict
from aihandler.domain.usage import Usage

# Tokens of a short prompt, with schema and tools; no question but that of the context sends more.
_PROMPT = 400
# The longest prompt that is tried where nobody says how long, of a server of one's own.
CONTEXT_UP_TO = 8_192
# What fails for the moment is asked once more, in all questions together at most so often.
MOST_RETRIES = 6
# Formats that know ids of tool calls, names of allowed tools, seeds, log probabilities.
_WITH_IDS = frozenset({*CHAT, "anthropic", "openai-responses"})
_WITH_ALLOWED = frozenset({*CHAT, "openai-responses"})
_WITHOUT_SEED = frozenset({"anthropic", "openai-responses", "bedrock"})
_WITHOUT_LOGPROBS = frozenset({"anthropic", "bedrock"})
_WITHOUT_TOOLS = frozenset({"completions"})
_WITH_MODEL = frozenset({*CHAT, "completions", "anthropic", "openai-responses", "ollama"})
_WITH_N = frozenset({*CHAT, "completions"})
_WITHOUT_STOP = frozenset({"openai-responses"})


class Question(msgspec.Struct, frozen=True):
    """One thing to find out. `most` bounds its sends; tokens are those of one send."""

    name: str
    ask: Callable[[Probing], Awaitable[list[ProbeVerdict]]]
    most: int
    output: int = SHORT
    input: int = _PROMPT


class Bounds(msgspec.Struct, frozen=True):
    """What a probe may send at most. `usage` is the sum over all sends."""

    sends: int
    usage: Usage


def questions(deployment: Deployment, *, context_up_to: int) -> tuple[Question, ...]:
    """The questions that this deployment's format has words for."""
    backend = deployment.backend
    thoughts = with_thoughts(thinking_wish(deployment))
    asked = [
        Question("plain answer", ask_plainly, 1),
        Question("usage in streams", ask_stream_usage, 2 if backend in _WITH_N else 1),
        Question("stop string", ask_stop, 2),
        Question("seed", ask_seed, 3, output=16),
        Question("several answers", ask_n, 1, output=8),
        Question("log probabilities", ask_logprobs, 1, output=4),
        Question("system message", ask_system, 1, output=4),
        Question("unknown model", ask_model_name, 1, output=4),
        Question("name of the bound", ask_output_limit, 2, output=SHORT),
        Question("thinking", ask_wish, 3, output=thoughts),
        Question("schema modes", ask_modes, 11, output=LONG),
        Question("schema, streamed", ask_streamed, 5, output=LONG),
        Question("schema, with tools", ask_with_tools, 3, output=LONG),
        Question("schema, thinking", ask_thinking, 5, output=thoughts),
        Question("forced tool", ask_forced, 1),
        Question("allowed tools", ask_allowed, 1),
        Question("ids of tool calls", ask_call_ids, MOST_IDS, output=8),
        _context(context_up_to),
    ]
    left_out = _left_out(backend)
    return tuple(question for question in asked if question.name not in left_out)


def bounds(asked: Sequence[Question]) -> Bounds:
    """The most that these questions send, with what may have to be asked twice."""
    longest_in = max(question.input for question in asked)
    longest_out = max(question.output for question in asked)
    sends = sum(question.most for question in asked) + MOST_RETRIES
    given = sum(question.most * question.input for question in asked)
    came = sum(question.most * question.output for question in asked)
    usage = Usage(input=given + MOST_RETRIES * longest_in, output=came + MOST_RETRIES * longest_out)
    return Bounds(sends, usage)


def longest_prompt(deployment: Deployment, chosen: int | None) -> int:
    """How long a prompt may be tried: as chosen, else only where nobody is paid by the token."""
    if chosen is not None:
        return chosen
    free = deployment.hosting is Hosting.SELF and deployment.price is None
    return CONTEXT_UP_TO if free else 0


def _context(up_to: int) -> Question:
    if up_to < FIRST_TOKENS:
        return Question("context", ask_context, 0, output=0, input=0)
    # Each prompt is four times as long as the one before, or lies between two of them.
    return Question("context", ask_context, MOST_SENDS, output=1, input=up_to)


def _left_out(backend: str) -> set[str]:
    lacking = {
        "seed": backend in _WITHOUT_SEED,
        "several answers": backend not in _WITH_N,
        "log probabilities": backend in _WITHOUT_LOGPROBS,
        "stop string": backend in _WITHOUT_STOP,
        "unknown model": backend not in _WITH_MODEL,
        "name of the bound": backend not in CHAT,
        "schema, with tools": backend in _WITHOUT_TOOLS,
        "forced tool": backend in _WITHOUT_TOOLS,
        "allowed tools": backend not in _WITH_ALLOWED,
        "ids of tool calls": backend not in _WITH_IDS,
    }
    return {name for name, left_out in lacking.items() if left_out}
