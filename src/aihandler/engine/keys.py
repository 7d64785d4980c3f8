"""The names of attempts: equal keys mean that asking again could only cost again."""

from aihandler.domain.clearance import Clearance
from aihandler.domain.conversation import Request
from aihandler.domain.keys import digest
from aihandler.engine.call import Call


def attempt_key(call: Call, request: Request, *, model: str, clearance: Clearance) -> bytes:
    """Names what is asked of which weights, for whom, under which class.

    Left out on purpose: bounds on length, time-outs, and which replica answers; an answer that
    is whole stays whole when they change.
    """
    sampling, sent = request.sampling, request.sent
    # Another way to ask for a schema may bring another answer, and is undone in another way.
    means = () if sent is None else (sent.mode, sent.subset)
    return digest(
        "attempt",
        call.task.version,
        model,
        *means,
        (sampling.temperature, sampling.top_p, sampling.seed, sampling.stop),
        request.messages or sorted(request.fields.items()),
        call.sample,
        call.labels.tenant,
        clearance.fingerprint,
    )
