"""The three forms of a comparison: terminal, JUnit, one HTML file."""

import re
from xml.etree import ElementTree as Tree

import msgspec
from comparisons import comparison, counted, once

from aihandler.domain.labels import DataClass
from aihandler.evaluation.findings import findings
from aihandler.evaluation.gates import check, parse_gate
from aihandler.evaluation.observations import Comparison
from aihandler.evaluation.pages import html_page, junit, terminal_table
from aihandler.evaluation.pages.answer import answer
from aihandler.evaluation.pages.words import dollars, milliseconds, points


def _page(seen: Comparison, *, show_restricted: bool = False) -> str:
    return html_page(seen, findings(seen), show_restricted=show_restricted)


def test_the_terminal_says_verdict_reach_and_answer() -> None:
    shown = terminal_table(findings(counted(108, 6, 6)))
    assert "triage: 120 examples of tickets.csv; the deployments differ on 12" in shown
    assert re.search(r"b +0\.0 .* 6 : 6 +0\.\d+ +\? not enough evidence", shown)
    assert "b: 120 examples can show a margin of 7.7 points; 2 points need 1,789" in shown
    assert "\x1b" not in shown


def test_colour_is_only_for_terminals() -> None:
    assert "\x1b[32m" in terminal_table(findings(counted(80, 2, 30)), colour=True)


def test_a_narrow_terminal_cuts_no_name() -> None:
    name = "meta-llama/llama-3.3-70b-instruct-fp8"
    shown = terminal_table(findings(comparison({"a": once(1.0), name: once(1.0)})), width=60)
    assert name.replace("-", "") in re.sub(r"[\s-]", "", shown) or name in shown


def test_gates_and_an_early_stop_are_in_the_terminal() -> None:
    seen = msgspec.structs.replace(counted(50, 1, 1), stopped="the budget of $1 is spent")
    found = findings(seen)
    shown = terminal_table(found, [check(parse_gate("b better than a"), found)])
    assert "stopped: the budget of $1 is spent" in shown
    assert "gate b better than a: not enough evidence" in shown


def test_the_answer_names_the_cheapest_that_is_good_enough() -> None:
    right = once(*[1.0] * 2_000)
    costs = {"a": 3_000_000, "b": 2_000_000, "c": 500_000}
    found = findings(comparison({"a": right, "b": right, "c": right}, costs=costs))
    assert answer(found) == (
        "c is good enough: it is not worse than a by 2 points, at $0.000500 an item instead of "
        "$0.00300. So is b, at no lower cost."
    )


def test_the_answer_says_when_nothing_is_shown() -> None:
    assert "None is shown to replace a. Of b these examples show too little" in answer(
        findings(counted(50, 2, 2))
    )
    assert answer(findings(counted(50, 40, 2))) == "None is shown to replace a. b is worse."
    assert "Only a was asked" in answer(findings(comparison({"a": once(1.0)})))
    assert answer(findings(comparison({"a": [], "b": []}))) == "Nothing was answered yet."


def test_junit_has_a_case_for_each_gate_and_deployment() -> None:
    found = findings(counted(300, 0, 0))
    gates = [check(parse_gate(g), found) for g in ("a valid at least 0.9", "b better than a")]
    suite = Tree.fromstring(junit(counted(300, 0, 0), found, gates))[0]
    assert [(c.get("classname"), c.get("name")) for c in suite.iter("testcase")] == [
        ("gates", "a valid at least 0.9"),
        ("gates", "b better than a"),
        ("deployments", "a"),
        ("deployments", "b"),
    ]
    assert (suite.get("tests"), suite.get("failures")) == ("4", "1")
    failure = suite.find(".//failure")
    assert failure is not None
    assert failure.get("type") == "not enough evidence"


def test_junit_survives_names_that_xml_cannot_hold() -> None:
    seen = comparison({"a\x00<b>": once(1.0), "c": [None]})
    suite = Tree.fromstring(junit(seen, findings(seen)))[0]
    assert suite.find("testcase").get("name") == "a\ufffd<b>"
    assert suite.get("skipped") == "1"


def test_the_page_needs_nothing_from_elsewhere() -> None:
    page = _page(counted(10, 2, 2))
    assert not re.search(r"(src|href)\s*=|@import|url\(|https?://", page)
    assert "default-src 'none'" in page
    assert page.count("<script") == 1


def test_content_cannot_become_markup() -> None:
    hostile = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)> {} {{{{7*7}}}}"
    seen = comparison({"a<b>": once(1.0), "</style>": once(0.0)}, text=hostile, tags=[('"><b',)])
    page = _page(seen)
    assert page.count("<script") == 1
    assert "<img" not in page
    assert "{{7*7}}" in page
    assert page.count("</style>") == 1


def test_restricted_content_is_left_out_unless_asked_for() -> None:
    seen = comparison(
        {"a": once(1.0), "b": once(0.0)}, text="salary {}", data_class=DataClass.RESTRICTED
    )
    hidden, shown = _page(seen), _page(seen, show_restricted=True)
    assert "salary" not in hidden
    assert "wrong at b" not in hidden
    assert "its content is not in this file" in hidden
    assert "t-0000" in hidden
    assert "salary 0" in shown


def test_long_texts_and_many_items_are_cut_and_it_is_said() -> None:
    page = _page(comparison({"a": once(*[1.0] * 600), "b": once(*[0.0] * 600)}))
    assert page.count('<details class="item"') == 500
    assert "the 500 farthest apart are shown" in page
    long = _page(comparison({"a": once(1.0), "b": once(0.0)}, text="word " * 2_000 + "{}"))
    assert "characters more" in long


def test_pages_of_almost_nothing_can_be_made() -> None:
    for seen in (
        comparison({"a": [], "b": []}),
        comparison({"a": once(1.0)}),
        comparison({"a": once(1.0), "b": [None]}),
        comparison({"a": once(1.0), "b": once(1.0)}, costs={"a": None, "b": None}),
        comparison({"a": once(0.0), "b": once(0.0)}, costs={"a": 0, "b": 0}),
        comparison({"a": [(1, 0)], "b": [(1, 1)]}, tags=[("x",)], clusters=["c"]),
    ):
        assert "How this was computed" in _page(seen)
        assert terminal_table(findings(seen))
        assert junit(seen, findings(seen))


def test_numbers_are_written_for_people() -> None:
    assert [dollars(n) for n in (None, 0, 3_240_000, 436_356, 12, 14_620_000_000)] == [
        "unpriced", "$0", "$0.00324", "$0.000436", "$0.000000012", "$14.62",
    ]  # fmt: skip
    assert [points(d) for d in (0.0, -0.0001, 0.0123, -0.25, None)] == [
        "0.0", "0.0", "+1.2", "\N{MINUS SIGN}25.0", "-",
    ]  # fmt: skip
    assert [milliseconds(t) for t in (1.31, 620.4, 1_450.0, None)] == [
        "1.3 ms", "620 ms", "1.4 s", "-",
    ]  # fmt: skip
