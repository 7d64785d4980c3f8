"""Recorded exchanges of embeddings, with what was left out of their vectors filled up again."""

import gzip
import itertools
import json
import re
from pathlib import Path

from aihandler.backends.codec import Asked
from aihandler.backends.embeddings import embedder_of
from aihandler.backends.profiles import load_profiles
from aihandler.domain.conversation import Request, message
from aihandler.domain.deployment import Deployment, Hosting, Model
from aihandler.domain.task import EmbeddingOutput

PROFILES = load_profiles()
FILE = Path(__file__).parents[2] / "data" / "wire" / "embeddings.jsonl.gz"
BACKENDS = {"gemini": "gemini", "vertex": "vertex", "ollama": "ollama"}
_CHARS = re.compile(r"\.\.\.\[elided (\d+) chars[^\]]*\]$")
_NUMBERS = re.compile(r"\.\.\.\[elided (\d+) numbers\]$")


def recorded():
    """All but those of Cohere, whose own form is not among ours."""
    with gzip.open(FILE, "rt", encoding="utf-8") as lines:
        exchanges = map(json.loads, lines)
        return [one for one in exchanges if one["provider"] != "cohere"]


def filled(value):
    """The recorder kept 8 numbers of a vector, and 96 characters of base64."""
    match value:
        case dict():
            return {key: filled(held) for key, held in value.items()}
        case [*numbers, str(last)] if _NUMBERS.match(last):
            return numbers + [0.25] * int(_NUMBERS.match(last)[1])
        case list():
            return [filled(held) for held in value]
        case str() if found := _CHARS.search(value):
            length, kept = int(found[1]), value[: found.start()]
            padding = length * 3 // 4 % 4
            return kept + "A" * (length - len(kept) - padding) + "=" * padding
    return value


def deployment(backend="openai", profile="", url="http://gpu", model="m"):
    return Deployment(
        "d", backend, Model(model), Hosting.SELF, urls=(url,), profile=profile, serves="embeddings"
    )


def request(*texts, dimensions=None):
    messages = tuple(message("user", text) for text in texts)
    return Request("t", messages, output=EmbeddingOutput(dimensions))


def sent(asked, backend="openai", profile="generic", **where):
    there = deployment(backend, **where)
    call = embedder_of(backend).encode(asked, there, PROFILES[profile], streamed=False)
    return call, json.loads(call.body)


def read(body, backend="openai", *, asked=None, status=200, pieces=()):
    asked = asked or request("hi")
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    reader = embedder_of(backend).reader(
        status,
        {"content-type": "application/json"},
        asked=Asked(asked, deployment(backend), PROFILES["generic"]),
    )
    edges = [0, *pieces, len(data)]
    for begin, end in itertools.pairwise(edges):
        reader.feed(data[begin:end])
    return reader.end()[-1].reply
