"""What a company says of itself and its tasks. What it does not say is missing, never assumed."""

import copy
import pathlib
from collections.abc import Collection, Iterator, Mapping
from decimal import Decimal
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from aihandler.advisor.amounts import Amount, Count, Headcount
from aihandler.advisor.claims import Claim
from aihandler.advisor.economics.figures import UNDATED
from aihandler.advisor.impossible import find_impossible
from aihandler.advisor.naming import find_wrong_names
from aihandler.config.places import Path
from aihandler.config.shape import find_misshapes_of
from aihandler.config.yaml import read_yaml
from aihandler.domain.task import Json
from aihandler.errors import ConfigError, InputError

# A number of a framework, a word, yes or no; None is missing.
Fact = Decimal | str | bool | None
Kind = Literal[
    "summarisation",
    "classification",
    "embeddings",
    "extraction",
    "generation",
    "code",
    "chat",
    "agent",
]


# Fields of a profile: what is not said is None, and the words are shown in the template.
def _about(words: str) -> Meta:
    return Meta(description=words)


class SecurityMeasures(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What of the security checklist is in place."""

    prompt_filter: Annotated[bool | None, _about("malicious prompts are filtered")] = None
    user_rate_limit: Annotated[bool | None, _about("requests are limited per user")] = None
    input_anomalies: Annotated[bool | None, _about("unusual input is noticed")] = None
    output_filter: Annotated[bool | None, _about("content of answers is filtered")] = None
    redaction: Annotated[bool | None, _about("personal data is redacted")] = None
    harmful_content: Annotated[bool | None, _about("harmful answers are noticed")] = None
    isolation: Annotated[bool | None, _about("the servers' network is isolated")] = None
    access: Annotated[bool | None, _about("access is controlled")] = None
    audit_log: Annotated[bool | None, _about("what is done is logged for an audit")] = None
    checksums: Annotated[bool | None, _about("weights are compared with checksums")] = None
    poisoning: Annotated[bool | None, _about("models are watched for poisoning")] = None
    updates: Annotated[bool | None, _about("models and servers are kept up to date")] = None
    abuse_plan: Annotated[bool | None, _about("there is a plan for abuse")] = None
    alerting: Annotated[bool | None, _about("somebody is alerted")] = None
    kill_switch: Annotated[bool | None, _about("everything can be stopped at once")] = None


class Company(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Facts that hold for every task."""

    people: Annotated[Headcount | None, _about("how many people work there")] = None
    stage: Annotated[
        Literal["pre_pmf", "post_pmf"] | None, _about("before or after product-market fit")
    ] = None
    ai_is: Annotated[
        Literal["product", "feature"] | None, _about("what is sold, or a part of it")
    ] = None
    ml_native: Annotated[bool | None, _about("the team comes from machine learning")] = None
    differentiator: Annotated[
        bool | None, _about("the quality of the model sets you apart from competitors")
    ] = None
    ml_engineers: Annotated[
        Count | None, _about("engineers who can run models, and may be set to it")
    ] = None
    free_engineer_share: Annotated[
        Amount | None, _about("engineers free to run models: 0.2 is a fifth of one")
    ] = None
    can_hire: Annotated[bool | None, _about("such engineers can be hired")] = None
    security_engineers: Annotated[Count | None, _about("engineers for security alone")] = None
    safety_layers: Annotated[
        bool | None, _about("filters before and behind an open model are planned")
    ] = None
    can_invest_in_safety: Annotated[bool | None, _about("there are means for safety")] = None
    incident_response: Annotated[bool | None, _about("there is a plan for incidents")] = None
    internal_without_security: Annotated[
        bool | None, _about("internal use is thought to need no security")
    ] = None
    risk_tolerance: Annotated[
        Literal["low", "medium", "high"] | None, _about("how much risk is borne")
    ] = None
    sovereignty_regulated: Annotated[
        bool | None, _about("rules of law ask for sovereignty over data")
    ] = None
    revenue_usd_per_year: Annotated[Amount | None, _about("revenue in a year")] = None
    cogs_usd_per_year: Annotated[Amount | None, _about("cost of goods sold in a year")] = None
    api_usd_per_year: Annotated[Amount | None, _about("spent on closed APIs in a year")] = None
    api_growth_per_quarter: Annotated[
        Decimal | None, _about("growth of that spend: 0.4 is 40 % a quarter")
    ] = None
    growth_base_quarter: Annotated[
        str | None, _about("the quarter whose spend, times four, `api_usd_per_year` is: 2025-Q3")
    ] = None
    months_at_this_spend: Annotated[
        Amount | None, _about("for how many months the spend has been like this")
    ] = None
    api_share_of_cogs: Annotated[
        Amount | None, _about("that spend over the cost of goods: 0.2 is 20 %")
    ] = None
    funding_months: Annotated[Amount | None, _about("months that money lasts")] = None
    gpu_budget_usd: Annotated[Amount | None, _about("money for GPUs in a year")] = None
    accepts_months_before_return: Annotated[
        Amount | None, _about("months that may pass before money comes back")
    ] = None
    could_lock_in_18_months: Annotated[
        bool | None, _about("one vendor for 18 months and two or three price rises can be borne")
    ] = None
    speed_to_market_first: Annotated[bool | None, _about("being early counts most")] = None
    providers: Annotated[Count | None, _about("providers of models in use")] = None
    serves_open_models: Annotated[bool | None, _about("a server of open models runs already")] = (
        None
    )
    observability: Annotated[
        bool | None, _about("latency, errors and cost of models are watched")
    ] = None
    fallback_to_api: Annotated[
        bool | None, _about("when an open model fails, a vendor's answers")
    ] = None
    abstraction_layer: Annotated[
        bool | None, _about("another model is a change of configuration, not of code")
    ] = None
    indemnity_needed: Annotated[
        bool | None, _about("a vendor has to bear claims of third parties")
    ] = None
    security: SecurityMeasures = SecurityMeasures()


class Hosting(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A machine that was measured: names as in the shipped points, and what a request may wait."""

    model: Annotated[str, _about("an open model, as in the points that ship, or its short name")]
    gpu: Annotated[str, _about("h100_sxm, a100_40gb, l4 and others")]
    precision: Annotated[str, _about("bf16, fp8, int4 and others, or unstated")]
    latency_s: Annotated[float, Meta(gt=0, description="seconds a whole answer may take")]
    usd_per_gpu_hour: Annotated[float, Meta(ge=0, description="your own quote")] | None = None
    rent: Literal["hourly", "reserved", "spot", "nightly", "owned"] = "hourly"


class TaskFacts(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Facts of one task."""

    does: Annotated[str, _about("what it does, in words")] = ""
    kind: Annotated[Kind | None, _about("the kind of work")] = None
    model: Annotated[str | None, _about("the model that does it")] = None
    price_model: Annotated[
        str | None, _about("its name in the price list that ships: claude-sonnet-4-5")
    ] = None
    input_tokens_per_month: Annotated[
        Count | None, _about("tokens sent in a month, cached ones included")
    ] = None
    output_tokens_per_month: Annotated[Count | None, _about("tokens answered in a month")] = None
    api_usd_per_month: Annotated[Amount | None, _about("spent on its closed API in a month")] = None
    growth_per_quarter: Annotated[
        Decimal | None, _about("growth of its requests, where it is not the company's")
    ] = None
    could_be_open: Annotated[bool | None, _about("an open model might do it")] = None
    data_may_leave: Annotated[bool | None, _about("its data may go to a vendor")] = None
    open_licence_allowed: Annotated[
        bool | None, _about("some licence of an open model allows this use")
    ] = None
    open_licence: Annotated[
        Literal["apache-2.0", "mit", "llama", "other"] | None,
        _about("the licence of the open model that would do it"),
    ] = None
    frontier_needed: Annotated[bool | None, _about("only the best models can do it")] = None
    customer_facing: Annotated[bool | None, _about("customers see the answers")] = None
    safety_critical: Annotated[
        bool | None, _about("medical, legal or financial advice hangs on it")
    ] = None
    vendor_sla_needed: Annotated[
        bool | None, _about("compliance asks for a vendor's promise of service")
    ] = None
    customised: Annotated[bool | None, _about("a model tuned on own data is needed")] = None
    latency_critical: Annotated[bool | None, _about("people wait for it")] = None
    latency_target_s: Annotated[Amount | None, _about("seconds a whole answer may take")] = None
    measured_latency_s: Annotated[Amount | None, _about("seconds it takes today")] = None
    invalid_share: Annotated[
        Amount | None, _about("answers that break the schema: 0.08 is 8 %")
    ] = None
    cost_sensitive: Annotated[bool | None, _about("cost decides whether it is done")] = None
    complex_output: Annotated[
        bool | None, _about("answers follow a complex schema, the same each time")
    ] = None
    prompt_iteration: Annotated[
        Literal["high", "stable"] | None, _about("how often prompts change")
    ] = None
    repetitive: Annotated[bool | None, _about("the same prompt over and over")] = None
    steady: Annotated[bool | None, _about("the load is even over day and week")] = None
    mixed_difficulty: Annotated[bool | None, _about("some requests are easy, others hard")] = None
    compared: Annotated[bool | None, _about("open and closed were compared on own examples")] = None
    pilot_passed: Annotated[
        bool | None, _about("an open model ran beside the closed one and was good enough")
    ] = None
    # Deployments of a comparison, and the points of a score that may be lost by leaving.
    closed: Annotated[str | None, _about("the deployment of the closed model")] = None
    open: Annotated[str | None, _about("the deployment of the open model")] = None
    margin: Annotated[Amount | None, _about("points of 100 that may be lost by leaving")] = None
    # Inputs of the total cost by name: one number, or likely, low and high.
    costs: dict[str, tuple[float, ...]] = {}
    hosting: Hosting | None = None
    # Where an input comes from, and its day: `input_usd_per_million: [price list, 2026-11-01]`.
    sources: dict[str, tuple[str, str]] = {}
    # What is counted in a month beside requests: `contract: 12000`.
    units: dict[str, Annotated[float, Meta(gt=0)]] = {}


# What is no fact of a framework.
NO_FACTS = ("costs", "hosting", "sources", "units", "security")


class Profile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A whole `company.yaml`."""

    company: Company
    tasks: Annotated[dict[str, TaskFacts], Meta(min_length=1)]
    # Numbers that somebody stated, by a name of one's own, to be held against their sums.
    claims: dict[str, Claim] = {}
    # The day of the figures that do not name their own.
    as_of: str = UNDATED
    # As those of a task, of the whole company: `customer: 300`.
    units: dict[str, Annotated[float, Meta(gt=0)]] = {}


def read_profile(path: pathlib.Path) -> Profile:
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
    data = _without_empty(tree.data)
    profile = _sound_part(data, find_misshapes_of(Profile, data, mistakes))
    if profile is not None:
        find_wrong_names(profile, mistakes)
        find_impossible(profile, mistakes)
        if not len(mistakes):
            return profile
    found = mistakes.in_order()
    raise ConfigError("\n".join(str(m) for m in found), hint=found[0].hint, mistakes=found)


def demo_profile() -> Profile:
    """The shipped example: 45 people, $180K a year on closed APIs, plus 40 % a quarter."""
    path = pathlib.Path(__file__).parent / "data" / "demo_company.yaml"
    return parse_profile(path.read_text(encoding="utf-8"), file=path.name)


def facts_of(profile: Profile, task: str) -> dict[str, Fact]:
    """What the frameworks read of one task: company, task, and what follows from them by sums."""
    facts = {**dict(_members(profile.company)), **dict(_members(profile.tasks[task]))}
    measures = _members(profile.company.security)
    facts |= {f"security.{name}": value for name, value in measures}
    # The task's own spend has the same name as the company's by month, and is another thing.
    facts["task_api_usd_per_month"] = facts.pop("api_usd_per_month", None)
    requests = profile.tasks[task].costs.get("requests_per_month")
    facts["requests_per_month"] = Decimal(str(requests[0])) if requests else None
    facts["mixed_workloads"] = _mixed(profile)
    facts["could_be_open_usd_per_month"] = _could_be_open(profile)
    return {**facts, **_derived(facts)}


def _mixed(profile: Profile) -> bool | None:
    """Whether cost decides for some tasks and not for others; None while that hangs on a task."""
    said = {task.cost_sensitive for task in profile.tasks.values()}
    return True if {True, False} <= said else None if None in said else False


def _could_be_open(profile: Profile) -> Decimal | None:
    """What is spent in a month on tasks that an open model might do; None while it is not known."""
    spent = Decimal(0)
    for task in profile.tasks.values():
        if task.could_be_open is False:
            continue
        if task.could_be_open is None or task.api_usd_per_month is None:
            return None
        spent += task.api_usd_per_month
    return spent


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
    share, goods = facts["api_share_of_cogs"], facts["cogs_usd_per_year"]
    if share is None and isinstance(yearly, Decimal) and isinstance(goods, Decimal) and goods:
        share = yearly / goods
    return {
        "api_share_of_cogs": share,
        "api_usd_per_month": yearly / 12 if isinstance(yearly, Decimal) else None,
        "api_growth_per_year": None if by_quarter is None else (1 + by_quarter) ** 4 - 1,
        "tokens_per_month": tokens,
        "tokens_per_day": None if tokens is None else tokens / 30,
    }


def _sound_part(data: Json, misshapen: Collection[Path]) -> Profile | None:
    """What can be judged by its content beside mistakes in the shape: all of them are told at
    once."""
    if not isinstance(data, dict):
        return None
    sound = copy.deepcopy(data)
    for place in sorted(misshapen, key=len, reverse=True):
        _drop(sound, place)
    sound["company"] = sound.get("company") or {}
    sound["tasks"] = sound.get("tasks") or {"first": {}}
    try:
        return msgspec.convert(sound, Profile)
    except msgspec.ValidationError:
        return None


def _drop(node: Json, place: Path) -> None:
    """Takes the key away; of a list, the whole."""
    for at, part in enumerate(place):
        if not isinstance(node, dict) or part not in node:
            return
        last = at == len(place) - 1
        if last or not isinstance(node[str(part)], dict):
            del node[str(part)]
            return
        node = node[str(part)]


def _without_empty(data: Json) -> Json:
    """A company or task of which all lines are comments says nothing yet, which is no mistake."""
    if not isinstance(data, dict):
        return data
    filled = {
        key: {} if value is None and key == "company" else value for key, value in data.items()
    }
    tasks = filled.get("tasks")
    if isinstance(tasks, dict):
        filled["tasks"] = {name: {} if task is None else task for name, task in tasks.items()}
    return filled
