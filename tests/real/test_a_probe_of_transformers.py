"""What the probe finds of `transformers serve` 5.23.0, and that we get on with what it does."""

import asyncio
import time

import pytest

from aihandler.backends import HttpCaller, OpenAIChat, Transport, load_profiles
from aihandler.domain.conversation import Request, Sampling, message
from aihandler.domain.deployment import Deployment, Hosting, Model
from aihandler.testing import allow
from real.probed import probed, values

pytestmark = pytest.mark.nightly


def test_a_server_that_ignores_most_wishes_is_found_out(transformers_server, tmp_path):
    url, model = transformers_server
    found = probed(tmp_path, url=url, model=model, profile="transformers-serve")
    assert found.server.name == "transformers serve"
    seen = values(found)
    assert seen["modes"] == ["prompt"]
    assert (seen["native"], seen["json_object"], seen["tool"]) == ("ignored",) * 3
    assert seen["grammar"] == "ignored"
    assert (seen["stream_usage"], seen["stream_usage_option"]) == ("always", False)
    assert (seen["stop"], seen["stop_trimmed"]) == ("honoured", False)
    assert (seen["forced_tool"], seen["allowed_tools"]) == ("ignored", False)
    assert (seen["n"], seen["logprobs"]) == ("ignored", False)
    assert seen["model_name"] == f"{model}@main"
    assert seen["unknown_model"] == "refused"
    assert (seen["context_tokens"], seen["context_overflow"]) == (None, "not refused")
    assert found.sends < 60


def test_an_answer_ends_before_its_stop_text_whole_and_streamed(transformers_server):
    url, name = transformers_server
    deployment = Deployment(
        "tiny", "openai", Model(name), Hosting.SELF, urls=(url,), profile="transformers-serve"
    )

    async def ask(*stop):
        transport = Transport(monotonic=time.monotonic, secrets=lambda _: "")
        caller = HttpCaller(transport, codec=OpenAIChat(), profiles=load_profiles())
        sampling = Sampling(temperature=0.0, max_output_tokens=40, stop=stop)
        request = Request("t", (message("user", "Say tea."),), sampling=sampling)
        arguments = {"deadline": time.monotonic() + 60, "sent": lambda: None}
        whole = await caller.call(request, deployment, allow(deployment), **arguments)
        stream = caller.stream(request, deployment, allow(deployment), **arguments)
        events = [event async for event in stream]
        await caller.close()
        return whole, events[-1].reply

    plain, streamed = asyncio.run(ask())
    assert plain.text == streamed.text
    stop = plain.text[len(plain.text) // 2 :][:6]
    for reply in asyncio.run(ask(stop)):
        assert reply.text == plain.text[: plain.text.index(stop)]
        assert reply.usage.input > 0
