"""The shape of `aihandler.yaml`, from which its JSON Schema is made.

A scalar where a list is expected is a list of one. What refers to something else in the file is
checked elsewhere; here is only what one value says by itself.
"""

import datetime
from decimal import Decimal
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from aihandler.config.configuration import HelperKind
from aihandler.domain.budget import Per
from aihandler.domain.rules import Stakes

VERSION = 1

Class = Literal["public", "internal", "confidential", "restricted"]
HostingWord = Literal["self", "managed", "vendor"]

Text = Annotated[str, Meta(min_length=1)]
Texts = Text | list[Text]
Pattern = r"^[A-Za-z0-9_][A-Za-z0-9_.:/-]*$"
Named = Annotated[str, Meta(pattern=Pattern, max_length=100)]
FieldName = Annotated[str, Meta(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", max_length=100)]
Seconds = Annotated[float, Meta(gt=0, le=86_400)]
Rate = Annotated[float, Meta(ge=0, le=1)]
Dollars = Annotated[Decimal, Meta(extra_json_schema={"minimum": 0})]
Dollar = Annotated[float, Meta(ge=0)]
Count = Annotated[int, Meta(ge=1)]


def about(description: str, **limits: Any) -> Meta:
    """What a key is for, in the schema and in the reference."""
    return Meta(description=description, **limits)


class OpennessKeys(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What of a model is published."""

    weights: Annotated[bool, about("The weights can be had.")] = False
    data: Annotated[bool, about("The training data can be had.")] = False
    code: Annotated[bool, about("The training code can be had.")] = False


class ModelKeys(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Weights, by name and version."""

    family: Annotated[str, about("Picks a task's prompt variant (`llama`, `gpt`).")] = ""
    revision: Annotated[str, about("Version of the weights; part of what names an attempt.")] = ""
    licence: Annotated[str, about("SPDX identifier, or `LicenseRef-...`.")] = ""
    digest: Annotated[str, about("Hash of the weights, as `sha256:...`.")] = ""
    open: Annotated[OpennessKeys, about("What of it is published.")] = OpennessKeys()


class PriceKeys(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """US dollars per million tokens, or the entry of the price list that says them."""

    price_list: Annotated[Text | None, about("An entry of the price list.")] = msgspec.field(
        name="list", default=None
    )
    input: Annotated[Dollars | None, about("Input tokens.")] = None
    output: Annotated[Dollars | None, about("Output tokens.")] = None
    cache_read: Annotated[Dollars | None, about("Input tokens read from a cache.")] = None
    cache_write: Annotated[Dollars | None, about("Input tokens written to a cache.")] = None
    cache_write_1h: Annotated[Dollars | None, about("The same, kept for an hour.")] = None
    reasoning: Annotated[Dollars | None, about("Tokens of reasoning.")] = None
    audio_input: Annotated[Dollars | None, about("Input tokens of sound.")] = None
    audio_output: Annotated[Dollars | None, about("Output tokens of sound.")] = None
    source: Annotated[str, about("Where the price was read.")] = ""
    as_of: Annotated[datetime.date | None, about("When it was read.")] = None


class CostKeys(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a machine costs by the hour, busy or idle."""

    usd_per_hour: Annotated[Dollars, about("US dollars an hour, all its GPUs together.")]
    gpu: Annotated[str, about("Kind of GPU, for reports.")] = ""
    count: Annotated[Count, about("How many GPUs, for reports.")] = 1


class DeploymentLimitKeys(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a deployment takes."""

    concurrency: Annotated[Count, about("Requests in flight at once.")] = 16
    context_tokens: Annotated[Count | None, about("Tokens of prompt and answer together.")] = None
    queue: Annotated[
        int, about("Clients that may wait for a place; more are told to come later.", ge=0)
    ] = 1000


class TimeoutKeys(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Bounds of one attempt, by phase."""

    connect_s: Annotated[Seconds, about("Seconds until the connection stands.")] = 5.0
    first_byte_s: Annotated[Seconds, about("Seconds until the first byte of the reply.")] = 60.0
    stall_s: Annotated[Seconds, about("Seconds between two pieces of the reply.")] = 30.0
    total_s: Annotated[Seconds, about("Seconds for the whole attempt.")] = 300.0


class TlsKeys(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Extra trust, and who we are; files beside the configuration."""

    ca_file: Annotated[str, about("Certificates to trust besides the system's.")] = ""
    client_certificate: Annotated[str, about("Our certificate.")] = ""
    client_key: Annotated[str, about("The key of our certificate.")] = ""


class AwsKeys(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Requests are signed with AWS keys, looked for where AWS' own tools look."""

    region: Annotated[str, about("Region that requests are signed for; else the url's.")] = ""
    service: Annotated[str, about("Service they are signed for; else the url's.")] = ""
    profile: Annotated[str, about("A profile of the AWS files; nothing else is tried then.")] = ""
    role: Annotated[str, about("A role (`arn:aws:iam::...`) to assume with these keys.")] = ""
    external_id: Annotated[str, about("What the owner of the role wants to hear.")] = ""
    sts_url: Annotated[str, about("Where roles are assumed, if not at the region's STS.")] = ""


class GoogleKeys(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Requests carry a Google access token."""

    file: Annotated[str, about("A credential file; else as Google's own tools find one.")] = ""
    scope: Annotated[str, about("What the token is for; else `cloud-platform`.")] = ""


class AzureKeys(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Requests carry a token of Microsoft Entra."""

    tenant: Annotated[str, about("Directory of the client; else AZURE_TENANT_ID.")] = ""
    client: Annotated[str, about("Its application id; else AZURE_CLIENT_ID.")] = ""
    secret: Annotated[str, about("Its secret: `${NAME}` or `${file:/path}`.")] = ""
    certificate: Annotated[str, about("Its certificate and private key, a PEM file.")] = ""
    token_file: Annotated[str, about("A federated token, which the platform renews.")] = ""
    scope: Annotated[str, about("What the token is for; else Azure's model services.")] = ""
    authority: Annotated[str, about("Address of a sovereign cloud's login.")] = ""


class CredentialKeys(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """As whom a deployment is asked, with keys or tokens that expire; one of these."""

    aws: Annotated[AwsKeys | None, about("Signed requests (Bedrock).")] = None
    google: Annotated[GoogleKeys | None, about("Google access tokens (Vertex AI).")] = None
    azure: Annotated[AzureKeys | None, about("Entra tokens (Azure OpenAI).")] = None


class DeploymentKeys(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A model at an address."""

    backend: Annotated[
        Text, about("`openai`, `anthropic`, or of this process: `builtin/classify`.")
    ]
    model: Annotated[str, about("Name of the model, as the server knows it.")] = ""
    url: Annotated[str, about("Address, up to and with `/v1`.")] = ""
    urls: Annotated[list[Text], about("Addresses of equal replicas, instead of `url`.")] = []
    key: Annotated[str, about("The API key: `${NAME}` or `${file:/path}`, never itself.")] = ""
    credentials: Annotated[
        Literal["aws", "google", "azure"] | CredentialKeys | None,
        about("Keys or tokens that expire, in place of `key`: as that vendor's tools find them."),
    ] = None
    hosting: Annotated[HostingWord | None, about("Who runs the machine.")] = None
    region: Annotated[str, about("Where it stands (`eu`, `eu-west`, `us`).")] = ""
    provider: Annotated[str, about("The company or team that runs it.")] = ""
    profile: Annotated[str, about("Which server it is (`vllm`, `ollama`), where that matters.")] = (
        ""
    )
    chat_template: Annotated[
        str, about("Of `completions`: a shipped template's name, or a file of the model.")
    ] = ""
    examples_per_label: Annotated[
        Annotated[int, msgspec.Meta(ge=1)] | None,
        about("Of `builtin/classify`: how many of each label it learns from; else all."),
    ] = None
    price: Annotated[
        Literal["list"] | PriceKeys | None, about("What tokens cost, or `list`: as the list says.")
    ] = None
    cost: Annotated[CostKeys | None, about("What the machine costs by the hour.")] = None
    limits: Annotated[DeploymentLimitKeys, about("What it takes.")] = DeploymentLimitKeys()
    timeouts: Annotated[TimeoutKeys, about("How long each phase may take.")] = TimeoutKeys()
    tls: Annotated[TlsKeys, about("Certificates.")] = TlsKeys()
    agreements: Annotated[Texts, about("What its provider has agreed to, in words of yours.")] = []
    attestation: Annotated[str, about("Who says, and why, that this address is our own.")] = ""
    retires: Annotated[datetime.date | None, about("The day it is switched off.")] = None
    quality: Annotated[dict[str, Rate], about("Share of right answers, by task.")] = {}
    serves: Annotated[
        Literal["text", "embeddings"], about("What it makes of texts: more text, or vectors.")
    ] = "text"


class FilterKeys(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Conditions that a deployment must meet; a key that is left out sets none."""

    hosting: Annotated[HostingWord | list[HostingWord] | None, about("One of these.")] = None
    region: Annotated[Texts | None, about("One of these, or a part of it (`eu-west`).")] = None
    provider: Annotated[Texts | None, about("One of these.")] = None
    licence: Annotated[Texts | None, about("The model's licence is one of these.")] = None
    agreements: Annotated[Texts | None, about("All of these are agreed.")] = None
    deployments: Annotated[Texts | None, about("One of these, by name.")] = None
    open_weights: Annotated[bool | None, about("The weights are published, or are not.")] = None


class PolicyKeys(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where data of each class may go; a class that is left out reaches only `self`."""

    public: Annotated[FilterKeys | None, about("For public data.")] = None
    internal: Annotated[FilterKeys | None, about("For internal data, and what has no label.")] = (
        None
    )
    confidential: Annotated[FilterKeys | None, about("For confidential data.")] = None
    restricted: Annotated[FilterKeys | None, about("For restricted data.")] = None


class GateKeys(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Narrows the deployments of some tasks."""

    require: Annotated[FilterKeys, about("What a deployment must meet.")] = FilterKeys()
    customer_facing: Annotated[bool | None, about("Holds for tasks that say the same.")] = None
    stakes: Annotated[Stakes | list[Stakes] | None, about("Holds for tasks of these stakes.")] = (
        None
    )
    tasks: Annotated[Texts | None, about("Holds for these tasks.")] = None
    enabled: Annotated[bool, about("`false` switches a shipped gate off.")] = True


class KeyKeys(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who asks, and about what."""

    ceiling: Annotated[Class, about("Requests above this class are refused.")] = "restricted"
    floor: Annotated[Class, about("No request counts as less than this.")] = "public"
    tenant: Annotated[str, about("Whose entries these are.")] = ""


class MessageKeys(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One message of a prompt: `text`, or a `file` with it."""

    role: Annotated[Literal["system", "user", "assistant"], about("Who says it.")]
    text: Annotated[str | None, about("The template.")] = None
    file: Annotated[str | None, about("A file with the template.")] = None


PromptKeys = Text | Annotated[list[MessageKeys], Meta(min_length=1)]


class TextKeys(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Bounds of a text."""

    max_chars: Annotated[Count | None, about("Longer answers are not valid.")] = None


class EmbeddingKeys(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Bounds of a vector."""

    dimensions: Annotated[Count | None, about("How many numbers; left out: the model's own.")] = (
        None
    )


class OutputKeys(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What an answer must be; one of `text`, `label`, `schema`, `type`, `embedding`."""

    text: Annotated[Literal[True] | TextKeys | None, about("Any text.")] = None
    embedding: Annotated[
        Literal[True] | EmbeddingKeys | None,
        about("A vector of the input, of deployments with `serves: embeddings`."),
    ] = None
    label: Annotated[
        Annotated[list[Text], Meta(min_length=1, extra_json_schema={"uniqueItems": True})] | None,
        about("One of these words."),
    ] = None
    schema: Annotated[str | dict[str, Any] | None, about("JSON Schema: a file, or inline.")] = None
    type: Annotated[
        str | None, about("A Python type, as `module:Type`, imported from beside this file.")
    ] = None
    grounded: Annotated[
        bool | list[str], about("Values that must stand in the source: all, or JSON pointers.")
    ] = False
    arithmetic: Annotated[Texts, about("Expressions over the answer that must hold.")] = []


class ExamplesKeys(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Labelled examples in a file."""

    file: Annotated[Text, about("CSV or JSON lines.")]
    data_class: Annotated[Class, about("How sensitive they are.")] = msgspec.field(
        name="class", default="internal"
    )
    columns: Annotated[
        dict[str, str], about("Column of each input field, and of `label`, where it differs.")
    ] = {}


class TaskLimitKeys(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Bounds of one call, over all its attempts."""

    attempts: Annotated[Count, about("Sends at most, retries and re-asks included.")] = 6
    reasks: Annotated[int, about("Re-asks with the errors, each deployment.", ge=0)] = 1
    total_s: Annotated[Seconds, about("Seconds for the whole call.")] = 600.0
    latency_s: Annotated[Seconds | None, about("Wished-for seconds; `auto` orders by it.")] = None
    cost_usd: Annotated[Dollar | None, about("US dollars; dearer deployments are left out.")] = None


class DefaultKeys(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The value to answer with when there is no valid one."""

    default: Annotated[Any, about("The value.")]


class CacheKeys(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Equal requests get the answer of the first."""

    ttl_s: Annotated[float, about("Seconds that an answer is kept.", gt=0, le=2_592_000)]
    max_entries: Annotated[Count, about("Answers at most; the oldest leave.", le=1_000_000)] = (
        10_000
    )


class TaskKeys(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A named kind of request."""

    output: Annotated[OutputKeys, about("What an answer must be.")] = OutputKeys()
    prompt: Annotated[PromptKeys | None, about("Template: a file, a text, or messages.")] = None
    variants: Annotated[dict[str, PromptKeys], about("Other prompts, by model family.")] = {}
    input: Annotated[FieldName | list[FieldName], about("Names of the input fields.")] = "text"
    examples: Annotated[Text | ExamplesKeys | None, about("Labelled examples.")] = None
    shots: Annotated[int, about("How many of them are shown to a model.", ge=0, le=100)] = 0
    data_class: Annotated[Class, about("How sensitive the prompt itself is.")] = msgspec.field(
        name="class", default="public"
    )
    customer_facing: Annotated[bool, about("Customers see the answer.")] = False
    stakes: Annotated[Stakes, about("What a wrong answer costs.")] = "normal"
    quality: Annotated[Rate | None, about("Share of right answers that `auto` asks for.")] = None
    confidence: Annotated[Rate | None, about("Less sure answers go to the next.")] = None
    limits: Annotated[TaskLimitKeys, about("Bounds of one call.")] = TaskLimitKeys()
    priority: Annotated[
        Literal["interactive", "batch"], about("Batch work waits behind what people wait for.")
    ] = "interactive"
    durability: Annotated[
        Literal["usual", "sync"],
        about("With `sync` an answer waits until intent and result are on the disk."),
    ] = "usual"
    max_output_tokens: Annotated[Count | None, about("Tokens of one answer, at most.")] = None
    temperature: Annotated[
        Annotated[float, Meta(ge=0, le=2)] | None,
        about("How freely a model picks its words; 0, unless a client says one."),
    ] = None
    candidates: Annotated[
        Text | Annotated[list[Text], Meta(min_length=1)],
        about("Deployments in the order they are asked, or `auto`."),
    ] = "auto"
    otherwise: Annotated[
        Literal["review", "error"] | DefaultKeys, about("What to do without a valid answer.")
    ] = "error"
    streaming: Annotated[
        Literal["hold", "mark"] | None,
        about("Show a streamed answer once it is valid, or as it comes (text: as it comes)."),
    ] = None
    cache: Annotated[
        CacheKeys | None, about("Keep answers for equal requests of one team or key.")
    ] = None


class StepKeys(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One step: a `task`, a `function` or a `check`."""

    task: Annotated[Text | None, about("The task to ask.")] = None
    function: Annotated[Text | None, about("`module:function(document, results)`.")] = None
    check: Annotated[Text | None, about("An expression that must hold.")] = None
    name: Annotated[Named | None, about("What later steps call it.")] = None
    when: Annotated[Text | None, about("The step is skipped unless this holds.")] = None
    reads: Annotated[dict[str, Text], about("Expression for each input field of the task.")] = {}
    uses: Annotated[Texts, about("Earlier steps that the function reads.")] = []


class WorkflowKeys(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Steps over documents."""

    steps: Annotated[list[Text | StepKeys], about("In order.", min_length=1)]
    data_class: Annotated[Class | None, about("The least that any document counts as.")] = (
        msgspec.field(name="class", default=None)
    )
    tags: Annotated[dict[str, str], about("Written to every entry, for costs by customer.")] = {}
    concurrency: Annotated[Count, about("Documents in work at once.", le=10_000)] = 32


class HelperKeys(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Something beside the candidates that sees data."""

    kind: Annotated[HelperKind, about("What it does.")]
    deployment: Annotated[Text, about("Where the data goes.")]
    tasks: Annotated[Texts | None, about("Whose data it sees; all when left out.")] = None


class LedgerKeys(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where calls, costs and answers are kept."""

    path: Annotated[Text, about("The SQLite file, beside the configuration.")] = (
        ".aihandler/ledger.sqlite"
    )
    content: Annotated[bool, about("Keep prompts and answers, apart from the ledger.")] = True
    retention_days: Annotated[Count | None, about("Forget prompts and answers after this.")] = None
    encryption_key: Annotated[str, about("`${NAME}` or `${file:/path}`; encrypts them.")] = ""


class ContractPriceKeys(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """US dollars per million tokens."""

    input: Annotated[Dollars, about("Input tokens.")]
    output: Annotated[Dollars, about("Output tokens.")]
    cache_read: Annotated[Dollars | None, about("Input tokens read from a cache.")] = None
    cache_write: Annotated[Dollars | None, about("Input tokens written to a cache.")] = None
    cache_write_1h: Annotated[Dollars | None, about("The same, kept for an hour.")] = None
    reasoning: Annotated[Dollars | None, about("Tokens of reasoning.")] = None
    audio_input: Annotated[Dollars | None, about("Input tokens of sound.")] = None
    audio_output: Annotated[Dollars | None, about("Output tokens of sound.")] = None


class OverrideKeys(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What holds in place of the list, on some days."""

    deployment: Annotated[str, about("For this deployment; or")] = ""
    model: Annotated[str, about("for this entry of the list, or all that begin so (`acme/*`).")] = (
        ""
    )
    since: Annotated[datetime.date | None, about("First day, UTC.")] = msgspec.field(
        name="from", default=None
    )
    until: Annotated[datetime.date | None, about("Last day, UTC.")] = None
    tier: Annotated[
        Literal["standard", "batch", "flex", "priority", "fast"] | None,
        about("For this service tier; `times` without one is for all."),
    ] = None
    times: Annotated[Dollars | None, about("So many times what holds without it.")] = None
    price: Annotated[ContractPriceKeys | None, about("This price instead.")] = None
    source: Annotated[str, about("Where it is agreed.")] = ""


class PricesKeys(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The list that `price: list` is looked up in, and what holds in its place."""

    price_list: Annotated[
        Text, about("`shipped`, `genai-prices` (an extra), or a JSON file of the community's form.")
    ] = msgspec.field(name="list", default="shipped")
    overrides: Annotated[
        Text | list[OverrideKeys], about("Prices of contracts: a YAML file, or inline.")
    ] = []


class _WhoseKeys(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    key: Annotated[Text | None, about("Of this key; `*`: of each.")] = None
    team: Annotated[Text | None, about("Of this team; `*`: of each.")] = None
    user: Annotated[Text | None, about("Of this user; `*`: of each.")] = None
    task: Annotated[Text | None, about("Of this task; `*`: of each.")] = None


class BudgetKeys(_WhoseKeys, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What may be spent in a period; without a name, by all together."""

    deployment: Annotated[Text | None, about("Of this deployment; `*`: of each.")] = None
    usd: Annotated[Dollars, about("US dollars a period.")]
    per: Annotated[Per, about("A period of the calendar, in UTC.")] = "month"
    unpriced: Annotated[
        Literal["refuse", "allow"], about("Whether deployments without a price may be asked.")
    ] = "refuse"


class LimitKeys(_WhoseKeys, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What the gateway lets in within a minute; without a name, of all together."""

    requests_per_minute: Annotated[Count | None, about("Requests.")] = None
    tokens_per_minute: Annotated[Count | None, about("Tokens, sent and received.")] = None


class HealthKeys(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """When a deployment that keeps failing is left alone, and for how long."""

    consecutive_5xx: Annotated[Count, about("Failures in a row that eject it.")] = 5
    consecutive_gateway_failure: Annotated[
        Count, about("The same, of failures where nobody answered (no connection, stall, 502-504).")
    ] = 5
    base_ejection_time_s: Annotated[Seconds, about("Seconds, times the number of ejections.")] = (
        30.0
    )
    max_ejection_time_s: Annotated[Seconds, about("Seconds at most.")] = 300.0
    max_ejection_percent: Annotated[
        int, about("Share of a call's candidates that is left out at most.", ge=0, le=100)
    ] = 50


class ConfigFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """aihandler.yaml"""

    version: Annotated[Literal[1], about("Version of this format: 1.")]
    models: Annotated[dict[Named, ModelKeys], about("Weights, by name.")] = {}
    deployments: Annotated[dict[Named, DeploymentKeys], about("Models at addresses.")] = {}
    policy: Annotated[PolicyKeys, about("Where data of each class may go.")] = PolicyKeys()
    gates: Annotated[dict[Named, GateKeys], about("Narrow the deployments of some tasks.")] = {}
    keys: Annotated[dict[Named, KeyKeys], about("Who asks.")] = {}
    tasks: Annotated[dict[Named, TaskKeys], about("Named kinds of request.")] = {}
    workflows: Annotated[dict[Named, WorkflowKeys], about("Tasks over documents.")] = {}
    aliases: Annotated[
        dict[Named, Named], about("More names for tasks and deployments, for clients.")
    ] = {}
    helpers: Annotated[dict[Named, HelperKeys], about("What else sees data.")] = {}
    ledger: Annotated[LedgerKeys, about("Where it is written down.")] = LedgerKeys()
    prices: Annotated[PricesKeys, about("Where prices are looked up.")] = PricesKeys()
    budgets: Annotated[list[BudgetKeys], about("What may be spent.")] = []
    limits: Annotated[list[LimitKeys], about("What may be asked in a minute.")] = []
    health: Annotated[HealthKeys, about("When a deployment is left alone.")] = HealthKeys()
