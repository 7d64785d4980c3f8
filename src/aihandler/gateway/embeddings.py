"""Vectors for clients of OpenAI: `/v1/embeddings`."""

from asyncio import CancelledError
from functools import partial

import msgspec

from aihandler.backends.codec import ReplyIdentity
from aihandler.backends.embeddings.inbound import read_request, wants_base64, write_reply
from aihandler.backends.openai_chat import OpenAIChat
from aihandler.config.prompts import default_prompt
from aihandler.config.templates import Template
from aihandler.domain.answer import Reply
from aihandler.domain.conversation import Request, Text, message
from aihandler.domain.labels import DataClass
from aihandler.domain.task import EmbeddingOutput
from aihandler.engine import Call
from aihandler.errors import AIHandlerError, InputError
from aihandler.gateway.admission import Asker
from aihandler.gateway.conversations import (
    PATIENCE_S,
    answer_headers,
    for_clients,
    ids_of,
    told_by,
)
from aihandler.gateway.http import HttpRequest, Send, error_headers, send_whole
from aihandler.gateway.http import Reply as HttpReply
from aihandler.gateway.rates import Ticket
from aihandler.gateway.repeating import repeats_of
from aihandler.gateway.serving import Serving
from aihandler.gateway.targets import Target


class Embeddings:
    """Answers requests for vectors, which are not streamed."""

    def __init__(self, serving: Serving) -> None:
        self._serving = serving
        # The errors of OpenAI's formats look the same.
        self._write_error = OpenAIChat().write_error

    async def answer(self, request: HttpRequest, asker: Asker, send: Send) -> None:
        """Sends the vectors, or the error."""
        answer = partial(self._answer, request, asker)
        if (repeating := repeats_of(self._serving.repeating, request)) is None:
            await answer(send)
            return
        try:
            permit = partial(self._permit, request, asker)
            await repeating.once(request, asker, send, answer, permit=permit)
        except AIHandlerError as error:
            status, body = self._write_error(error)
            await send_whole(send, HttpReply(status, body), error_headers(error))

    def _permit(self, request: HttpRequest, asker: Asker, data_class: DataClass | None) -> None:
        inbound = read_request(request.body)
        target = self._serving.target(inbound.model, inbound.request, asker)
        call = self._call(inbound.request, target, request, asker)
        self._serving.permit_repeat(call, asker, data_class)

    async def _answer(self, request: HttpRequest, asker: Asker, send: Send) -> DataClass | None:
        call: Call | None = None
        ticket: Ticket | None = None
        try:
            inbound = read_request(request.body)
            target = self._serving.target(inbound.model, inbound.request, asker)
            self._serving.targets.require_kind(inbound.model, target, vectors=True)
            call = self._call(inbound.request, target, request, asker)
            ticket = self._serving.admit(asker, inbound.request, call=call)
            answer = await self._serving.run(call if ticket is None else ticket.metering(call))
        except (AIHandlerError, CancelledError) as error:
            told = for_clients(self._serving.ending.reason(error))
            status, body = self._write_error(told)
            headers = error_headers(told) + (ids_of(call) if call is not None else [])
            await send_whole(send, HttpReply(status, told_by(told) or body), headers)
            return None
        finally:
            self._serving.settle(ticket)
        reply = answer.reply or Reply((), "stop")
        identity = ReplyIdentity(call.id, inbound.model, 0)
        base64 = wants_base64(inbound.request)
        body = reply.raw or write_reply(reply, identity, base64=base64)
        await send_whole(send, HttpReply(200, body), answer_headers(call, answer))
        return answer.data_class

    def _call(self, asked: Request, target: Target, request: HttpRequest, asker: Asker) -> Call:
        labels = self._serving.labels(target.task, request.headers, asker)
        raw = _raw(asked, target, request)
        worded = _worded(asked, target)
        if worded is not asked:
            asked, raw = worded, b""
        said = "\n".join(one.text for one in asked.messages)
        return Call(
            id=request.call_id,
            task=target.task,
            labels=labels,
            fields={"text": said},
            messages=asked.messages,
            tags=asker.tags,
            reuse=False,
            asked=msgspec.structs.replace(asked, raw=raw),
            patience_s=PATIENCE_S,
            budgets=asker.budgets,
            priority=self._serving.priority(request.headers),
            cache=self._serving.cache_use(target.task, request.headers),
            permit=self._serving.permit(asker, target.task.name),
        )


def _worded(asked: Request, target: Target) -> Request:
    """The texts in the task's own wording, which many models of vectors want (`query: ...`)."""
    task = target.task
    if not target.own_task or task.prompt is None:
        return asked
    if task.fields != ("text",):
        raise InputError(
            f"the task {task.name!r} is made of {', '.join(task.fields)}",
            hint="ask for vectors of a task whose only input is `text`",
        )
    if task.prompt == default_prompt(task.output, task.fields):
        return asked
    if any(not isinstance(part, Text) for one in asked.messages for part in one.parts):
        raise InputError(
            f"the task {task.name!r} has a prompt, which takes no tokens (at /input)",
            hint="send texts",
        )
    template = Template(task.prompt.messages[0].template, where=f"tasks.{task.name}.prompt")
    texts = (template.render({"text": one.text}) for one in asked.messages)
    return msgspec.structs.replace(asked, messages=tuple(message("user", text) for text in texts))


def _raw(asked: Request, target: Target, request: HttpRequest) -> bytes:
    """The client's bytes, where they say all that the task says."""
    wanted, output = target.task.output, asked.output
    assert isinstance(wanted, EmbeddingOutput)
    assert isinstance(output, EmbeddingOutput)
    if wanted.dimensions == output.dimensions:
        return request.body
    if output.dimensions is not None:
        raise InputError(
            f"the task {target.task.name!r} says itself how long its vectors are (at /dimensions)",
            hint="leave `dimensions` out",
        )
    return b""
