"""Each schema of a client is a version of its own: a worker keeps some, and not all that came."""

import msgspec

from aihandler.domain.conversation import Request
from aihandler.domain.deployment import Deployment, Model
from aihandler.domain.task import JsonOutput, Prompt, PromptMessage, Task
from aihandler.engine.prompting import Prompts
from aihandler.engine.schemas import Schemas

MOST = 600


class TakesAnything:
    def schema_means(self, *_, **__):
        return ()


def versions(task):
    for number in range(MOST * 2):
        yield msgspec.structs.replace(task, version=str(number))


def test_prompts_and_schemas_have_a_bound():
    output = JsonOutput({"type": "object"})
    prompt = Prompt((PromptMessage("user", "{{ text }}"),))
    task = Task("one", "", output, prompt=prompt)
    deployment = Deployment(name="near", backend="openai", model=Model(name="m"), hosting="self")
    prompts, schemas, request = Prompts(), Schemas(), Request("one", (), output=output)
    for one in versions(task):
        assert prompts.messages(one, deployment, {"text": "hi"})[0].text == "hi"
        schemas.asking(one, request, TakesAnything(), deployment, streamed=False)
    sizes = [len(held) for held in (prompts._compiled, schemas._asked, schemas._made)]
    assert max(sizes) <= MOST
