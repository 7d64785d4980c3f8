"""Loads `aihandler.yaml`: shape, references, files, code; all mistakes at once."""

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path

import msgspec

from aihandler.config.aliases import build_aliases
from aihandler.config.budgets import build_budgets, build_limits
from aihandler.config.caches import check_caches
from aihandler.config.configuration import Configuration, HealthSettings, LedgerSettings
from aihandler.config.deployments import build_deployment, build_models
from aihandler.config.draft import Draft
from aihandler.config.embeddings import check_embeddings
from aihandler.config.file import VERSION, ConfigFile
from aihandler.config.places import Mistakes, written
from aihandler.config.places import Path as Place
from aihandler.config.policies import (
    build_classes,
    build_gates,
    build_helper,
    build_key,
    build_ledger,
)
from aihandler.config.prices import build_prices
from aihandler.config.shape import find_misshapes, sound_parts
from aihandler.config.tasks import build_task
from aihandler.config.workflows import build_workflow
from aihandler.config.yaml import read_yaml
from aihandler.domain.rules import Policy
from aihandler.domain.task import Json
from aihandler.errors import ConfigError

_SECTIONS = ("models", "deployments", "gates", "keys", "tasks", "workflows", "helpers")


def load(path: Path, *, import_code: bool = True) -> Configuration:
    """Reads a configuration file.

    `import_code` of False imports neither Python types nor functions; their steps then have no
    version, which is good enough to look at the file and not to run it.

    Raises ConfigError with every mistake in it. Reads no secret.
    """
    tree, mistakes = read_yaml(_text(path), file=str(path))
    sound = _sound_parts(tree.data, mistakes)
    # Without its mistakes the rest is sound in shape, and can be built and judged too.
    file = msgspec.convert(sound, ConfigFile)
    names = {section: _names(tree.data, section) for section in _SECTIONS}
    draft = Draft(path.resolve().parent, mistakes, names=names, import_code=import_code)
    configuration = _built(file, draft, _empty(path, draft, tree.lines))
    if len(mistakes):
        raise _error(path, mistakes)
    return configuration


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise ConfigError(
            f"there is no configuration {str(path)!r}",
            hint="`aihandler init` writes one; --config names another",
        ) from None
    except UnicodeDecodeError:
        raise ConfigError(f"{str(path)!r} is not UTF-8 text", hint="save it as UTF-8") from None
    except OSError as error:
        why = error.strerror or "unreadable"
        raise ConfigError(f"{str(path)!r} cannot be read: {why}", hint="check its rights") from None


def _sound_parts(data: Json, mistakes: Mistakes) -> dict[str, Json]:
    """The file without the entries that have a mistake in their shape."""
    if not isinstance(data, dict):
        mistakes.add((), "the file must be a mapping", hint="begin with: version: 1")
        return {"version": VERSION}
    # A section whose entries are all commented out is an empty one.
    filled = {key: value for key, value in data.items() if value is not None}
    wrong = find_misshapes(filled, mistakes)
    return {**_with_whole_numbers(sound_parts(filled, wrong)), "version": VERSION}


def _with_whole_numbers(value: Json) -> Json:
    """5.0 is a whole number to JSON Schema, and becomes one to msgspec too."""
    match value:
        case dict():
            return {key: _with_whole_numbers(item) for key, item in value.items()}
        case list():
            return [_with_whole_numbers(item) for item in value]
        case Decimal() if value == value.to_integral_value():
            return int(value)
    return value


def _names(data: Json, section: str) -> tuple[str, ...]:
    entries = data.get(section) if isinstance(data, dict) else None
    return tuple(entries) if isinstance(entries, Mapping) else ()


def _built(file: ConfigFile, draft: Draft, empty: Configuration) -> Configuration:
    models = build_models(file.models)
    families = {model.family for model in models.values() if model.family}
    tasks = {
        name: build_task(name, keys, families=families, draft=draft)
        for name, keys in file.tasks.items()
    }
    deployments = {
        name: build_deployment(name, keys, models=models, draft=draft)
        for name, keys in file.deployments.items()
    }
    check_embeddings(tasks, deployments, file.tasks, draft)
    ledger = build_ledger(file.ledger, draft)
    check_caches(tasks, ledger, draft)
    return msgspec.structs.replace(
        empty,
        ledger=ledger,
        prices=build_prices(file.prices, draft),
        health=HealthSettings(**msgspec.structs.asdict(file.health)),
        models=models,
        deployments=deployments,
        policy=Policy(
            classes=build_classes(file.policy, draft),
            gates=build_gates(file.gates, draft),
            keys={name: build_key(name, keys, draft) for name, keys in file.keys.items()},
        ),
        tasks=tasks,
        workflows={
            name: build_workflow(name, keys, tasks=tasks, draft=draft)
            for name, keys in file.workflows.items()
        },
        budgets=build_budgets(file.budgets, draft),
        limits=build_limits(file.limits, draft),
        aliases=build_aliases(file.aliases, draft),
        helpers=tuple(build_helper(name, keys, draft) for name, keys in file.helpers.items()),
    )


def _empty(path: Path, draft: Draft, lines: Mapping[Place, int]) -> Configuration:
    return Configuration(
        file=str(path),
        root=str(draft.root),
        ledger=LedgerSettings(""),
        lines={written(place): line for place, line in lines.items()},
    )


def _error(path: Path, mistakes: Mistakes) -> ConfigError:
    found = mistakes.in_order()
    if len(found) == 1:
        return ConfigError(str(found[0]), hint=found[0].hint, mistakes=found)
    return ConfigError(f"{path} has {len(found)} mistakes; the first: {found[0]}", mistakes=found)
