import asyncio
import re
from pathlib import Path

import msgspec

from aihandler.domain.usage import Cost, Usage
from aihandler.ledger import open_ledger
from cli.commands import Command
from ledger.ledger_making import NOON, StandingClock, call, settlement

PROFILE = """\
company: {}
tasks: {mail: {data_may_leave: true, open_licence_allowed: true, frontier_needed: false}}
"""


def test_the_demo_lists_what_was_assumed_before_any_verdict(aihandler: Command) -> None:
    ran = aihandler("advise", "--demo")
    assert ran.code == 0, ran.err
    assert ran.out.index("Assumed") < ran.out.index("documents: not enough evidence")
    assert "triage: self-host" in ran.out
    assert "own machines stay cheaper from" in ran.out
    assert "contradict each other" in ran.out


def test_advice_is_data_too(aihandler: Command) -> None:
    ran = aihandler("advise", "--demo", "--json")
    told = msgspec.json.decode(ran.out)
    assert told["advice"]["tasks"]["code"]["verdict"]["outcome"] == "stay_closed"


def test_the_whole_advice_is_one_page(folder: Path, aihandler: Command) -> None:
    ran = aihandler("advise", "--demo", "--html", "advice.html")
    assert ran.code == 0, ran.err
    page = (folder / "advice.html").read_text(encoding="utf-8")
    assert "<script" not in page
    assert page.index("Assumed first") < page.index("decided by")


def test_verdicts_are_watched(folder: Path, aihandler: Command) -> None:
    first = aihandler("advise", "--demo", "--watch")
    assert first.code == 0, first.err
    again = aihandler("advise", "--demo", "--watch", "--json")
    assert msgspec.json.decode(again.out)["flips"] == []
    (kept,) = folder.rglob("advice.json")
    told = kept.read_text(encoding="utf-8")
    kept.write_text(told.replace("stay_closed", "self_host"), encoding="utf-8")
    flips = msgspec.json.decode(aihandler("advise", "--demo", "--watch", "--json").out)["flips"]
    assert [(one["task"], one["before"], one["after"]) for one in flips] == [
        ("code", "self_host", "stay_closed")
    ]


def test_without_a_profile_the_two_ways_are_named(aihandler: Command) -> None:
    ran = aihandler("advise")
    assert ran.code == 2
    assert "--demo" in ran.err


def test_a_month_that_is_none_is_refused(aihandler: Command) -> None:
    ran = aihandler("advise", "--demo", "--ledger", "october")
    assert ran.code == 2
    assert "202610" in ran.err


def test_a_month_of_the_ledger_fills_the_profile_and_is_listed(
    folder: Path, aihandler: Command
) -> None:
    with open_ledger(folder / ".aihandler" / "ledger.sqlite", clock=StandingClock()) as ledger:
        settled = settlement(usage=Usage(900, cache_read=100, output=40))
        asyncio.run(call(ledger, "one", settled=settled, started_at=NOON))
        rows = ledger.queries.usage_by_month()
    (folder / "company.yaml").write_text(f"company: {{}}\ntasks: {{{rows[0].task}: {{}}}}\n")
    ran = aihandler("advise", "--profile", "company.yaml", "--ledger", str(rows[0].month))
    assert ran.code == 0, ran.err
    assert f"input_tokens_per_month 1,000 (ledger, {rows[0].month})" in ran.out


def test_no_line_is_wider_than_a_hundred_columns(aihandler: Command) -> None:
    for more in ([], ["--verbose"]):
        out = aihandler("advise", "--demo", *more).out
        assert max(map(len, out.splitlines())) <= 100


def test_the_summary_comes_before_the_tasks_and_frameworks_stand_once(aihandler: Command) -> None:
    out = aihandler("advise", "--demo").out
    order = ["Assumed", "Summary", "documents: not enough", "All frameworks", "contradict", "Plan"]
    assert sorted(order, key=out.index) == order
    assert out.count("hybrid_tree (000)") == 1
    assert len(out.splitlines()) < 190


def test_every_sum_says_of_which_time_and_every_price_of_which_day(aihandler: Command) -> None:
    out = " ".join(aihandler("advise", "--demo").out.split())
    assert "a request in the first year: closed $" in out
    assert out.count(" instead of ") >= 6
    told = re.findall(r"\$[\d.]+[KM] instead of \$[\d.]+[KM](.{13})", out)
    assert len(told) >= 5
    assert set(told) == {" in 36 months"}
    (prices,) = re.findall(r"prices of: (.*?) Please answer", out)
    assert "demo_company.yaml (2025-10-01)" in prices
    assert prices.count("(undated)") == 1
    told = msgspec.json.decode(aihandler("advise", "--demo", "--json").out)
    figures = told["advice"]["tasks"]["documents"]["costing"]["total"]["figures"]
    assert all(figure["source"] and figure["as_of"] for figure in figures.values())
    assert figures["usd_per_gpu_hour"]["as_of"] == "undated"


def test_where_no_cost_is_known_the_plan_has_the_commands_and_no_money(
    folder: Path, aihandler: Command
) -> None:
    (folder / "company.yaml").write_text(PROFILE)
    out = aihandler("advise", "--profile", "company.yaml").out
    plan = " ".join(out[out.index("Plan from") :].split())
    assert "aihandler compare mail --deployments" in plan
    assert "input_tokens_per_month, output_tokens_per_month" in plan
    assert "$" not in plan
    assert "Pilot" not in plan


def test_everything_is_told_when_it_is_asked_for(aihandler: Command) -> None:
    out = " ".join(aihandler("advise", "--demo", "--verbose").out.split())
    assert "peak_to_mean: 3 (2 to 6) ratio; usual for office hours" in out
    assert "1,620 x above 1,000,000 (tokens_per_month)" in out


def test_commands_for_evidence_name_deployments_of_the_configuration(
    folder: Path, aihandler: Command
) -> None:
    (folder / "company.yaml").write_text(PROFILE)
    out = " ".join(aihandler("advise", "--profile", "company.yaml").out.split())
    assert "aihandler dataset from-ledger --task mail --limit 1546 --out mail.jsonl" in out
    assert "aihandler compare mail --deployments gpt,OPEN --data mail.jsonl" in out
    assert "first name deployments in place of OPEN" in out
    assert "first put the task 'mail' into the configuration" in out


def test_a_plan_starts_on_the_day_that_is_given(aihandler: Command) -> None:
    out = aihandler("advise", "--demo", "--start", "2027-01-31").out
    assert "2027-01-31 to 2027-03-31" in out


def test_a_flip_ends_with_1_and_the_first_watch_says_that_it_keeps(
    folder: Path, aihandler: Command
) -> None:
    first = aihandler("advise", "--demo", "--watch")
    assert (first.code, "are kept in" in first.out) == (0, True)
    assert aihandler("advise", "--demo", "--watch").code == 0
    (kept,) = folder.rglob("advice.json")
    kept.write_text(kept.read_text().replace("stay_closed", "self_host"))
    flipped = aihandler("advise", "--demo", "--watch")
    assert flipped.code == 1
    assert "code: self host -> stay closed" in flipped.out


def test_a_flip_that_could_not_be_written_is_told_again(folder: Path, aihandler: Command) -> None:
    aihandler("advise", "--demo", "--watch")
    (kept,) = folder.rglob("advice.json")
    kept.write_text(kept.read_text().replace("stay_closed", "self_host"))
    assert aihandler("advise", "--demo", "--watch", "--html", "no/such/page.html").code == 6
    assert aihandler("advise", "--demo", "--watch").code == 1


def test_without_a_profile_the_ledger_and_its_tasks_are_read(
    folder: Path, aihandler: Command
) -> None:
    with open_ledger(folder / ".aihandler" / "ledger.sqlite", clock=StandingClock()) as ledger:
        settled = settlement(usage=Usage(900, cache_read=100, output=40))
        asyncio.run(call(ledger, "one", settled=settled, started_at=NOON, task="total"))
    ran = aihandler("advise")
    assert ran.code == 0, ran.err
    assert "total: not enough evidence" in ran.out
    assert "total: input_tokens_per_month 1,000 (ledger, 202609)" in ran.out
    assert "data_may_leave" in ran.out


def with_tags(folder: Path) -> None:
    with open_ledger(folder / ".aihandler" / "ledger.sqlite", clock=StandingClock()) as ledger:
        for name, customer, month_s in (("a", "acme", 0), ("b", "bolt", 0), ("c", "old", 31)):
            at = NOON - month_s * 86_400
            settled = settlement(cost=Cost(marginal=2_000_000_000))
            asyncio.run(
                call(ledger, name, settled=settled, started_at=at, tags={"customer": customer})
            )


def test_units_of_a_month_are_counted_by_a_call_tag(folder: Path, aihandler: Command) -> None:
    with_tags(folder)
    asked = ("advise", "--demo", "--unit", "customer")
    ran = aihandler(*asked, "--html", "advice.html")
    assert ran.code == 0, ran.err
    out = " ".join(ran.out.split())
    assert "a customer in the first year: as today $" in out
    assert "by the verdicts $" in out
    assert "(2 a month; all tasks together; counted by the ledger)" in out
    assert "customer: 2 (ledger, 202609): $2 each on average, $2 in the middle" in out
    page = (folder / "advice.html").read_text(encoding="utf-8")
    assert "One customer (2 a month) costs in the first year: as today" in page
    assert "call tag <code>customer</code> (ledger, 202609): $2 each" in page
    assert "acme" not in page
    told = msgspec.json.decode(aihandler(*asked, "--json").out)
    (unit,) = [one for one in told["advice"]["whole"]["units"] if one["unit"] == "customer"]
    assert {"today", "decided"} <= set(unit["usd"])
    assert [(one["tag"], one["units"], one["total_nano"]) for one in told["tagged"]] == [
        ("customer", 2, 4_000_000_000)
    ]
    # The ledger gave units, and nothing else that the profile says or leaves out.
    assert told["from_ledger"] == []


def test_units_that_no_call_names_are_refused(folder: Path, aihandler: Command) -> None:
    with_tags(folder)
    ran = aihandler("advise", "--demo", "--unit", "contract")
    assert (ran.code, "'contract'" in ran.err, "--ledger MONTH" in ran.err) == (2, True, True)
    asked = ("advise", "--demo", "--unit", "contract", "--config", "none.yaml")
    assert "--config FILE" in aihandler(*asked).err


def test_a_template_and_a_schema_are_printed(folder: Path, aihandler: Command) -> None:
    template = aihandler("advise", "--template")
    assert template.code == 0, template.err
    (folder / "company.yaml").write_text(template.out, encoding="utf-8")
    ran = aihandler("advise", "--profile", "company.yaml")
    assert ran.code == 0, ran.err
    schema = msgspec.json.decode(aihandler("advise", "--schema").out)
    assert schema["title"] == "company.yaml"


def test_rules_are_copied_edited_and_used(folder: Path, aihandler: Command) -> None:
    assert aihandler("advise", "--copy-frameworks", "rules").code == 0
    path = folder / "rules" / "003_magazine.yaml"
    path.write_text(path.read_text().replace("verdict: open", "verdict: hybrid"), encoding="utf-8")
    ran = aihandler("advise", "--demo", "--frameworks", "rules", "--json")
    judgements = msgspec.json.decode(ran.out)["advice"]["tasks"]["chat"]["judgements"]
    assert [j["verdict"] for j in judgements if j["framework"] == "lock_in"] == ["hybrid"]
    path.write_text(path.read_text().replace("could_lock_in", "could_look_in"), encoding="utf-8")
    wrong = aihandler("advise", "--demo", "--frameworks", "rules")
    assert wrong.code == 2
    assert "003_magazine.yaml:6" in wrong.err


def test_what_flipped_fits_the_terminal_too(folder: Path, aihandler: Command) -> None:
    text = (
        "company: {}\ntasks: {app: {data_may_leave: true, open_licence_allowed: true,"
        " frontier_needed: %s, input_tokens_per_month: %s, output_tokens_per_month: 1000000,"
        " costs: {requests_per_month: [5000], input_usd_per_million: [3],"
        " output_usd_per_million: [15]}}}\n"
    )
    (folder / "c.yaml").write_text(text % ("true", 10_000_000))
    aihandler("advise", "--profile", "c.yaml", "--watch")
    (folder / "c.yaml").write_text(text % ("false", 20_000_000))
    ran = aihandler("advise", "--profile", "c.yaml", "--watch")
    assert ran.code == 1
    flipped = ran.out[ran.out.index("Verdicts that flipped") :]
    assert "tokens_per_day 366,667 to 700,000" in " ".join(flipped.split())
    assert max(map(len, flipped.splitlines())) <= 100


def test_a_break_even_has_no_more_digits_than_are_known(folder: Path, aihandler: Command) -> None:
    ran = aihandler("advise", "--demo", "--html", "advice.html")
    page = (folder / "advice.html").read_text(encoding="utf-8")
    for text in (ran.out, page):
        volumes = re.findall(r"cheaper from:? ([\d,]+) requests", text)
        assert volumes
        assert all(len(found.replace(",", "").rstrip("0")) <= 3 for found in volumes)
