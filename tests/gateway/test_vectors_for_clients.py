"""`/v1/embeddings`, with OpenAI's own client."""

import json

import openai
import pytest

from aihandler.testing import FakeServer, Scripted, vector_for
from gateway.running import POLICY, gateway, written

FILE = """
version: 1
deployments:
  near: {{backend: openai, url: "{url}", model: bge-m3, hosting: self, serves: embeddings}}
  old: {{backend: ollama, url: "{url}", model: bge-m3, hosting: self, serves: embeddings}}
  talks: {{backend: openai, url: "{url}", model: llama, hosting: self}}
tasks:
  place: {{output: {{embedding: {{dimensions: 16}}}}, candidates: near}}
  query:
    output: {{embedding: true}}
    prompt: "query: {{{{ text }}}}"
    candidates: near
"""


@pytest.fixture
def server():
    ollama = {"model": "bge-m3", "embeddings": [[0.5, 0.25]], "prompt_eval_count": 3}
    with FakeServer(pages={"/api/embed": ollama}) as server:
        yield server


@pytest.fixture
def client(server, tmp_path):
    text = FILE.format(url=server.url) + POLICY
    with (
        gateway(written(tmp_path, text)) as url,
        openai.OpenAI(base_url=f"{url}/v1", api_key="any", max_retries=0) as client,
    ):
        yield client


@pytest.mark.parametrize("form", ["float", "base64", None])
def test_vectors_of_a_deployment(client, server, form):
    asked = {} if form is None else {"encoding_format": form}
    raw = client.embeddings.with_raw_response.create(model="near", input=["a", "b"], **asked)
    told = json.loads(raw.content)
    assert isinstance(told["data"][0]["embedding"], list if form == "float" else str)
    assert raw.headers["x-aihandler-deployment"] == "near"
    if form != "base64":
        vectors = [row.embedding for row in raw.parse().data]
        assert vectors == [vector_for("a", 8), vector_for("b", 8)]
    # The client's own bytes, but for the model.
    assert server.requests[0]["model"] == "bge-m3"
    assert server.requests[0].get("encoding_format") == (form or "base64")


def test_vectors_of_a_task_are_as_long_as_it_says(client, server):
    told = client.embeddings.create(model="place", input="a")
    assert told.data[0].embedding == vector_for("a", 16)
    assert told.usage.total_tokens > 0
    assert server.requests[0]["dimensions"] == 16


def test_the_wording_of_a_task_is_put_around_every_text(client, server):
    client.embeddings.create(model="query", input=["a", "b"])
    assert server.requests[0]["input"] == ["query: a", "query: b"]


def test_a_client_of_openai_before_ollama(client):
    told = client.embeddings.create(model="old", input="a")
    assert (told.data[0].embedding, told.usage.prompt_tokens) == ([0.5, 0.25], 3)


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"model": "talks", "input": "a"}, "makes text"),
        ({"model": "nothing", "input": "a"}, "no model 'nothing'"),
        ({"model": "place", "input": "a", "dimensions": 3}, "says itself how long"),
        ({"model": "query", "input": [1, 2]}, "takes no tokens"),
    ],
)
def test_wrong_requests_are_told_so(client, server, asked, told):
    with pytest.raises(openai.APIStatusError, match=told):
        client.embeddings.create(**asked)
    assert server.calls == 0


def test_words_are_not_asked_of_a_model_of_vectors(client):
    with pytest.raises(openai.NotFoundError, match="makes vectors"):
        client.chat.completions.create(model="near", messages=[{"role": "user", "content": "a"}])


def test_an_error_names_its_call(client, server):
    server._constant = Scripted(status=400)
    with pytest.raises(openai.BadRequestError) as caught:
        client.embeddings.create(model="near", input="a")
    assert caught.value.response.headers["x-aihandler-call"]
    assert caught.value.request_id
