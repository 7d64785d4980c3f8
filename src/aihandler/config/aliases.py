"""Aliases of the file: what a client calls a task or a deployment."""

from collections.abc import Mapping

from aihandler.config.draft import Draft
from aihandler.config.words import did_you_mean


def build_aliases(rows: Mapping[str, str], draft: Draft) -> Mapping[str, str]:
    """Every alias, with the task or deployment that it names. None hides one of those."""
    known = (*draft.names["tasks"], *draft.names["deployments"])
    for alias, name in rows.items():
        if alias in known:
            hint = "an alias is one more name; give it another"
            draft.wrong(("aliases", alias), f"{alias!r} is a task or deployment", hint=hint)
        if name not in known:
            hint = did_you_mean(name, known, what="tasks and deployments")
            draft.wrong(("aliases", alias), f"there is no task or deployment {name!r}", hint=hint)
    return dict(rows)
