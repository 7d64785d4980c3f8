"""The application: from an address to a route, with errors that every client can read."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence

from aihandler.backends.anthropic_messages import AnthropicMessages
from aihandler.backends.completions import Completions
from aihandler.backends.openai_chat import OpenAIChat
from aihandler.backends.openai_responses import OpenAIResponses
from aihandler.errors import AIHandlerError
from aihandler.gateway.admission import Admission, Asker
from aihandler.gateway.conversations import Conversations
from aihandler.gateway.embeddings import Embeddings
from aihandler.gateway.exposition import Counts, counts_of_one
from aihandler.gateway.http import (
    ClientGone,
    HttpRequest,
    Message,
    Receive,
    Reply,
    Scope,
    Send,
    body_of,
    error_headers,
    headers_of,
    send_whole,
)
from aihandler.gateway.pages import Pages, base, description, error_body, health, readiness
from aihandler.gateway.repeating import outlasts_client
from aihandler.gateway.serving import Serving
from aihandler.gateway.weighing import require_bounded

# Upstreams of clients that left are cancelled within a second.
WATCH_AFTER_S = 0.5
_log = logging.getLogger(__name__)

_CALLS = "/v1/calls/"
_MODELS = "/v1/models/"

_READS = ("GET", "HEAD")
_ERROR_METHOD = (b"x-aihandler-error", b"method_not_allowed")

Route = Callable[[HttpRequest, Asker, Send], Awaitable[None]]


class Gateway:
    """An ASGI application. Every route but the checks of health asks first who comes."""

    def __init__(
        self,
        serving: Serving,
        admission: Admission,
        *,
        counts: Counts | None = None,
    ) -> None:
        self._serving = serving
        self._admission = admission
        counts = counts or counts_of_one(serving.configuration, serving.clock)
        self._figures = counts.figures
        serving.repeated = counts.figures.repeated
        self._pages = pages = Pages(serving, counts.exposition)
        chat = Conversations(OpenAIChat(), serving)
        completions = Conversations(Completions(), serving)
        messages = Conversations(AnthropicMessages(), serving)
        responses = Conversations(OpenAIResponses(), serving)
        self._routes: Mapping[tuple[str, str], Route] = {
            ("POST", "/v1/chat/completions"): chat.answer,
            ("POST", "/v1/completions"): completions.answer,
            ("POST", "/v1/messages"): messages.answer,
            ("POST", "/v1/responses"): responses.answer,
            ("POST", "/v1/embeddings"): Embeddings(serving).answer,
            ("POST", "/v1/messages/count_tokens"): pages.count_tokens,
            ("GET", "/v1/models"): pages.models,
            ("GET", "/metrics"): pages.metrics,
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One connection's request."""
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
            return
        if scope["type"] != "http":
            return
        path = scope["path"]
        if path in _OPEN:
            await self._open(scope["method"], path, send)
            return
        route = self._route(scope["method"], path)
        told = _Told(send)
        self._figures.begun()
        began = self._serving.clock.monotonic()
        try:
            await self._answer(scope, receive, told, route)
        finally:
            name = path if route is not None else "other"
            elapsed_s = self._serving.clock.monotonic() - began
            self._figures.ended(_route_name(name), told.status, elapsed_s)
            if told.code:
                self._figures.failed(_route_name(name), told.code)

    async def _open(self, method: str, path: str, send: Send) -> None:
        if method not in _READS:
            await _wrong_method(path, _READS, send)
        elif path == "/readyz":
            await readiness(self._serving, send)
        else:
            await _OPEN[path](send)

    def _methods(self, path: str) -> Sequence[str]:
        """By which methods there is something at an address."""
        if path.startswith((_CALLS, _MODELS)) or ("GET", path) in self._routes:
            return _READS
        return ("POST",) if ("POST", path) in self._routes else ()

    def _route(self, method: str, path: str) -> Route | None:
        # The server sends no body to who asks with HEAD.
        method = "GET" if method == "HEAD" else method
        if method == "GET" and path.startswith(_CALLS):
            return self._pages.call
        if method == "GET" and path.startswith(_MODELS):
            return self._pages.model
        return self._routes.get((method, path))

    async def _answer(
        self, scope: Scope, receive: Receive, send: Send, route: Route | None
    ) -> None:
        path = scope["path"]
        try:
            headers = headers_of(scope)
            asker = self._admission.admit(headers)
            asker.require_route(_route_name(path))
            self._serving.require(asker)
            if route is None:
                await self._nothing(path, send)
                return
            body = await body_of(receive, headers)
            # A body may take as long to come as its sender likes.
            self._serving.require(asker)
            require_bounded(body)
            query = scope["query_string"].decode("latin-1")
            call_id = self._serving.new_id()
            request = HttpRequest(scope["method"], path, query, headers, body, call_id)
            answered = route(request, asker, send)
            if outlasts_client(self._serving.repeating, headers):
                await answered
            else:
                await _while_wanted(answered, receive)
        except ClientGone:
            return
        except AIHandlerError as error:
            await send_whole(send, _error(error), error_headers(error))
        except Exception:  # noqa: BLE001  # one request must not take the others with it
            # A mistake of ours must not show what it was about.
            _log.exception("a request failed")
            await send_whole(send, _INTERNAL)

    async def _nothing(self, path: str, send: Send) -> None:
        if methods := self._methods(path):
            await _wrong_method(path, methods, send)
        else:
            await send_whole(send, _not_found(path))


class _Told:
    """Passes on what is sent, and remembers the status."""

    def __init__(self, send: Send) -> None:
        self._send = send
        # What a proxy writes of a client that left.
        self.status = 499
        # Of the error, where it was one.
        self.code = ""

    async def __call__(self, message: Message) -> None:
        """Sends."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            if self.status >= 400:
                named = dict(message["headers"]).get(b"x-aihandler-error", b"")
                self.code = named.decode("latin-1")
        await self._send(message)


def _route_name(path: str) -> str:
    for many in (_CALLS, _MODELS):
        if path.startswith(many):
            return many.removesuffix("/")
    return path


async def _while_wanted(work: Awaitable[None], receive: Receive) -> None:
    """Runs the route; when the client goes away before its end, stops it."""
    task = asyncio.current_task()
    assert task is not None
    watch = _Watch(task, receive)
    # Most answers come before anybody could leave: a watch for each would cost more than it saves.
    timer = asyncio.get_running_loop().call_later(WATCH_AFTER_S, watch.begin)
    try:
        await work
    except asyncio.CancelledError:
        if watch.gone:
            task.uncancel()
            raise ClientGone from None
        raise
    finally:
        timer.cancel()
        watch.end()


class _Watch:
    """Waits for a client to leave, and then cancels the work for it."""

    def __init__(self, task: asyncio.Task[None], receive: Receive) -> None:
        self.gone = False
        self._task = task
        self._receive = receive
        self._looking: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """Looks from now on."""
        self._looking = asyncio.ensure_future(self._look())

    def end(self) -> None:
        """Looks no more."""
        if self._looking is not None:
            self._looking.cancel()

    async def _look(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self.gone = True
        self._task.cancel()


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return


def _error(error: AIHandlerError) -> Reply:
    told = {"message": error.message, "type": error.code, "hint": error.hint}
    return Reply(error.http_status, error_body(told))


async def _wrong_method(path: str, methods: Sequence[str], send: Send) -> None:
    named = ", ".join(methods)
    told = {"message": f"{path!r} is asked with {named}", "type": "method_not_allowed"}
    headers = ((b"allow", named.encode()), _ERROR_METHOD)
    await send_whole(send, Reply(405, error_body(told)), headers)


def _not_found(path: str) -> Reply:
    told = {"message": f"there is nothing at {path!r}", "type": "not_found"}
    return Reply(404, error_body(told))


_INTERNAL = Reply(
    500, error_body({"message": "a mistake of ours; see the log", "type": "internal"})
)
# Clients look here before they have a key, and nothing of the configuration is told.
_OPEN: Mapping[str, Callable[[Send], Awaitable[None]]] = {
    "/": base,
    "/openapi.json": description,
    # Claude Code opens its connection with this.
    "/api/hello": health,
    "/healthz": health,
    "/readyz": health,
}
