"""What servers of each kind really do, as data: a new OpenAI-like server is a row, not a file."""

from collections.abc import Mapping
from importlib import resources
from typing import Literal
from urllib.parse import urlsplit

import msgspec

from aihandler.domain.deployment import Deployment
from aihandler.errors import ConfigError

# json_schema: `response_format: {type: json_schema, json_schema: {schema}}`, as OpenAI has it.
# json_object_schema: `response_format: {type: json_object, schema}`, as llama-cpp-python has it.
# json_object: valid JSON of any shape. none: only the prompt asks.
SchemaMode = Literal["json_schema", "json_object_schema", "json_object", "none"]


class Profile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One row. `hosts` are the vendor hosts that it is taken for when a deployment names none.

    schema_in_prompt: the server hides the schema from the model, so the prompt has to show it.
    stream_usage_option: `stream_options: {include_usage: true}` is understood.
    stop_trimmed: the stop string is no part of the answer.
    output_limit: the name of the field that bounds the answer.
    temperature: may be sent.
    """

    name: str = "generic"
    schema_mode: SchemaMode = "none"
    schema_in_prompt: bool = True
    stream_usage_option: bool = False
    stop_trimmed: bool = False
    output_limit: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    temperature: bool = True
    hosts: tuple[str, ...] = ()


def load_profiles() -> Mapping[str, Profile]:
    """The rows that ship with the package, by name."""
    import yaml

    text = resources.files(__package__).joinpath("profiles.yaml").read_text(encoding="utf-8")
    rows = yaml.safe_load(text)
    return {name: msgspec.convert({"name": name, **row}, Profile) for name, row in rows.items()}


def profile_for(deployment: Deployment, profiles: Mapping[str, Profile]) -> Profile:
    """The row that a deployment names, else that of its vendor's host, else `generic`."""
    if deployment.profile:
        if deployment.profile not in profiles:
            raise ConfigError(
                f"deployment {deployment.name!r}: there is no profile {deployment.profile!r}",
                hint=f"profiles are {', '.join(sorted(profiles))}",
            )
        return profiles[deployment.profile]
    hosts = {urlsplit(url).hostname for url in deployment.urls}
    for profile in profiles.values():
        if hosts and hosts <= set(profile.hosts):
            return profile
    return profiles["generic"]
