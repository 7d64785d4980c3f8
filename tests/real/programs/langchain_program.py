"""Run by the environment of LangChain: chat, stream, tools and structured output."""

import json
import sys

from langchain_anthropic import ChatAnthropic
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from pydantic import BaseModel


class City(BaseModel):
    name: str
    people: int


@tool
def weather(city: str) -> str:
    """The weather in a city."""
    return f"sunny in {city}"


def told(model):
    calls = model.bind_tools([weather]).invoke("use the tool").tool_calls
    return {
        "chat": model.invoke("hello").text,
        "stream": "".join(chunk.text for chunk in model.stream("hello")),
        "tools": [call["args"] for call in calls],
    }


url = sys.argv[1]
openai = ChatOpenAI(model="near", base_url=f"{url}/v1", api_key="any", max_retries=0)
anthropic = ChatAnthropic(model="near", base_url=url, api_key="any", max_retries=0)
city = openai.with_structured_output(City, method="json_schema").invoke("a city")
both = {"openai": told(openai), "anthropic": told(anthropic)}
print(json.dumps({**both, "structured": city.model_dump()}))
