"""Our client against a real language-model server: llama-cpp-python with a model of 1.1 MB.

The model was trained on synthetic tickets and invoices: always valid JSON, the right category for
tickets of known wording, invented values for invoices.
"""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from typing import Any

import jsonschema_rs
import msgspec
import pytest

from aihandler.backends import HttpCaller, OpenAIChat, Transport, discover, load_profiles
from aihandler.backends import probe_models as list_models
from aihandler.domain.answer import Reply, TextDelta
from aihandler.domain.conversation import Request, Sampling, message
from aihandler.domain.deployment import Deployment, Hosting, Model, Timeouts
from aihandler.domain.task import JsonOutput, Output, TextOutput
from aihandler.errors import BackendRejected
from aihandler.testing import allow

pytestmark = pytest.mark.real

ASK = "Triage this email (JSON: category, priority).\n\n"
TICKETS = {
    "Subject: Request\nHello,\nWe are based in Turin. Please help. Please refund the unused part of"
    " my plan.\nKind regards\nJulia": "refund",
    "To whom it may concern,\nI already looked at the help pages. Our company is Kakelmor Studio."
    " Stafi does not load in my browser. Just a small thing, it can wait.": "technical",
}
SCHEMA = {
    "type": "object",
    "properties": {"category": {"type": "string"}, "priority": {"type": "string"}},
    "required": ["category", "priority"],
    "additionalProperties": False,
}
# Nothing that the model would say by itself.
STRANGE = {
    "type": "object",
    "properties": {"zz": {"enum": ["qq1"]}},
    "required": ["zz"],
    "additionalProperties": False,
}
INVOICE = {
    "type": "object",
    "properties": {
        "vendor": {"type": "string"},
        "invoice_number": {"type": "string"},
        "date": {"type": "string"},
        "total": {"type": "number"},
        "currency": {"type": "string"},
    },
    "required": ["vendor", "invoice_number", "date", "total", "currency"],
}


class Server:
    def __init__(self, url: str, profile: str) -> None:
        self.url = url
        self.deployment = Deployment(
            "nano", "openai", Model("nano"), Hosting.SELF, urls=(url,), profile=profile,
            timeouts=Timeouts(5.0, 60.0, 60.0, 120.0),
        )  # fmt: skip
        self.transport = Transport(monotonic=time.monotonic, secrets=lambda _: "")
        self.caller = HttpCaller(self.transport, codec=OpenAIChat(), profiles=load_profiles())
        self.sent = 0

    def _arguments(self) -> dict[str, Any]:
        return {"deadline": time.monotonic() + 120, "sent": self._note}

    def _note(self) -> None:
        self.sent += 1

    async def call(self, request: Request) -> Reply:
        clearance = allow(self.deployment)
        return await self.caller.call(request, self.deployment, clearance, **self._arguments())

    async def stream(self, request: Request) -> list[Any]:
        clearance = allow(self.deployment)
        events = self.caller.stream(request, self.deployment, clearance, **self._arguments())
        return [event async for event in events]


def asking(text: str, *, output: Output | None = None, **sampling: Any) -> Request:
    sampling = {"temperature": 0.0, "max_output_tokens": 100, **sampling}
    return Request(
        "triage",
        (message("user", text),),
        output=output or TextOutput(),
        sampling=Sampling(**sampling),
    )


@pytest.fixture
def ask(llama_cpp_url: str) -> Callable[..., None]:
    def run(use: Callable[[Server], Awaitable[None]], profile: str = "llama-cpp-python") -> None:
        async def body() -> None:
            server = Server(llama_cpp_url, profile)
            try:
                await use(server)
            finally:
                await server.caller.close()

        asyncio.run(body())

    return run


def test_tickets_are_answered_with_valid_json_and_the_right_category(ask):
    async def use(server):
        for ticket, category in TICKETS.items():
            reply = await server.call(asking(ASK + ticket, output=JsonOutput(SCHEMA)))
            answer = json.loads(reply.text)
            assert jsonschema_rs.is_valid(SCHEMA, answer)
            assert answer["category"] == category
            assert reply.finish == "stop"
            assert reply.usage.input > 0
            assert not reply.usage.estimated
            assert reply.model == "nano"
            assert reply.request_id
        assert server.sent == len(TICKETS)

    ask(use)


def test_a_schema_is_enforced_in_the_form_that_the_profile_names(ask):
    async def use(server):
        reply = await server.call(asking(ASK + "help", output=JsonOutput(STRANGE)))
        assert json.loads(reply.text) == {"zz": "qq1"}
        events = await server.stream(asking(ASK + "help", output=JsonOutput(STRANGE)))
        assert json.loads(events[-1].reply.text) == {"zz": "qq1"}

    ask(use)


def test_a_schema_in_the_form_of_another_server_is_refused_for_good(ask):
    # The server answers 500 here; a client that retries every 5xx would go on for ever.
    async def use(server):
        with pytest.raises(BackendRejected) as caught:
            await server.call(asking(ASK + "help", output=JsonOutput(STRANGE)))
        assert caught.value.status == 500

    ask(use, profile="openai")


def test_a_stream_says_the_same_as_a_whole_answer_but_counts_no_tokens(ask):
    request = asking(ASK + next(iter(TICKETS)))

    async def use(server):
        whole = await server.call(request)
        events = await server.stream(request)
        streamed = events[-1].reply
        assert len(events) > 5
        assert "".join(e.text for e in events if isinstance(e, TextDelta)) == streamed.text
        assert (streamed.text, streamed.finish) == (whole.text, whole.finish)
        assert streamed.usage.estimated

    ask(use)


def test_a_cut_answer_is_called_one(ask):
    async def use(server):
        reply = await server.call(asking(ASK + next(iter(TICKETS)), max_output_tokens=3))
        assert reply.finish == "length"
        events = await server.stream(asking(ASK + next(iter(TICKETS)), max_output_tokens=3))
        assert events[-1].reply.finish == "length"

    ask(use)


def test_the_server_trims_stop_strings_as_the_profile_says(ask):
    async def use(server):
        reply = await server.call(asking(ASK + next(iter(TICKETS)), stop=("priority",)))
        assert "category" in reply.text
        assert "priority" not in reply.text
        assert reply.finish == "stop"

    ask(use)


def test_an_input_beyond_the_context_is_refused_with_a_hint(ask):
    async def use(server):
        with pytest.raises(BackendRejected, match="too small a context") as caught:
            await server.call(asking("word " * 2000))
        assert caught.value.hint

    ask(use)


def test_a_wrong_path_is_refused_with_a_hint(ask):
    async def use(server):
        server.deployment = msgspec.structs.replace(
            server.deployment, urls=(f"{server.url}/nowhere",)
        )
        with pytest.raises(BackendRejected) as caught:
            await server.call(asking("hello"))
        assert "url" in caught.value.hint

    ask(use)


def test_invoices_get_valid_json_with_values_that_stand_nowhere_in_them(ask):
    # What grounding is for: a schema alone would accept this.
    text = (
        "Seller: Lorbeka Delrenso | Date: 26 Jul 2022 | Invoice no. INV-757193 | Due in 30 days | "
        "6 x Repair 153.52 | 6 x Office chair 270.48 | Net: 3431.96 | Please pay $3431.96"
    )
    prompt = f"Extract vendor, invoice_number, date, total and currency as JSON.\n\n{text}"

    async def use(server):
        reply = await server.call(asking(prompt, output=JsonOutput(INVOICE)))
        answer = json.loads(reply.text)
        assert jsonschema_rs.is_valid(INVOICE, answer)
        assert answer["invoice_number"] not in text

    ask(use)


def test_calls_at_once_are_all_answered(ask):
    async def use(server):
        requests = [asking(ASK + ticket) for ticket in TICKETS] * 4
        replies = await asyncio.gather(*(server.call(request) for request in requests))
        assert len({reply.text for reply in replies}) == len(TICKETS)

    ask(use)


def test_leaving_a_stream_leaves_the_server_usable(ask):
    async def use(server):
        clearance = allow(server.deployment)
        events = server.caller.stream(
            asking(ASK + "x"), server.deployment, clearance, **server._arguments()
        )
        async for _ in events:
            break
        await events.aclose()
        assert (await server.call(asking(ASK + next(iter(TICKETS))))).finish == "stop"

    ask(use)


def test_the_server_is_found_and_known(ask):
    async def use(server):
        (found,) = await discover(server.transport, [server.url], timeout_s=10.0)
        assert (found.kind, found.models, found.relay) == ("llama-cpp-python", ("nano",), "")
        assert await list_models(server.transport, server.url, timeout_s=10.0) == ("nano",)

    ask(use)
