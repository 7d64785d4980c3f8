"""A request that no context holds is told so; where only some are too small, the others decide."""

import json
import urllib.error
import urllib.request

import pytest

from aihandler.engine import NoContextHolds
from aihandler.errors import AllAttemptsFailed, AnswerRejected, BackendUnavailable, ContextExceeded
from aihandler.testing import FakeServer, Scripted
from engine.bench_of_fakes import call, near_and_far, task
from gateway.running import POLICY, gateway, written

ROUTES = ("/v1/chat/completions", "/v1/messages", "/v1/responses", "/v1/completions")
WORDS = "maximum context length is {} tokens"


def too_long(name):
    return ContextExceeded(f"{name!r} has too small a context", deployment=name, status=400)


def gone(name):
    return BackendUnavailable(f"{name!r} failed", deployment=name, status=500)


def test_for_whom_all_contexts_are_too_small_the_request_is_too_long():
    bench, _, _ = near_and_far(too_long("near"), too_long("far"))
    with pytest.raises(NoContextHolds, match="too long") as raised:
        bench.run(call(task()))
    assert (raised.value.code, raised.value.http_status) == ("context_exceeded", 400)
    assert [report.deployment for report in raised.value.attempts] == ["near", "far"]


@pytest.mark.parametrize("first", [True, False])
def test_where_only_some_are_too_small_the_others_are_told(first):
    one, other = (too_long("near"), gone("far")) if first else (gone("near"), too_long("far"))
    bench, _, _ = near_and_far(one, other)
    with pytest.raises(AllAttemptsFailed) as raised:
        bench.run(call(task()))
    assert not isinstance(raised.value, NoContextHolds)
    assert isinstance(raised.value.last, BackendUnavailable)


@pytest.mark.parametrize("order", [("near", "far"), ("far", "near")])
def test_an_answer_that_is_not_valid_is_told_before_a_context_that_is_too_small(order):
    said = {"near": too_long("near"), "far": "no label"}
    bench, _, _ = near_and_far(said["near"], said["far"])
    with pytest.raises(AnswerRejected):
        bench.run(call(task(candidates=order)))


CONFIGURATION = """
version: 1
deployments:
  small: {{backend: openai, url: "{small}", model: s, hosting: self, profile: vllm{small_limits}}}
  large: {{backend: openai, url: "{large}", model: l, hosting: self, profile: vllm{large_limits}}}
tasks:
  both: {{candidates: [small, large]}}
"""


class Pair:
    """A gateway before a server with a small context and one with a larger."""

    def __init__(self, folder, small=None, large=None):
        self.small, self.large = FakeServer("short"), FakeServer("long")
        self._folder = folder
        self._limits = [
            "" if tokens is None else f", limits: {{context_tokens: {tokens}}}"
            for tokens in (small, large)
        ]

    def __enter__(self):
        small, large = self._limits
        urls = {"small": self.small.__enter__().url, "large": self.large.__enter__().url}
        text = CONFIGURATION.format(**urls, small_limits=small, large_limits=large)
        self.into = []
        self._gateway = gateway(written(self._folder, text + POLICY), into=self.into)
        self.url = self._gateway.__enter__()
        return self

    def __exit__(self, *error):
        self._gateway.__exit__(*error)
        self.small.__exit__(*error)
        self.large.__exit__(*error)

    def ask(self, path=ROUTES[0], model="both", text="hi", **more):
        said = [{"role": "user", "content": text}]
        body = {"model": model, "max_tokens": 9, **more}
        words = {ROUTES[2]: "input", ROUTES[3]: "prompt"}.get(path, "messages")
        body[words] = text if words == "prompt" else said
        request = urllib.request.Request(self.url + path, json.dumps(body).encode())
        try:
            with urllib.request.urlopen(request, timeout=20) as reply:
                return reply.status, reply.headers, reply.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.headers, error.read()


def refused(tokens):
    error = {"message": WORDS.format(tokens), "code": "context_length_exceeded"}
    return Scripted(status=400, body=json.dumps({"error": error}).encode())


def is_too_long(path, told, largest=""):
    """Whether a client of this format is told so, in its words."""
    status, headers, body = told
    error = json.loads(body)["error"]
    assert (status, headers["x-aihandler-error"]) == (400, "context_exceeded")
    assert error["type"] == "invalid_request_error"
    assert largest in error["message"]
    if path == "/v1/messages":
        return error["message"].startswith("prompt is too long")
    return error["code"] == "context_length_exceeded"


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("path", ROUTES)
def test_clients_are_told_in_the_words_of_their_format(tmp_path, path, stream):
    with Pair(tmp_path, 4096, 8192) as pair:
        pair.small._constant, pair.large._constant = refused(4096), refused(8192)
        told = pair.ask(path, stream=stream)
        assert is_too_long(path, told, "the largest context holds 8192 tokens")
        assert (pair.small.calls, pair.large.calls) == (1, 1)


@pytest.mark.parametrize("model", ["both", "large"])
@pytest.mark.parametrize("path", ROUTES)
def test_so_are_those_whose_request_is_known_to_be_too_long(tmp_path, path, model):
    with Pair(tmp_path, 100, 200) as pair:
        told = pair.ask(path, model, text="long words " * 900)
        assert is_too_long(path, told, "the largest context holds 200 tokens")
        assert (pair.small.calls, pair.large.calls) == (0, 0)


def test_one_is_known_to_be_too_small_and_the_other_says_so(tmp_path):
    with Pair(tmp_path, 100, 4096) as pair:
        pair.large._constant = refused(4096)
        told = pair.ask(text="long words " * 900)
        assert is_too_long(ROUTES[0], told, "the largest context holds 4096 tokens")
        # The words of one server would name a bound that is not that of the task.
        assert b"aximum context length" in told[2]
        assert pair.small.calls == 0


def test_who_could_hold_it_and_is_switched_off_is_no_reason_to_wait(tmp_path):
    with Pair(tmp_path, 1000, None) as pair:
        pair.into[0]._runs.set_apart({"large": "switched off"})
        told = pair.ask(text="long words " * 900)
        assert is_too_long(ROUTES[0], told, "the largest context holds 1000 tokens")
        assert pair.ask()[0] == 200


def test_the_only_one_that_could_hold_it_is_told_of_as_it_is(tmp_path):
    with Pair(tmp_path, None, None) as pair:
        pair.small._constant = refused(4096)
        pair.large._constant = Scripted(status=429, headers={"retry-after": "7"})
        status, headers, _ = pair.ask()
        assert (status, headers["retry-after"]) == (429, "7")
        pair.large._constant = Scripted(status=500)
        assert pair.ask()[0] == 502
        pair.large._constant = Scripted("long")
        assert pair.ask()[0] == 200
