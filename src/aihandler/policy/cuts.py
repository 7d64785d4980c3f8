"""Warns where a lower class takes from a higher one what its own rule would give it."""

from collections.abc import Iterator

from aihandler.config.configuration import Configuration
from aihandler.domain.labels import DataClass
from aihandler.domain.rules import SELF_HOSTED_ONLY, Policy
from aihandler.policy.findings import Finding

__all__ = ["cut_findings"]


def cut_findings(configuration: Configuration) -> Iterator[Finding]:
    """One finding for each class that cuts higher ones, with what they lose by it."""
    for lower in DataClass:
        lost = {
            higher: names
            for higher in DataClass
            if lower < higher and (names := _lost(configuration, lower, higher))
        }
        if lost:
            yield _finding(configuration.policy, lower, lost)


def _lost(configuration: Configuration, lower: DataClass, higher: DataClass) -> tuple[str, ...]:
    own = configuration.policy.classes.get(higher)
    if own is None:
        return ()
    cut = configuration.policy.classes.get(lower, SELF_HOSTED_ONLY)
    return tuple(
        d.name
        for d in configuration.deployments.values()
        if own.objection(d) is None and cut.objection(d) is not None
    )


def _finding(policy: Policy, lower: DataClass, lost: dict[DataClass, tuple[str, ...]]) -> Finding:
    cut = " and ".join(f"`{c.value}`" for c in lost)
    names = ", ".join(dict.fromkeys(name for found in lost.values() for name in found))
    verb = "are" if len(lost) > 1 else "is"
    if lower in policy.classes:
        why = "whose rule is narrower"
        hint = f"widen `{lower.value}`, or narrow {cut} to what it can reach"
    else:
        why = "which has no row and so reaches only self"
        hint = f"add `{lower.value}: {{...}}`"
    first = next(iter(lost))
    return Finding(
        "warning",
        "class-cut",
        f"{cut} {verb} cut by `{lower.value}`, {why}: lost are {names}",
        f"policy.{first.value}",
        hint=hint,
    )
