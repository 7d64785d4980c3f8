"""Budgets and limits of the file say whose they are, once, and in whole nano-dollars."""

import pytest

from aihandler.config import load
from aihandler.domain.budget import Budget
from aihandler.errors import ConfigError

HEAD = """version: 1
deployments:
  here: {backend: builtin/summarise}
tasks:
  say: {candidates: [here]}
"""


@pytest.fixture
def loaded(tmp_path):
    def load_it(text):
        path = tmp_path / "aihandler.yaml"
        path.write_text(HEAD + text)
        return load(path)

    return load_it


def mistakes(loaded, text):
    with pytest.raises(ConfigError) as raised:
        loaded(text)
    return [str(mistake) for mistake in raised.value.mistakes]


def test_budgets_are_read_exactly(loaded):
    text = """budgets:
  - {usd: 0.1}
  - {team: search, usd: 500, per: week}
  - {team: search, usd: 100, per: day, unpriced: allow}
  - {user: "*", usd: 0, per: total}
"""
    assert loaded(text).budgets == (
        Budget("all", 100_000_000, "month"),
        Budget("team:search", 500 * 10**9, "week"),
        Budget("team:search", 100 * 10**9, "day", "allow"),
        Budget("user:*", 0, "total"),
    )


def test_a_budget_of_nobody_that_is_known_is_a_mistake(loaded):
    (told,) = mistakes(loaded, "budgets: [{task: sya, usd: 1}]")
    assert "there is no task 'sya'" in told
    (told,) = mistakes(loaded, "budgets: [{deployment: there, usd: 1}]")
    assert "there is no deployment 'there'" in told


@pytest.mark.parametrize(
    ("row", "wrong"),
    [
        ("{team: a, user: b, usd: 1}", "names team and user"),
        ("{team: a}", "usd"),
        ("{team: a, usd: -1}", "at least 0"),
        ("{team: a, usd: 1, per: year}", "per must be one of"),
        ("{team: a, usd: 0.0000000001}", "nine digits"),
        ("{team: a, usd: 1}, {team: a, usd: 2}", "has a budget per month already"),
    ],
)
def test_a_budget_that_cannot_be_is_a_mistake(loaded, row, wrong):
    assert any(wrong in told for told in mistakes(loaded, f"budgets: [{row}]"))


@pytest.mark.parametrize(
    ("row", "wrong"),
    [
        ("{team: a}", "limits nothing"),
        ("{team: a, requests_per_minute: 0}", "at least 1"),
        ("{deployment: here, requests_per_minute: 5}", "unknown key 'deployment'"),
        (
            "{team: a, requests_per_minute: 1}, {team: a, tokens_per_minute: 2}",
            "has a limit already",
        ),
    ],
)
def test_a_limit_that_cannot_be_is_a_mistake(loaded, row, wrong):
    assert any(wrong in told for told in mistakes(loaded, f"limits: [{row}]"))


def test_limits_are_read(loaded):
    (limit,) = loaded("limits: [{team: a, requests_per_minute: 5}]").limits
    assert (limit.scope, limit.requests, limit.tokens) == ("team:a", 5, None)
