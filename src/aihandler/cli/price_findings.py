"""What `check` says of prices: who has none, and which entry of the price list would fit."""

from collections.abc import Iterator, Mapping

import msgspec

from aihandler.config.configuration import Configuration
from aihandler.domain.deployment import LISTED_BY_NAME, Deployment
from aihandler.errors import ConfigError
from aihandler.ledger.pricing import PriceList, close_names, listed_name
from aihandler.policy import Finding, Proof
from aihandler.surroundings import price_list


def with_prices(proof: Proof, configuration: Configuration) -> Proof:
    """The proof with what the price list knows."""
    unpriced = any(finding.code == "unpriced" for finding in proof.findings)
    try:
        prices = price_list(configuration, asked=unpriced)
    except ConfigError as error:
        broken = _finding(
            configuration, "price-list", error.message, "prices.list", hint=error.hint
        )
        return Proof(proof.table, (broken, *proof.findings))
    if prices is None:
        return proof
    named = {f"deployments.{d.name}": d for d in configuration.deployments.values()}
    told = (_with_entry(finding, named, prices) for finding in proof.findings)
    findings = (*_not_listed(configuration, prices), *told)
    return Proof(proof.table, tuple(sorted(findings, key=lambda f: f.level != "error")))


def _with_entry(finding: Finding, named: Mapping[str, Deployment], prices: PriceList) -> Finding:
    deployment = named.get(finding.path)
    if finding.code != "unpriced" or deployment is None:
        return finding
    name = listed_name(deployment, prices)
    close = close_names(deployment, prices)
    if name:
        hint = f"`price: list` takes the price of {name!r}; or write `price:` or `cost:`"
    elif close:
        hint = f"{finding.hint}; entries of the list with such a name: {_listed(close)}"
    else:
        hint = f"{finding.hint}; the price list has nothing of such a name"
    return msgspec.structs.replace(finding, hint=hint)


def _not_listed(configuration: Configuration, prices: PriceList) -> Iterator[Finding]:
    for deployment in configuration.deployments.values():
        name = deployment.listed_as
        if name == LISTED_BY_NAME:
            found = bool(listed_name(deployment, prices))
            of = f"model {deployment.model.name!r} of provider {deployment.provider!r}"
        else:
            found = not name or prices.entry(name) is not None
            of = repr(name)
        if not found:
            close = close_names(deployment, prices)
            yield _finding(
                configuration,
                "price-not-listed",
                f"deployment {deployment.name!r}: the price list has no priced entry for {of}",
                f"deployments.{deployment.name}.price",
                hint=f"`price: {{list: NAME}}` with one of: {_listed(close)}"
                if close
                else "write `price:` per million tokens",
            )


def _finding(
    configuration: Configuration, code: str, message: str, path: str, *, hint: str
) -> Finding:
    lines = configuration.lines
    line = lines.get(path) or lines.get(path.rpartition(".")[0], 0)
    return Finding("error", code, message, path, line=line, hint=hint)


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(repr(name) for name in names)
