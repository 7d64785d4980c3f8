"""`/openapi.json` is OpenAPI 3.1, of all routes and of no other; `make test-real` goes further."""

import json
import re
import urllib.error
import urllib.request

import jsonschema_rs
import pytest

from aihandler.config.configuration import Configuration, LedgerSettings
from aihandler.gateway.admission import Everyone
from aihandler.gateway.app import Gateway
from aihandler.gateway.openapi import document
from aihandler.gateway.serving import Serving
from aihandler.testing import FakeServer
from gateway.running import POLICY, deployments, gateway, written
from gateway.test_clients_find_what_they_look_for import got
from gateway.test_pages_tell import ByName

OPEN = ("/", "/api/hello", "/healthz", "/readyz", "/openapi.json")
BY_NAME = {("GET", "/v1/models/{name}"), ("GET", "/v1/calls/{id}")}
# What OpenAPI 3.1 lets stand in each kind of object, as far as it is used here.
FIELDS = {
    "document": {"openapi", "info", "servers", "security", "paths", "components"},
    "operation": {
        "operationId",
        "summary",
        "parameters",
        "requestBody",
        "responses",
        "security",
    },
    "parameter": {"name", "in", "required", "schema", "description"},
    "response": {"description", "headers", "content"},
    "header": {"description", "schema"},
}


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    with FakeServer("Hello there.") as near:
        path = written(tmp_path_factory.mktemp("served"), deployments({"near": near}) + POLICY)
        with gateway(path, admission=ByName()) as address:
            yield address


def operations():
    return [
        (method, path, operation)
        for path, methods in document()["paths"].items()
        for method, operation in methods.items()
    ]


def test_the_description_is_told_without_a_key(url):
    status, body = got(f"{url}/openapi.json")
    assert (status, json.loads(body)) == (200, document())


def test_the_description_is_of_all_routes_and_of_no_other(url):
    described = {(method.upper(), path) for method, path, _ in operations()}
    apart = {("GET", path) for path in OPEN}
    assert described - apart - BY_NAME == routes_of_the_app()
    assert apart | BY_NAME <= described
    for path in OPEN:
        assert got(url + path)[0] == 200, path
    assert got(f"{url}/v1/models/near", authorization="Bearer ann")[0] == 200


def routes_of_the_app():
    class Runs:
        run_call = stream_call = new_id = None

    class NoTime:
        def monotonic(self):
            return 0.0

    empty = Configuration("x", ".", LedgerSettings(""))
    return set(Gateway(Serving(empty, Runs(), clock=NoTime()), Everyone())._routes)


def test_other_methods_are_refused_with_those_that_there_are(url):
    for path in (*OPEN, "/v1/models", "/v1/chat/completions"):
        request = urllib.request.Request(
            url + path, method="DELETE", headers={"authorization": "Bearer ann"}
        )
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(request, timeout=10)
        with caught.value as error:
            assert error.code == 405, path
            allowed = "POST" if "chat" in path else "GET, HEAD"
            assert error.headers["allow"] == allowed
            assert json.load(error)["error"]["type"] == "method_not_allowed"


def test_every_object_has_only_the_fields_that_openapi_knows():
    described = document()
    assert described["openapi"] == "3.1.0"
    assert set(described) == FIELDS["document"]
    parts = described["components"]
    for kind, objects in (("parameter", parts["parameters"]), ("header", parts["headers"])):
        for one in objects.values():
            assert set(one) <= FIELDS[kind]
    for _, path, operation in operations():
        assert set(operation) <= FIELDS["operation"], path
        assert operation["summary"]
        assert "200" in operation["responses"]
        for status, response in operation["responses"].items():
            assert re.fullmatch(r"[1-5](\d\d|XX)", status)
            assert set(response) <= FIELDS["response"]
            assert response["description"]
    names = [operation["operationId"] for _, _, operation in operations()]
    assert len(names) == len(set(names))


def test_everything_referred_to_is_there_and_used():
    described = document()
    used = set(re.findall(r'"\$ref": "#/components/([^"]+)"', json.dumps(described)))
    kinds = ("schemas", "headers", "parameters")
    there = {f"{kind}/{name}" for kind in kinds for name in described["components"][kind]}
    assert used == there


def test_every_schema_is_one_of_json_schema():
    for schema in document()["components"]["schemas"].values():
        jsonschema_rs.meta.validate(
            {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
        )


def test_every_part_of_an_address_is_described():
    parameters = document()["components"]["parameters"]
    for _, path, operation in operations():
        named = [one["$ref"].rpartition("/")[2] for one in operation.get("parameters", ())]
        given = {name for name in named if parameters[name]["in"] == "path"}
        assert given == set(re.findall(r"{(\w+)}", path))
