"""A key's name is one holder's: what it asked, was answered and spent is known by that name."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest

from aihandler.domain.api_key import ApiKey
from aihandler.domain.labels import DataClass
from aihandler.errors import InputError
from aihandler.ledger import open_ledger
from aihandler.ledger.administration import Administration
from aihandler.testing import FakeClock

PEPPER = b"pepper"


@dataclass
class Counted:
    """Bytes that differ each time."""

    given: int = 0

    def __call__(self, count: int) -> bytes:
        self.given += 1
        return self.given.to_bytes(count, "big")


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def store(tmp_path, clock):
    path = tmp_path / "ledger.sqlite"
    open_ledger(path, clock=clock).close()
    return Administration(path, clock=clock, who="a test")


@pytest.fixture
def entropy():
    return Counted()


def named(name, **rights):
    return ApiKey(id="", prefix="", name=name, **rights)


def made(store, entropy, name, **rights):
    return store.create_key(named(name, **rights), pepper=PEPPER, entropy=entropy)


def test_of_many_who_make_a_key_at_once_one_gets_the_name(store):
    def attempt(number):
        try:
            return made(store, Counted(1000 * number), "race")
        except InputError:
            return None

    with ThreadPoolExecutor(8) as pool:
        given = [one for one in pool.map(attempt, range(1, 17)) if one is not None]
    assert len(given) == 1
    assert len(store.keys()) == 1


def test_the_name_of_a_key_that_ended_is_not_given_to_another(store, entropy, clock):
    made(store, entropy, "revoked")
    store.revoke_key("revoked")
    made(store, entropy, "expired", expires_at=clock.wall() + 10)
    clock.advance(60)
    for name in ("revoked", "expired"):
        with pytest.raises(InputError, match=f"there was a key '{name}'") as refused:
            made(store, entropy, name, tenant="another")
        assert f"aihandler keys rotate {name}" in refused.value.hint


def test_who_held_a_key_that_was_revoked_gets_a_secret_by_rotation(store, entropy, clock):
    made(store, entropy, "ci", tenant="ours")
    store.revoke_key("ci")
    clock.advance(1)
    key, _ = store.rotate_key("ci", pepper=PEPPER, entropy=entropy, overlap_s=60)
    first, second = store.keys()
    assert (first.why_not(clock.wall()), second.why_not(clock.wall())) == ("was revoked", "")
    assert (key.name, key.tenant) == ("ci", "ours")


def test_an_expired_key_is_rotated_to_a_new_end(store, entropy, clock):
    made(store, entropy, "ci", expires_at=clock.wall() + 10)
    clock.advance(60)
    with pytest.raises(InputError, match="'ci' has expired") as refused:
        store.rotate_key("ci", pepper=PEPPER, entropy=entropy, overlap_s=60)
    assert "--expires" in refused.value.hint
    end = clock.wall() + 100
    key, _ = store.rotate_key("ci", pepper=PEPPER, entropy=entropy, overlap_s=60, expires_at=end)
    assert key.expires_at == end


def test_a_key_is_ended_by_its_name_even_where_that_is_anothers_prefix(store, entropy, clock):
    first, _ = made(store, entropy, "first")
    clock.advance(1)
    made(store, entropy, first.prefix)
    clock.advance(1)
    store.revoke_key(first.prefix)
    kept, ended = store.keys()
    assert (kept.revoked_at is None, ended.revoked_at is None) == (True, False)


@pytest.mark.parametrize("name", ["", " ", "a\nb", "a\x00", " a", "a ", "x" * 65, "*"])
def test_what_no_line_of_a_list_could_show_is_no_name(store, entropy, name):
    with pytest.raises(InputError, match="is no name"):
        made(store, entropy, name)
    if name:
        with pytest.raises(InputError, match="is no name"):
            made(store, entropy, "good", team=name)


def test_a_key_has_a_ceiling_that_is_not_below_its_floor(store, entropy):
    with pytest.raises(InputError, match=r"'restricted'.*'public'"):
        made(store, entropy, "ci", floor=DataClass.RESTRICTED, ceiling=DataClass.PUBLIC)


def test_a_name_that_is_not_known_is_answered_with_the_nearest_and_not_with_all(store, entropy):
    for number in range(30):
        made(store, entropy, f"service-{number}")
    with pytest.raises(InputError) as refused:
        store.revoke_key("service-7x")
    assert "'service-7'" in refused.value.hint
    assert refused.value.hint.count("service-") <= 3
