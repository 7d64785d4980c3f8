"""Comments on quiet streams, and what `/readyz` says."""

import asyncio
import http.client
import json

import pytest

from aihandler.config import load
from aihandler.domain.api_key import Switch
from aihandler.gateway import http as gateway_http
from aihandler.gateway.http import StreamOut
from aihandler.gateway.serving import STORE_AWAY_S, Serving
from aihandler.testing import FakeClock, FakeServer, Scripted
from gateway.running import POLICY, deployments, gateway, written


@pytest.fixture
def hurried(monkeypatch):
    monkeypatch.setattr(gateway_http, "KEEP_ALIVE_S", 0.05)


async def quiet(pauses):
    sent = []

    async def send(message):
        sent.append(message.get("body", b""))

    out = StreamOut(send)
    await out.begin()
    for pause_s in pauses:
        await asyncio.sleep(pause_s)
        await out.write(b"data: x\n\n")
    await out.end()
    await asyncio.sleep(0.12)
    return sent


def test_a_quiet_stream_gets_comments_and_an_ended_one_none(hurried):
    sent = asyncio.run(quiet([0.3]))
    assert sent.count(b": keep-alive\n\n") >= 2
    assert sent[-1] == b""
    assert sent.index(b"data: x\n\n") == len(sent) - 2


def test_nothing_goes_out_before_the_first_content(hurried, tmp_path):
    """A failure until then must be able to fall back without a trace."""
    with FakeServer(Scripted("Hello.", delay_s=0.3)) as near:
        text = deployments({"near": near}) + POLICY
        with gateway(written(tmp_path, text)) as url:
            connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=10)
            body = {"model": "near", "stream": True, "messages": [{"role": "user", "content": "a"}]}
            connection.request("POST", "/v1/chat/completions", json.dumps(body))
            told = connection.getresponse().read()
            connection.close()
    assert told.startswith(b"data: ")


class Runs:
    """What `Serving` asks of the house here."""

    run_call = stream_call = new_id = read_ledger = None

    def __init__(self):
        self.off = {}

    def set_apart(self, deployments):
        self.off = deployments

    def apart(self):
        return self.off


@pytest.fixture
def serving(tmp_path):

    with FakeServer() as near:
        path = written(tmp_path, deployments({"near": near}) + POLICY)
        return Serving(load(path), Runs(), clock=FakeClock())


def test_a_gateway_that_knows_its_switches_is_ready(serving):
    serving.renew([])
    assert serving.not_ready() == ""


def test_one_that_cannot_read_them_is_not(serving):
    serving.renew([])
    serving.clock.advance(STORE_AWAY_S + 1)
    assert serving.not_ready() == "the store cannot be read"
    serving.renew([])
    assert serving.not_ready() == ""


def test_one_that_is_switched_off_is_not(serving):
    serving.renew([Switch("all", "", "fire", "ann", 1.0)])
    assert serving.not_ready() == "switched off"


def test_one_whose_deployments_are_all_off_is_not(serving):
    serving.renew([Switch("deployment", "near", "fire", "ann", 1.0)])
    assert serving.not_ready() == "no deployment may be asked"
