"""What must hold for a build to pass: `--gate "b not worse than a by 2 points"`."""

import re
from collections.abc import Iterable
from fractions import Fraction
from typing import Literal

import msgspec

from aihandler.domain.usage import NANO
from aihandler.errors import InputError
from aihandler.evaluation.findings import DeploymentFindings, Findings
from aihandler.evaluation.statistics.means import Interval
from aihandler.evaluation.statistics.paired import Difference
from aihandler.evaluation.statistics.power import items_needed

__all__ = ["Gate", "GateResult", "check", "exit_code", "parse_gate"]

Claim = Literal["not worse", "better", "score", "valid", "cost"]
GateVerdict = Literal["pass", "fail", "not enough evidence"]

LEVEL = 0.05

_FORMS = (
    "write `B not worse than A by 2 points`, `B better than A`, `B better than A by 1 point`, "
    "`B accuracy at least 0.9`, `B valid at least 0.98` or `B cost at most 0.001` (dollars an item)"
)
_NUMBER = r"(?P<number>\d+(?:\.\d+)?|\.\d+)"
_BETWEEN = re.compile(
    rf"(?P<name>\S+) (?:is )?(?P<claim>not worse|better) than (?P<other>\S+)"
    rf"(?: by {_NUMBER} ?(?P<unit>points?|pp|%)?)?",
    re.IGNORECASE,
)
_BOUND = re.compile(
    rf"(?P<name>\S+) (?P<what>accuracy|score|valid|cost) (?P<side>at least|at most|>=|<=) "
    rf"\$?{_NUMBER}(?P<unit> ?%)?",
    re.IGNORECASE,
)


class Gate(msgspec.Struct, frozen=True):
    """One condition. `bound` is a share of 1; for a cost, nano-dollars an item."""

    text: str
    deployment: str
    claim: Claim
    bound: Fraction
    other: str = ""


class GateResult(msgspec.Struct, frozen=True):
    """Whether a gate is passed, and why."""

    gate: str
    verdict: GateVerdict
    reason: str


def parse_gate(text: str) -> Gate:
    """Reads a gate.

    Raises:
        InputError: it is in none of the forms, which the hint lists.
    """
    plain = " ".join(text.split())
    between, bound = _BETWEEN.fullmatch(plain), _BOUND.fullmatch(plain)
    if between:
        return _between(plain, between)
    if bound:
        return _bound(plain, bound)
    raise InputError(f"--gate {text!r} cannot be read", hint=_FORMS)


def check(gate: Gate, findings: Findings) -> GateResult:
    """Judges a gate at 5 %, one-sided: a claim passes when it is shown, not when it looks so.

    All gates of a build must pass, so a build that should fail passes in at most 5 % of cases
    however many gates there are (an intersection-union test, Berger 1982).

    Raises:
        InputError: the comparison has no such deployment, or not this pair.
    """
    found = _named(gate, gate.deployment, findings)
    if gate.claim in ("not worse", "better"):
        _named(gate, gate.other, findings)
        return _check_between(gate, findings)
    if gate.claim == "cost":
        return _check_cost(gate, found)
    return _check_share(gate, found)


def exit_code(results: Iterable[GateResult]) -> int:
    """0 when all gates pass; 1 when one fails or could not be shown."""
    return 0 if all(result.verdict == "pass" for result in results) else 1


def _between(text: str, match: re.Match[str]) -> Gate:
    claim: Claim = "better" if match["claim"].lower() == "better" else "not worse"
    if match["number"] is None and claim == "not worse":
        raise InputError(f"--gate {text!r} names no margin", hint="end it with `by 2 points`")
    if match["number"] is not None and match["unit"] is None:
        raise InputError(
            f"--gate {text!r}: {match['number']} of what?", hint="write `by 2 points`; 100 is all"
        )
    margin = Fraction(match["number"] or "0") / 100
    if (claim == "not worse" and not 0 < margin < 1) or margin >= 1:
        raise InputError(
            f"--gate {text!r}: the margin must be above 0 and below 100 points",
            hint="write `by 2 points`",
        )
    if match["name"] == match["other"]:
        raise InputError(
            f"--gate {text!r} compares {match['name']!r} with itself", hint="name two deployments"
        )
    return Gate(text, match["name"], claim, margin, match["other"])


def _bound(text: str, match: re.Match[str]) -> Gate:
    what, upper = match["what"].lower(), match["side"].lower() in ("at most", "<=")
    if upper != (what == "cost"):
        right = "at most" if what == "cost" else "at least"
        raise InputError(
            f"--gate {text!r} has no use", hint=f"write `{match['name']} {what} {right} ...`"
        )
    number = Fraction(match["number"])
    if what == "cost":
        if match["unit"]:
            raise InputError(f"--gate {text!r}: a cost is in dollars an item", hint=_FORMS)
        return Gate(text, match["name"], "cost", number * NANO)
    share = number / 100 if match["unit"] else number
    if share > 1:
        raise InputError(
            f"--gate {text!r}: {match['number']} is above all", hint="write 0.9 or 90%"
        )
    return Gate(text, match["name"], "valid" if what == "valid" else "score", share)


def _named(gate: Gate, name: str, findings: Findings) -> DeploymentFindings:
    found = findings.deployment(name)
    if found is None:
        names = ", ".join(repr(d.deployment) for d in findings.deployments)
        raise InputError(
            f"--gate {gate.text!r} names {name!r}, which was not compared",
            hint=f"compared were {names}",
        )
    return found


def _check_between(gate: Gate, findings: Findings) -> GateResult:
    difference, items = _difference(gate, findings)
    bound = float(gate.bound)
    bound = -bound if gate.claim == "not worse" else bound
    shown, refuted = difference.above(bound), difference.below(bound)
    seen = f"{difference.value * 100:+.1f} points on {items:,} examples"
    if gate.claim == "not worse":
        seen += f", at worst {difference.least(LEVEL) * 100:+.1f}"
    if shown <= LEVEL:
        return GateResult(gate.text, "pass", f"{seen}; p = {shown:.3f}")
    if refuted <= LEVEL:
        return GateResult(gate.text, "fail", f"{seen}; p = {refuted:.3f} against it")
    return GateResult(
        gate.text, "not enough evidence", f"{seen}; p = {shown:.3f}{_lack(gate, difference)}"
    )


def _lack(gate: Gate, difference: Difference) -> str:
    """Why a margin was not shown: too few examples, or a difference too near to it."""
    if gate.claim != "not worse":
        return ""
    needed = items_needed(float(gate.bound), difference.spread)
    if needed > difference.items:
        return f"; about {needed:,} examples are needed"
    return "; the examples would do, but the difference is near the margin"


def _difference(gate: Gate, findings: Findings) -> tuple[Difference, int]:
    first = findings.deployments[0].deployment
    if gate.other == first and (pair := findings.pair(gate.deployment)):
        return pair.difference, pair.items
    if gate.deployment == first and (pair := findings.pair(gate.other)):
        seen = pair.difference
        return msgspec.structs.replace(seen, value=-seen.value, centre=-seen.centre), pair.items
    raise InputError(
        f"--gate {gate.text!r} compares two deployments, but all are compared with {first!r}",
        hint=f"name {gate.other!r} first in --deployments",
    )


def _check_share(gate: Gate, found: DeploymentFindings) -> GateResult:
    interval: Interval = found.valid.one_sided if gate.claim == "valid" else found.one_sided
    value = found.valid.share if gate.claim == "valid" else found.score
    if value is None:
        return GateResult(gate.text, "not enough evidence", "nothing was answered")
    bound = float(gate.bound)
    what = "valid" if gate.claim == "valid" else "score"
    seen = f"{what} {value:.3f}, 90 % between {interval.low:.3f} and {interval.high:.3f}"
    if interval.low >= bound:
        return GateResult(gate.text, "pass", seen)
    return GateResult(gate.text, "fail" if interval.high < bound else "not enough evidence", seen)


def _check_cost(gate: Gate, found: DeploymentFindings) -> GateResult:
    cost = found.cost_per_item_nano_usd
    if cost is None or found.unpriced:
        why = f"{found.unpriced:,} of {found.answers:,} answers are of unknown price"
        return GateResult(gate.text, "not enough evidence", why)
    seen = f"${cost / NANO:.9f} an item, as measured on {found.items:,} examples"
    return GateResult(gate.text, "pass" if cost <= gate.bound else "fail", seen)
