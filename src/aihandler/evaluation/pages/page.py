"""The page of a comparison: one HTML file that needs nothing else, from anywhere."""

import base64
import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.resources import files
from typing import TYPE_CHECKING

from aihandler.evaluation.findings import Findings
from aihandler.evaluation.gates import GateResult
from aihandler.evaluation.observations import Comparison
from aihandler.evaluation.pages import words
from aihandler.evaluation.pages.answer import answer
from aihandler.evaluation.pages.browser import shown_items
from aihandler.evaluation.pages.charts import Dot, Scale, cost_chart, interval_bar
from aihandler.evaluation.statistics.means import Interval

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup

__all__ = ["html_page"]


def html_page(
    comparison: Comparison,
    findings: Findings,
    gates: Sequence[GateResult] = (),
    *,
    show_restricted: bool = False,
) -> str:
    """The findings, and every item on which deployments differ, with all that they answered.

    Content of `restricted` items stays out of the file unless `show_restricted`.
    """
    script, style = _part("page.js"), _part("page.css")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    environment = _environment()
    return environment.get_template("page.html.j2").render(
        comparison=comparison,
        findings=findings,
        gates=gates,
        answer=answer(findings),
        made_at=datetime.fromtimestamp(comparison.made_at, UTC),
        kinds=_kinds(findings),
        score_bars=_score_bars(findings),
        score_ticks=_ticks(_score_scale(findings)),
        pair_bars=_pair_bars(findings),
        pair_ticks=_ticks(_pair_scale(findings)),
        cost=_cost_chart(findings),
        tags=sorted({tag for item in comparison.dataset.items for tag in item.tags}),
        items=shown_items(comparison, findings, show_restricted=show_restricted),
        script=script,
        script_digest=digest,
        style=style,
    )


def _environment() -> "Environment":
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("aihandler.evaluation", "pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    for name in words.__all__:
        environment.globals[name] = getattr(words, name)
    return environment


def _part(name: str) -> str:
    return (files("aihandler.evaluation.pages") / name).read_text(encoding="utf-8")


def _kinds(findings: Findings) -> dict[str, str]:
    """The class of the style sheet for each deployment, by its verdict."""
    kinds = {pair.deployment: pair.verdict.replace(" ", "-") for pair in findings.pairs}
    return {d.deployment: kinds.get(d.deployment, "baseline") for d in findings.deployments}


def _score_scale(findings: Findings) -> Scale:
    lows = [found.interval.low for found in findings.deployments if found.items]
    highs = [found.interval.high for found in findings.deployments if found.items]
    return _rounded(min(lows, default=0.0), max(highs, default=1.0), 0.0, 1.0)


def _pair_scale(findings: Findings) -> Scale:
    lows = [min(pair.interval.low, -findings.margin) for pair in findings.pairs]
    highs = [max(pair.interval.high, findings.margin) for pair in findings.pairs]
    return _rounded(min(lows, default=-0.1), max(highs, default=0.1), -1.0, 1.0)


def _rounded(low: float, high: float, lowest: float, highest: float) -> Scale:
    """A scale a little wider, with round ends."""
    step = 0.05 if high - low > 0.1 else 0.01
    below, above = (low // step - (low % step < step / 5)) * step, (high // step + 1) * step
    return Scale(max(lowest, round(below, 4)), min(highest, round(above, 4)))


def _ticks(scale: Scale) -> list[tuple[float, float]]:
    return [(tick, scale.place(tick)) for tick in scale.ticks()]


def _score_bars(findings: Findings) -> "dict[str, Markup]":
    scale, kinds = _score_scale(findings), _kinds(findings)
    return {
        found.deployment: interval_bar(
            found.score,
            found.interval,
            scale,
            kind=kinds[found.deployment],
            label=f"{words.percent(found.score)}, 95 %: {words.between(found.interval)}",
        )
        for found in findings.deployments
    }


def _pair_bars(findings: Findings) -> "dict[str, Markup]":
    scale, kinds = _pair_scale(findings), _kinds(findings)
    return {
        pair.deployment: interval_bar(
            pair.difference.value,
            pair.interval,
            scale,
            kind=kinds[pair.deployment],
            zone=Interval(-findings.margin, 0.0),
            label=f"{words.points(pair.difference.value)} points, 95 %: "
            f"{words.points(pair.interval.low)} to {words.points(pair.interval.high)}",
        )
        for pair in findings.pairs
    }


def _cost_chart(findings: Findings) -> "Markup | None":
    kinds = _kinds(findings)
    dots = [
        Dot(d.deployment, d.cost_per_item_nano_usd, d.score, d.interval, kinds[d.deployment])
        for d in findings.deployments
        if d.cost_per_item_nano_usd is not None and d.score is not None
    ]
    return cost_chart(dots, _score_scale(findings)) if len(dots) > 1 else None
