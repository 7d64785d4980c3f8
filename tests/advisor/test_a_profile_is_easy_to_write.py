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
from aihandler.advisor.economics.figures import dollars
from aihandler.advisor.economics.inputs import RULES
from aihandler.advisor.pages.words import money
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


def test_mistakes_of_shape_and_of_content_are_told_in_one_pass() -> None:
    found = mistakes(
        "company:\n"
        "  peeple: 45\n"
        "  growth_base_quarter: Q3\n"
        "tasks:\n"
        "  mail:\n"
        "    kind: emial\n"
        "    costs:\n"
        "      requets_per_month: [5]\n"
        "      retry_share: [x]\n"
        "      life_months: [36]\n"
        "    sources: {output_usd_per_million: [a list, 2026-11-01]}\n"
        "    hosting: {gpu: l4}\n"
        "  notes: 5\n"
    )
    told = {m.line: m.message for m in found}
    assert set(told) == {2, 3, 6, 8, 9, 10, 11, 12, 13}
    assert "no quarter" in told[3]
    assert "no input 'requets_per_month'" in told[8]


@pytest.mark.parametrize(
    ("text", "line", "parts"),
    [
        ("company: {people: 0}", 1, ("people", "at least 1")),
        ("company: {api_usd_per_year: 1.0e+15}", 1, ("'api_usd_per_year'", "1e+15", "at most")),
        ("company: {people: 90000000000}", 1, ("'people'", "90,000,000,000", "10,000,000,000")),
    ],
)
def test_a_company_that_cannot_be_is_refused(text: str, line: int, parts: tuple[str, ...]) -> None:
    (found,) = mistakes(f"{text}\ntasks: {{a: {{}}}}\n")
    assert found.line == line
    assert all(part in found.message for part in parts)


@pytest.mark.parametrize(
    ("task", "key", "value", "bound"),
    [
        (
            "input_tokens_per_month: 2000000000000000000",
            "'input_tokens_per_month'",
            "2e+18",
            "1e+18 tokens a month",
        ),
        ("costs: {utilisation: [60]}", "'utilisation'", "60", "above 0 and at most 1"),
        (
            "costs: {cached_share: [0.6, 0.5, 60]}",
            "'cached_share'",
            "60",
            "at least 0 and at most 1",
        ),
        ("costs: {usd_per_gpu_hour: [2000000]}", "'usd_per_gpu_hour'", "2,000,000", "100,000 USD"),
        ("costs: {requests_per_month: [0]}", "'requests_per_month'", "0", "needs requests"),
        (
            "costs: {cached_share: [0.6], cache_write_share: [0.7]}",
            "'cached_share'",
            "1.3",
            "at most 1",
        ),
        (
            "input_tokens_per_month: 1000000000000000, costs: {input_usd_per_million: [10000]}",
            "'input_usd_per_million'",
            "more than $1,000B",
            "at most $833B",
        ),
        (
            "input_tokens_per_month: 1000000000, growth_per_quarter: 40,"
            " costs: {input_usd_per_million: [3]}",
            "'growth_per_quarter'",
            "40",
            "at most 4.05 for $3K a month",
        ),
    ],
)
def test_a_value_that_cannot_be_is_refused_with_key_value_and_bound(
    task: str, key: str, value: str, bound: str
) -> None:
    (found,) = mistakes(f"company: {{}}\ntasks:\n  a: {{{task}}}\n")
    assert found.line == 3
    assert all(part in found.message for part in (key, value, bound))
    assert found.hint


@pytest.mark.parametrize(
    ("usd", "told"),
    [
        (9.99e11, "$999B"),
        (1.2e15, "more than $1,000B"),
        (-6.69e15, "below -$1,000B"),
        (8.33e11, "$833B"),
    ],
)
def test_sums_that_nobody_has_are_not_told_in_powers(usd: float, told: str) -> None:
    assert told in dollars(usd)
    assert told.replace("-", "\N{MINUS SIGN}") in money(usd)


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
