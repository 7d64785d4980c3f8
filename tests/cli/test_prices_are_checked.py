"""`check` names who has no price; `costs`, `show` and `doctor` tell of modes and silent changes."""

import asyncio
from decimal import Decimal
from pathlib import Path

import pytest

from aihandler.backends.discovery import FoundServer
from aihandler.cli import discovering
from aihandler.cli.init import written
from aihandler.config import load
from aihandler.domain.usage import Usage
from aihandler.surroundings import SystemClock, prices_of
from cli.commands import CONFIGURATION, Command
from ledger.ledger_making import call, opened, settlement

PRICE = "price: {input: 0.25, output: 2}"


def priced(folder: Path, price: str) -> None:
    (folder / "aihandler.yaml").write_text(CONFIGURATION.replace(PRICE, price))


@pytest.fixture
def used(folder: Path) -> Path:
    """A ledger with two calls of one deployment, the second by another model."""

    async def body() -> None:
        for name, outcome in (("a-1", "valid"), ("a-2", "invalid")):
            settled = settlement(
                outcome=outcome,
                validity=None,
                reported_model=name,
                fingerprint="fp_9",
                tier="flex",
                reported_cost_usd=Decimal("0.0000009"),
            )
            asked = {"schema_mode": "native", "enforced": "partial", "dropped": 2}
            now = SystemClock().wall()
            await call(ledger, name, settled=settled, deployment="gpt", started_at=now, **asked)

    with opened(folder / ".aihandler", clock=SystemClock()) as ledger:
        asyncio.run(body())
    return folder


def test_a_deployment_without_a_price_is_told_which_entry_fits(
    folder: Path, aihandler: Command
) -> None:
    priced(folder, "")
    found = aihandler("check")
    assert found.code == 0
    assert "warning: deployment 'gpt' has no price" in found.out
    assert "`price: list` takes the price of 'gpt-5-mini'" in found.out


def test_a_price_that_the_list_has_is_nothing_to_tell(folder: Path, aihandler: Command) -> None:
    priced(folder, "price: list")
    found = aihandler("check")
    assert found.code == 0
    assert "price" not in found.out


def test_a_price_that_the_list_lacks_is_an_error_with_its_line(
    folder: Path, aihandler: Command
) -> None:
    priced(folder, 'price: {list: "gpt-5-minni"}')
    found = aihandler("check")
    assert found.code == 1
    assert "aihandler.yaml:15: error: deployment 'gpt': the price list has no" in found.out
    assert "'gpt-5-mini'" in found.out


def test_a_list_that_cannot_be_read_is_an_error(folder: Path, aihandler: Command) -> None:
    priced(folder, "price: list")
    (folder / "own.json").write_text("[]")
    with (folder / "aihandler.yaml").open("a") as file:
        file.write("prices: {list: own.json}\n")
    found = aihandler("check")
    assert found.code == 1
    assert "(at prices.list)" in found.out


def test_valid_rates_are_shown_by_deployment_task_and_mode(used: Path, aihandler: Command) -> None:
    shown = aihandler("costs", "--by", "validity").out
    (line,) = [line for line in shown.splitlines() if line.startswith("gpt ")]
    assert line.split() == ["gpt", "triage", "native", "2", "1", "50.0%", "0", "0", "0", "0"]
    told = aihandler("costs", "--by", "validity", "--json").json
    assert told["rates"][0]["mode"] == "native"
    assert [row["key"] for row in told["costs"]] == ["invalid", "valid"]


def test_costs_by_mode_tell_what_providers_say_and_who_changed(
    used: Path, aihandler: Command
) -> None:
    shown = aihandler("costs", "--by", "mode").out
    assert "native" in shown
    assert "providers say $0.0000018 ($0.00000040 more than our price)" in " ".join(shown.split())
    assert "'gpt' reports model 'a-2', before 'a-1', since call call-a-2" in shown


def test_show_tells_how_it_was_asked_and_what_the_provider_said(
    used: Path, aihandler: Command
) -> None:
    shown = aihandler("show", "call-a-2").out
    assert "since this call: 'gpt' reports model 'a-2', before 'a-1'" in shown
    assert "schema by native, enforced: partial, 2 limits not told" in shown
    assert "reports model a-2; fingerprint fp_9; tier flex" in shown
    assert "its provider says $0.00000090 ($0.00000020 more than our price)" in shown


def test_doctor_warns_of_a_silent_change(used: Path, aihandler: Command) -> None:
    found = aihandler("doctor")
    assert "warning  deployment gpt: reports model 'a-2' since" in found.out
    assert found.code == 0


def test_what_init_proposes_has_a_price_in_the_list(tmp_path: Path) -> None:
    servers: list[FoundServer] = []
    (tmp_path / "aihandler.yaml").write_text(written(servers, list(discovering.VENDORS)))
    (tmp_path / "triage_examples.csv").write_text("text,category\nhello,other\nbill,billing\n")
    configuration = load(tmp_path / "aihandler.yaml")
    prices = prices_of(configuration, SystemClock())
    for name in discovering.VENDORS.values():
        cost = prices.cost(configuration.deployments[name], Usage(1000, output=10), 1.0)
        assert cost.status == "priced", name
        assert cost.marginal > 0
