"""What a gateway logs: lines of JSON, and nothing of what was asked."""

import json
import logging

from aihandler.gateway.logs import JsonLines
from aihandler.testing import FakeServer
from gateway.running import POLICY, deployments, written
from gateway.serving import serving


def line_of(error):
    try:
        raise error
    except type(error) as caught:
        found = (type(caught), caught, caught.__traceback__)
    record = logging.LogRecord("aihandler.x", logging.ERROR, "", 1, "a %s", ("word",), found)
    return JsonLines().format(record)


def test_an_exception_is_told_without_its_words():
    line = line_of(KeyError("what the client said"))
    told = json.loads(line)
    assert (told["level"], told["from"], told["message"]) == ("error", "aihandler.x", "a word")
    assert told["error"] == "KeyError"
    assert told["places"][-1].endswith("line_of")
    assert "client said" not in line
    assert "\n" not in line


def test_a_gateway_that_ends_says_nothing_of_it(tmp_path):
    with FakeServer() as near:
        written(tmp_path, deployments({"near": near}) + POLICY)
        with serving(tmp_path, "--insecure-local") as gateway:
            assert gateway.ask()[0] == 200
            gateway.process.terminate()
            said = gateway.process.stderr.read()
            gateway.process.wait(20)
    assert "Traceback" not in said
    for line in said.splitlines():
        json.loads(line)
