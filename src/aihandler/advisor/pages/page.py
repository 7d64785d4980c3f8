"""The page of an advice: one HTML file that needs nothing else, and no script."""

from datetime import UTC, datetime
from importlib.resources import files
from typing import TYPE_CHECKING

from aihandler.advisor.pages import views, words
from aihandler.advisor.readiness import counted
from aihandler.advisor.report import Report

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
            assumptions=views.assumptions(advice),
            costs=views.cost_views(advice.tasks),
            matrix=views.matrix(advice.tasks),
            distances=views.distances(advice.tasks),
            contradictions=views.contradictions(advice),
            sources=views.sources(advice.tasks),
            ready=counted(advice.plan.readiness) if advice.plan else {},
            style=(files("aihandler.advisor.pages") / "page.css").read_text(encoding="utf-8"),
        )
    )


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
