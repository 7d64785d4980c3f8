import random

import jsonschema_rs
import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aihandler.errors import ConfigError
from aihandler.validation.downlevel import Downlevelled, PassedOver, downlevel, load_subsets
from validation.instances import FORMATS, TOO_DEEP, an_instance, schemas
from validation.judging import rows

SUBSETS = load_subsets()
NARROW = sorted(set(SUBSETS) - {"none"})
# A server that would hold answers to all plain limits: then only the changes of shape count.
PLAIN = {
    "keywords": {
        "minLength",
        "maxLength",
        "minItems",
        "maxItems",
        "multipleOf",
        "minimum",
        "maximum",
    }
    | {"exclusiveMinimum", "exclusiveMaximum", "format", "pattern", "enum"},
    "formats": frozenset(FORMATS) | {"regex"},
    "enum_types": frozenset(),
    "pattern_must": "",
    "pattern_must_not": "",
    "bounds_of_numbers": True,
    "min_items_up_to": None,
    "enforces": "full",
}


def words_of(node):
    """Every keyword of a sent schema, by a walk of this test's own."""
    if not isinstance(node, dict):
        return
    for key, part in node.items():
        yield key
        if key in {"properties", "$defs"}:
            for each in part.values():
                yield from words_of(each)
        elif key in {"anyOf", "prefixItems"}:
            for each in part:
                yield from words_of(each)
        elif key in {"items", "additionalProperties"}:
            yield from words_of(part)


def admits(schema):
    return jsonschema_rs.validator_for(
        msgspec.json.encode(schema).decode(), validate_formats=True, offline=True
    ).is_valid


def as_json_schema(node):
    """`nullable` in the words of JSON Schema, so that a validator can judge what Gemini is sent."""
    if isinstance(node, list):
        return [as_json_schema(each) for each in node]
    if not isinstance(node, dict):
        return node
    found = {key: as_json_schema(part) for key, part in node.items() if key != "nullable"}
    return {"anyOf": [found, {"type": "null"}]} if node.get("nullable") is True else found


def shape_of(name):
    subset = SUBSETS[name]
    keywords = subset.keywords | PLAIN["keywords"]
    return msgspec.structs.replace(subset, **{**PLAIN, "keywords": keywords})


def broken(schema, subset, *, seed, tries):
    """Answers that the server would let through although the whole schema forbids them."""
    found = downlevel(schema, subset)
    if isinstance(found, PassedOver):
        assert found.reason.startswith(f"{subset.name}: ")
        return []
    assert set(words_of(found.sent)) <= subset.keywords
    may_be_sent, is_meant = admits(as_json_schema(found.sent)), admits(schema)
    source = random.Random(seed)
    answers = [an_instance(found.sent, found.sent, source) for _ in range(tries)]
    kept = [each for each in answers if each is not TOO_DEEP and may_be_sent(each)]
    if found.dropped:
        for each in kept:
            found.undo(each)
        return []
    return [each for each in kept if not is_meant(found.undo(each))]


@pytest.mark.parametrize("name", NARROW)
def test_every_real_schema_is_sent_or_passed_over_with_the_reason(name):
    for row in rows("real_schemas"):
        assert broken(row["schema"], SUBSETS[name], seed=1, tries=5) == []


@pytest.mark.parametrize("name", NARROW)
@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(schema=schemas(), seed=st.integers(0, 1000))
def test_an_answer_that_the_sent_schema_admits_is_valid_once_undone(name, schema, seed):
    assert broken(schema, SUBSETS[name], seed=seed, tries=6) == []
    assert broken(schema, shape_of(name), seed=seed, tries=6) == []


@pytest.mark.nightly
@pytest.mark.parametrize("name", NARROW)
@settings(max_examples=1000, deadline=None, suppress_health_check=list(HealthCheck))
@given(schema=schemas(), seed=st.integers(0, 1000))
def test_an_answer_that_the_sent_schema_admits_is_valid_once_undone_at_length(name, schema, seed):
    assert broken(schema, SUBSETS[name], seed=seed, tries=10) == []
    assert broken(schema, shape_of(name), seed=seed, tries=10) == []


def test_what_llama_cpp_converts_is_sent_and_what_it_cannot_convert_never_is():
    for row in rows("llamacpp_schema_support"):
        try:
            found = downlevel(row["schema"], SUBSETS["llama-cpp"])
        except ConfigError:
            # Their tests hold five schemas that the standard forbids, one of which they take.
            continue
        assert isinstance(found, Downlevelled)
        assert row["converts"] or found.sent != row["schema"]
