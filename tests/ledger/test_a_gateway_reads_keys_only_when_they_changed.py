"""A gateway looks each second for keys and switches, and reads them only after a change."""

import pytest

from aihandler.domain.api_key import ApiKey
from aihandler.gateway.admission import KeyRing
from aihandler.ledger import open_ledger
from aihandler.ledger.administration import Administration
from aihandler.ledger.news import Looking
from aihandler.testing import FakeClock

PEPPER = b"pepper"


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "ledger.sqlite"
    open_ledger(path, clock=FakeClock()).close()
    return path


@pytest.fixture
def store(path):
    return Administration(path, clock=FakeClock(), who="a test")


@pytest.fixture
def looking(path):
    return Looking(path)


def made(store, name, number):
    key = ApiKey(id="", prefix="", name=name)
    return store.create_key(key, pepper=PEPPER, entropy=lambda n: bytes([number] * n))


def rotated(store):
    store.rotate_key("first", pepper=PEPPER, entropy=lambda n: b"\xff" * n, overlap_s=60)


def revived(store):
    store.switch_on("task", "slow")


CHANGES = {
    "created": lambda store: made(store, "second", 2),
    "rotated": rotated,
    "revoked": lambda store: store.revoke_key("first"),
    "killed": lambda store: store.switch_off("all", "", "a test"),
    "another reason": lambda store: store.switch_off("task", "slow", "another"),
    "revived": revived,
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_what_was_administered_is_news_once(store, looking, change):
    made(store, "first", 1)
    store.switch_off("task", "slow", "a reason")
    assert looking.look() is not None
    assert looking.look() is None
    change(store)
    told = looking.look()
    assert told is not None
    assert [stored.key for stored in told.keys] == store.keys()
    assert list(told.switches) == store.switches()
    assert looking.look() is None


def test_the_first_look_is_news_also_where_nothing_was_administered(looking):
    told = looking.look()
    assert told is not None
    assert (told.keys, told.switches) == ((), ())


def test_a_look_that_fails_is_made_again(path, store, looking):
    made(store, "first", 1)
    away = path.rename(path.with_suffix(".away"))
    with pytest.raises(Exception, match="no ledger"):
        looking.look()
    away.rename(path)
    told = looking.look()
    assert told is not None
    assert len(told.keys) == 1


def test_keys_that_did_not_change_are_not_made_anew(store, looking):
    _, token = made(store, "first", 1)
    ring = KeyRing(PEPPER, clock=FakeClock())
    ring.renew(looking.look().keys)
    before = ring.admit({"x-api-key": token})
    _, second = made(store, "second", 2)
    ring.renew(looking.look().keys)
    assert ring.admit({"x-api-key": token}) is before
    assert ring.admit({"x-api-key": second}).name == "second"
