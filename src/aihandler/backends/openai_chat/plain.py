"""Most whole replies are one text and nothing else: read in one step, as `Building` reads them."""

from collections.abc import Mapping
from typing import Any

from aihandler.backends.codec import Asked
from aihandler.backends.openai_chat.building import FINISHES, TOP
from aihandler.backends.openai_chat.passage import ORIGIN
from aihandler.backends.openai_chat.usage import usage_from
from aihandler.backends.openai_chat.wire import wire_usage
from aihandler.domain.answer import Reply
from aihandler.domain.parts import Text
from aihandler.domain.task import Json

# These say nothing where they are null or empty.
_MESSAGE = frozenset({"role", "content", "refusal", "annotations", "tool_calls"})
_CHOICE = frozenset({"index", "message", "finish_reason", "logprobs"})


def plain_reply(
    completion: dict[str, Any],
    choice: dict[str, Any],
    *,
    asked: Asked,
    headers: Mapping[str, str],
) -> Reply | None:
    """The reply; None where it is anything but one text, with its reason and its token counts."""
    message, reason, raw = choice["message"], choice.get("finish_reason"), completion.get("usage")
    text = message.get("content")
    if asked.profile.think_tags or (asked.request.sampling.stop and not asked.profile.stop_trimmed):
        return None
    if type(text) is not str or not text or type(reason) is not str or type(raw) is not dict:
        return None
    if choice.get("logprobs") or not choice.keys() <= _CHOICE:
        return None
    if not message.keys() <= _MESSAGE or "cost" in raw:
        return None
    if message.get("refusal") or message.get("annotations") or message.get("tool_calls"):
        return None
    finish, usage = FINISHES.get(reason.lower(), "other"), wire_usage(raw)
    if usage is None or finish == "tool_calls" or not reason:
        return None
    beside = {key: completion[key] for key in completion if key not in TOP}
    left: dict[str, Json] = {"reply": beside} if beside else {}
    left["usage"], left["choice"] = raw, {"finish_reason": reason}
    model, mark = completion.get("model"), completion.get("system_fingerprint")
    reply_id = completion.get("id")
    return Reply(
        (Text(text),),
        finish,
        usage=usage_from(usage),
        model=model if isinstance(model, str) else "",
        request_id=headers.get("x-request-id", "") or (str(reply_id) if reply_id else ""),
        fingerprint=mark if isinstance(mark, str) else "",
        extra={ORIGIN: left},
        origin=ORIGIN,
    )
