"""The routes that only look: models, calls, token counts, health, figures."""

import asyncio
import re

import msgspec

from aihandler.backends.anthropic_messages import AnthropicMessages
from aihandler.domain.task import Json
from aihandler.errors import InputError
from aihandler.gateway.admission import Asker
from aihandler.gateway.estimates import estimated_tokens
from aihandler.gateway.figures import Figures
from aihandler.gateway.http import HttpRequest, Reply, Send, send_whole
from aihandler.gateway.serving import Serving
from aihandler.ledger import CallRecord

_encode = msgspec.json.Encoder(enc_hook=str).encode
_OK = Reply(200, b'{"status":"ok"}')
_TEXT = ((b"content-type", b"text/plain; version=0.0.4; charset=utf-8"),)
_CALL_ID = re.compile(r"/v1/calls/([A-Za-z0-9_-]{1,64})")
# A call is in the ledger some 50 ms after its answer.
_FOLDED_WITHIN_S = 0.5
_LOOK_S = 0.05


class Pages:
    """The routes that only look."""

    def __init__(self, serving: Serving, figures: Figures) -> None:
        self._serving = serving
        self._figures = figures
        self._messages = AnthropicMessages()

    async def models(self, request: HttpRequest, asker: Asker, send: Send) -> None:  # noqa: ARG002 - a route's shape
        """All that `model` may say, in a form that clients of OpenAI and of Anthropic read."""
        rows: list[dict[str, Json]] = [
            {
                "id": name,
                "object": "model",
                "type": "model",
                "display_name": name,
                "created": 0,
                "created_at": "1970-01-01T00:00:00Z",
                "owned_by": "aihandler",
            }
            for name in self._serving.targets.names()
        ]
        listed: dict[str, Json] = {
            "object": "list",
            "data": rows,
            "has_more": False,
            "first_id": rows[0]["id"] if rows else None,
            "last_id": rows[-1]["id"] if rows else None,
        }
        await send_whole(send, Reply(200, _encode(listed)))

    async def call(self, request: HttpRequest, asker: Asker, send: Send) -> None:
        """What the ledger knows of a call: to who asked, and to those who may read all."""
        match = _CALL_ID.fullmatch(request.path)
        found = await self._looked_up(match[1]) if match else None
        if found is None or not _may_see(asker, found):
            told = {"message": "there is no such call", "type": "not_found"}
            await send_whole(send, Reply(404, _encode({"error": told})))
            return
        await send_whole(send, Reply(200, _encode(found)))

    async def count_tokens(self, request: HttpRequest, asker: Asker, send: Send) -> None:  # noqa: ARG002 - a route's shape
        """Anthropic's count before a call, estimated here: no model is asked for it."""
        inbound = self._messages.read_count_request(request.body, request.headers)
        tokens = estimated_tokens(inbound.request)
        await send_whole(send, Reply(200, _encode({"input_tokens": tokens})))

    async def metrics(self, request: HttpRequest, asker: Asker, send: Send) -> None:  # noqa: ARG002 - a route's shape
        """Figures of this worker, for Prometheus."""
        await send_whole(send, Reply(200, self._figures.exposition(), _TEXT))

    async def _looked_up(self, call_id: str) -> CallRecord | None:
        until = self._serving.clock.monotonic() + _FOLDED_WITHIN_S
        while True:
            try:
                calls = await asyncio.to_thread(self._serving.calls, call_id)
                return calls[0]
            except InputError:
                if self._serving.clock.monotonic() > until:
                    return None
                await asyncio.sleep(_LOOK_S)


async def health(send: Send) -> None:
    """The process answers."""
    await send_whole(send, _OK)


async def readiness(serving: Serving, send: Send) -> None:
    """Whether requests should come here. Says no more than that: anybody may ask."""
    why = serving.not_ready()
    await send_whole(send, Reply(503, _encode({"status": why})) if why else _OK)


def _may_see(asker: Asker, call: CallRecord) -> bool:
    key = asker.api_key
    if key is None or (key.role != "member" and call.tenant == key.tenant):
        return True
    return call.tags.get("key") == key.name and call.tenant == key.tenant
