"""The application: from an address to a route, with errors that every client can read."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping

import msgspec

from aihandler.backends.anthropic_messages import AnthropicMessages
from aihandler.backends.openai_chat import OpenAIChat
from aihandler.backends.openai_responses import OpenAIResponses
from aihandler.errors import AIHandlerError
from aihandler.gateway.admission import Admission, Asker
from aihandler.gateway.conversations import Conversations
from aihandler.gateway.http import (
    ClientGone,
    HttpRequest,
    Receive,
    Reply,
    Scope,
    Send,
    body_of,
    error_headers,
    headers_of,
    send_whole,
)
from aihandler.gateway.pages import health, models
from aihandler.gateway.serving import Serving

_log = logging.getLogger(__name__)
_encode = msgspec.json.Encoder().encode

Route = Callable[[HttpRequest, Asker, Send], Awaitable[None]]


class Gateway:
    """An ASGI application. Every route but the checks of health asks first who comes."""

    def __init__(self, serving: Serving, admission: Admission) -> None:
        self._serving = serving
        self._admission = admission
        chat = Conversations(OpenAIChat(), serving)
        messages = Conversations(AnthropicMessages(), serving)
        responses = Conversations(OpenAIResponses(), serving)
        self._routes: Mapping[tuple[str, str], Route] = {
            ("POST", "/v1/chat/completions"): chat.answer,
            ("POST", "/v1/messages"): messages.answer,
            ("POST", "/v1/responses"): responses.answer,
            ("GET", "/v1/models"): models(serving),
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One connection's request."""
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
            return
        if scope["type"] != "http":
            return
        path = scope["path"]
        if path in {"/healthz", "/readyz"}:
            await health(send)
            return
        route = self._routes.get((scope["method"], path))
        try:
            headers = headers_of(scope)
            asker = self._admission.admit(headers)
            asker.require_route(path)
            self._serving.switches.require("all")
            self._serving.switches.require("key", asker.name)
            if route is None:
                await send_whole(send, _not_found(path))
                return
            body = await body_of(receive, headers)
            query = scope["query_string"].decode("latin-1")
            request = HttpRequest(scope["method"], path, query, headers, body)
            await _while_wanted(route(request, asker, send), receive)
        except ClientGone:
            return
        except AIHandlerError as error:
            await send_whole(send, _error(error), error_headers(error))
        except Exception:  # noqa: BLE001  # one request must not take the others with it
            # A mistake of ours must not show what it was about.
            _log.exception("a request failed")
            await send_whole(send, _INTERNAL)


async def _while_wanted(work: Awaitable[None], receive: Receive) -> None:
    """Runs the route; when the client goes away before its end, stops it."""
    running = asyncio.ensure_future(work)
    gone = asyncio.ensure_future(_gone(receive))
    try:
        await asyncio.wait((running, gone), return_when=asyncio.FIRST_COMPLETED)
        if not running.done():
            running.cancel()
        await running
    except asyncio.CancelledError:
        if running.cancelled() and gone.done():
            raise ClientGone from None
        running.cancel()
        raise
    finally:
        gone.cancel()


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return


def _error(error: AIHandlerError) -> Reply:
    told = {"message": error.message, "type": error.code, "hint": error.hint}
    return Reply(error.http_status, _encode({"error": told}))


def _not_found(path: str) -> Reply:
    told = {"message": f"there is nothing at {path!r}", "type": "not_found"}
    return Reply(404, _encode({"error": told}))


_INTERNAL = Reply(
    500, _encode({"error": {"message": "a mistake of ours; see the log", "type": "internal"}})
)
