"""An annotated template, a schema, and mistakes that are all told at once with their lines."""

import importlib.resources
from decimal import Decimal

import jsonschema_rs
import msgspec
import pytest

from aihandler.advisor.company import (
    Company,
    SecurityMeasures,
    TaskFacts,
    facts_of,
    parse_profile,
)
from aihandler.advisor.economics.inputs import RULES
from aihandler.advisor.template import profile_schema, profile_template
from aihandler.config.yaml import read_yaml
from aihandler.errors import ConfigError, Mistake


def mistakes(text: str) -> tuple[Mistake, ...]:
    with pytest.raises(ConfigError) as caught:
        parse_profile(text)
    return caught.value.mistakes


def test_the_template_reads_as_a_profile_that_says_nothing() -> None:
    profile = parse_profile(profile_template())
    said = {name for name, value in facts_of(profile, "first").items() if value is not None}
    assert said == {"does"}


@pytest.mark.parametrize("struct", [Company, SecurityMeasures, TaskFacts])
def test_the_template_has_a_line_for_every_key(struct: type[msgspec.Struct]) -> None:
    template = profile_template()
    for name in struct.__struct_fields__:
        assert f"# {name}:" in template or f"#   {name}:" in template


def test_the_template_tells_what_is_taken_for_an_input_that_is_left_out() -> None:
    template = profile_template()
    assert all(f"{name}: [likely" in template for name in RULES)
    assert "left out: 3 (2 to 6)" in template


def test_what_the_template_shows_in_place_of_a_value_is_told_when_it_is_left() -> None:
    text = profile_template().replace("# people: a whole", "people: a whole")
    (found,) = mistakes(text)
    assert "must be a whole number" in found.message


def test_every_form_of_a_claim_is_in_the_template() -> None:
    assert profile_template().count("#     is: ") == 19


def test_the_schema_takes_the_demo_and_refuses_what_the_reader_refuses() -> None:
    validator = jsonschema_rs.Draft202012Validator(profile_schema())
    demo = importlib.resources.files("aihandler.advisor") / "data" / "demo_company.yaml"
    tree, _ = read_yaml(demo.read_text(encoding="utf-8"), file="demo_company.yaml")
    validator.validate(tree.data)
    assert not validator.is_valid({"company": {"peeple": 3}, "tasks": {"a": {}}})


def test_all_mistakes_of_names_and_values_are_told_at_once_with_their_lines() -> None:
    found = mistakes(
        "company:\n"
        "  growth_base_quarter: Q3\n"
        "tasks:\n"
        "  mail:\n"
        "    margin: 200\n"
        "    costs:\n"
        "      requets_per_month: [5]\n"
        "      output_tokens: [5, 9, 1]\n"
        "claims:\n"
        "  one: {is: memory, model: llama-405b, precision: fp8, gpu: l4}\n"
    )
    assert [m.line for m in found] == [2, 5, 7, 8, 10]
    assert all(m.hint for m in found)
    assert "requests_per_month" in found[2].hint
    assert "llama-3.1-405b" in found[4].hint


@pytest.mark.parametrize(
    ("claim", "message", "hint"),
    [
        ("{is: sums, total: 3}", "is cannot be 'sums'", "did you mean 'sum'?"),
        ("{total: 3}", "x lacks the key 'is'", "one of sum, bases"),
        ("{is: [sum]}", "is cannot be a list", "'sum'"),
        ("{is: sum, total: 3, parts: {}}", "parts must not be empty", ""),
        ("{is: sum, total: 3, parts: {a: -1}}", "a must be at least 0", ""),
        ("{is: sum, total: 3, parts: {a: 1}, unti: x}", "unknown key 'unti'", "'unit'"),
        ("5", "x must be a mapping, not 5", ""),
    ],
)
def test_a_claim_that_cannot_be_read_is_told_by_its_own_form(
    claim: str, message: str, hint: str
) -> None:
    (found,) = mistakes(f"company: {{}}\ntasks: {{a: {{}}}}\nclaims:\n  x: {claim}\n")
    assert found.line == 4
    assert message in found.message
    assert hint in found.hint


def test_the_share_of_the_cost_of_goods_follows_from_spend_and_goods() -> None:
    text = "company: {api_usd_per_year: 100, cogs_usd_per_year: 400}\ntasks: {a: {}}\n"
    assert facts_of(parse_profile(text), "a")["api_share_of_cogs"] == Decimal("0.25")


@pytest.mark.parametrize(
    ("one", "other", "mixed"),
    [("true", "false", True), ("true", "true", False), ("true", None, None)],
)
def test_workloads_are_mixed_where_cost_decides_for_some(
    one: str, other: str | None, mixed: bool | None
) -> None:
    second = "" if other is None else f"cost_sensitive: {other}"
    text = f"company: {{}}\ntasks: {{a: {{cost_sensitive: {one}}}, b: {{{second}}}}}\n"
    assert facts_of(parse_profile(text), "a")["mixed_workloads"] is mixed


@pytest.mark.parametrize(
    ("tasks", "spent"),
    [
        ("a: {could_be_open: true, api_usd_per_month: 6000}", 6000),
        ("a: {could_be_open: false, api_usd_per_month: 6000}", 0),
        ("a: {could_be_open: true}", None),
        ("a: {api_usd_per_month: 6000}", None),
    ],
)
def test_only_tasks_that_could_be_open_count_for_the_rule_of_thumb(
    tasks: str, spent: int | None
) -> None:
    text = f"company: {{}}\ntasks: {{{tasks}, b: {{could_be_open: true, api_usd_per_month: 0}}}}\n"
    assert facts_of(parse_profile(text), "a")["could_be_open_usd_per_month"] == spent
