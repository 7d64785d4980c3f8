"""Each deployment is sent a schema that it takes; the task's own judges what comes back."""

import json

from aihandler.domain.conversation import Request
from aihandler.domain.deployment import Deployment, Hosting, Model
from aihandler.domain.keys import digest_text
from aihandler.domain.schemas import SchemaMeans
from aihandler.domain.task import AskedOutput, JsonOutput, Task
from aihandler.engine.schemas import MAX_ASKED, Schemas
from aihandler.testing import FakeCaller
from engine.bench_of_fakes import Fakes, call, task

# A key that may be left out, which OpenAI's strict form has no word for.
OPTIONAL = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "age": {"type": "integer", "minimum": 3}},
    "required": ["name"],
    "additionalProperties": False,
}
# Any value: not said in that form at all.
ANYTHING = {"type": "object", "properties": {"a": {}}, "required": ["a"]}


class Offering(FakeCaller):
    """A caller whose deployments have a ladder."""

    def __init__(self, script, *means):
        super().__init__(script)
        self.means = means
        self.looked_up = 0

    def schema_means(self, request, deployment, *, streamed):
        self.looked_up += 1
        return self.means


def asking(schema, *means):
    asked = Task("t", "1", output=JsonOutput(schema))
    deployment = Deployment("d", "openai", Model("m"), Hosting.SELF)
    return Schemas().asking(
        asked,
        Request("t", (), output=asked.output),
        Offering("{}", *means),
        deployment=deployment,
        streamed=False,
    )


def test_what_is_sent_is_in_the_servers_words_and_judged_by_the_tasks():
    found = asking(OPTIONAL, SchemaMeans("native", "openai-strict"), SchemaMeans("prompt"))
    assert found.sent.mode == "native"
    assert sorted(found.sent.schema["required"]) == ["age", "name"]
    # Null stands for a key that was left out.
    verdict = found.validator.check('{"name": "Ann", "age": null}', finish="stop", source="")
    assert (verdict.state, verdict.value) == ("exact", {"name": "Ann"})
    assert not found.validator.check('{"name": "Ann", "age": 1}', finish="stop", source="").ok


def test_a_rung_that_cannot_say_the_schema_is_passed_over_with_the_reason():
    found = asking(
        ANYTHING,
        SchemaMeans("native", "openai-strict"),
        SchemaMeans("tool"),
        SchemaMeans("prompt"),
    )
    assert (found.sent.mode, found.sent.enforced) == ("tool", "none")
    assert found.sent.schema == ANYTHING
    assert len(found.sent.passed_over) == 1
    assert found.sent.passed_over[0].startswith("native: ")


def test_a_caller_without_a_ladder_is_sent_no_schema():
    assert asking(OPTIONAL).sent is None


def test_an_attempt_carries_the_schema_as_its_deployment_takes_it():
    caller = Offering(
        json.dumps({"name": "Ann", "age": None}),
        SchemaMeans("native", "openai-strict"),
        SchemaMeans("prompt"),
    )
    fakes = Fakes({"near": caller, "far": FakeCaller("")})
    answer = fakes.run(call(task(output=JsonOutput(OPTIONAL))))
    assert answer.value == {"name": "Ann"}
    request, _ = caller.calls[0]
    assert request.sent.enforced == "full"
    assert request.output.schema == OPTIONAL


def test_the_ladder_of_a_deployment_is_looked_up_once():
    caller = Offering('{"name": "Ann", "age": null}', SchemaMeans("prompt"))
    fakes = Fakes({"near": caller, "far": FakeCaller("")})
    asked = task(output=JsonOutput(OPTIONAL))
    fakes.run(call(asked, reuse=False))
    fakes.run(call(asked, reuse=False))
    assert caller.looked_up == 1


def asked_by_a_client(schema, *means, kept=None):
    asked = Task("model/d", digest_text("conversation", schema), AskedOutput(schema))
    deployment = Deployment("d", "openai", Model("m"), Hosting.SELF)
    request = Request("t", (), output=asked.output)
    offering = Offering("{}", *means)
    kept = kept or Schemas()
    return kept.asking(asked, request, offering, deployment=deployment, streamed=False)


def test_of_clients_schemas_the_newest_are_kept():
    kept = Schemas()
    native = SchemaMeans("native", "none")
    found = [asked_by_a_client({"maximum": n}, native, kept=kept) for n in range(MAX_ASKED + 1)]
    last = {"maximum": MAX_ASKED}
    assert asked_by_a_client(last, native, kept=kept) is found[-1]
    assert asked_by_a_client({"maximum": 0}, native, kept=kept) is not found[0]


def test_a_clients_schema_that_would_take_long_to_say_goes_the_next_way():
    parts = {"d30": {"type": "string"}}
    for n in range(30):
        twice = {key: {"$ref": f"#/$defs/d{n + 1}"} for key in "ab"}
        parts[f"d{n}"] = {"type": "object", "properties": twice, "required": ["a", "b"]}
    schema = {"$ref": "#/$defs/d0", "$defs": parts}
    found = asked_by_a_client(
        schema, SchemaMeans("native", "gemini-response-schema"), SchemaMeans("prompt")
    )
    assert found.sent.mode == "prompt"
    assert "5,000 parts" in found.sent.passed_over[0]
