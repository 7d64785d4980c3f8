"""Token counts. A server that still has the prompt may leave out its count: then we estimate."""

from collections.abc import Mapping

from aihandler.backends.estimates import estimated_usage
from aihandler.domain.conversation import Request
from aihandler.domain.task import Json
from aihandler.domain.usage import Usage

PROMPT, ANSWER = "prompt_eval_count", "eval_count"
# More than any context holds: such a count is none.
_MOST = 10**9


def read_usage(
    wire: Mapping[str, Json], request: Request, *, answer_characters: int
) -> tuple[Usage, list[str]]:
    """The counts, and the names of those that are guesses."""
    prompt, answer = _count(wire.get(PROMPT)), _count(wire.get(ANSWER))
    if prompt is None and answer is None:
        return estimated_usage(request, answer_characters), [PROMPT, ANSWER]
    guess = estimated_usage(request, answer_characters)
    guessed = []
    if prompt is None:
        prompt, guessed = guess.input, [PROMPT]
    if answer is None:
        # A zero is left out too.
        answer, guessed = guess.output, [*guessed, ANSWER]
    sure = not guessed or (guessed == [ANSWER] and not answer_characters)
    return Usage(input=prompt, output=answer, estimated=not sure), guessed


def write_usage(usage: Usage | None, uncounted: Json) -> dict[str, Json]:
    """The counts as this format has them, without those that the server did not give."""
    if usage is None:
        return {}
    left_out = uncounted if isinstance(uncounted, list) else ()
    spoken = usage.output + usage.reasoning + usage.audio_output
    counts = {PROMPT: usage.prompt, ANSWER: spoken}
    return {name: count for name, count in counts.items() if name not in left_out}


def _count(value: Json) -> int | None:
    counts = isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _MOST
    return value if counts else None
