"""Findings about deployments themselves: what they claim to be, their price, their end."""

import datetime
from collections.abc import Iterator, Mapping

from aihandler.config.configuration import Configuration
from aihandler.domain.deployment import HERE, Deployment, Hosting
from aihandler.policy.addresses import host_of, is_here, is_own, vendor_hosts, vendor_of
from aihandler.policy.findings import Finding, Level

__all__ = ["deployment_findings"]

RETIRES_SOON_DAYS = 60


def deployment_findings(configuration: Configuration, today: datetime.date) -> Iterator[Finding]:
    """What is wrong with each deployment, in the order of the file."""
    vendors = vendor_hosts()
    used = _used(configuration)
    for deployment in configuration.deployments.values():
        yield from _claims(deployment, vendors)
        if used is not None and deployment.name not in used:
            yield _finding(
                deployment,
                "deployment-unused",
                f"deployment {deployment.name!r} is named by no task and no helper",
                hint="name it in a task's `candidates`, or remove it",
            )
            continue
        yield from _retirement(deployment, today)
        yield from _price(deployment)


def _used(configuration: Configuration) -> frozenset[str] | None:
    named = [task.candidates for task in configuration.tasks.values()]
    # A task that is `auto` may come to use any deployment.
    if any(candidates is None for candidates in named):
        return None
    helpers = (helper.deployment for helper in configuration.helpers)
    return frozenset([*helpers, *(name for names in named for name in names or ())])


def _claims(deployment: Deployment, vendors: Mapping[str, tuple[str, ...]]) -> Iterator[Finding]:
    if deployment.in_process:
        return
    if deployment.region == HERE and not _is_here(deployment):
        yield _finding(
            deployment,
            "region-claimed",
            f"deployment {deployment.name!r} is not on this machine and says `region: {HERE}`",
            field="region",
            hint="name the region of the machine, or leave it out: no region rule admits it then",
        )
    if deployment.hosting is Hosting.SELF:
        yield from _self_claims(deployment, vendors)


def _is_here(deployment: Deployment) -> bool:
    return bool(deployment.urls) and all(is_here(host_of(url)) for url in deployment.urls)


def _self_claims(
    deployment: Deployment, vendors: Mapping[str, tuple[str, ...]]
) -> Iterator[Finding]:
    name = deployment.name
    if not deployment.urls and not deployment.attestation:
        yield _unattested(deployment, f"deployment {name!r} is `hosting: self` without an address")
    for url in deployment.urls:
        host = host_of(url)
        vendor = vendor_of(host, vendors)
        if not host:
            # Not even with an attestation: nobody can tell what it is that they vouch for.
            yield _finding(
                deployment,
                "address-unclear",
                f"deployment {name!r} is `hosting: self`, and the host of {url!r} is not clear",
                field="url",
                hint="write the plain host: no user, backslash, percent sign or invisible text",
            )
        elif vendor is not None:
            yield _finding(
                deployment,
                "self-at-vendor",
                f"deployment {name!r} is `hosting: self`, and {host!r} belongs to {vendor}",
                field="hosting",
                hint="say `hosting: vendor`; an attestation does not change whose machine it is",
            )
        elif not is_own(host) and not deployment.attestation:
            message = f"deployment {name!r} is `hosting: self`, and {host!r} is a public address"
            yield _unattested(deployment, message)


def _unattested(deployment: Deployment, message: str) -> Finding:
    return _finding(
        deployment,
        "self-unattested",
        message,
        field="hosting",
        hint="add `attestation:` with who vouches for it and since when, or say `hosting: managed`",
    )


def _retirement(deployment: Deployment, today: datetime.date) -> Iterator[Finding]:
    if deployment.retires is None:
        return
    days = (deployment.retires - today).days
    told = f"deployment {deployment.name!r} retires on {deployment.retires}"
    hint = "name its successor beside it in the tasks that use it"
    if days <= 0:
        message = told.replace("retires on", "retired on")
        yield _finding(deployment, "retired", message, field="retires", hint=hint)
    elif days <= RETIRES_SOON_DAYS:
        message = f"{told}, in {days} days"
        yield _finding(deployment, "retires-soon", message, field="retires", hint=hint)


def _price(deployment: Deployment) -> Iterator[Finding]:
    known = deployment.price or deployment.listed_as or deployment.hourly_cost
    if deployment.in_process or known:
        return
    yield _finding(
        deployment,
        "unpriced",
        f"deployment {deployment.name!r} has no price: its calls cost an unknown sum, not nothing",
        hint="add `price: list`, `price:` per million tokens, or `cost:` of the machine per hour",
    )


_ERRORS = frozenset(
    {"address-unclear", "region-claimed", "retired", "self-at-vendor", "self-unattested"}
)


def _finding(
    deployment: Deployment, code: str, message: str, *, field: str = "", hint: str
) -> Finding:
    path = f"deployments.{deployment.name}" + (f".{field}" if field else "")
    level: Level = "error" if code in _ERRORS else "warning"
    return Finding(level, code, message, path, hint=hint)
