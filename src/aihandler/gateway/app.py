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

Route = Callable[[HttpRequest, Asker, Send], Awaitable[object]]


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
        self._monotonic = serving.clock.monotonic
        self._watches = _Watches()
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
        began = self._monotonic()
        try:
            await self._answer(scope, receive, told, route)
        finally:
            name = _route_name(path) if route is not None else "other"
            self._figures.ended(name, told.status, self._monotonic() - began)
            if told.code:
                self._figures.failed(name, told.code)

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
            if asker.api_key is not None and asker.api_key.routes is not None:
                asker.require_route(_route_name(path))
            looks = scope["method"] in _READS
            require = self._serving.require_known if looks else self._serving.require
            require(asker)
            if route is None:
                await self._nothing(path, send)
                return
            body = await body_of(receive, headers)
            # A body may take as long to come as its sender likes.
            require(asker)
            require_bounded(body)
            query = scope["query_string"].decode("latin-1")
            call_id = self._serving.new_id()
            request = HttpRequest(scope["method"], path, query, headers, body, call_id)
            answered = route(request, asker, send)
            if outlasts_client(self._serving.repeating, headers):
                await answered
            else:
                await self._watches.while_wanted(answered, receive)
        except ClientGone:
            return
        except (AIHandlerError, asyncio.CancelledError) as error:
            told = self._serving.ending.reason(error)
            await send_whole(send, _error(told), error_headers(told))
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

    def __call__(self, message: Message) -> Awaitable[None]:
        """Sends."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            if self.status >= 400:
                named = dict(message["headers"]).get(b"x-aihandler-error", b"")
                self.code = named.decode("latin-1")
        return self._send(message)


def _route_name(path: str) -> str:
    if path.startswith(_CALLS):
        return _CALLS.removesuffix("/")
    return _MODELS.removesuffix("/") if path.startswith(_MODELS) else path


class _Watches:
    """The clients whose answers are under way, in the order in which they came.

    Most answers come before anybody could leave: a watch for each would cost more than it saves,
    and so would a timer, so one timer looks for those that have become old.
    """

    def __init__(self) -> None:
        self._young: dict[_Watch, float] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    async def while_wanted(self, work: Awaitable[object], receive: Receive) -> None:
        """Runs the route; when the client goes away before its end, stops it."""
        loop = asyncio.get_running_loop()
        task = asyncio.current_task(loop)
        assert task is not None
        watch = _Watch(task, receive)
        self._young[watch] = loop.time() + WATCH_AFTER_S
        if self._timer is None or loop is not self._loop:
            self._loop = loop
            self._timer = loop.call_later(WATCH_AFTER_S, self._look, loop)
        try:
            await work
        except asyncio.CancelledError:
            if watch.gone:
                task.uncancel()
                raise ClientGone from None
            raise
        finally:
            if self._young.pop(watch, None) is None:
                watch.end()

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer = None
        now = loop.time()
        for watch, due in list(self._young.items()):
            if due > now:
                # The oldest of those that are left is due first.
                self._timer = loop.call_at(due, self._look, loop)
                return
            del self._young[watch]
            watch.begin()


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
