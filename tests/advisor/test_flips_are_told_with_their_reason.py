"""The watch: last verdicts, and what has become of them."""

from decimal import Decimal
from pathlib import Path

import msgspec
import pytest
from advices import demo_advice, with_outcome

from aihandler.advisor.company import Fact
from aihandler.advisor.economics.figures import Figure, exact
from aihandler.advisor.report import Report
from aihandler.advisor.verdicts import Quality
from aihandler.advisor.watch import flips, keep, kept, last_kept, watched
from aihandler.errors import StorageError


def with_facts(advice: Report, task: str, **facts: Fact) -> Report:
    replace = msgspec.structs.replace
    return replace(
        advice,
        tasks=tuple(
            replace(t, facts={**t.facts, **facts}) if t.task == task else t for t in advice.tasks
        ),
    )


@pytest.fixture(scope="module")
def advice() -> Report:
    return demo_advice()


def test_the_first_watch_knows_nothing(tmp_path: Path) -> None:
    assert last_kept(tmp_path / "advice.json") is None


def test_the_same_advice_flips_nothing(advice: Report, tmp_path: Path) -> None:
    file = tmp_path / "made" / "advice.json"
    keep(file, advice)
    before = last_kept(file)
    assert before == kept(advice)
    assert flips(before, advice) == ()
    assert [path.name for path in file.parent.iterdir()] == ["advice.json"]
    assert file.stat().st_mode & 0o077 == 0


def test_growth_that_flips_a_verdict_is_its_reason(advice: Report) -> None:
    grown = with_facts(advice, "documents", tokens_per_month=Decimal(3_240_000_000))
    (flip,) = flips(kept(advice), with_outcome(grown, "documents", "self_host", "cost"))
    assert (flip.task, flip.before, flip.after) == ("documents", "managed_open", "self_host")
    assert "tokens_per_month 1,620,000,000 to 3,240,000,000 (+100 %)" in flip.reason
    assert flip.reason.startswith("cost (before: managed_open: $1,000")


def test_a_constraint_that_came_is_the_reason(advice: Report) -> None:
    bound = with_facts(advice, "chat", data_may_leave=False)
    (flip,) = flips(kept(advice), with_outcome(bound, "chat", "self_host", "data may not leave"))
    assert "data_may_leave yes to no" in flip.reason


def test_small_changes_are_not_told(advice: Report) -> None:
    moved = with_facts(advice, "chat", api_usd_per_year=Decimal(181_000))
    (flip,) = flips(kept(advice), with_outcome(moved, "chat", "stay_closed"))
    assert "api_usd_per_year" not in flip.reason


def test_tasks_that_come_and_go_are_told(advice: Report) -> None:
    fewer = msgspec.structs.replace(advice, tasks=advice.tasks[1:])
    assert [(f.task, f.after) for f in flips(kept(advice), fewer)] == [("documents", None)]
    assert [(f.task, f.before) for f in flips(kept(fewer), advice)] == [("documents", None)]


def test_a_broken_file_is_one_message(tmp_path: Path, advice: Report) -> None:
    file = tmp_path / "advice.json"
    file.write_text("{", encoding="utf-8")
    with pytest.raises(StorageError, match=r"advice\.json") as caught:
        last_kept(file)
    assert "begins anew" in caught.value.hint
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(StorageError, match="cannot keep"):
        keep(tmp_path / "file" / "advice.json", advice)


def with_figure(advice: Report, task: str, **figures: Figure) -> Report:
    replace = msgspec.structs.replace
    tasks = tuple(
        replace(t, figures={**t.figures, **figures}) if t.task == task else t for t in advice.tasks
    )
    return replace(advice, tasks=tasks)


def test_a_price_that_moved_is_named_with_its_row(advice: Report) -> None:
    price = exact(2, "USD/1M tokens", source="the list of a vendor", as_of="2026-11-20")
    cheaper = with_figure(advice, "documents", input_usd_per_million=price)
    (flip,) = flips(kept(advice), with_outcome(cheaper, "documents", "stay_closed"))
    assert (
        "input_usd_per_million 2.5 -> 2 (-20 %) [a test -> the list of a vendor, 2026-11-20]"
        in flip.reason
    )


def test_a_price_that_moved_is_told_also_where_the_verdict_stands(advice: Report) -> None:
    price = exact(2.4, "USD/1M tokens", source="a test")
    found = watched(kept(advice), with_figure(advice, "chat", input_usd_per_million=price))
    assert (found.flips, [one.task for one in found.moved]) == ((), ["chat"])
    assert "input_usd_per_million 2.5 -> 2.4 (-4 %) [a test]" in found.moved[0].changes


def test_a_drift_of_quality_names_both_comparisons(advice: Report) -> None:
    replace = msgspec.structs.replace
    worse = Quality(Decimal(-9), Decimal(-5), Decimal(2), "comparison c2")
    tasks = tuple(replace(t, quality=worse) if t.quality else t for t in advice.tasks)
    drifted = with_outcome(replace(advice, tasks=tasks), "documents", "stay_closed")
    (flip,) = flips(kept(advice), drifted)
    assert "quality: a test: -1 to +1 points -> comparison c2: -9 to -5 points" in flip.reason


def test_verdicts_of_another_company_do_not_flip(advice: Report) -> None:
    other = msgspec.structs.replace(advice, origin="other.yaml", tasks=advice.tasks[1:])
    found = watched(kept(other), advice)
    assert (found.since, found.flips, found.other) == (None, (), "other.yaml")


def test_the_first_time_nothing_was_kept_before(advice: Report) -> None:
    assert watched(None, advice).since is None


def test_verdicts_that_an_older_version_kept_are_read(tmp_path: Path) -> None:
    file = tmp_path / "advice.json"
    file.write_text(
        '{"made_at": 1.0, "tasks": {"chat": {"outcome": "self_host", "decided_by": "cost", '
        '"facts": {}, "first_year_usd": {"closed": 5.0}}}}'
    )
    before = last_kept(file)
    assert before is not None
    assert before.tasks["chat"].figures == {}
