"""`model` names a task: what a client says beside its words is not lost."""

import json
import urllib.error
import urllib.request

import openai
import pytest

from aihandler.testing import FakeServer, Scripted
from gateway.messages_upstream import calling, upstream
from gateway.running import POLICY, deployments, gateway, written

CHAT = "/v1/chat/completions"
TASKS = """
tasks:
  mixed: {prompt: "Say it shorter: {{ text }}", output: {text: true}, candidates: [near],
          cache: {ttl_s: 3600}}
  firm: {output: {text: true}, temperature: 0.3, max_output_tokens: 50, candidates: [near]}
  short: {output: {text: {max_chars: 9}}, candidates: [near]}
  sorted: {output: {label: [billing, bug]}, candidates: [near]}
  filled: {output: {schema: {type: object, properties: {a: {type: integer}}, required: [a]}},
           candidates: [near], limits: {reasks: 0}}
  safe: {output: {text: true}, candidates: [near], otherwise: {default: nothing},
         limits: {reasks: 0}}
  here: {output: {text: true}, candidates: [summariser]}
aliases: {gpt-4o: mixed}
"""
HERE = "  summariser: {backend: builtin/summarise}\n"
OBJECT = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}
FORM = {"type": "json_schema", "json_schema": {"name": "one", "schema": OBJECT}}
OTHER = {"type": "object", "properties": {"b": {"type": "string"}}, "required": ["b"]}
OTHER_FORM = {"type": "json_schema", "json_schema": {"name": "one", "schema": OTHER}}
ONE = [{"role": "user", "content": "It is so."}]
TALK = [{"role": "system", "content": "Be brief."}, *ONE]


class Says:
    """Answers with a script that a test may change."""

    def __init__(self):
        self.reply = "Prose, and nothing but."

    def __call__(self, _):
        return self.reply


@pytest.fixture
def says():
    return Says()


@pytest.fixture
def near(says):
    with FakeServer(says) as server:
        yield server


@pytest.fixture
def url(near, tmp_path):
    with gateway(written(tmp_path, deployments({"near": near}) + HERE + TASKS + POLICY)) as url:
        yield url


def ask(url, model="mixed", path=CHAT, **body):
    asked = {"model": model, **({"messages": ONE} if path == CHAT else {}), **body}
    request = urllib.request.Request(url + path, json.dumps(asked).encode())
    try:
        with urllib.request.urlopen(request, timeout=30) as reply:
            return reply.status, reply.headers, json.loads(reply.read())
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers, json.loads(error.read())


def prompt(near):
    return near.requests[-1]["messages"][-1]["content"]


def test_parameters_go_along_with_the_tasks_own_wording(url, near):
    said = {
        "temperature": 0.7,
        "top_p": 0.9,
        "seed": 4,
        "stop": ["END"],
        "max_tokens": 30,
        "frequency_penalty": 0.5,
        "logprobs": True,
        "top_logprobs": 2,
        "logit_bias": {"5": 1},
        "user": "ann",
    }
    status, headers, _ = ask(url, **said)
    assert (status, headers["x-aihandler-validity"]) == (200, "exact")
    assert prompt(near) == "Say it shorter: It is so."
    assert {name: near.requests[-1].get(name) for name in said} == said


def test_who_says_nothing_gets_what_the_task_says(url, near):
    assert ask(url)[0] == ask(url, "firm")[0] == 200
    plain, firm = near.requests
    assert (plain["temperature"], plain.get("max_tokens")) == (0.0, None)
    assert (firm["temperature"], firm["max_tokens"]) == (0.3, 50)


@pytest.mark.parametrize("messages", [ONE, TALK], ids=["input", "conversation"])
@pytest.mark.parametrize(("bound", "sent"), [(20, 20), (900, 50)])
def test_what_the_task_fixes_wins(url, near, messages, bound, sent):
    assert ask(url, "firm", messages=messages, temperature=1.5, max_tokens=bound)[0] == 200
    assert (near.requests[-1]["temperature"], near.requests[-1]["max_tokens"]) == (0.3, sent)


def test_messages_and_responses_say_theirs_too(url, near):
    messages = {"messages": ONE, "max_tokens": 40, "temperature": 0.2, "stop_sequences": ["X"]}
    assert ask(url, path="/v1/messages", **messages)[0] == 200
    sent = near.requests[-1]
    assert (sent["max_tokens"], sent["temperature"], sent["stop"]) == (40, 0.2, ["X"])
    assert ask(url, path="/v1/responses", input="It is so.", max_output_tokens=41)[0] == 200
    assert near.requests[-1]["max_tokens"] == 41
    assert ask(url, path="/v1/completions", prompt="It is so.", max_tokens=42)[0] == 200
    assert near.requests[-1]["max_tokens"] == 42
    assert prompt(near) == "Say it shorter: It is so."


@pytest.mark.parametrize("model", ["mixed", "gpt-4o", "near"])
@pytest.mark.parametrize("messages", [ONE, TALK], ids=["input", "conversation"])
@pytest.mark.parametrize("form", [FORM, {"type": "json_object"}], ids=["schema", "object"])
def test_an_answer_without_the_form_that_was_asked_for_is_an_error(url, model, messages, form):
    status, headers, body = ask(url, model, messages=messages, response_format=form)
    assert (status, headers["x-aihandler-error"]) == (422, "answer_rejected"), body


@pytest.mark.parametrize("messages", [ONE, TALK], ids=["input", "conversation"])
@pytest.mark.parametrize("form", [FORM, {"type": "json_object"}], ids=["schema", "object"])
def test_an_answer_in_the_form_that_was_asked_for_is_valid(url, near, says, messages, form):
    says.reply = '{"a": 3}'
    status, headers, body = ask(url, messages=messages, response_format=form)
    assert (status, headers["x-aihandler-validity"]) == (200, "exact"), body
    assert json.loads(body["choices"][0]["message"]["content"]) == {"a": 3}
    assert near.requests[-1]["response_format"]["type"] in ("json_schema", "json_object")


def test_the_form_of_messages_and_responses_is_held_too(url, says):
    form = {"type": "json_schema", "name": "one", "schema": OBJECT}
    responses = {"path": "/v1/responses", "input": "It is so.", "text": {"format": form}}
    config = {"format": {"type": "json_schema", "schema": OBJECT}}
    messages = {"messages": ONE, "max_tokens": 40, "output_config": config}
    messages["path"] = "/v1/messages"
    assert [ask(url, **one)[0] for one in (responses, messages)] == [422, 422]
    says.reply = '{"a": 3}'
    responses["input"] = "It is not so."
    assert [ask(url, **one)[0] for one in (responses, messages)] == [200, 200]


@pytest.mark.parametrize("messages", [ONE, TALK], ids=["input", "conversation"])
@pytest.mark.parametrize("streamed", [False, True])
def test_the_tasks_own_schema_may_be_asked_for_and_no_other(url, near, says, messages, streamed):
    says.reply = '{"a": 3}'
    more = {"messages": messages, "stream": streamed}
    for model, form in (("filled", OTHER_FORM), ("sorted", FORM), ("short", FORM)):
        status, _, body = ask(url, model, **{**more, "stream": False}, response_format=form)
        assert (status, "/response_format" in body["error"]["message"]) == (400, True), body
    assert near.calls == 0
    client = openai.OpenAI(base_url=f"{url}/v1", api_key="x", max_retries=0)
    for given in ({}, {"response_format": FORM}, {"response_format": {"type": "json_object"}}):
        reply = client.chat.completions.create(model="filled", **more, **given)
        text = (
            "".join(chunk.choices[0].delta.content or "" for chunk in reply if chunk.choices)
            if streamed
            else reply.choices[0].message.content
        )
        assert json.loads(text) == {"a": 3}
        # The model sees the schema, whoever said it.
        assert '"integer"' in json.dumps(near.requests[-1])


def test_a_form_that_cannot_be_held_is_refused(url, near):
    form = {"type": "json_object", "schema": OBJECT}
    assert ask(url, response_format=form)[0] == ask(url, response_format={"type": "xml"})[0] == 400
    assert ask(url, response_format={"type": "text"})[0] == 200
    assert near.calls == 1


def test_a_default_has_not_the_form_of_a_client(url):
    assert ask(url, "safe", response_format=FORM)[0] == 422


@pytest.mark.parametrize("messages", [ONE, TALK], ids=["input", "conversation"])
def test_a_task_gives_one_answer(url, near, messages):
    status, _, body = ask(url, messages=messages, n=3)
    assert (status, "(at /n)" in body["error"]["message"]) == (400, True)
    assert ask(url, "near", messages=messages, n=2, response_format=FORM)[0] == 400
    assert near.calls == 0
    assert ask(url, messages=messages, n=1)[0] == 200


def test_a_text_that_ends_at_the_clients_bound_says_so(url, says):
    says.reply = Scripted("Prose, and", finish="length")
    status, _, body = ask(url, max_tokens=3)
    assert (status, body["choices"][0]["finish_reason"]) == (200, "length")
    # One that ends at the task's own is no answer of the task; neither is half a value.
    assert ask(url, "firm", max_tokens=900)[0] == 422
    assert ask(url, max_tokens=3, response_format=FORM)[0] == 422


@pytest.mark.parametrize("messages", [ONE, TALK], ids=["input", "conversation"])
def test_each_parameter_is_part_of_the_question_that_a_cache_knows(url, near, says, messages):
    says.reply = '{"a": 3}'
    more = [
        {},
        {"max_tokens": 300},
        {"temperature": 1.5},
        {"response_format": {"type": "json_object"}},
        {"response_format": FORM},
        {"stop": "END"},
        {"logprobs": True},
        {"seed": 1},
        {"logit_bias": {"5": 1}},
        {"reasoning_effort": "low"},
    ]
    for round_of in ("miss", "hit"):
        for said in more:
            told = ask(url, messages=messages, **said)[1]
            assert told["x-aihandler-cache"] == round_of, said
    assert near.calls == len(more)
    # What changes nothing is the same question.
    assert ask(url, messages=messages, user="ann")[1]["x-aihandler-cache"] == "hit"
    same = ({"temperature": 0}, {"n": 1}, {"stream_options": None}) if messages is ONE else ()
    for said in same:
        assert ask(url, **said)[1]["x-aihandler-cache"] == "hit", said


def test_models_of_this_process_are_asked_for_no_form(url):
    assert ask(url, "here", temperature=0.4, max_tokens=5, user="ann")[0] == 200
    assert ask(url, "here", response_format=FORM)[0] == 400


def test_a_field_of_the_format_goes_along_and_the_schema_by_the_servers_own_means(tmp_path):
    # This model is not known to take a schema but as that of a tool.
    with upstream(lambda _: [calling("answer", {"a": 3})]) as far:
        text = deployments({"near": far}, backend="anthropic", profile='""') + HERE
        with gateway(written(tmp_path, text + TASKS + POLICY)) as url:
            more = {"max_tokens": 40, "metadata": {"user_id": "ann"}}
            status, _, body = ask(url, "filled", "/v1/messages", messages=ONE, **more)
    assert (status, json.loads(body["content"][0]["text"])) == (200, {"a": 3})
    sent = far.heard[-1].body
    assert (sent["metadata"], sent["tool_choice"]["name"]) == ({"user_id": "ann"}, "answer")
    assert "output_config" not in sent
