"""Policy, gates, keys, helpers and ledger of the file."""

from collections.abc import Mapping
from importlib.resources import files
from typing import TypeVar

import msgspec

from aihandler.config.configuration import Helper, LedgerSettings
from aihandler.config.draft import Draft
from aihandler.config.file import (
    FilterKeys,
    GateKeys,
    HelperKeys,
    KeyKeys,
    LedgerKeys,
    PolicyKeys,
)
from aihandler.config.places import Path
from aihandler.config.yaml import read_yaml
from aihandler.domain.deployment import Hosting
from aihandler.domain.labels import DataClass
from aihandler.domain.rules import DeploymentFilter, Gate, Key

_Word = TypeVar("_Word", bound=str)


def build_classes(keys: PolicyKeys, draft: Draft) -> dict[DataClass, DeploymentFilter]:
    """One filter for each class that the file names."""
    rows = {data_class: getattr(keys, data_class.value) for data_class in DataClass}
    return {
        data_class: _filter(row, ("policy", data_class.value), draft)
        for data_class, row in rows.items()
        if row is not None
    }


def build_gates(keys: Mapping[str, GateKeys], draft: Draft) -> tuple[Gate, ...]:
    """The shipped gates and the file's own, which replace those of the same name."""
    gates = {**_shipped_gates(), **keys}
    return tuple(_gate(name, gate, draft) for name, gate in gates.items() if gate.enabled)


def build_key(name: str, keys: KeyKeys, draft: Draft) -> Key:
    """Who asks."""
    key = Key(name, DataClass(keys.ceiling), DataClass(keys.floor), keys.tenant)
    if key.ceiling < key.floor:
        draft.wrong(
            ("keys", name),
            f"floor {keys.floor} is above ceiling {keys.ceiling}: every request is refused",
        )
    return key


def build_helper(name: str, keys: HelperKeys, draft: Draft) -> Helper:
    """Something beside the candidates that sees data."""
    path: Path = ("helpers", name)
    draft.must_exist("deployments", keys.deployment, (*path, "deployment"))
    return Helper(name, keys.kind, keys.deployment, _tasks(keys.tasks, path, draft))


def build_ledger(keys: LedgerKeys, draft: Draft) -> LedgerSettings:
    """Where calls are kept."""
    return LedgerSettings(
        path=keys.path,
        keep_content=keys.content,
        retention_days=keys.retention_days,
        encryption_key=draft.secret(keys.encryption_key, ("ledger", "encryption_key")),
    )


def _shipped_gates() -> dict[str, GateKeys]:
    text = files("aihandler.config").joinpath("gates.yaml").read_text(encoding="utf-8")
    tree, _ = read_yaml(text, file="gates.yaml")
    return msgspec.convert(tree.data, dict[str, GateKeys])


def _gate(name: str, keys: GateKeys, draft: Draft) -> Gate:
    path: Path = ("gates", name)
    return Gate(
        name=name,
        require=_filter(keys.require, (*path, "require"), draft),
        customer_facing=keys.customer_facing,
        stakes=_optional(keys.stakes),
        tasks=_tasks(keys.tasks, path, draft),
    )


def _filter(keys: FilterKeys, path: Path, draft: Draft) -> DeploymentFilter:
    hosting = _optional(keys.hosting)
    deployments = _optional(keys.deployments)
    for at, name in enumerate(deployments or ()):
        place = () if isinstance(keys.deployments, str) else (at,)
        draft.must_exist("deployments", name, (*path, "deployments", *place))
    return DeploymentFilter(
        hosting=None if hosting is None else tuple(Hosting(word) for word in hosting),
        region=_optional(keys.region),
        provider=_optional(keys.provider),
        licence=_optional(keys.licence),
        agreements=_optional(keys.agreements),
        deployments=deployments,
        open_weights=keys.open_weights,
    )


def _tasks(names: str | list[str] | None, path: Path, draft: Draft) -> tuple[str, ...] | None:
    tasks = _optional(names)
    for at, task in enumerate(tasks or ()):
        place = () if isinstance(names, str) else (at,)
        draft.must_exist("tasks", task, (*path, "tasks", *place))
    return tasks


def _optional(value: _Word | list[_Word] | None) -> tuple[_Word, ...] | None:
    if value is None:
        return None
    return tuple(value) if isinstance(value, list) else (value,)
