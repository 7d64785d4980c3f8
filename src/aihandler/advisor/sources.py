"""Where each fact and figure comes from: a key of the profile, a month of the ledger, a page."""

from collections.abc import Mapping, Sequence

import msgspec

from aihandler.advisor.company import Profile
from aihandler.advisor.costing import Costing
from aihandler.advisor.economics.figures import Figure
from aihandler.advisor.facts import Taken
from aihandler.advisor.report import TaskReport

# What follows from other keys by a sum.
_DERIVED: Mapping[str, str] = {
    "api_usd_per_month": "company.api_usd_per_year / 12",
    "api_growth_per_year": "company.api_growth_per_quarter over four quarters",
    "tokens_per_month": "{task}.input_tokens_per_month + {task}.output_tokens_per_month",
    "tokens_per_day": "tokens_per_month / 30",
    "could_be_open_usd_per_month": "api_usd_per_month of the tasks that could be open, added up",
    "task_api_usd_per_month": "{task}.api_usd_per_month",
}
# Figures of the cost that are made of other keys than their own.
_FIGURES: Mapping[str, str] = {
    "input_tokens": "{task}.input_tokens_per_month / {task}.costs.requests_per_month",
    "output_tokens": "{task}.output_tokens_per_month / {task}.costs.requests_per_month",
    "usd_per_gpu_hour": "{task}.hosting.usd_per_gpu_hour",
}


def fact_sources(
    profile: Profile, task: str, *, origin: str, taken: Sequence[Taken] = ()
) -> dict[str, str]:
    """By fact: the file and its key, or the ledger and its month. `origin` names the file."""
    ledger = {each.name: each.source for each in taken if each.task == task}
    found: dict[str, str] = {}
    for where, struct in (("company", profile.company), (f"tasks.{task}", profile.tasks[task])):
        for name in struct.__struct_fields__:
            found[name] = ledger.get(name) or f"{origin}: {where}.{name}"
    for name, made in _DERIVED.items():
        found[name] = f"{origin}: {made.format(task=f'tasks.{task}')}"
    if "api_usd_per_month" in ledger:
        found["task_api_usd_per_month"] = ledger["api_usd_per_month"]
    return found


def with_keys(
    costing: Costing, task: str, *, origin: str, taken: Sequence[Taken] = ()
) -> dict[str, Figure]:
    """The figures of a cost; what a profile gave says by which key, what the ledger gave when."""
    ledger = {each.name: each.source for each in taken if each.task == task}
    assumed = costing.total.assumed if costing.total else ()
    # Some are assumed to be what another key says: nobody gave them.
    guessed = {one.name: f"assumed: {one.meaning}" for one in assumed}
    found = {}
    for name, figure in costing.figures.items():
        source = figure.source
        if source.startswith("profile"):
            source = guessed.get(name) or _source(name, task, origin, ledger)
        found[name] = msgspec.structs.replace(figure, source=source)
    return found


def price_sources(tasks: Sequence[TaskReport], origin: str) -> list[str]:
    """Sources of all prices that were given or looked up, each once with its day."""
    found: dict[str, None] = {}
    for figures in (task.figures for task in tasks):
        for name, figure in figures.items():
            if figure.unit.startswith("USD") and not figure.source.startswith("assumed"):
                keyed = figure.source.startswith(f"{origin}: ")
                what = "GPU-hours in " if name == "usd_per_gpu_hour" and not keyed else ""
                told = origin if keyed else figure.source
                found[f"{what}{told} ({figure.as_of})"] = None
    return list(found)


def _source(name: str, task: str, origin: str, ledger: Mapping[str, str]) -> str:
    if name in ledger:
        return ledger[name]
    parts = [f"{name}_per_month", "requests_per_month"]
    from_ledger = [ledger[part] for part in parts if name.endswith("_tokens") and part in ledger]
    if from_ledger:
        return from_ledger[0]
    key = _FIGURES.get(name, f"{{task}}.costs.{name}")
    return f"{origin}: {key.format(task=f'tasks.{task}')}"
