import asyncio
import json
from pathlib import Path

import pytest

from aihandler.advisor.invoices import undated
from aihandler.domain.usage import Usage
from aihandler.ledger import Ledger, open_ledger
from cli.commands import Command
from ledger.ledger_making import NOON, StandingClock, call, settlement

DAY = 1_789_948_800
OPENAI = (
    "start_time,end_time,start_time_iso,end_time_iso,num_model_requests,project_id,model,batch,"
    "input_tokens,output_tokens,input_cached_tokens,input_audio_tokens,output_audio_tokens\n"
)
ANTHROPIC = (
    "usage_date_utc,model_version,api_key,workspace,usage_type,context_window,"
    "usage_input_tokens_no_cache,usage_input_tokens_cache_write_5m,"
    "usage_input_tokens_cache_write_1h,usage_input_tokens_cache_read,usage_output_tokens,"
    "web_search_count\n"
)
COSTS = "start_time,end_time,start_time_iso,end_time_iso,amount_value,amount_currency,line_item\n"
ANTHROPIC_COSTS = (
    "usage_date_utc,model,workspace,api_key,usage_type,context_window,token_type,cost_usd,"
    "list_price_usd,cost_type\n"
)


def openai_row(inputs: int, outputs: int, cached: int = 0, day: int = 0) -> str:
    began = DAY + day * 86_400
    model = "gpt-5-mini-2025-08-07"
    return f"{began},{began + 86_400},,,2,,{model},False,{inputs},{outputs},{cached},0,0\n"


async def _calls(ledger: Ledger) -> None:
    for number in range(20):
        usage = Usage(900, cache_read=100, output=40, reasoning=10)
        settled = settlement(usage=usage, reported_model="gpt-5-mini-2025-08-07")
        await call(
            ledger,
            str(number),
            settled=settled,
            deployment="gpt",
            model="gpt-5-mini",
            started_at=NOON + (number % 2) * 86_400,
        )


@pytest.fixture
def used(folder: Path) -> Path:
    """Twenty calls of 1,000 tokens in (100 cached) and 50 out, on two days."""
    with open_ledger(folder / ".aihandler" / "ledger.sqlite", clock=StandingClock()) as ledger:
        asyncio.run(_calls(ledger))
    return folder


def exported(folder: Path, *rows: str, header: str = OPENAI) -> str:
    (folder / "usage.csv").write_text(header + "".join(rows))
    return "usage.csv"


def test_an_export_that_agrees_ends_well(used: Path, aihandler: Command) -> None:
    name = exported(used, openai_row(10_000, 500, 1000), openai_row(10_000, 500, 1000, day=1))
    ran = aihandler("reconcile", name)
    assert ran.code == 0, ran.err
    assert "agrees within 1.00%" in ran.out
    assert "gpt-5-mini" in ran.out


def test_tokens_that_the_ledger_lacks_raise_an_alarm(used: Path, aihandler: Command) -> None:
    name = exported(used, openai_row(10_000, 500, 1000), openai_row(15_000, 500, 1000, day=1))
    ran = aihandler("reconcile", name, "--json")
    assert ran.code == 1
    (drift,) = ran.json["drifting"]
    assert (drift["kind"], drift["billed"], drift["booked"]) == ("input", 23_000, 18_000)
    days = {(d["day"], d["kind"]): d["difference"] for d in ran.json["days"]}
    assert days["2026-09-21", "input"] == 0
    assert days["2026-09-22", "input"] == 5000


def test_minutes_are_added_up_to_days(used: Path, aihandler: Command) -> None:
    rows = [openai_row(1000, 50, 100) for _ in range(10)]
    ran = aihandler("reconcile", exported(used, *rows), "--by-day")
    assert ran.code == 0, ran.out


def test_a_wider_tolerance_is_the_users_to_give(used: Path, aihandler: Command) -> None:
    name = exported(used, openai_row(10_400, 500, 1000))
    assert aihandler("reconcile", name, "--least", "100").code == 1
    assert aihandler("reconcile", name, "--least", "100", "--tolerance", "5").code == 0


def test_a_model_that_the_ledger_never_used_is_a_drift(used: Path, aihandler: Command) -> None:
    row = "2026-09-21,claude-sonnet-4-5-20250929,key,Default,standard,≤ 200k,5000,0,200,300,700,0\n"
    ran = aihandler("reconcile", exported(used, row, header=ANTHROPIC), "--json")
    assert ran.code == 1
    assert ran.json["provider"] == "anthropic"
    (drift,) = ran.json["drifting"]
    assert (drift["model"], drift["kind"], drift["booked"]) == ("claude-sonnet-4-5", "input", 0)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "no usage export that is known"),
        ("a,b\n1,2\n", "its columns are a, b"),
        ("start_time,end_time,start_time_iso,end_time_iso\n1,2,,\n", "its buckets are empty"),
        (COSTS + "1789948800,,,,3,usd,\n", "costs without a line item"),
        (COSTS + '1789948800,,,,3,eur,"m, input"\n', "the costs are in 'eur'"),
        (COSTS + '1789948800,,,,much,usd,"m, input"\n', "'much' is no sum of money"),
        ('{"data": []}', "no row with usage"),
        ('{"nothing": 1}', "no page of a usage or cost API"),
        ('{"data": [], "has_more": true}', "ends before the last page"),
        (OPENAI, "no row with usage"),
        (OPENAI + "1789948800,,,,1,,,False,5,5,0,0,0\n", "usage.csv:2: usage without a model"),
        (OPENAI + "1789948800,,,,1,,m,False,many,5,0,0,0\n", "input_tokens is 'many'"),
        (OPENAI + "1789948800,,,,1,,m,False,5,5,9,0,0\n", "more than its whole"),
        (OPENAI + "never,,,,1,,m,False,5,5,0,0,0\n", "start_time is no time"),
        (ANTHROPIC + "21/09/2026,m,,,,,5,0,0,0,5,0\n", "'21/09/2026' is no day"),
    ],
)
def test_what_cannot_be_read_is_said_in_one_message(
    used: Path, aihandler: Command, text: str, told: str
) -> None:
    (used / "usage.csv").write_text(text)
    ran = aihandler("reconcile", "usage.csv")
    assert ran.code == 2
    assert told in ran.err


def test_a_deployment_that_is_not_there_is_named(used: Path, aihandler: Command) -> None:
    ran = aihandler("reconcile", exported(used, openai_row(1, 1)), "--deployment", "gtp")
    assert ran.code == 2
    assert "gtp" in ran.err


def test_counts_that_are_written_as_decimals_are_whole_numbers(
    used: Path, aihandler: Command
) -> None:
    rows = [openai_row(10_000, 500, 1000, day).replace(",2,,gpt", ",2.0,,gpt") for day in (0, 1)]
    assert aihandler("reconcile", exported(used, *rows)).code == 0


def test_a_day_on_which_the_provider_counted_nothing_is_compared_too(
    used: Path, aihandler: Command
) -> None:
    nothing = f"{DAY + 86_400},,,,0,,,False,0,0,0,0,0\n"
    ran = aihandler("reconcile", exported(used, openai_row(10_000, 500, 1000), nothing), "--json")
    assert (ran.code, ran.json["last"]) == (1, "2026-09-22")


def test_a_time_with_a_zone_is_a_day_in_utc(used: Path, aihandler: Command) -> None:
    # The first hours of that day in Singapore are the day before in UTC.
    row = ",,2026-09-22T06:00:00+08:00,,20,,gpt-5-mini,False,20000,1000,2000,0,0\n"
    days = aihandler("reconcile", exported(used, row), "--json").json["days"]
    assert {day["day"] for day in days if day["billed"]} == {"2026-09-21"}


def test_pages_of_the_api_are_read_as_the_export_is(used: Path, aihandler: Command) -> None:
    result = {"model": "gpt-5-mini-2025-08-07", "input_tokens": 20_000, "output_tokens": 1000}
    bucket = {"start_time": DAY, "results": [{**result, "input_cached_tokens": 2000}]}
    (used / "usage.json").write_text(json.dumps([{"data": [bucket], "has_more": False}]))
    ran = aihandler("reconcile", "usage.json", "--json")
    assert ran.json["provider"] == "openai"
    assert {t["kind"]: t["billed"] for t in ran.json["totals"]} == {
        "input": 18_000,
        "cache_read": 2000,
        "output": 1000,
    }


def test_a_usage_report_of_anthropic_tells_its_caches(used: Path, aihandler: Command) -> None:
    written = {"ephemeral_5m_input_tokens": 200, "ephemeral_1h_input_tokens": 300}
    result = {
        "model": "claude-sonnet-4-5",
        "uncached_input_tokens": 5000,
        "cache_read_input_tokens": 40,
        "cache_creation": written,
        "output_tokens": 7,
    }
    bucket = {"starting_at": "2026-09-21T00:00:00Z", "results": [result]}
    (used / "usage.json").write_text(json.dumps({"data": [bucket]}))
    totals = aihandler("reconcile", "usage.json", "--json").json["totals"]
    assert {t["kind"]: t["billed"] for t in totals}["cache_write"] == 500


def test_costs_are_held_against_the_ledgers_money(used: Path, aihandler: Command) -> None:
    with open_ledger(used / ".aihandler" / "ledger.sqlite", clock=StandingClock()) as ledger:
        days = ledger.queries.usage_by_day("2026-09-21", "2026-09-22")
        booked = sum(day.marginal_nano for day in days)
    usd = booked / 1e9
    rows = f'{DAY},,,,{usd / 2:.9f},usd,"gpt-5-mini-2025-08-07, input"\n'
    rows += f'{DAY + 86_400},,,,{usd / 2:.9f},usd,"gpt-5-mini-2025-08-07, output"\n'
    name = exported(used, rows, header=COSTS)
    ran = aihandler("reconcile", name, "--least-usd", "0", "--json")
    assert (ran.code, ran.json["measure"]) == (0, "usd")
    more = exported(used, rows + f'{DAY},,,,5.00,usd,"gpt-5-mini, input"\n', header=COSTS)
    ran = aihandler("reconcile", more)
    assert ran.code == 1
    assert "USD" in ran.out
    assert "+5.0000" in ran.out


def test_the_name_that_a_console_shows_is_that_of_the_model(used: Path, aihandler: Command) -> None:
    row = "2026-09-21,Claude Haiku 4.5,Default,key,message,,input_no_cache,0.01,0.01,token\n"
    ran = aihandler("reconcile", exported(used, row, header=ANTHROPIC_COSTS), "--json")
    # One row is rounded by half a cent: that is no drift. All of it is.
    assert [t["model"] for t in ran.json["totals"]] == ["claude-haiku-4-5"]
    assert ran.code == 1


def test_a_model_with_another_name_here_is_compared_by_an_alias(
    used: Path, aihandler: Command
) -> None:
    rows = [openai_row(10_000, 500, 1000, day) for day in (0, 1)]
    name = exported(used, *(row.replace("gpt-5-mini-2025-08-07", "our-finetune") for row in rows))
    assert aihandler("reconcile", name).code == 1
    assert aihandler("reconcile", name, "--alias", "our-finetune=gpt-5-mini").code == 0
    ran = aihandler("reconcile", name, "--alias", "gpt-5-mini")
    assert (ran.code, "no pair of names" in ran.err) == (2, True)


@pytest.mark.parametrize(
    ("shown", "model"),
    [
        ("Claude Sonnet 3.5", "claude-3-5-sonnet"),
        ("claude-3-5-sonnet-latest", "claude-3-5-sonnet"),
        ("Claude Opus 4.1", "claude-opus-4-1"),
        ("gpt-4o-2024-08-06", "gpt-4o"),
    ],
)
def test_names_of_models_have_one_form(shown: str, model: str) -> None:
    assert undated(shown) == model
