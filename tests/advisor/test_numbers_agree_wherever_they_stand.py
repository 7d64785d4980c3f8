"""What the terminal, the page and the data say of one company is the same."""

import html
import re

import pytest
from advices import demo_advice

from aihandler.advisor.company import demo_profile
from aihandler.advisor.costing import cost_task
from aihandler.advisor.economics.runs import against, percent
from aihandler.advisor.economics.total_cost import TotalCost
from aihandler.advisor.pages import html_page
from aihandler.advisor.pages.words import money
from aihandler.advisor.report import Report
from aihandler.advisor.summary import summary


@pytest.fixture(scope="module")
def advice() -> Report:
    return demo_advice()


def costs(advice: Report) -> list[TotalCost]:
    return [task.total_cost for task in advice.tasks if task.total_cost]


def test_a_cost_on_the_page_lies_within_its_own_interval(advice: Report) -> None:
    page = html.unescape(html_page(advice))
    shown = re.findall(r'data-name="middle"><a [^>]*>([^<]*)</a><small>(\S+) to (\S+)<', page)
    totals = [total.usd for cost in costs(advice) for total in cost.totals]
    assert [found[0] for found in shown] == [money(usd.median) for usd in totals]
    assert all(usd.low <= usd.median <= usd.high for usd in totals)


def test_the_summary_tells_the_middle_of_the_runs(advice: Report) -> None:
    for row, task in zip(summary(advice.tasks), advice.tasks, strict=True):
        assert task.total_cost is not None
        (closed,) = [t for t in task.total_cost.totals if t.option == "closed"]
        assert row.now_usd == closed.first_year_usd.median / 12


def test_two_options_have_one_share_of_runs() -> None:
    total = cost_task(demo_profile(), "triage", seed=1).total
    assert total is not None
    one, other = total.totals
    found = against(total.differences, one.option, other.option)
    assert found is not None
    assert percent(found.cheaper_share) == percent(one.cheapest_share)
    assert percent(found.turned().cheaper_share) == percent(other.cheapest_share)


def test_what_never_returns_in_most_runs_has_no_month(advice: Report) -> None:
    returns = [back for cost in costs(advice) for back in cost.returns]
    assert any(back.never_share > 0.5 for back in returns)
    assert all((back.month is None) == (back.never_share > 0.5) for back in returns)


def test_what_one_input_moves_begins_at_what_the_others_save(advice: Report) -> None:
    swings = [swing for cost in costs(advice) for each in cost.tornado.values() for swing in each]
    assert len({swing.middle_usd for swing in swings}) == sum(len(c.tornado) for c in costs(advice))
    inside = [s for s in swings if min(s.low_usd, s.high_usd) <= s.middle_usd]
    assert len(inside) == len(swings)


def test_a_curve_names_its_month_and_its_caption_how_many_runs_have_none(advice: Report) -> None:
    page = html.unescape(html_page(advice))
    assert "of them it is never paid back" in page
    # Longer words are cut off on a telephone.
    assert all(len(words) <= 20 for words in re.findall(r">(paid back: [^<]*)<", page))


def test_figures_are_asked_only_for_what_may_be_chosen(advice: Report) -> None:
    page = html_page(advice)
    triage = page[page.index('id="cost-triage"') :]
    section = triage[: triage.index("<h3", 10)]
    assert "Managed open is not computed" not in section
    assert "By the seat is not computed" not in section
