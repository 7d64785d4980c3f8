"""Stated numbers held against the sums behind them: confirmed, or flagged with what comes out."""

from aihandler.advisor.company import Profile
from aihandler.advisor.findings import Finding, enough, hold, readings
from aihandler.advisor.linting import machines, prices, spend, units

__all__ = ["Finding", "enough", "hold", "lint", "readings"]


def lint(profile: Profile) -> tuple[Finding, ...]:
    """Every check that the stated numbers allow; a missing number is no finding.

    Reads prices, GPUs and measured points that ship; asks nobody.
    """
    found = [*spend.of_company(profile), *units.of_company(profile)]
    for name, task in profile.tasks.items():
        found += [*spend.of_task(name, task), *units.of_task(name, task)]
    found += [*prices.of_tasks(profile), *machines.of_tasks(profile)]
    for name, claim in profile.claims.items():
        found += claim.findings(f"claims.{name}")
    return tuple(found)
