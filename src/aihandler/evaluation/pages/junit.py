"""JUnit XML: what build servers show."""

import re
from collections.abc import Sequence
from xml.etree import ElementTree as Tree

from aihandler.evaluation.findings import DeploymentFindings, Findings
from aihandler.evaluation.gates import GateResult
from aihandler.evaluation.observations import Comparison
from aihandler.evaluation.pages.words import between, dollars, milliseconds, percent, points

__all__ = ["junit"]

# What XML 1.0 cannot hold, not even escaped.
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit(comparison: Comparison, findings: Findings, gates: Sequence[GateResult] = ()) -> str:
    """A test case for each gate and each deployment.

    Only gates fail. A deployment is in error when it was asked and never answered; it is skipped
    when it was not asked.
    """
    cases = [_gate(gate) for gate in gates]
    cases += [_deployment(found, findings) for found in findings.deployments]
    suite = Tree.Element(
        "testsuite",
        name=_clean(f"aihandler compare {findings.task}"),
        tests=str(len(cases)),
        failures=str(sum(gate.verdict != "pass" for gate in gates)),
        errors=str(sum(case.find("error") is not None for case in cases)),
        skipped=str(sum(case.find("skipped") is not None for case in cases)),
    )
    known = Tree.SubElement(suite, "properties")
    for name, value in (
        ("comparison", comparison.id),
        ("dataset", f"{findings.dataset} {findings.dataset_digest}"),
        ("stopped", findings.stopped),
    ):
        if value:
            Tree.SubElement(known, "property", name=name, value=_clean(value))
    suite.extend(cases)
    suites = Tree.Element("testsuites")
    suites.append(suite)
    Tree.indent(suites)
    return Tree.tostring(suites, encoding="unicode", xml_declaration=False) + "\n"


def _gate(result: GateResult) -> Tree.Element:
    case = Tree.Element("testcase", classname="gates", name=_clean(result.gate))
    if result.verdict == "pass":
        Tree.SubElement(case, "system-out").text = _clean(result.reason)
    else:
        failure = Tree.SubElement(
            case, "failure", type=result.verdict, message=f"{result.verdict}: {result.reason}"
        )
        failure.text = _clean(result.reason)
    return case


def _deployment(found: DeploymentFindings, findings: Findings) -> Tree.Element:
    case = Tree.Element("testcase", classname="deployments", name=_clean(found.deployment))
    if not found.answers:
        Tree.SubElement(case, "skipped", message="was not asked")
        return case
    if found.outcomes.get("failed", 0) == found.answers:
        Tree.SubElement(case, "error", message="no request was answered")
    Tree.SubElement(case, "system-out").text = _clean("\n".join(_lines(found, findings)))
    return case


def _lines(found: DeploymentFindings, findings: Findings) -> list[str]:
    p50, p95 = milliseconds(found.latency_p50_ms), milliseconds(found.latency_p95_ms)
    lines = [
        f"{findings.scorer} {percent(found.score)} ({between(found.interval)}, 95 %)",
        f"valid {percent(found.valid.share)}",
        f"cost {dollars(found.cost_per_item_nano_usd)} an item",
        f"latency p50 {p50}, p95 {p95}",
    ]
    if pair := findings.pair(found.deployment):
        lines.append(f"{pair.verdict}: {points(pair.difference.value)} against {pair.baseline}")
    return lines


def _clean(text: str) -> str:
    return _NOT_XML.sub("\ufffd", text)
