"""`model` of an answer is the server's word where its bytes pass through, else the client's."""

import json

import pytest

from aihandler.testing import FakeServer
from gateway.running import POLICY, deployments, gateway, written
from gateway.test_repeats_are_answered_once import ask


@pytest.mark.parametrize(
    ("path", "word"), [("/v1/chat/completions", "near-1"), ("/v1/messages", "near")]
)
def test_the_word_for_the_model_is_as_the_docs_say(tmp_path, path, word):
    with FakeServer("Hello.") as near:
        configuration = written(tmp_path, deployments({"near": near}) + POLICY)
        with gateway(configuration) as url:
            _, headers, body = ask(url, "one", path=path, max_tokens=9)
    assert json.loads(body)["model"] == word
    assert headers["x-aihandler-deployment"] == "near"
