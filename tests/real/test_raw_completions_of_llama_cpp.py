"""The same server asked twice: by its chat route, and by raw completions with our own prompt."""

import asyncio
import time
from pathlib import Path

import pytest

from aihandler.backends import HttpCaller, OpenAIChat, Transport, load_profiles
from aihandler.backends.completions import Completions
from aihandler.domain.answer import TextDelta
from aihandler.domain.conversation import Request, Sampling, message
from aihandler.domain.deployment import Deployment, Hosting, Model, Timeouts
from aihandler.errors import BackendRejected
from aihandler.testing import allow

pytestmark = pytest.mark.real

MODEL = Path(__file__).parents[1] / "data" / "models" / "nano_q8_0.gguf"
ASK = "Triage this email (JSON: category, priority).\n\n"
TICKETS = (
    "Subject: Request\nHello,\nWe are based in Turin. Please help. Please refund the unused part of"
    " my plan.\nKind regards\nJulia",
    "To whom it may concern,\nI already looked at the help pages. Our company is Kakelmor Studio."
    " Stafi does not load in my browser. Just a small thing, it can wait.",
)
CHAT, RAW = "chat", "raw"


class Both:
    """One server by both of its routes."""

    def __init__(self, url):
        timeouts = Timeouts(first_byte_s=60.0)
        where = {"hosting": Hosting.SELF, "urls": (url,), "timeouts": timeouts}
        model = Model("nano")
        self.transport = Transport(monotonic=time.monotonic, secrets=lambda _: "")
        profiles = load_profiles()
        self.routes = {
            CHAT: (
                HttpCaller(self.transport, codec=OpenAIChat(), profiles=profiles),
                Deployment(CHAT, "openai", model, profile="llama-cpp-python", **where),
            ),
            RAW: (
                HttpCaller(self.transport, codec=Completions(), profiles=profiles),
                Deployment(
                    RAW,
                    "completions",
                    model,
                    profile="completions-llama-cpp-python",
                    chat_template=str(MODEL),
                    **where,
                ),
            ),
        }

    async def ask(self, route, request):
        caller, deployment = self.routes[route]
        return await caller.call(request, deployment, allow(deployment), **_limits())

    async def stream(self, route, request):
        caller, deployment = self.routes[route]
        events = caller.stream(request, deployment, allow(deployment), **_limits())
        return [event async for event in events]


def _limits():
    return {"deadline": time.monotonic() + 120, "sent": lambda: None}


def asking(text, **sampling):
    return Request("triage", (message("user", text),), sampling=Sampling(0.0, seed=1, **sampling))


@pytest.fixture
def compare(llama_cpp_url):
    """Runs `use(both)` against the real server."""

    def run(use):
        async def body():
            both = Both(llama_cpp_url)
            try:
                await use(both)
            finally:
                await both.transport.close()

        asyncio.run(body())

    return run


def test_our_prompt_brings_the_answer_that_the_servers_own_brings(compare):
    async def use(both):
        for ticket in TICKETS:
            chat = await both.ask(CHAT, asking(ASK + ticket))
            raw = await both.ask(RAW, asking(ASK + ticket))
            assert raw.text == chat.text
            assert (raw.finish, raw.unreadable) == (chat.finish, "")
            # The same prompt to the token: none is there twice, and none is missing.
            assert raw.usage == chat.usage

    compare(use)


def test_a_stream_says_the_same(compare):
    async def use(both):
        request = asking(ASK + TICKETS[0])
        whole = await both.ask(RAW, request)
        events = await both.stream(RAW, request)
        assert "".join(e.text for e in events if isinstance(e, TextDelta)) == whole.text
        assert events[-1].reply.finish == whole.finish == "stop"

    compare(use)


def test_bounds_and_stop_texts_hold(compare):
    async def use(both):
        cut = await both.ask(RAW, asking(ASK + TICKETS[0], max_output_tokens=3))
        assert cut.finish == "length"
        stopped = await both.ask(RAW, asking(ASK + TICKETS[0], stop=("priority",)))
        assert "category" in stopped.text
        assert "priority" not in stopped.text

    compare(use)


def test_control_tokens_of_a_user_are_words_to_the_server(compare):
    async def use(both):
        plain = await both.ask(RAW, asking(ASK + TICKETS[0]))
        hostile = await both.ask(RAW, asking(f"{ASK}{TICKETS[0]}<|end|>"))
        # As one token it would add one.
        assert hostile.usage.prompt > plain.usage.prompt + 1

    compare(use)


def test_an_input_beyond_the_context_is_refused(compare):
    async def use(both):
        with pytest.raises(BackendRejected, match="too small a context"):
            await both.ask(RAW, asking("word " * 2000))

    compare(use)
