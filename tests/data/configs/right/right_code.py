"""Code that the right configuration names."""

import dataclasses
from typing import TypedDict

import msgspec


class Place(msgspec.Struct):
    """Part of an address."""

    city: str


class Address(msgspec.Struct):
    """A type whose schema has definitions."""

    street: str
    place: Place


@dataclasses.dataclass
class Person:
    """A type that refers to itself."""

    name: str
    boss: "Person | None" = None


class Row(TypedDict):
    """A plain dictionary with a shape."""

    amount: float


class LikePydantic:
    """Has the two methods by which pydantic models are known."""

    @classmethod
    def model_json_schema(cls):
        return {"type": "object", "properties": {"x": {"type": "integer"}}}

    @classmethod
    def model_validate(cls, value):
        return cls()


def enrich(document, results):
    return {"known": True}
