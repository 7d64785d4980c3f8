import json
from collections import Counter

import pytest
from judging import judged, rows, same

from aihandler.domain.task import JsonOutput
from aihandler.validation import Validator

# Formats are asserted here, where the suite's default is to take them for notes; and references
# are never fetched, so what refers to the suite's own server is no schema of ours.
ASSERTED = "/format.json"
SERVER = "localhost:1234"
DRAFT_7 = "http://json-schema.org/draft-07/schema#"


def test_what_is_called_repaired_equals_what_other_repairers_expect():
    different = []
    for row in rows("repair_pairs"):
        schema = row.get("schema")
        if schema is not None and "bogus" in str(schema):
            continue
        verdict = judged(row["input"], schema if schema is not None else {})
        if verdict.ok and not row.get("expect_error") and not same(verdict.value, row["expected"]):
            different.append(row["input"])

    assert different == []


# json_repair's strict mode refuses to change a value; "1" for an integer is lossless here. The
# others are modes or schemas that json_repair has no use for.
OUR_OPINION = {'{"value": "ok"}', '"1"', "{}"}


def test_what_other_repairers_refuse_is_refused_but_for_known_opinions():
    accepted = {
        row["input"]
        for row in rows("repair_pairs")
        if row.get("expect_error")
        and "bogus" not in str(row.get("schema"))
        and judged(row["input"], {} if row.get("schema") is None else row["schema"]).ok
    }

    assert accepted <= OUR_OPINION


def test_texts_aligned_with_a_schema_are_the_same_or_refused():
    # BAML keeps the quotes of a JSON string; JSON does not.
    for row in rows("schema_aligned"):
        verdict = judged(row["input"], row.get("json_schema", {}))
        if verdict.ok and "json_schema" in row and row["input"] != '"hello"':
            assert same(verdict.value, row["expected"]), row["input"]


def test_no_partial_text_is_repaired():
    partial = [row for row in rows("schema_aligned") if row["kind"] == "schema_aligned_partial"]

    assert partial
    assert all(judged(row["input"], {}).state != "repaired" for row in partial)


@pytest.mark.parametrize("draft", ["draft2020-12", "draft7"])
@pytest.mark.parametrize("group", ["required", "format"])
def test_the_official_suite_agrees_with_every_verdict(draft, group):
    counts = Counter()
    for row in rows("schema_suite"):
        if (row["draft"], row["group"]) != (draft, group) or _is_not_ours(row):
            continue
        validator = Validator(JsonOutput(_schema(row)))
        for case in row["tests"]:
            verdict = validator.check(json.dumps(case["data"]), finish="stop", source="")
            counts[(verdict.state == "exact") == case["valid"]] += 1

    assert counts[True] > 600
    assert counts[False] == 0


def test_real_schemas_compile():
    for row in rows("real_schemas"):
        Validator(JsonOutput(row["schema"]))


def _is_not_ours(row):
    is_about_notes = row["group"] == "required" and row["path"].endswith(ASSERTED)
    return is_about_notes or SERVER in str(row["schema"]) or "Remote" in row["path"]


def _schema(row):
    schema = row["schema"]
    if row["draft"] == "draft7" and isinstance(schema, dict):
        return {"$schema": DRAFT_7, **schema}
    return schema
