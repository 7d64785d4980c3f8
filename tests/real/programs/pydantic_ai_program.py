"""Run by the environment of pydantic-ai: chat, stream, tools and structured output."""

import asyncio
import json
import sys

from pydantic import BaseModel
from pydantic_ai import Agent, NativeOutput
from pydantic_ai.models.anthropic import AnthropicModel
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.anthropic import AnthropicProvider
from pydantic_ai.providers.openai import OpenAIProvider


class City(BaseModel):
    name: str
    people: int


def weather(city: str) -> str:
    """The weather in a city."""
    return f"sunny in {city}"


async def told(model):
    agent = Agent(model)
    chat = (await agent.run("hello")).output
    async with agent.run_stream("hello") as stream:
        streamed = "".join([piece async for piece in stream.stream_text(delta=True)])
    tools = (await Agent(model, tools=[weather]).run("use the tool")).output
    return {"chat": chat, "stream": streamed, "tools": tools}


async def main(url):
    openai = OpenAIChatModel("near", provider=OpenAIProvider(base_url=f"{url}/v1", api_key="any"))
    anthropic = AnthropicModel("near", provider=AnthropicProvider(base_url=url, api_key="any"))
    city = (await Agent(openai, output_type=NativeOutput(City)).run("a city")).output
    structured = city.model_dump()
    both = {"openai": await told(openai), "anthropic": await told(anthropic)}
    print(json.dumps({**both, "structured": structured}))


asyncio.run(main(sys.argv[1]))
