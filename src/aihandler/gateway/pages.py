"""The routes that only look: models, calls, token counts, health, figures."""

import re
from collections.abc import Callable, Mapping

import msgspec

from aihandler.backends.anthropic_messages import AnthropicMessages
from aihandler.domain.task import Json
from aihandler.errors import Refused
from aihandler.gateway.admission import Asker
from aihandler.gateway.estimates import estimated_tokens
from aihandler.gateway.exposition import Exposition
from aihandler.gateway.http import HttpRequest, Reply, Send, send_whole
from aihandler.gateway.lookups import Lookups
from aihandler.gateway.serving import Serving
from aihandler.ledger import CallRecord

_encode = msgspec.json.Encoder(enc_hook=str).encode
_OK = Reply(200, b'{"status":"ok"}')
_TEXT = ((b"content-type", b"text/plain; version=0.0.4; charset=utf-8"),)
_CALL_ID = re.compile(r"/v1/calls/([A-Za-z0-9_-]{1,64})")


class Pages:
    """The routes that only look."""

    def __init__(self, serving: Serving, exposition: Exposition) -> None:
        self._serving = serving
        self._exposition = exposition
        self._messages = AnthropicMessages()
        self._lookups = Lookups(serving.calls, serving.clock)

    async def models(self, request: HttpRequest, asker: Asker, send: Send) -> None:
        """All that `model` may say, as Anthropic lists it to clients of theirs, else as OpenAI."""
        self._serving.admit_look(asker)
        names = self._serving.models(asker)
        row = _row_of(request)
        listed: dict[str, Json] = {"data": [row(name) for name in names]}
        if row is _openai_row:
            listed["object"] = "list"
        else:
            ends = {"first_id": names[0], "last_id": names[-1]} if names else {}
            listed |= {"has_more": False, "first_id": None, "last_id": None, **ends}
        await send_whole(send, Reply(200, _encode(listed)))

    async def model(self, request: HttpRequest, asker: Asker, send: Send) -> None:
        """One of them."""
        self._serving.admit_look(asker)
        name = request.path.removeprefix("/v1/models/")
        if name not in self._serving.models(asker):
            told = {"message": f"there is no model {name!r}", "type": "unknown_model"}
            await send_whole(send, Reply(404, error_body(told)))
            return
        await send_whole(send, Reply(200, _encode(_row_of(request)(name))))

    async def call(self, request: HttpRequest, asker: Asker, send: Send) -> None:
        """What the ledger knows of a call: to who asked, and to those who may read all."""
        match = _CALL_ID.fullmatch(request.path)
        self._serving.admit_look(asker)
        key = asker.name if asker.api_key is not None else ""
        found = await self._lookups.find(match[1], key) if match else None
        if found is None or not may_see(asker, found):
            told = {"message": "there is no such call", "type": "not_found"}
            await send_whole(send, Reply(404, error_body(told)))
            return
        await send_whole(send, Reply(200, _encode(found)))

    async def count_tokens(self, request: HttpRequest, asker: Asker, send: Send) -> None:
        """Anthropic's count before a call, estimated here: no model is asked for it."""
        self._serving.admit_look(asker)
        inbound = self._messages.read_count_request(request.body, request.headers)
        # Raises where this could not be asked either.
        self._serving.target(inbound.model, inbound.request, asker)
        tokens = estimated_tokens(inbound.request)
        await send_whole(send, Reply(200, _encode({"input_tokens": tokens})))

    async def metrics(self, request: HttpRequest, asker: Asker, send: Send) -> None:  # noqa: ARG002 - a route's shape
        """Figures of the gateway, for Prometheus. Raises Refused for the key of a member."""
        self._serving.admit_look(asker)
        key = asker.api_key
        if key is not None and key.role == "member":
            # They name every task and deployment, and what all of them cost.
            raise Refused(
                f"key {key.name!r} may not read the figures of the gateway",
                hint="`aihandler keys create NAME --role auditor --route /metrics` makes one",
            )
        await send_whole(send, Reply(200, self._exposition.page(), _TEXT))


def error_body(told: Mapping[str, str]) -> bytes:
    """An error that clients of OpenAI and of Anthropic read: these look for the outer `type`."""
    return _encode({"type": "error", "error": told})


async def base(send: Send) -> None:
    """The address that clients were given, which some of them try before anything else."""
    await send_whole(send, Reply(200, b'{"name":"aihandler","description":"/openapi.json"}'))


async def description(send: Send) -> None:
    """Every route, as OpenAPI describes them."""
    from aihandler.gateway.openapi import document

    await send_whole(send, Reply(200, _encode(document())))


async def health(send: Send) -> None:
    """The process answers."""
    await send_whole(send, _OK)


async def readiness(serving: Serving, send: Send) -> None:
    """Whether requests should come here. Says no more than that: anybody may ask."""
    why = serving.not_ready()
    await send_whole(send, Reply(503, _encode({"status": why})) if why else _OK)


def _row_of(request: HttpRequest) -> Callable[[str], dict[str, Json]]:
    return _anthropic_row if "anthropic-version" in request.headers else _openai_row


def _openai_row(name: str) -> dict[str, Json]:
    return {"id": name, "object": "model", "created": 0, "owned_by": "aihandler"}


def _anthropic_row(name: str) -> dict[str, Json]:
    never = "1970-01-01T00:00:00Z"
    return {"type": "model", "id": name, "display_name": name, "created_at": never}


def may_see(asker: Asker, call: CallRecord) -> bool:
    """Whether an asker may be told of this call."""
    key = asker.api_key
    if key is None or (key.role == "admin" and not key.tenant):
        return True
    if call.tenant != key.tenant:
        return False
    return key.role != "member" or call.tags.get("key") == key.name
