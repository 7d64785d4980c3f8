"""Tools that a model may ask for, and how it is to choose among them."""

from collections.abc import Mapping
from typing import Literal

import msgspec

from aihandler.domain.parts import CacheLifetime, Opaque
from aihandler.domain.task import Json


class Tool(msgspec.Struct, frozen=True, omit_defaults=True):
    """A function that the caller runs. `parameters` is the JSON Schema of its arguments."""

    name: str
    description: str = ""
    parameters: Mapping[str, Json] = {}
    strict: bool | None = None
    cache: CacheLifetime | None = None
    extra: Mapping[str, Json] = {}


# A provider's own tool (web search, code execution) is carried as it came.
AnyTool = Tool | Opaque


class ToolChoice(msgspec.Struct, frozen=True, omit_defaults=True):
    """`required` means any of `names`, or of all tools when there are none.

    `parallel` of None leaves it to the provider whether several may be called at once.
    """

    mode: Literal["auto", "none", "required"] = "auto"
    names: tuple[str, ...] = ()
    parallel: bool | None = None
    extra: Mapping[str, Json] = {}
