"""The names of attempts: equal keys mean that asking again could only cost again."""

import hashlib

from aihandler.domain.clearance import Clearance
from aihandler.domain.conversation import Request
from aihandler.domain.keys import digest
from aihandler.engine.call import Call


def attempt_key(call: Call, request: Request, *, model: str, clearance: Clearance) -> bytes:
    """Names what is asked of which weights, for whom, under which class.

    Left out on purpose: bounds on length, time-outs, and which replica answers; an answer that
    is whole stays whole when they change.
    """
    who: tuple[object, ...] = (call.sample, call.labels.tenant, clearance.fingerprint)
    if call.beside is not None:
        # What a client bounds itself may be cut, and is nobody else's answer.
        who = (*who, "beside", request.sampling, request.logprobs)
    if request.raw:
        # A client's own bytes say all of it, and are hashed in a tenth of the time.
        asked = hashlib.blake2b(request.raw, digest_size=16).hexdigest()
        return digest("attempt", call.task.version, model, asked, *who)
    sampling, sent = request.sampling, request.sent
    # Another way to ask for a schema may bring another answer, and is undone in another way.
    means = () if sent is None else (sent.mode, sent.subset)
    return digest(
        "attempt",
        call.task.version,
        model,
        *means,
        *_conversation(request),
        (sampling.temperature, sampling.top_p, sampling.seed, sampling.stop),
        request.messages or sorted(request.fields.items()),
        *who,
    )


def _conversation(request: Request) -> tuple[object, ...]:
    """What only a client's own request has; nothing for those of a task."""
    if not (request.tools or request.thinking or request.origin):
        return ()
    sampling = request.sampling
    return (
        request.tools,
        request.tool_choice,
        request.thinking,
        request.logprobs,
        (sampling.top_k, sampling.frequency_penalty, sampling.presence_penalty),
        request.output,
        sorted(request.extra.items()),
    )
