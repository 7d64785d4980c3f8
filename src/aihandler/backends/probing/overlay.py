"""Lays what a probe has seen over the row of a profile."""

from collections.abc import Iterable

import msgspec

from aihandler.backends.profiles import Profile
from aihandler.domain.probes import ProbeVerdict
from aihandler.domain.task import Json

# What an enforcing mode takes where the row names nothing: the smallest part of JSON Schema that
# all servers with such a mode have in common.
SMALLEST_SUBSET = "openai-strict"
# The columns that a probe may change. Everything else that it found is for people to read.
COLUMNS = frozenset(
    {
        "modes", "grammar_form", "not_streamed", "not_thinking", "not_with_tools",
        "stream_usage_option", "stop_trimmed", "output_limit", "logprobs", "allowed_tools",
        "no_content", "call_ids", "thinking_wish", "think_tags", "strict",
    }
)  # fmt: skip
# Modes that hold a model to the schema itself.
ENFORCING = frozenset({"native", "strict_tool", "grammar"})


def overlay(profile: Profile, verdicts: Iterable[ProbeVerdict]) -> Profile:
    """The profile as the server has shown itself. Verdicts that are none here are left out."""
    row = msgspec.to_builtins(profile)
    for verdict in verdicts:
        if verdict.source == "seen" and verdict.column in COLUMNS and verdict.value is not None:
            changed = _with(row, verdict.column, verdict.value)
            # One that an earlier program has stored may have words that are none any more.
            row = changed or row
    if profile.schema_subset == "none" and ENFORCING & set(row["modes"]):
        row["schema_subset"] = SMALLEST_SUBSET
    return msgspec.convert(row, Profile)


def _with(row: dict[str, Json], column: str, value: Json) -> dict[str, Json] | None:
    changed = {**row, column: value}
    try:
        msgspec.convert(changed, Profile)
    except msgspec.ValidationError:
        return None
    return changed
