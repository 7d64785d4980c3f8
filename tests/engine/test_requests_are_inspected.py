"""Who looks what is in a request may raise its class or refuse it, and never lower it."""

import asyncio
import json
import urllib.error
import urllib.request

import msgspec
import pytest
from click.testing import CliRunner

from aihandler import Handler
from aihandler.cli import cli
from aihandler.domain.api_key import Switch
from aihandler.domain.conversation import Message, Request
from aihandler.domain.inspection import Finding, Inspected
from aihandler.domain.labels import DataClass
from aihandler.domain.parts import Media, Opaque, Text, Thinking, ToolCall, ToolResult
from aihandler.domain.rules import Policy
from aihandler.domain.task import TextOutput
from aihandler.domain.tools import Tool
from aihandler.engine import NotInspected
from aihandler.engine.material import material
from aihandler.errors import InputError, PolicyDenied, Refused
from aihandler.testing import FakeCaller, FakeServer
from engine.bench_of_fakes import EVERYWHERE, Fakes, call, task
from gateway.running import deployments, gateway, written

RESTRICTED, PUBLIC = DataClass.RESTRICTED, DataClass.PUBLIC


class Fake:
    """Says what it is told to, or raises it, and remembers what it was shown."""

    def __init__(self, says, name="names", version="3"):
        self.name, self.version = name, version
        self.says = says
        self.shown = []

    async def inspect(self, material):
        self.shown.append(material)
        if isinstance(self.says, Exception):
            raise self.says
        return self.says


def fakes(*inspectors, policy=None):
    near, far = FakeCaller("billing"), FakeCaller("billing")
    policy = policy or Policy(dict.fromkeys((PUBLIC, DataClass.INTERNAL), EVERYWHERE))
    return Fakes({"near": near, "far": far}, policy=policy, inspectors=inspectors), near, far


def test_what_is_found_keeps_data_here():
    bench, near, far = fakes(Fake(Finding(RESTRICTED, rules=("iban",))))
    answer = bench.run(call(task(candidates=("far", "near"))))
    assert (answer.route, answer.data_class) == ("near", RESTRICTED)
    assert (len(near.calls), far.calls) == (1, [])
    (entry,) = bench.journal.entries
    assert entry.intent.data_class == RESTRICTED
    assert entry.intent.inspections == (Inspected("names", "3", RESTRICTED, ("iban",)),)


def test_where_nobody_may_have_it_nothing_is_sent():
    bench, _, far = fakes(Fake(Finding(RESTRICTED)))
    with pytest.raises(PolicyDenied, match="no deployment is left for restricted data"):
        bench.run(call(task(candidates=("far",))))
    assert far.calls == []


def test_who_finds_nothing_changes_nothing_and_is_kept_all_the_same():
    bench, _, far = fakes(Fake(Finding()))
    assert bench.run(call(task(candidates=("far",)))).data_class == PUBLIC
    assert len(far.calls) == 1
    (entry,) = bench.journal.entries
    assert entry.intent.inspections == (Inspected("names", "3"),)


def test_a_class_is_never_lowered():
    bench, near, far = fakes(Fake(Finding(PUBLIC)))
    asked = call(task(candidates=("near", "far")), data_class=DataClass.CONFIDENTIAL)
    with pytest.raises(PolicyDenied, match="would lower this request from confidential to public"):
        bench.run(asked)
    assert near.calls == far.calls == []


@pytest.mark.parametrize("says", [ValueError("quotes the text"), TimeoutError(), None, "fine"])
def test_who_fails_lets_nothing_pass(says):
    bench, near, far = fakes(Fake(says))
    with pytest.raises(NotInspected, match="inspector 'names'") as caught:
        bench.run(call(task()))
    assert "quotes" not in str(caught.value)
    assert near.calls == far.calls == []
    assert bench.journal.entries == []


def test_who_never_ends_is_not_waited_for_longer_than_the_call_may_take():
    class Endless(Fake):
        async def inspect(self, material):
            await asyncio.sleep(60)

    bench, near, _ = fakes(Endless(None))
    asked = task()
    limits = msgspec.structs.replace(asked.limits, total_s=0.01)
    with pytest.raises(NotInspected, match="TimeoutError"):
        bench.run(call(msgspec.structs.replace(asked, limits=limits)))
    assert near.calls == []


def test_a_refusal_is_told_with_who_refused():
    bench, near, _ = fakes(Fake(Finding(refused="a tag character (rule hidden-2)")))
    with pytest.raises(PolicyDenied, match=r"'names' refuses this request: a tag character"):
        bench.run(call(task()))
    assert near.calls == []


def test_each_sees_what_those_before_it_have_raised():
    first, second = Fake(Finding(DataClass.CONFIDENTIAL)), Fake(Finding(RESTRICTED), "more")
    bench, _, _ = fakes(first, second)
    bench.run(call(task(candidates=("near",))))
    assert first.shown[0].labels.data_class == PUBLIC
    assert second.shown[0].labels.data_class == DataClass.CONFIDENTIAL
    (entry,) = bench.journal.entries
    assert [one.raised_to for one in entry.intent.inspections] == [
        DataClass.CONFIDENTIAL,
        RESTRICTED,
    ]


def test_a_request_is_looked_at_once_whatever_comes_after():
    inspector = Fake(Finding())
    near = FakeCaller(["no label", "no label"])
    far = FakeCaller("billing")
    bench = Fakes({"near": near, "far": far}, inspectors=[inspector])
    bench.run(call(task()))
    assert (len(near.calls), len(far.calls), len(inspector.shown)) == (2, 1, 1)


def test_streams_are_looked_at_before_their_first_byte():
    bench, _, far = fakes(Fake(Finding(RESTRICTED)))

    async def go():
        async for _ in bench.engine.stream(call(task(output=TextOutput(), candidates=("far",)))):
            pass

    with pytest.raises(PolicyDenied):
        asyncio.run(go())
    assert far.calls == []


def test_everything_that_can_be_read_is_shown_and_the_rest_is_named():
    said = (
        Message("system", (Text("rules"),)),
        Message(
            "user",
            (
                Text("words", extra={"note": {"deep": ["a remark"]}}),
                Media("image", url="http://x/me.png"),
            ),
        ),
        Message(
            "assistant",
            (Thinking("hm", sealed="..."), ToolCall("1", "mail", '{"to": "a@b.c"}')),
            extra={"name": "somebody"},
        ),
        Message("user", (ToolResult("1", (Text("a letter"),)), Opaque("x", {"q": ["opaque"]}))),
    )
    tools = (Tool("mail", "sends it", {"enum": ["one address"]}),)
    asked = Request("t", said, tools=tools, extra={"user": "number 7"})
    made = material(call(task(), messages=said, asked=asked))
    texts = [(one.speaker, one.text) for one in made.texts]
    assert ("system", "rules") in texts
    assert ("user", "words") in texts
    assert ("user", "http://x/me.png") in texts
    assert ("assistant", '{"to": "a@b.c"}') in texts
    assert ("tool", "a letter") in texts
    everything = "\n".join(text for _, text in texts)
    hidden = ("a remark", "somebody", "opaque", "sends it", "one address", "number 7", "hm")
    assert [word for word in hidden if word not in everything] == []
    assert made.unread == ("image", "sealed")


def test_the_fields_of_a_task_are_shown_by_name():
    (shown,) = material(call(task())).texts
    assert (shown.speaker, shown.name, shown.text) == ("field", "text", "my invoice is wrong")


def test_a_body_whose_readers_could_disagree_is_refused():
    raw = b'{"messages": [{"content": "harmless"}], "messages": [{"content": "secret"}]}'
    asked = Request("t", (), raw=raw)
    with pytest.raises(InputError, match="twice"):
        material(call(task(), asked=asked))


CONFIGURATION = """
  far:
    {{backend: openai, url: "{far}", model: far-1, hosting: vendor, profile: vllm}}
policy:
  public: {{hosting: [self, managed, vendor]}}
  internal: {{hosting: [self, managed, vendor]}}
keys: {{clerk: {{ceiling: confidential}}}}
tasks:
  answer: {{candidates: [far, near]}}
"""


@pytest.fixture
def servers():
    with FakeServer("from here") as near, FakeServer("from afar") as far:
        yield near, far


@pytest.fixture
def configuration(servers, tmp_path):
    near, far = servers
    more = CONFIGURATION.format(far=far.url)
    return written(tmp_path, deployments({"near": near}) + more)


def test_a_program_gives_its_own_inspectors(configuration, servers):
    inspector = Fake(Finding(RESTRICTED, rules=("iban",)))

    async def go():
        async with Handler.load(configuration, inspectors=[inspector]) as handler:
            answer = await handler.run("answer", text="DE89 3704")
            return answer, handler.explain("answer", text="DE89 3704")

    answer, plan = asyncio.run(go())
    assert (answer.value, servers[1].calls) == ("from here", 0)
    assert [candidate.deployment for candidate in plan.candidates] == ["near"]
    assert plan.labels.sources[-1].what == "inspector 'names'"
    shown = CliRunner().invoke(cli, ["show", answer.call_id, "--config", str(configuration)])
    assert "inspected by names 3, found iban, raised the class to restricted" in shown.output
    assert "3704" not in shown.output


def test_a_raise_above_what_a_key_may_ask_for_is_refused(configuration, servers):
    async def go():
        inspectors = [Fake(Finding(RESTRICTED))]
        async with Handler.load(configuration, inspectors=inspectors) as handler:
            await handler.run("answer", text="hi", key="clerk")

    with pytest.raises(PolicyDenied, match="may ask for data up to confidential"):
        asyncio.run(go())
    assert [server.calls for server in servers] == [0, 0]


def ask(url, **more):
    body = {"model": "answer", "messages": [{"role": "user", "content": "hi"}], **more}
    request = urllib.request.Request(url + "/v1/chat/completions", json.dumps(body).encode())
    try:
        with urllib.request.urlopen(request, timeout=20) as reply:
            return reply.status, reply.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


@pytest.mark.parametrize("stream", [False, True])
def test_a_gateway_looks_at_what_its_clients_send(configuration, servers, stream):
    inspector = Fake(Finding(RESTRICTED))
    with gateway(configuration, inspectors=[inspector]) as url:
        assert ask(url, stream=stream)[0] == 200
        inspector.says = RuntimeError()
        assert ask(url, stream=stream)[0] == 503
        inspector.says = Finding(refused="no")
        assert ask(url, stream=stream)[0] == 403
    assert servers[1].calls == 0
    assert servers[0].calls == 1


@pytest.mark.parametrize("where", ["inspectors", "looks"])
@pytest.mark.parametrize("stream", [False, True])
def test_a_class_that_is_switched_off_is_off_for_what_content_puts_into_it(
    configuration, servers, where, stream
):
    into, inspector = [], Fake(Finding(RESTRICTED))
    with gateway(configuration, into=into, **{where: [inspector]}) as url:
        into[0].renew([Switch("class", "restricted", "leak", "me", 0.0)])
        status, body = ask(url, stream=stream)
        assert (status, b"switched off: leak" in body) == (503, True)
        assert [server.calls for server in servers] == [0, 0]
        into[0].renew([])
        assert ask(url, stream=stream)[0] == 200


def test_a_class_that_is_switched_off_while_a_call_is_looked_at_is_off_for_it():
    bench, near, far = fakes(Fake(Finding(RESTRICTED)))
    seen = []

    def permit(labels):
        seen.append(labels.data_class)
        if len(seen) == 2:
            raise Refused("it has ended", hint="")

    with pytest.raises(Refused, match="has ended"):
        bench.run(call(task(candidates=("near",)), permit=permit))
    assert seen == [RESTRICTED, RESTRICTED]
    assert (near.calls, far.calls) == ([], [])
