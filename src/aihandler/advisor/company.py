"""What a company says of itself and its tasks. What it does not say is missing, never assumed."""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from aihandler.config.places import Mistakes
from aihandler.config.shape import find_misshapes_of
from aihandler.config.yaml import read_yaml
from aihandler.errors import ConfigError, InputError

Count = Annotated[int, Meta(ge=0)]
Amount = Annotated[Decimal, Meta(extra_json_schema={"minimum": 0})]
# A number of a framework, a word, yes or no; None is missing.
Fact = Decimal | str | bool | None


class Company(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Facts that hold for every task."""

    people: Annotated[Count | None, Meta(description="how many people work there")] = None
    stage: Literal["pre_pmf", "post_pmf"] | None = None
    ai_is: Literal["product", "feature"] | None = None
    ml_native: bool | None = None
    differentiator: bool | None = None
    ml_engineers: Count | None = None
    free_engineer_share: Amount | None = None
    can_hire: bool | None = None
    security_engineers: Count | None = None
    safety_layers: bool | None = None
    can_invest_in_safety: bool | None = None
    incident_response: bool | None = None
    risk_tolerance: Literal["low", "medium", "high"] | None = None
    sovereignty_regulated: bool | None = None
    api_usd_per_year: Amount | None = None
    api_growth_per_quarter: Decimal | None = None
    growth_base_quarter: str | None = None
    api_share_of_cogs: Amount | None = None
    funding_months: Amount | None = None
    accepts_months_before_return: Amount | None = None
    could_lock_in_18_months: bool | None = None
    speed_to_market_first: bool | None = None


class Hosting(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A machine that was measured: names as in the shipped points, and what a request may wait."""

    model: str
    gpu: str
    precision: str
    latency_s: Annotated[float, Meta(gt=0)]
    usd_per_gpu_hour: Annotated[float, Meta(ge=0)] | None = None
    rent: Literal["hourly", "reserved", "spot", "nightly", "owned"] = "hourly"


class TaskFacts(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Facts of one task."""

    does: str = ""
    model: str | None = None
    price_model: str | None = None
    input_tokens_per_month: Count | None = None
    output_tokens_per_month: Count | None = None
    api_usd_per_month: Amount | None = None
    growth_per_quarter: Decimal | None = None
    could_be_open: bool | None = None
    data_may_leave: bool | None = None
    open_licence_allowed: bool | None = None
    frontier_needed: bool | None = None
    customer_facing: bool | None = None
    safety_critical: bool | None = None
    customised: bool | None = None
    latency_critical: bool | None = None
    cost_sensitive: bool | None = None
    complex_output: bool | None = None
    prompt_iteration: Literal["high", "stable"] | None = None
    repetitive: bool | None = None
    steady: bool | None = None
    # Deployments of a comparison, and the points of a score that may be lost by leaving.
    closed: str | None = None
    open: str | None = None
    margin: Amount | None = None
    # Inputs of the total cost by name: one number, or likely, low and high.
    costs: dict[str, tuple[float, ...]] = {}
    hosting: Hosting | None = None
    # Where an input comes from, and its day: `input_usd_per_million: [price list, 2026-11-01]`.
    sources: dict[str, tuple[str, str]] = {}
    # What is counted in a month beside requests: `contract: 12000`.
    units: dict[str, Annotated[float, Meta(gt=0)]] = {}


# What is no fact of a framework.
NO_FACTS = ("costs", "hosting", "sources", "units")


class Profile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A whole `company.yaml`."""

    company: Company
    tasks: Annotated[dict[str, TaskFacts], Meta(min_length=1)]
    # The day of the figures that do not name their own.
    as_of: str = "not stated"
    # As those of a task, of the whole company: `customer: 300`.
    units: dict[str, Annotated[float, Meta(gt=0)]] = {}


def read_profile(path: Path) -> Profile:
    """Raises ConfigError with all mistakes and their lines, InputError when there is no file."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"cannot read the company profile {str(path)!r}: {type(error).__name__}",
            hint="name a YAML file in UTF-8 that describes the company and its tasks",
        ) from error
    return parse_profile(text, file=str(path))


def parse_profile(text: str, *, file: str = "company.yaml") -> Profile:
    """Raises ConfigError with all mistakes and their lines."""
    tree, mistakes = read_yaml(text, file=file)
    find_misshapes_of(Profile, tree.data, mistakes)
    _refuse(mistakes)
    return msgspec.convert(tree.data, Profile)


def demo_profile() -> Profile:
    """The shipped example: 45 people, $180K a year on closed APIs, plus 40 % a quarter."""
    path = Path(__file__).parent / "data" / "demo_company.yaml"
    return parse_profile(path.read_text(encoding="utf-8"), file=path.name)


def facts_of(profile: Profile, task: str) -> dict[str, Fact]:
    """What the frameworks read of one task: company, task, and what follows from them by sums."""
    facts = {**dict(_members(profile.company)), **dict(_members(profile.tasks[task]))}
    # The task's own spend has the same name as the company's by month, and is another thing.
    facts["task_api_usd_per_month"] = facts.pop("api_usd_per_month", None)
    return {**facts, **_derived(facts)}


def _members(struct: msgspec.Struct) -> Iterator[tuple[str, Fact]]:
    for name in struct.__struct_fields__:
        if name in NO_FACTS:
            continue
        value = getattr(struct, name)
        yield name, Decimal(value) if type(value) is int else value


def _derived(facts: Mapping[str, Fact]) -> dict[str, Fact]:
    yearly, growth = facts["api_usd_per_year"], facts["api_growth_per_quarter"]
    given, made = facts["input_tokens_per_month"], facts["output_tokens_per_month"]
    tokens = given + made if isinstance(given, Decimal) and isinstance(made, Decimal) else None
    by_quarter = growth if isinstance(growth, Decimal) else None
    return {
        "api_usd_per_month": yearly / 12 if isinstance(yearly, Decimal) else None,
        "api_growth_per_year": None if by_quarter is None else (1 + by_quarter) ** 4 - 1,
        "tokens_per_month": tokens,
        "tokens_per_day": None if tokens is None else tokens / 30,
    }


def _refuse(mistakes: Mistakes) -> None:
    found = mistakes.in_order()
    if found:
        raise ConfigError("\n".join(str(m) for m in found), hint=found[0].hint, mistakes=found)
