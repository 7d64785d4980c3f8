"""What servers of each kind really do, as data: a new OpenAI-like server is a row, not a file."""

from collections.abc import Mapping
from importlib import resources
from typing import Literal
from urllib.parse import urlsplit

import msgspec

from aihandler.backends.call_ids import CallIdForm
from aihandler.domain.deployment import Deployment
from aihandler.domain.schemas import SchemaMode
from aihandler.errors import ConfigError

# Where a server of its own takes a schema, outside of the format's field for it.
# json_object_schema: `response_format: {type: json_object, schema}` (llama-cpp-python).
# structured_outputs: `structured_outputs: {json: schema}` (vLLM); guided_json: its older name.
# json_schema_field: `json_schema: schema` (llama-server). json_value: `response_format:
# {type: json, value: schema}` (TGI).
GrammarForm = Literal[
    "", "json_object_schema", "structured_outputs", "guided_json", "json_schema_field", "json_value"
]

# How a server is told how much to think. enable_thinking: in `chat_template_kwargs` (vLLM, SGLang).
WishForm = Literal["", "reasoning_effort", "reasoning", "thinking", "enable_thinking"]

# Which words a server of raw completions speaks. llama-server: `/completion`; tgi: `/generate`.
CompletionForm = Literal["openai", "llama-server", "tgi"]

# Who puts the first token before a prompt. "": only we. added: the server, so we leave it out.
# told: `add_special_tokens: false` keeps the server from it.
Bos = Literal["", "added", "told"]

# How control tokens that a model writes get into its text. hidden: not at all; shown: by
# themselves; the others are fields that ask for them.
ControlTokens = Literal["hidden", "shown", "skip_special_tokens", "preserved_tokens"]

# pair: an answer may begin with `<think>...</think>`. open: the prompt has opened the tag already,
# so every answer begins with thinking. "": the server parts thinking and answer itself.
ThinkTags = Literal["", "pair", "open"]

# Whose fields stand beside Converse's own (`additionalModelRequestFields`).
ModelFields = Literal["", "anthropic", "nova", "reasoning_effort", "reasoning_config"]


class Profile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One row. `hosts` are the vendor hosts that it is taken for when a deployment names none.

    modes: the means by which a schema can be asked for, best first (`domain/schemas.py`).
    schema_subset: what of JSON Schema the enforcing ones take (validation/downlevel/subsets.yaml).
    strict: `strict: true` is said beside a schema. grammar_form: how `grammar` is written.
    not_streamed, not_thinking, not_with_tools: modes that fail together with these.
    schema_in_prompt: the server hides the schema from the model, so the prompt has to show it.
    stream_usage_option: `stream_options: {include_usage: true}` is understood.
    stop_trimmed: the stop string is no part of the answer.
    output_limit: the name of the field that bounds the answer.
    temperature, top_k, logprobs, cache_marks: may be sent.
    media: the kinds that are taken. tool_result_media: also in the result of a tool.
    tool_result_names: the name of a tool is sent with its result.
    allowed_tools: `tool_choice: {type: allowed_tools}` is understood.
    no_content: what stands for the text of a turn that only calls tools: null, or an empty text.
    call_ids: what the id of a tool call may look like.
    thinking_wish: how the server is told how much to think. thinking_replay: the field in which it
    wants to see earlier thoughts again. think_tags: thinking stands in the text, between tags.
    thinking: how a wish to think is written, by a bound in tokens or left to the model.
    output_tokens: the bound of an answer where the format demands one and nobody named it.
    backends: the formats whose deployments have this row when they name none.
    call_signature: stands in for the signature of a call that another model made, where the server
    refuses a call without one.
    completion_form, bos, control_tokens: of raw completions, whose prompts are rendered here.
    models: parts of names; of the rows of one format, that of the model's own name comes first.
    model_fields: how a model behind Converse is told how much to think, and `top_k`.
    dimensions_field: the name of the field that says how long a vector is to be.
    stops_at_most: so many stop texts are sent, the rest is cut here. 0: any number.
    """

    name: str = "generic"
    modes: tuple[SchemaMode, ...] = ("prompt",)
    schema_subset: str = "none"
    strict: bool = False
    grammar_form: GrammarForm = ""
    not_streamed: tuple[SchemaMode, ...] = ()
    not_thinking: tuple[SchemaMode, ...] = ()
    not_with_tools: tuple[SchemaMode, ...] = ()
    schema_in_prompt: bool = True
    stream_usage_option: bool = False
    stop_trimmed: bool = False
    output_limit: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    temperature: bool = True
    top_k: bool = False
    logprobs: bool = False
    cache_marks: bool = False
    media: tuple[Literal["image", "audio", "document"], ...] = ("image",)
    tool_result_media: bool = False
    tool_result_names: bool = False
    allowed_tools: bool = False
    no_content: Literal["null", "empty"] = "null"
    call_ids: CallIdForm = "any"
    thinking_wish: WishForm = ""
    thinking_replay: Literal["", "reasoning", "reasoning_content", "content"] = ""
    think_tags: ThinkTags = ""
    hosts: tuple[str, ...] = ()
    thinking: Literal["budget", "adaptive"] = "budget"
    output_tokens: int = 4096
    backends: tuple[str, ...] = ()
    completion_form: CompletionForm = "openai"
    bos: Bos = ""
    control_tokens: ControlTokens = "hidden"
    stops_at_most: int = 0
    call_signature: str = ""
    models: tuple[str, ...] = ()
    model_fields: ModelFields = ""
    dimensions_field: Literal["dimensions", "output_dimension"] = "dimensions"


def load_profiles() -> Mapping[str, Profile]:
    """The rows that ship with the package, by name."""
    import yaml

    text = resources.files(__package__).joinpath("profiles.yaml").read_text(encoding="utf-8")
    rows = yaml.safe_load(text)
    return {name: msgspec.convert({"name": name, **row}, Profile) for name, row in rows.items()}


def profile_for(deployment: Deployment, profiles: Mapping[str, Profile]) -> Profile:
    """The row that a deployment names, else that of its format or vendor's host."""
    if deployment.profile:
        if deployment.profile not in profiles:
            raise ConfigError(
                f"deployment {deployment.name!r}: there is no profile {deployment.profile!r}",
                hint=f"profiles are {', '.join(sorted(profiles))}",
            )
        return profiles[deployment.profile]
    # One host may speak several formats, so the format decides first.
    of_format = [p for p in profiles.values() if deployment.backend in p.backends]
    for profile in sorted(of_format, key=lambda profile: not profile.models):
        if not profile.models or any(part in deployment.model.name for part in profile.models):
            return profile
    hosts = {urlsplit(url).hostname for url in deployment.urls}
    for profile in profiles.values():
        if hosts and hosts <= set(profile.hosts):
            return profile
    return profiles["generic"]
