import json
from pathlib import Path

import jsonschema_rs
import yaml

from aihandler.config import schema
from aihandler.config.expression_functions import FUNCTIONS, TESTS

DOCS = Path(__file__).parents[2] / "docs" / "configuration.md"
RIGHT = Path(__file__).parents[1] / "data" / "configs" / "right" / "aihandler.yaml"


def test_the_schema_is_one_and_can_be_written_as_json():
    assert jsonschema_rs.meta.is_valid(json.loads(json.dumps(schema())))


def test_no_mapping_of_the_file_takes_unknown_keys():
    closed = [form["additionalProperties"] for form in schema()["$defs"].values()]
    assert closed == [False] * len(closed)


def test_an_editor_that_reads_yaml_its_own_way_agrees_about_a_right_file():
    read = yaml.safe_load(RIGHT.read_text())
    # Editors see dates as text.
    plain = json.loads(json.dumps(read, default=str))
    assert list(jsonschema_rs.validator_for(schema()).iter_errors(plain)) == []


def test_every_key_is_explained_in_the_schema_and_in_the_reference():
    text = DOCS.read_text()
    sections = text.split("\n## ")
    for name, form in schema()["$defs"].items():
        for key, about in form["properties"].items():
            assert about["description"], f"{name}.{key}"
            rows = [s for s in sections if f"| `{key}` |" in s and about["description"] in s]
            assert rows, f"docs/configuration.md lacks {name}.{key}: {about['description']}"


def test_every_function_and_test_of_expressions_is_in_the_reference():
    told = DOCS.read_text().partition("## Expressions")[2]
    missing = [name for name in (*FUNCTIONS, *TESTS) if name not in told]
    assert missing == []
