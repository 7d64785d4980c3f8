"""A conversation that goes on where it was: its deployment is tried first."""

import msgspec

from aihandler.domain.attempt import Plan


def preferring(plan: Plan, name: str) -> Plan:
    """The same candidates, `name` before the others. A plan without `name` stays as it is."""
    if plan.candidates and plan.candidates[0].deployment == name:
        return plan
    found = [one for one in plan.candidates if one.deployment == name]
    if not found:
        return plan
    others = [one for one in plan.candidates if one.deployment != name]
    reason = f"answered this conversation before; {found[0].reason}"
    first = msgspec.structs.replace(found[0], reason=reason)
    return msgspec.structs.replace(plan, candidates=(first, *others))
