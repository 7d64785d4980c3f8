"""Who only looks (models, calls, figures) is bounded too, apart from what it may ask."""

import asyncio
import threading

import pytest

from aihandler.domain.api_key import ApiKey
from aihandler.errors import InputError
from aihandler.gateway.admission import _asker
from aihandler.gateway.lookups import AT_ONCE, OF_ONE_KEY, Lookups
from aihandler.gateway.openapi import document
from aihandler.gateway.rates import RateLimited, Rates
from aihandler.gateway.windows import Windows, make_windows
from aihandler.testing import FakeClock, FakeServer
from gateway.running import POLICY, deployments, gateway, written
from gateway.test_pages_tell import ask, got


class Limited:
    """Everybody holds one key of a few requests a minute."""

    def admit(self, _headers):
        key = ApiKey(id="k", prefix="k", name="ann", role="admin", requests_per_minute=2)
        return _asker(key)


@pytest.fixture
def url(tmp_path):
    windows = tmp_path / "windows"
    make_windows(windows, workers=1)
    rates = Rates(Windows(windows, slot=0), clock=FakeClock())
    with FakeServer("Hello.") as near:
        path = written(tmp_path, deployments({"near": near}) + POLICY)
        with gateway(path, admission=Limited(), rates=rates) as address:
            yield address


def test_looks_have_a_minute_of_their_own(url):
    paths = ("/v1/models", "/v1/models/near", "/v1/calls/unknown", "/metrics")
    looks = [got(url + paths[number % 4], "ann")[0] for number in range(64)]
    assert 429 not in looks[:60]
    assert looks[60:] == [429] * 4
    assert "429" in document()["paths"]["/v1/models"]["get"]["responses"]
    # What it may ask is left.
    assert ask(url, "ann")


def test_more_requests_give_more_looks():
    def looks(requests):
        (rate,) = _asker(ApiKey(id="", prefix="", name="a", requests_per_minute=requests)).looks
        return rate.requests

    assert (looks(1), looks(1000)) == (60, 10_000)
    assert _asker(ApiKey(id="", prefix="", name="a")).looks == ()


class Ticking(FakeClock):
    """Each look at it takes a second."""

    def monotonic(self):
        self.advance(1.0)
        return super().monotonic()


class Slow:
    """A ledger that answers when it may, and notes how many ask it at once."""

    def __init__(self):
        self.free = threading.Event()
        self.asked = self.most = 0
        self._lock = threading.Lock()

    def __call__(self, _call):
        with self._lock:
            self.asked += 1
            self.most = max(self.most, self.asked)
        self.free.wait(5)
        with self._lock:
            self.asked -= 1
        raise InputError("there is no such call")


def test_lookups_take_few_threads_and_of_one_key_not_all_places():
    ledger = Slow()

    async def crowd():
        lookups = Lookups(ledger, Ticking())
        ann = [asyncio.ensure_future(lookups.find("c", "ann")) for _ in range(OF_ONE_KEY)]
        await asyncio.sleep(0)
        with pytest.raises(RateLimited) as refused:
            await lookups.find("c", "ann")
        bob = asyncio.ensure_future(lookups.find("c", "bob"))
        await asyncio.sleep(0)
        ledger.free.set()
        assert await asyncio.gather(*ann, bob) == [None] * (OF_ONE_KEY + 1)
        # Places are given back.
        assert await lookups.find("c", "ann") is None
        return refused.value

    assert asyncio.run(crowd()).retry_after_s
    assert ledger.most <= AT_ONCE
