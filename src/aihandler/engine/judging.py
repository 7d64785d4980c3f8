"""May this reply be used, and as what is it booked?"""

import msgspec

from aihandler.domain.answer import Finish, Reply
from aihandler.domain.attempt import AttemptOutcome
from aihandler.domain.conversation import Request, ToolCall
from aihandler.domain.task import EmbeddingOutput, Task, TextOutput
from aihandler.engine.call import Call
from aihandler.engine.schemas import Asking
from aihandler.validation import ToolJudge, Verdict, judge_vectors, rejected

# How a turn of a conversation may end without being wrong: its client goes on from there.
_TURNS_END: frozenset[Finish] = frozenset({"stop", "tool_calls", "length", "pause", "other"})


class Judgement(msgspec.Struct, frozen=True):
    """What an attempt is booked as, why, and the reply with what was put right in it."""

    outcome: AttemptOutcome
    verdict: Verdict
    reply: Reply


def judge(call: Call, request: Request, asking: Asking, reply: Reply) -> Judgement:
    """Never raises for a reply."""
    if reply.unreadable:
        state = "truncated" if reply.finish == "length" else "invalid"
        return Judgement("invalid", rejected(reply.unreadable, state=state), reply)  # type: ignore[arg-type]  # both are states
    if isinstance(request.output, EmbeddingOutput):
        verdict = judge_vectors(reply.vectors, request.output, texts=len(request.messages))
        return Judgement("valid" if verdict.ok else "invalid", verdict, reply)
    if request.tools:
        verdict, corrected = ToolJudge(request.tools, request.tool_choice).check(reply)
        if not verdict.ok:
            return Judgement("invalid", verdict, reply)
        if any(isinstance(part, ToolCall) for part in corrected.parts):
            told = msgspec.structs.replace(verdict, value=corrected.text)
            return Judgement("valid", told, corrected)
    if call.asked is not None and isinstance(call.task.output, TextOutput):
        return _turn(reply)
    # A model that is not sure has still said something: it becomes the proposal of a review.
    whole = reply.finish == "abstain" or _ends_as_asked(call, reply)
    finish: Finish = "stop" if whole else reply.finish
    verdict = asking.validator.check(reply.text, finish=finish, source=call.source)
    return Judgement(_outcome(call.task, reply, verdict), verdict, reply)


def _turn(reply: Reply) -> Judgement:
    """A turn of a client's own conversation may be cut or empty: the client sees how it ended."""
    outcome: AttemptOutcome = "valid" if reply.finish in _TURNS_END else "refused"
    state = "exact" if outcome == "valid" else "invalid"
    return Judgement(outcome, Verdict(state, reply.text), reply)  # type: ignore[arg-type]  # both are states


def _ends_as_asked(call: Call, reply: Reply) -> bool:
    """Whether a text ends where its client wants it to: at a bound below the task's own."""
    if call.beside is None or reply.finish != "length":
        return False
    bound, own = call.beside.sampling.max_output_tokens, call.task.max_output_tokens
    return isinstance(call.task.output, TextOutput) and bound is not None and bound != own


def _outcome(task: Task, reply: Reply, verdict: Verdict) -> AttemptOutcome:
    if reply.finish == "abstain" or _unsure(task, reply):
        return "abstained"
    if reply.finish == "refused":
        return "refused"
    return "valid" if verdict.ok else "invalid"


def _unsure(task: Task, reply: Reply) -> bool:
    if task.min_confidence is None or reply.confidence is None:
        return False
    return reply.confidence < task.min_confidence
