"""The page of an advice as text: its order, what is escaped, which costs are shown."""

import html
import re

import msgspec
import pytest
from advices import demo_advice

from aihandler.advisor.advice import advise
from aihandler.advisor.company import demo_profile
from aihandler.advisor.economics.break_even import BreakEven
from aihandler.advisor.economics.figures import exact
from aihandler.advisor.economics.total_cost import Band
from aihandler.advisor.frameworks.reading import shipped
from aihandler.advisor.pages import html_page
from aihandler.advisor.pages.charts import Scale, cost_bar
from aihandler.advisor.pages.views import assumptions, distances, matrix
from aihandler.advisor.pages.words import coded, money, percent
from aihandler.advisor.report import Assumed, Report
from aihandler.advisor.reporting import of_advice


@pytest.fixture(scope="module")
def advice() -> Report:
    return demo_advice()


@pytest.fixture(scope="module")
def page(advice: Report) -> str:
    return html_page(advice)


def row(page: str, section: str, first: str) -> str:
    # The cards of the verdicts have the same headings, and come first.
    *_, found = re.findall(rf"<h3[^>]*>{section}</h3>.*?<tbody>(.*?)</tbody>", page, re.DOTALL)
    return next(text for text in found.split("<tr") if first in text)


def test_what_was_assumed_stands_before_every_verdict(page: str) -> None:
    headings = re.findall(r"<h2>(.*?)</h2>", page)
    assert headings == [
        "Assumed first",
        "Summary",
        "Verdicts",
        "What it costs",
        "All frameworks side by side",
        "Numbers that were checked",
        "Plan",
        "Ready for own models, in security",
        "Figures and their sources",
        "How it was computed",
    ]


def test_the_contents_lead_to_every_section(page: str) -> None:
    listed = re.findall(r'<li><a href="#([a-z]+)">', page)
    assert listed == re.findall(r'<section id="([a-z]+)">', page)


def test_every_link_leads_somewhere(page: str) -> None:
    targets = set(re.findall(r'href="#([^"]+)"', page))
    assert len(targets) > 40
    assert targets <= set(re.findall(r'id="([^"]+)"', page))


def test_a_figure_leads_to_its_source_and_its_day() -> None:
    advice = demo_advice()
    price = exact(3.1, "USD/GPU-hour", source="measured: a quote", as_of="2026-10-02")
    key = exact(
        7, "requests/month", source="demo_company.yaml: tasks.chat.costs.requests_per_month"
    )
    tasks = tuple(
        msgspec.structs.replace(t, figures={"usd_per_gpu_hour": price, "requests_per_month": key})
        for t in advice.tasks[-1:]
    )
    page = html_page(msgspec.structs.replace(advice, tasks=tasks))
    assert re.search(r"a quote\s*<small>2026-10-02</small>", page)
    assert "tasks.chat.costs.requests_per_month" in page
    assert re.search(r'id="source-\d+"[^>]*>demo_company.yaml', page)


def test_the_summary_tells_what_leaving_would_bring_and_that_it_is_open(page: str) -> None:
    text = html.unescape(" ".join(re.sub(r"<[^>]+>", " ", page).split()))
    assert re.search(r"chat not enough evidence \$[\d.]+K \$[\d.]+K \? managed open", text)
    assert "data may leave: no -> yes" in text


def test_notes_and_break_even_stand_beside_the_cost(advice: Report) -> None:
    even = BreakEven(1_800_000, 9e6, "with 2 replicas")
    tasks = tuple(
        msgspec.structs.replace(t, notes=("spot prices are not known",), break_even=even)
        for t in advice.tasks[:1]
    )
    page = html_page(msgspec.structs.replace(advice, tasks=tasks))
    assert "spot prices are not known" in page
    assert "from 1,800,000 requests a month on; today&#39;s 900,000 are 2 x below it" in page


def test_the_plan_is_drawn_with_its_gates(page: str) -> None:
    (drawn,) = re.findall(r'<svg class="timeline".*?</svg>(?=<figcaption>)', page, re.DOTALL)
    assert drawn.count('class="gate"') == 3
    assert "Pilot: documents" in drawn


def test_the_same_advice_makes_the_same_page(advice: Report, page: str) -> None:
    assert html_page(advice) == page


def test_the_page_fetches_and_runs_nothing(page: str) -> None:
    assert "default-src 'none'" in page
    assert not re.search(r"<script|<link|<img|https?://", page)


def test_text_from_a_profile_stays_text() -> None:
    hostile = html_page(demo_advice(text="<img src=x onerror=alert(1)>", with_costs=False))
    assert "<img" not in hostile
    assert "&lt;img src=x" in hostile


def test_an_assumption_of_all_tasks_stands_once(advice: Report) -> None:
    found = assumptions(advice)
    assert found[0] == advice.assumed[0]
    (staff,) = [a for a in found if a.what.startswith("staff share")]
    assert staff == Assumed(
        "staff share (to run it)",
        "0.2 (0.2 to 0.3) engineers",
        "20 % in source 000, 20 to 30 % in 002",
    )
    assert {a.taken for a in found if a.what.startswith("utilisation")} == {"60 (40 to 80) %"}


def test_every_framework_has_a_verdict_for_every_task(advice: Report) -> None:
    rows = matrix(advice.tasks)
    assert len(rows) == len(advice.tasks[0].judgements)
    assert {len(cells) for cells in rows} == {4}


def test_the_distance_to_a_threshold_is_told_by_task(advice: Report) -> None:
    found = {(fact, threshold): far for fact, threshold, _, far in distances(advice.tasks)}
    assert found["tokens per month", "1,000,000"][0] == "1,620 x above"
    assert found["people", "50"][0] == "1.1 x below"
    assert found["security engineers", "1"][0] == "it is 0"


def test_what_a_constraint_forbids_is_not_offered_for_its_cost(page: str) -> None:
    assert "not allowed" in row(page, "triage", "managed open")
    assert "not allowed" not in row(page, "triage", "self-hosted")
    assert "the frontier is needed" in row(page, "code", "self-hosted")


def test_a_task_without_costs_says_why(advice: Report) -> None:
    page = html_page(demo_advice(with_costs=False))
    assert "no price of a vendor is known" in page
    empty = msgspec.structs.replace(advice, tasks=(), plan=None, assumed=(), missing=())
    assert "Nothing was assumed." in html_page(empty)


@pytest.mark.parametrize(
    ("usd", "shown"),
    [
        (0, "$0"),
        (0.42, "$0.42"),
        (999.6, "$1K"),
        (1_254_000, "$1.25M"),
        (-340_000, "\N{MINUS SIGN}$340K"),
        (None, "-"),
    ],
)
def test_money_has_three_digits(usd: float | None, shown: str) -> None:
    assert money(usd) == shown


def test_words_between_backticks_are_code_and_escaped() -> None:
    assert coded("run `a <b>` now") == "run <code>a &lt;b&gt;</code> now"
    assert coded("one ` alone") == "one ` alone"


def test_a_share_that_is_not_none_does_not_look_like_none() -> None:
    assert [percent(share) for share in (0, 0.001, 0.5, 0.999, 1)] == [
        "0 %",
        "< 1 %",
        "50 %",
        "> 99 %",
        "100 %",
    ]


def test_a_bar_stands_where_its_figures_are() -> None:
    drawn = cost_bar(Band(50, 50, 25, 75), Scale(0, 100, 25), kind="closed")
    assert 'x1="25.0%" x2="75.0%"' in drawn
    assert 'cx="50.0%"' in drawn


@pytest.mark.parametrize(
    "values", [[0.0], [1.0], [-5.0, 3.0], [1e9, 2.0], [-1e-3], [-6.1e4, 1.7e4]]
)
def test_every_scale_holds_its_values_and_zero(values: list[float]) -> None:
    scale = Scale.over(values)
    assert scale.low <= min(values) <= max(values) <= scale.high
    assert 2 <= len(scale.ticks()) <= 7
    assert any(abs(tick) < scale.step / 1000 for tick in scale.ticks())


def test_the_whole_company_lists_and_prices_have_their_place() -> None:
    profile = demo_profile()
    advice = advise(profile, shipped(), seed=1, runs=300)
    page = html_page(of_advice(advice, profile, made_at=0.0, origin="demo_company.yaml"))
    for id_ in ("whole", "lists"):
        assert f'<section id="{id_}">' in page
    assert advice.whole is not None
    assert advice.whole.decided.scenarios[0].scenario in page
    assert "if quality holds" in page
    assert "What turns it" in page
