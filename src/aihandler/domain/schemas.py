"""How a JSON Schema is asked for at a deployment: by which means, and how much of it."""

from collections.abc import Mapping
from typing import Literal

import msgspec

from aihandler.domain.task import Json

# native: the format's own field for the schema of an answer. strict_tool, tool: a tool that the
# model must call, its arguments held to the schema or not. grammar: a field of one kind of server.
# json_object: any JSON, the schema in the prompt. prompt: only the prompt asks.
SchemaMode = Literal["native", "strict_tool", "grammar", "tool", "json_object", "prompt"]
# What a server holds the model to: all of the task's schema, a part of it, or nothing.
Enforced = Literal["full", "partial", "none"]


class SchemaMeans(msgspec.Struct, frozen=True):
    """One rung of a ladder: a mode, and the part of JSON Schema that it takes.

    `subset` is a row of `validation/downlevel/subsets.yaml`.
    """

    mode: SchemaMode
    subset: str = "none"


class SentSchema(msgspec.Struct, frozen=True):
    """The schema that one attempt sends. The answer is judged by the task's own all the same.

    `dropped` counts limits that the server is not told; `passed_over` says which better means
    could not be taken, and why.
    """

    schema: Mapping[str, Json]
    mode: SchemaMode
    enforced: Enforced = "none"
    subset: str = "none"
    dropped: int = 0
    passed_over: tuple[str, ...] = ()
