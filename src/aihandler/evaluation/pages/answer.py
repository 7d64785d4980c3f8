"""The answer to "which is good enough", in one or two sentences."""

from aihandler.evaluation.findings import DeploymentFindings, Findings, PairFindings
from aihandler.evaluation.pages.words import dollars

__all__ = ["answer"]


def answer(findings: Findings) -> str:
    """Names the cheapest deployment that is shown to be good enough, and what it costs."""
    first = findings.deployments[0]
    if not first.answers:
        return "Nothing was answered yet."
    if not findings.pairs:
        return f"Only {first.deployment} was asked: there is nothing to compare it with."
    enough = [pair for pair in findings.pairs if pair.verdict in ("better", "not worse")]
    said = _enough(enough, findings) if enough else f"None is shown to replace {first.deployment}."
    return f"{said} {_rest(findings)}".strip()


def _enough(enough: list[PairFindings], findings: Findings) -> str:
    first = findings.deployments[0]
    best = min(enough, key=lambda pair: _cost(findings.deployment(pair.deployment)))
    found = findings.deployment(best.deployment)
    shown = "it is better" if best.verdict == "better" else "it is not worse"
    by = "" if best.verdict == "better" else f" by {_points(best.margin)}"
    said = f"{best.deployment} is good enough: {shown} than {first.deployment}{by}"
    if found is None or found.cost_per_item_nano_usd is None:
        return f"{said}."
    now, then = found.cost_per_item_nano_usd, first.cost_per_item_nano_usd
    instead = "" if then is None else f" instead of {dollars(then)}"
    said = f"{said}, at {dollars(now)} an item{instead}."
    others = [pair.deployment for pair in enough if pair is not best]
    return f"{said} So {_are(others)} at no lower cost." if others else said


def _rest(findings: Findings) -> str:
    worse = [pair.deployment for pair in findings.pairs if pair.verdict == "worse"]
    unknown = [pair for pair in findings.pairs if pair.verdict == "not enough evidence"]
    said = [f"{_listed(worse)} {'is' if len(worse) == 1 else 'are'} worse."] if worse else []
    few = [pair for pair in unknown if pair.items_needed > pair.items]
    near = [pair.deployment for pair in unknown if pair.items_needed <= pair.items]
    if few:
        most = max(pair.items_needed for pair in few)
        said.append(
            f"Of {_listed([pair.deployment for pair in few])} these examples show too little: "
            f"about {most:,} would be needed to show {_points(findings.margin)}."
        )
    if near:
        said.append(
            f"{_listed(near)} {'is' if len(near) == 1 else 'are'} too near the margin to tell."
        )
    return " ".join(said)


def _are(names: list[str]) -> str:
    return f"{'is' if len(names) == 1 else 'are'} {_listed(names)},"


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _cost(found: DeploymentFindings | None) -> float:
    if found is None or found.cost_per_item_nano_usd is None:
        return float("inf")
    return found.cost_per_item_nano_usd


def _points(share: float) -> str:
    points = round(share * 100, 2)
    return f"{points:g} point{'' if points == 1 else 's'}"
