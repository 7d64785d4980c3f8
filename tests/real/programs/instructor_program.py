"""Run by the environment of Instructor: structured output by tools and by schema."""

import json
import sys

import instructor
from anthropic import Anthropic
from openai import OpenAI
from pydantic import BaseModel


class City(BaseModel):
    name: str
    people: int


ASKED = [{"role": "user", "content": "a city"}]
url = sys.argv[1]
openai = OpenAI(base_url=f"{url}/v1", api_key="any", max_retries=0)
schema = instructor.from_openai(openai, mode=instructor.Mode.JSON_SCHEMA)
tools = instructor.from_openai(openai, mode=instructor.Mode.TOOLS)
anthropic = Anthropic(base_url=url, api_key="any", max_retries=0)
of_anthropic = instructor.from_anthropic(anthropic, mode=instructor.Mode.TOOLS)


def told(client, **more):
    return client.create(model="near", messages=ASKED, response_model=City, **more).model_dump()


print(
    json.dumps(
        {
            "schema": told(schema),
            "tools": told(tools),
            "anthropic": told(of_anthropic, max_tokens=50),
        }
    )
)
