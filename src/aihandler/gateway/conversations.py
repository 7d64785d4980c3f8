"""Conversations of clients, in the format of each: chat completions, Messages, Responses."""

from asyncio import CancelledError
from collections.abc import Awaitable
from contextlib import aclosing
from functools import partial

import msgspec

from aihandler.backends.codec import Inbound, ReplyIdentity, Server, StreamWriter
from aihandler.domain.answer import (
    Answer,
    AnswerStarted,
    Cached,
    Reply,
    ReplyDone,
    Validity,
    WireChunk,
)
from aihandler.domain.conversation import Request, Text
from aihandler.domain.labels import DataClass
from aihandler.domain.task import Json, TextOutput
from aihandler.engine import Call
from aihandler.errors import AIHandlerError, AllAttemptsFailed, AnswerRejected, BackendError
from aihandler.gateway.admission import Asker
from aihandler.gateway.http import (
    Headers,
    HttpRequest,
    Send,
    StreamOut,
    error_headers,
    send_whole,
)
from aihandler.gateway.http import Reply as HttpReply
from aihandler.gateway.rates import Ticket
from aihandler.gateway.repeating import Repeating, repeats_of
from aihandler.gateway.serving import Serving
from aihandler.gateway.stateless import require_stateless
from aihandler.gateway.sticking import conversation_of, has_choice
from aihandler.gateway.targets import Target
from aihandler.gateway.wishes import as_asked, beside, in_its_bytes

# Ids look as clients of each format expect them; the rest is the id of our call.
_ID_PREFIXES = {
    "openai.chat": "chatcmpl-",
    "openai.completions": "cmpl-",
    "openai.responses": "resp_",
    "anthropic": "msg_",
}


_VALIDITIES = {one: (b"x-aihandler-validity", one.value.encode()) for one in Validity}

# A client that is told to come back later does so itself; for less we wait in its place.
PATIENCE_S = 3.0
# These say "later", which a client has to know from "it is broken".
_OVERLOADS = frozenset({503, 529})


class Relayed(AIHandlerError):
    """A server's refusal, with its own status, on its way to the client.

    `told` is the server's own body, which a client of its format gets as it came.
    """

    code = "backend_rejected"

    def __init__(self, error: BackendError, status: int) -> None:
        super().__init__(error.message, hint=error.hint)
        self.retry_after_s = error.retry_after_s
        self.told = error.told
        self.code = error.code  # type: ignore[misc]  # here it is of the one error
        self.http_status = status  # type: ignore[misc]  # here it is of the one error


class Conversations:
    """Answers the conversations of one format."""

    def __init__(self, codec: Server, serving: Serving) -> None:
        self._codec = codec
        self._serving = serving
        self._prefix = _ID_PREFIXES.get(codec.kind, "")

    def answer(self, request: HttpRequest, asker: Asker, send: Send) -> Awaitable[object]:
        """Sends the answer, or the error in the format's own words."""
        repeating = repeats_of(self._serving.repeating, request)
        if repeating is None:
            return self._answer(request, asker, send)
        return self._repeated(repeating, request, asker, send)

    async def _repeated(
        self, repeating: Repeating, request: HttpRequest, asker: Asker, send: Send
    ) -> None:
        answer = partial(self._answer, request, asker)
        try:
            permit = partial(self._permit, request, asker)
            await repeating.once(request, asker, send, answer, permit=permit)
        except AIHandlerError as error:
            status, body = self._codec.write_error(error)
            await send_whole(send, HttpReply(status, body), error_headers(error))

    def _permit(self, request: HttpRequest, asker: Asker, data_class: DataClass | None) -> None:
        call = self._call(self._codec.read_request(request.body, request.headers), request, asker)
        self._serving.permit_repeat(call, asker, data_class)

    async def _answer(self, request: HttpRequest, asker: Asker, send: Send) -> DataClass | None:
        """Says which class the answer had in the end."""
        stream: StreamOut | None = None
        writer: StreamWriter | None = None
        call: Call | None = None
        ticket: Ticket | None = None
        try:
            inbound = self._codec.read_request(request.body, request.headers)
            call = self._call(inbound, request, asker)
            ticket = self._serving.admit(asker, inbound.request, call=call)
            if ticket is not None:
                call = ticket.metering(call)
            identity = ReplyIdentity(
                self._prefix + call.id, inbound.model, int(self._serving.clock.wall())
            )
            if inbound.streamed:
                stream = StreamOut(send)
                writer = self._codec.stream_writer(identity, usage=inbound.usage_in_stream)
                return await self._stream(call, writer, stream)
            return await self._whole(call, identity, send)
        except (AIHandlerError, CancelledError) as error:
            told = for_clients(self._serving.ending.reason(error))
            if writer is not None and stream is not None and stream.begun:
                # Never a clean end for what was cut.
                await stream.write(writer.fail(told))
                await stream.cut()
                return None
            status, body = self._codec.write_error(told)
            headers = error_headers(told) + (ids_of(call) if call is not None else [])
            await send_whole(send, HttpReply(status, told_by(told) or body), headers)
            return None
        finally:
            # Also when the client has left.
            if stream is not None:
                stream.rest()
            self._serving.settle(ticket)

    def _call(self, inbound: Inbound, request: HttpRequest, asker: Asker) -> Call:
        require_stateless(inbound.request)
        target = self._serving.target(inbound.model, inbound.request, asker)
        self._serving.targets.require_kind(inbound.model, target, vectors=False)
        labels = self._serving.labels(target.task, request.headers, asker)
        task, asked, said = target.task, None, None
        text = _single_text(inbound.request) if target.own_task else None
        if text is not None and task.fields == ("text",):
            # One message is the task's input, and goes through the task's own wording.
            said = beside(task, inbound.request)
        else:
            made = as_asked if target.own_task else in_its_bytes
            asked = made(task, inbound.request, request.body)
            text = "\n".join([m.text for m in asked.messages if m.role == "user"])
        conversation = _named(inbound.request, target, asker)
        return Call(
            id=request.call_id,
            task=task,
            labels=labels,
            fields={"text": text},
            messages=() if asked is None else asked.messages,
            source=text,
            tags=asker.tags,
            reuse=asked is None and said is None,
            asked=asked,
            beside=said,
            patience_s=PATIENCE_S,
            budgets=asker.budgets,
            priority=self._serving.priority(request.headers),
            # A task's input is a first turn; its next one is asked where it was.
            prefer=self._serving.sticking.of(conversation) if asked and conversation else "",
            conversation=conversation,
            cache=self._serving.cache_use(task, request.headers),
            permit=self._serving.permit(asker, task.name),
        )

    def _note(self, call: Call, answer: Answer[Json]) -> None:
        if call.conversation:
            self._serving.sticking.note(call.conversation, answer.route)

    async def _whole(self, call: Call, identity: ReplyIdentity, send: Send) -> DataClass | None:
        try:
            answer = await self._serving.run(call)
        except AnswerRejected as error:
            # Of one's own conversation the last turn is of use, though it is not valid.
            if call.asked is None or not isinstance(call.task.output, TextOutput):
                raise
            if error.reply is None:
                raise
            body = self._codec.write_reply(error.reply, identity)
            headers = _invalid_headers(call, error)
            await send_whole(send, HttpReply(200, body), headers)
            return error.data_class
        reply = _reply_of(answer, call)
        body = reply.raw or self._codec.write_reply(reply, identity)
        await send_whole(send, HttpReply(200, body), answer_headers(call, answer))
        self._note(call, answer)
        return answer.data_class

    async def _stream(self, call: Call, writer: StreamWriter, out: StreamOut) -> DataClass | None:
        passed, answer, headers = False, None, call_headers(call)
        async with aclosing(self._serving.stream(call)) as events:
            async for event in events:
                if isinstance(event, WireChunk):
                    passed = True
                    data = event.data
                elif isinstance(event, AnswerStarted):
                    headers += _who_answers(event.deployment, event.reason)
                    continue
                elif isinstance(event, Answer):
                    answer = event
                    # What came whole can say all of itself at once.
                    headers = answer_headers(call, answer)
                    data = b"" if passed else writer.write(ReplyDone(_reply_of(event, call)))
                else:
                    data = b"" if passed else writer.write(event)
                if not data:
                    continue
                if not out.begun:
                    await out.begin(headers)
                await out.write(data)
        await out.end()
        if answer is None:
            return None
        self._note(call, answer)
        return answer.data_class


def _named(asked: Request, target: Target, asker: Asker) -> str:
    """Names a conversation where there is a choice to remember."""
    if not has_choice(target.task):
        return ""
    return conversation_of(asked, asker=asker.name, task=target.task.name)


def _single_text(request: Request) -> str | None:
    """The words of a request that is nothing but one message of a user."""
    if len(request.messages) != 1 or request.tools or request.messages[0].role != "user":
        return None
    parts = request.messages[0].parts
    return parts[0].text if len(parts) == 1 and isinstance(parts[0], Text) else None


def _reply_of(answer: Answer[Json], call: Call) -> Reply:
    """The turn that a client gets: the model's own where there is one, with the valid value."""
    reply = answer.reply
    usage = answer.attempts[-1].usage if answer.attempts else None
    if answer.cached is not None:
        usage = answer.cached.usage
    if reply is None:
        return Reply((Text(_as_text(answer.value)),), "stop", usage=usage, model=answer.route)
    own_turn = call.asked is not None and isinstance(call.task.output, TextOutput)
    if own_turn or reply.finish == "tool_calls":
        return reply
    text = _as_text(answer.value)
    if reply.text == text:
        return reply
    others = tuple(part for part in reply.parts if not isinstance(part, Text))
    # Its probabilities are those of the words that stood there.
    return msgspec.structs.replace(reply, parts=(*others, Text(text)), raw=b"", logprobs=None)


def _as_text(value: Json) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def ids_of(call: Call) -> Headers:
    """The names of a call, as answers and errors tell them."""
    name = call.id.encode()
    # Libraries of Anthropic and OpenAI show these to their users, who can then look the call up.
    return [(b"x-aihandler-call", name), (b"request-id", name), (b"x-request-id", name)]


def call_headers(call: Call, cached: Cached | None = None) -> Headers:
    """What is known of an answer before it is there, or of a kept one."""
    told = ids_of(call)
    if call.task.cache is not None and cached is None:
        told.append((b"x-aihandler-cache", b"off" if call.cache == "off" else b"miss"))
    if cached is not None:
        told += [
            (b"x-aihandler-cache", b"hit"),
            (b"x-aihandler-reason", b"cache"),
            (b"age", b"%d" % cached.age_s),
        ]
    return told


def _who_answers(deployment: str, reason: str) -> Headers:
    told = [(b"x-aihandler-deployment", deployment.encode())]
    return [*told, (b"x-aihandler-reason", reason.encode())] if reason else told


def answer_headers(call: Call, answer: Answer[Json]) -> Headers:
    """What the headers of a whole answer say."""
    headers = call_headers(call, answer.cached)
    headers += _who_answers(answer.route, answer.attempts[-1].reason if answer.attempts else "")
    headers.append(_VALIDITIES[answer.validity])
    if answer.cost.status == "priced":
        headers.append((b"x-aihandler-cost-usd", b"%.9f" % answer.cost.usd))
    return headers


def _invalid_headers(call: Call, error: AnswerRejected) -> Headers:
    *_, last = error.attempts
    headers = [*call_headers(call), *_who_answers(last.deployment, last.reason)]
    headers.append((b"x-aihandler-validity", b"invalid"))
    if all(attempt.cost.status == "priced" for attempt in error.attempts):
        usd = sum(attempt.cost.usd for attempt in error.attempts)
        headers.append((b"x-aihandler-cost-usd", b"%.9f" % usd))
    return headers


def told_by(error: AIHandlerError) -> bytes:
    """The server's own body, where the client may have it."""
    return error.told if isinstance(error, Relayed) else b""


def for_clients(error: AIHandlerError) -> AIHandlerError:
    """The server's own refusal, where it alone was asked, or alone could hold the request: its
    client knows what to do.
    """
    if not isinstance(error, AllAttemptsFailed) or error.last is None:
        return error
    asked = {attempt.deployment for attempt in error.attempts}
    alone = len(asked - error.too_small or error.too_small) == 1
    status = error.last.status
    # What a server says of our key or our bill is no business of our client's.
    if not alone or status is None or error.last.ours:
        return error
    if not 400 <= status < 500 and status not in _OVERLOADS:
        return error
    return Relayed(error.last, status)
