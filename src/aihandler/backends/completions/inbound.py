"""From a client's raw completion request to ours: one prompt, which stays as it is."""

import msgspec

from aihandler.backends.codec import Inbound
from aihandler.backends.completions.fields import KIND, PROMPT
from aihandler.backends.wire_objects import (
    NO_BOUND,
    require_count,
    take_bound,
    take_streamed,
    take_text,
)
from aihandler.domain.conversation import Message, Request, Sampling
from aihandler.domain.parts import Text
from aihandler.domain.task import Json
from aihandler.errors import InputError

_decode = msgspec.json.Decoder().decode
_ONE = "send `prompt` as one text, and one request for each prompt"


def read_request(body: bytes) -> Inbound:
    """What is understood is taken out of the request; the rest is `extra`. Raises InputError."""
    left = _object(body)
    text, written = _prompt(left)
    model = take_text(left, "model")
    if not model:
        raise InputError("no model is named (at /model)", hint="send `model`")
    streamed = take_streamed(left)
    usage_in_stream = _usage_option(left)
    request = Request(
        "",
        (Message("user", (Text(text),), {PROMPT: written}),),
        sampling=_sampling(left),
        logprobs=_whole(left, "logprobs"),
        origin=KIND,
        extra=left,
    )
    return Inbound(request, model, streamed, usage_in_stream)


def _object(body: bytes) -> dict[str, Json]:
    try:
        value = _decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise InputError(
            "the body is not JSON (at /)", hint="send a JSON object, encoded as UTF-8"
        ) from None
    if not isinstance(value, dict):
        raise InputError("the body must be a JSON object (at /)", hint=_ONE)
    return value


def _prompt(left: dict[str, Json]) -> tuple[str, str]:
    """The prompt, and how it was written: as a text, or as a list of one."""
    prompt = left.pop("prompt", None)
    match prompt:
        case str():
            return prompt, "text"
        case [str(only)]:
            return only, "list"
        case [str(), *_] | [[*_], *_]:
            raise InputError("there are several prompts (at /prompt)", hint=_ONE)
        case [int(), *_]:
            # Nobody could say what leaves the house in a list of numbers.
            raise InputError("the prompt is a list of tokens (at /prompt)", hint=_ONE)
    raise InputError("the prompt must be a text (at /prompt)", hint=_ONE)


def _sampling(left: dict[str, Json]) -> Sampling:
    for count in ("n", "best_of"):
        require_count(left, count)
    return Sampling(
        _number(left, "temperature"),
        _number(left, "top_p"),
        _whole(left, "seed"),
        _stop(left),
        # Here none at all is a wish: the prompt's own probabilities (`echo`).
        take_bound(left, "max_tokens", "n_predict", least=0, none=NO_BOUND),
        _whole(left, "top_k"),
        _number(left, "frequency_penalty"),
        _number(left, "presence_penalty"),
    )


def _number(left: dict[str, Json], key: str) -> float | None:
    value = left.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    del left[key]
    return value


def _whole(left: dict[str, Json], key: str) -> int | None:
    value = left.get(key)
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    del left[key]
    return value


def _stop(left: dict[str, Json]) -> tuple[str, ...]:
    stop = left.get("stop")
    if isinstance(stop, str) and stop:
        # Written back as one text in place of a list of one.
        left["stop"] = ""
        return (stop,)
    if stop and isinstance(stop, list) and all(isinstance(word, str) for word in stop):
        del left["stop"]
        return tuple(stop)
    return ()


def _usage_option(left: dict[str, Json]) -> bool:
    options = left.get("stream_options")
    if not isinstance(options, dict):
        return False
    wanted = options.pop("include_usage", None) is True
    if not options:
        del left["stream_options"]
    return wanted
