"""A client says a class in a header of any name that documents have for it; the highest counts."""

import pytest

from aihandler.errors import InputError
from aihandler.gateway.classes import class_said
from aihandler.testing import FakeServer
from gateway.running import POLICY, asked, deployments, gateway, written

BODY = {"model": "far", "messages": [{"role": "user", "content": "hi"}]}
SPELLINGS = ["x-aihandler-class", "X-Data-Class", "Data-Class", "data_class", "class"]


@pytest.fixture(scope="module")
def server():
    with FakeServer("Hello.") as server:
        yield server


@pytest.fixture(scope="module")
def url(server, tmp_path_factory):
    # Only classes up to internal may go to this one.
    text = deployments({"far": server}, hosting="vendor") + POLICY
    with gateway(written(tmp_path_factory.mktemp("classes"), text)) as url:
        yield url


def ask(url, *headers):
    return asked(url, "/v1/chat/completions", BODY, *headers)


@pytest.mark.parametrize("name", SPELLINGS)
def test_each_spelling_is_heard(url, name):
    assert ask(url, (name, "Restricted"))[0] == 403
    assert ask(url, (name, "internal"))[0] == 200


@pytest.mark.parametrize("second", SPELLINGS)
@pytest.mark.parametrize("order", [1, -1])
def test_of_several_classes_the_highest_counts(url, second, order):
    two = [("x-aihandler-class", "restricted"), (second, "public")]
    assert ask(url, *two[::order])[0] == 403


@pytest.mark.parametrize("value", ["secret", "", "restricted,", "restricted public"])
@pytest.mark.parametrize("name", ["x-aihandler-class", "x-data-class"])
def test_what_is_no_class_is_refused_by_the_name_of_its_header(url, server, name, value):
    before = server.calls
    status, body = ask(url, (name, value))
    assert (status, f"(at header {name})".encode() in body) == (400, True)
    assert server.calls == before


def test_without_a_header_no_class_is_said():
    assert class_said({"x-class-of": "restricted", "accept": "*/*"}) is None
    with pytest.raises(InputError):
        class_said({"class": "first"})
