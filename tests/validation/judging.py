"""Short forms that the tests of this folder share."""

import gzip
import json
from pathlib import Path

from aihandler.domain.task import JsonOutput
from aihandler.validation import Validator

DATA = Path(__file__).parents[1] / "data" / "structured"


def judged(text, schema, *, finish="stop", source="", **checks):
    return Validator(JsonOutput(schema, **checks)).check(text, finish=finish, source=source)


def rows(name):
    with gzip.open(DATA / f"{name}.jsonl.gz", "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def same(one, other):
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)
