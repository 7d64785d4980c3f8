"""Asks again: the conversation, the reply as it was, and what is wrong with it."""

from aihandler.domain.conversation import Message, message
from aihandler.domain.task import JsonOutput, LabelOutput, Output, TextOutput
from aihandler.validation.verdict import Problem, Verdict

MAX_REPLY_CHARS = 8_000
MAX_PROBLEMS = 12
MAX_PROBLEM_CHARS = 300
MAX_LABELS = 200


def reask(
    messages: tuple[Message, ...], reply_text: str, verdict: Verdict, output: Output
) -> tuple[Message, ...]:
    """The conversation, longer by two turns: the model's own reply, and what to put right.

    Both are bounded, so that a long wrong reply cannot fill a model's context.
    """
    reply = _shortened(reply_text.strip(), MAX_REPLY_CHARS) or "(an empty reply)"
    return (*messages, message("assistant", reply), message("user", _correction(verdict, output)))


def _correction(verdict: Verdict, output: Output) -> str:
    lines = ["That answer cannot be used:"]
    lines += [f"- {_told(problem)}" for problem in verdict.problems[:MAX_PROBLEMS]]
    left = len(verdict.problems) - MAX_PROBLEMS
    if left > 0:
        lines.append(f"- and {left} more")
    if any(problem.kind == "grounding" for problem in verdict.problems):
        lines.append("Take every value from the document as it stands there; never make one up.")
    lines.append(_wish(output))
    return "\n".join(lines)


def _told(problem: Problem) -> str:
    place = f"at {problem.pointer}: " if problem.pointer else ""
    return _shortened(place + problem.message, MAX_PROBLEM_CHARS)


def _wish(output: Output) -> str:
    if isinstance(output, JsonOutput):
        return "Reply again with the corrected JSON value only: no other text, no code fence."
    if isinstance(output, LabelOutput):
        shown = ", ".join(output.labels[:MAX_LABELS])
        return f"Reply again with exactly one of these labels and nothing else: {shown}"
    # Vectors are not asked for again: their model would say the same.
    most = output.max_chars if isinstance(output, TextOutput) else None
    limit = f" of at most {most} characters" if most else ""
    return f"Reply again with the text only{limit}."


def _shortened(text: str, chars: int) -> str:
    if len(text) <= chars:
        return text
    half = chars // 2
    return f"{text[:half]}\n[...]\n{text[-half:]}"
