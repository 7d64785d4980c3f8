"""The page of an advice: one HTML file that needs nothing else, and no script."""

from datetime import UTC, datetime
from importlib.resources import files
from typing import TYPE_CHECKING

from aihandler.advisor.pages import joint, views, words
from aihandler.advisor.pages.timeline import timeline
from aihandler.advisor.readiness import counted
from aihandler.advisor.report import Report
from aihandler.advisor.summary import shortly, summary

if TYPE_CHECKING:
    from jinja2 import Environment

__all__ = ["html_page"]


def html_page(advice: Report) -> str:
    """What was assumed first, then verdicts, costs, frameworks, findings, plan and checklist."""
    return (
        _environment()
        .get_template("page.html.j2")
        .render(
            advice=advice,
            plan=advice.plan,
            made_at=datetime.fromtimestamp(advice.made_at, UTC),
            answer=views.answer(advice),
            contents=_contents(advice),
            groups=views.assumption_groups(advice),
            rows=(rows := summary(advice.tasks)),
            undecided=any(row.then_usd is not None and not row.decided for row in rows),
            shortly=shortly,
            whole=joint.whole_view(advice.whole),
            lists=joint.list_views(advice),
            figures=views.figure_views(advice),
            citations=views.citations(advice),
            timeline=timeline(advice.plan.phases, advice.plan.starts) if advice.plan else "",
            costs=views.cost_views(advice.tasks),
            matrix=views.matrix(advice.tasks),
            distances=views.distances(advice.tasks),
            contradictions=views.contradictions(advice),
            sources=views.sources(advice.tasks),
            ready=counted(advice.plan.readiness) if advice.plan else {},
            style=(files("aihandler.advisor.pages") / "page.css").read_text(encoding="utf-8"),
        )
    )


def _contents(advice: Report) -> list[tuple[str, str]]:
    sections = {
        "assumed": "Assumed first",
        "summary": "Summary",
        "verdicts": "Verdicts",
        "whole": "The whole company" if advice.whole else "",
        "units": "What each has cost so far" if advice.tagged else "",
        "costs": "What it costs",
        "frameworks": "All frameworks side by side",
        "lists": "Published lists" if any(task.lists for task in advice.tasks) else "",
        "findings": "Numbers that were checked" if advice.findings else "",
        "plan": "Plan" if advice.plan else "",
        "readiness": "Ready for own models, in security" if advice.plan else "",
        "figures": "Figures and their sources" if any(t.figures for t in advice.tasks) else "",
        "method": "How it was computed",
    }
    return [(id_, title) for id_, title in sections.items() if title]


def _environment() -> "Environment":
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("aihandler.advisor", "pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    for name in words.__all__:
        environment.globals[name] = getattr(words, name)
    return environment
