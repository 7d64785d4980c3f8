import asyncio
from pathlib import Path

import pytest

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
        ("start_time,amount_value\n1,2\n", "an export of costs"),
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
