"""Policy as data: which deployments a rule admits. Applied in `policy/`."""

from collections.abc import Mapping
from typing import Literal

import msgspec

from aihandler.domain.deployment import HERE, Deployment, Hosting
from aihandler.domain.labels import DataClass

Stakes = Literal["low", "normal", "high"]


class DeploymentFilter(msgspec.Struct, frozen=True):
    """Admits a deployment that meets every condition that is set; `None` sets no condition.

    `agreements` must all be there; of the other lists one entry must match.
    """

    hosting: tuple[Hosting, ...] | None = None
    region: tuple[str, ...] | None = None
    provider: tuple[str, ...] | None = None
    licence: tuple[str, ...] | None = None
    agreements: tuple[str, ...] | None = None
    deployments: tuple[str, ...] | None = None
    open_weights: bool | None = None

    def objection(self, deployment: Deployment) -> str | None:
        """Says why `deployment` is not admitted, or None when it is."""
        return (
            _unless_in("hosting", deployment.hosting, self.hosting)
            or _region_objection(deployment, self.region)
            or _unless_in("provider", deployment.provider, self.provider)
            or _unless_in("licence", deployment.model.licence, self.licence)
            or _missing_agreements(deployment, self.agreements)
            or _unless_in("deployment", deployment.name, self.deployments)
            or _openness_objection(deployment, self.open_weights)
        )


SELF_HOSTED_ONLY = DeploymentFilter(hosting=(Hosting.SELF,))


class Gate(msgspec.Struct, frozen=True):
    """Narrows the deployments of the tasks that it applies to (all set conditions must hold)."""

    name: str
    require: DeploymentFilter
    customer_facing: bool | None = None
    stakes: tuple[Stakes, ...] | None = None
    tasks: tuple[str, ...] | None = None


class Key(msgspec.Struct, frozen=True):
    """Who asks: no request above `ceiling` is taken, none is treated as less than `floor`."""

    name: str
    ceiling: DataClass = DataClass.RESTRICTED
    floor: DataClass = DataClass.PUBLIC
    tenant: str = ""


class Policy(msgspec.Struct, frozen=True):
    """One filter per data class, and gates. A class without a filter reaches only `self`."""

    classes: Mapping[DataClass, DeploymentFilter] = {}
    gates: tuple[Gate, ...] = ()
    keys: Mapping[str, Key] = {}


def _unless_in(what: str, value: object, allowed: tuple[object, ...] | None) -> str | None:
    if allowed is None or value in allowed:
        return None
    return f"{what} is {_shown(value)}, not {' or '.join(_shown(a) for a in allowed) or 'any'}"


def _region_objection(deployment: Deployment, regions: tuple[str, ...] | None) -> str | None:
    if regions is None or deployment.region == HERE:
        return None
    # An unknown region matches no rule: silence is not consent.
    if any(deployment.region == r or deployment.region.startswith(f"{r}-") for r in regions):
        return None
    shown = deployment.region or "not stated"
    return f"region is {shown}, not {' or '.join(regions) or 'any'}"


def _missing_agreements(deployment: Deployment, agreements: tuple[str, ...] | None) -> str | None:
    missing = [a for a in agreements or () if a not in deployment.agreements]
    return f"no agreement {' or '.join(missing)}" if missing else None


def _openness_objection(deployment: Deployment, open_weights: bool | None) -> str | None:
    if open_weights is None or deployment.model.open.weights == open_weights:
        return None
    return "weights are not open" if open_weights else "weights are open"


def _shown(value: object) -> str:
    return value.value if isinstance(value, Hosting) else str(value or "not stated")
