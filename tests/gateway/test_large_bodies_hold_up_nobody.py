"""What would hold a worker up is refused before it is decoded; long texts are no matter."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aihandler.gateway import weighing
from aihandler.gateway.http import TooLarge
from aihandler.testing import FakeServer
from gateway.running import POLICY, deployments, gateway, written
from gateway.test_failures_fall_back import ask

MANY = weighing.MAX_PARTS + 1
HI = {"role": "user", "content": "hi"}


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    with FakeServer("Hello.", keep_bytes=False) as near:
        text = deployments({"near": near}) + POLICY
        with gateway(written(tmp_path_factory.mktemp("served"), text)) as url:
            yield url, near


@pytest.mark.parametrize(
    "more",
    [
        {"metadata": {f"k{n}": n for n in range(MANY)}},
        {"metadata": [[[[]]]] * (MANY // 3 + 1)},
        {"messages": [HI] * (MANY // 3 + 1)},
        {"stop": ["a"] * (weighing.MAX_VALUES + 2)},
    ],
    ids=["keys", "nested", "messages", "values"],
)
@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/messages", "/v1/responses"])
def test_a_body_of_too_many_parts_is_refused_and_asks_nobody(served, path, more):
    url, near = served
    before = near.calls
    status, headers, body = ask(url, "near", path=path, max_tokens=9, **more)
    assert (status, headers["x-aihandler-error"]) == (413, "too_large")
    assert "objects, lists and keys" in json.loads(body)["error"]["message"]
    assert near.calls == before


@pytest.mark.parametrize(
    "text",
    ['{"a": [1, {"b": "c"}]}, ' * 40_000, '\\"{,:[' * 100_000, "\\" * 300_001, "word " * 1_000_000],
    ids=["json", "quotes", "backslashes", "words"],
)
def test_a_long_text_goes_through_whatever_it_is_about(served, text):
    url, near = served
    before = near.calls
    asked = [{"role": "user", "content": text}, {"role": "assistant", "content": "yes"}, HI]
    assert ask(url, "near", messages=asked)[0] == 200
    assert near.calls == before + 1


def test_as_many_parts_as_are_allowed_go_through(served):
    url, _ = served
    asked = {f"k{n}": n for n in range(weighing.MAX_PARTS - 100)}
    assert ask(url, "near", metadata=asked)[0] == 200


signs = st.text(alphabet='{}[]:,"\\a\n é', max_size=20)
values = st.recursive(
    st.none() | st.integers() | signs,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(signs, inner, max_size=4),
    max_leaves=30,
)


@given(values)
def test_exactly_what_stands_between_texts_is_counted(value):
    body = json.dumps(value).encode()
    between = weighing._between_texts(weighing._signs(body))
    assert [between.count(sign) for sign in (b"{", b"[", b":", b",")] == list(counted(value))


def counted(value):
    """Objects, lists, keys and commas of a value."""
    if not isinstance(value, (dict, list)):
        return 0, 0, 0, 0
    inner = [counted(one) for one in (value.values() if isinstance(value, dict) else value)]
    objects, lists, keys, commas = map(sum, zip(*inner, strict=True)) if inner else (0,) * 4
    commas += max(0, len(value) - 1)
    if isinstance(value, dict):
        return objects + 1, lists, keys + len(value), commas
    return objects, lists + 1, keys, commas


def test_small_bodies_are_not_looked_at():
    weighing.require_bounded(b"[" * 64_000)
    with pytest.raises(TooLarge):
        weighing.require_bounded(b"[" * MANY)
