"""The words of OpenAI Responses that its modules share, and notes on how items were written."""

from collections.abc import Mapping

from aihandler.backends.codec import NOTE
from aihandler.domain.parts import Text
from aihandler.domain.task import Json

KIND = "openai.responses"
# What an item says of itself (`type`, `id`, `status`): stands with the first part of each item.
ITEM = f"{NOTE}item"
# This part stands in the same message item as the part before it.
MORE = f"{NOTE}more"
# A message that holds items of their own (results of tools), not the content of one.
ITEMS = f"{NOTE}items"
# `developer`, which is `system` by another name.
ROLE = f"{NOTE}role"
# This system text came as `instructions`.
INSTRUCTIONS = f"{NOTE}instructions"
# Fields of a message item that have no word of ours.
BESIDE = "item"

# Ids of thoughts that we made up, which no provider has stored.
MADE_THOUGHT = "rs_unstored"

_HEADER = ("type", "id", "status")
_HEADER_SET = frozenset(_HEADER)


def header_of(item: Mapping[str, Json]) -> dict[str, Json]:
    """What is noted of an item."""
    return {key: item[key] for key in _HEADER if key in item}


def without_header(item: Mapping[str, Json], *known: str) -> dict[str, Json]:
    """A copy without what is noted, and without these fields."""
    return {k: v for k, v in item.items() if k not in _HEADER_SET and k not in known}


def noted(extra: Mapping[str, Json], key: str = ITEM) -> dict[str, Json]:
    """What stands in a note; nothing when it is missing."""
    value = extra.get(key)
    return value if isinstance(value, dict) else {}


def is_plain(part: object) -> bool:
    """True for a text that has nothing but its words."""
    return isinstance(part, Text) and not part.citations and part.cache is None and not part.extra
