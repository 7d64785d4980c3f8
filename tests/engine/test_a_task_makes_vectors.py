"""A task whose output is a vector."""

import pytest

from aihandler import Handler
from aihandler.errors import AllAttemptsFailed, AnswerRejected, ConfigError
from aihandler.testing import FakeServer, Scripted, vector_for

FILE = """
version: 1
deployments:
  near: {{backend: openai, url: "{url}", model: bge-m3, hosting: self, serves: embeddings}}
  talks: {{backend: openai, url: "{url}", model: llama, hosting: self, quality: {{place: 1.0}}}}
tasks:
  place:
    output: {{embedding: {{dimensions: 16}}}}
    {more}
policy:
  public: {{hosting: self}}
  internal: {{hosting: self}}
"""


@pytest.fixture
def server():
    with FakeServer() as server:
        yield server


def load(folder, server, more="candidates: near"):
    path = folder / "aihandler.yaml"
    path.write_text(FILE.format(url=server.url, more=more))
    return Handler.load(path)


def test_a_text_becomes_a_list_of_numbers(tmp_path, server):
    with load(tmp_path, server) as handler:
        answer = handler.run_sync("place", text="Where is my parcel?")
    assert answer.value == vector_for("Where is my parcel?", 16)
    assert (answer.validity.value, answer.route) == ("exact", "near")
    assert server.requests[0]["input"] == ["Where is my parcel?"]


def test_the_words_before_a_text_are_the_tasks(tmp_path, server):
    with load(tmp_path, server, "candidates: near\n    prompt: 'query: {{ text }}'") as handler:
        handler.run_sync("place", text="parcel")
    assert server.requests[0]["input"] == ["query: parcel"]


def test_auto_asks_no_model_that_talks(tmp_path, server):
    with load(tmp_path, server, "candidates: auto") as handler:
        plan = handler.explain("place", text="parcel")
    gates = {exclusion.deployment: exclusion.gate for exclusion in plan.exclusions}
    assert gates["talks"] == "serves"


@pytest.mark.parametrize(
    ("vectors", "told"),
    [
        ([[0.0] * 16], "nothing but zeros"),
        ([[1.0] * 8], "has 8 numbers, 16 were asked for"),
        ([[1.0] * 16] * 2, "has 2 vectors for 1 texts"),
        ([[]], "is empty"),
    ],
)
def test_what_is_no_vector_of_the_text_is_no_answer(tmp_path, vectors, told):
    rows = [{"index": i, "embedding": vector} for i, vector in enumerate(vectors)]
    page = Scripted(body=str({"data": rows}).replace("'", '"').encode())
    with FakeServer(page) as server, load(tmp_path, server) as handler:
        with pytest.raises(AnswerRejected, match=told):
            handler.run_sync("place", text="parcel")
        # The same model says the same again.
        assert server.calls == 1


def test_a_number_that_is_none_is_no_reply(tmp_path):
    page = Scripted(body=b'{"data": [{"embedding": [NaN]}]}')
    with (
        FakeServer(page) as server,
        load(tmp_path, server) as handler,
        pytest.raises(AllAttemptsFailed),
    ):
        handler.run_sync("place", text="parcel")


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ("candidates: talks", "'talks' serves text, and 'place' wants embeddings"),
        ("candidates: near\n    confidence: 0.5", "a vector has no confidence"),
        ("candidates: near\n    streaming: mark", "a vector comes whole"),
        ("candidates: near\n    otherwise: review", "nobody can write a vector"),
        ("candidates: near\n    otherwise: {default: [1]}", "no vector stands for an answer"),
        (
            "candidates: near\n    prompt: [{role: system, text: hi}, {role: user, text: ho}]",
            "a vector is made of one text",
        ),
    ],
)
def test_what_makes_no_sense_of_vectors_is_refused(tmp_path, server, more, told):
    with pytest.raises(ConfigError, match=told):
        load(tmp_path, server, more)


def test_models_are_not_mixed(tmp_path, server):
    other = '{backend: openai, url: "http://b", model: other, hosting: self, serves: embeddings}'
    path = tmp_path / "aihandler.yaml"
    text = FILE.format(url=server.url, more="candidates: [near, far]")
    path.write_text(text.replace("tasks:", f"  far: {other}\ntasks:"))
    with pytest.raises(ConfigError, match="vectors of different models cannot be compared"):
        Handler.load(path)


def test_equal_weights_under_two_names_are_one_model(tmp_path, server):
    other = '{backend: openai, url: "http://b", model: other, hosting: self, serves: embeddings}'
    models = "models:\n  bge-m3: {digest: abc}\n  other: {digest: abc}\n"
    path = tmp_path / "aihandler.yaml"
    text = FILE.format(url=server.url, more="candidates: [near, far]")
    path.write_text(text.replace("tasks:", f"  far: {other}\n{models}tasks:"))
    Handler.load(path)


def test_a_task_of_words_takes_no_model_of_vectors(tmp_path, server):
    path = tmp_path / "aihandler.yaml"
    text = FILE.format(url=server.url, more="candidates: near")
    path.write_text(
        text.replace("policy:", "  talk: {output: {text: true}, candidates: near}\npolicy:")
    )
    with pytest.raises(ConfigError, match="'near' serves embeddings, and 'talk' wants text"):
        Handler.load(path)


def test_a_format_without_vectors_says_so(tmp_path, server):
    path = tmp_path / "aihandler.yaml"
    text = FILE.format(url=server.url, more="candidates: near")
    path.write_text(text.replace("backend: openai", "backend: anthropic", 1))
    with pytest.raises(ConfigError, match="anthropic makes no vectors"):
        Handler.load(path)
