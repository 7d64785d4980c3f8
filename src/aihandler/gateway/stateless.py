"""Requests of Responses that lean on what a provider keeps: here nothing is kept between two."""

from collections.abc import Iterator

from aihandler.backends.openai_responses.fields import KIND
from aihandler.domain.conversation import Request
from aihandler.domain.parts import Opaque
from aihandler.errors import InputError

# What lies with a provider lies in the one account that all who come here share: who names a thing
# there may name another's, and whoever is asked in its place knows of none.
_KEPT_ELSEWHERE = ("previous_response_id", "conversation", "prompt")
_KEEPS = ("store", "background")


def require_stateless(request: Request) -> None:
    """Raises InputError for a request that does not say all of itself, or wants to be kept."""
    if request.origin != KIND:
        return
    for name in _KEPT_ELSEWHERE:
        if request.extra.get(name):
            raise InputError(
                f"nothing is kept between two requests, so nothing can be looked up (at /{name})",
                hint="send the whole conversation as `input`, and instructions in words",
            )
    for name in _KEEPS:
        if request.extra.get(name):
            raise InputError(
                f"no answer is kept to be fetched later (at /{name})",
                hint=f"leave `{name}` out, or send `{name}: false`",
            )
    if any(_refers(part) for part in _opaque(request)):
        raise InputError(
            "an item stands in the request by its id alone, and nothing is kept (at /input)",
            hint="send the items themselves; clients do so with `store: false`",
        )


def _opaque(request: Request) -> Iterator[Opaque]:
    return (part for one in request.messages for part in one.parts if isinstance(part, Opaque))


def _refers(part: Opaque) -> bool:
    item = part.payload
    return isinstance(item, dict) and (
        item.get("type") == "item_reference" or item.keys() == {"id"}
    )
