"""Tasks of the file."""

from collections.abc import Collection
from typing import Literal

import msgspec

from aihandler.config.draft import Draft, as_json, listed_texts
from aihandler.config.examples import build_examples
from aihandler.config.file import DefaultKeys, TaskKeys
from aihandler.config.outputs import build_output, value_problem
from aihandler.config.places import Path
from aihandler.config.prompts import build_prompt, default_prompt
from aihandler.config.words import did_you_mean
from aihandler.domain.keys import digest_text
from aihandler.domain.labels import DataClass
from aihandler.domain.task import (
    CacheSettings,
    Default,
    Examples,
    JsonOutput,
    Output,
    Prompt,
    Task,
    TaskLimits,
)

AUTO = "auto"


def build_task(name: str, keys: TaskKeys, *, families: Collection[str], draft: Draft) -> Task:
    """One task; what is wrong with it is noted in the draft."""
    path: Path = ("tasks", name)
    fields = listed_texts(keys.input)
    _refuse_twice(fields, (*path, "input"), draft)
    output = build_output(keys.output, (*path, "output"), draft)
    task = Task(
        name=name,
        version="",
        output=output,
        prompt=_prompt(keys, output, path, draft),
        variants=_variants(keys, families, path, draft),
        fields=fields,
        data_class=DataClass(keys.data_class),
        customer_facing=keys.customer_facing,
        stakes=keys.stakes,
        candidates=_candidates(keys, (*path, "candidates"), draft),
        otherwise=_otherwise(keys, output, (*path, "otherwise"), draft),
        examples=_examples(keys, output, path, draft),
        shots=keys.shots,
        min_confidence=keys.confidence,
        quality_target=keys.quality,
        max_output_tokens=keys.max_output_tokens,
        temperature=keys.temperature,
        streaming=keys.streaming or "",
        priority=keys.priority,
        durability=keys.durability,
        limits=TaskLimits(**msgspec.structs.asdict(keys.limits)),
        cache=None if keys.cache is None else CacheSettings(**msgspec.structs.asdict(keys.cache)),
    )
    return msgspec.structs.replace(task, version=task_version(task))


def task_version(task: Task) -> str:
    """Names all that decides what a right answer is; part of every work and attempt key."""
    shown = task.examples.rows[: task.shots]
    python_type = task.output.python_type if isinstance(task.output, JsonOutput) else ""
    wording = (task.prompt, sorted(task.variants.items()), shown)
    return digest_text("task", wording, task.output, python_type, task.fields)


def _prompt(keys: TaskKeys, output: Output, path: Path, draft: Draft) -> Prompt:
    fields = listed_texts(keys.input)
    if keys.prompt is None:
        return default_prompt(output, fields)
    return build_prompt(keys.prompt, fields=fields, path=(*path, "prompt"), draft=draft)


def _variants(
    keys: TaskKeys, families: Collection[str], path: Path, draft: Draft
) -> dict[str, Prompt]:
    variants: dict[str, Prompt] = {}
    for family, prompt in keys.variants.items():
        place = (*path, "variants", family)
        if family not in families:
            hint = did_you_mean(family, families, what="families")
            hint = hint or f"say `family: {family}` at a model under `models`"
            draft.wrong(place, f"no model is of family {family!r}", hint=hint)
        fields = listed_texts(keys.input)
        variants[family] = build_prompt(prompt, fields=fields, path=place, draft=draft)
    return variants


def _examples(keys: TaskKeys, output: Output, path: Path, draft: Draft) -> Examples:
    if keys.shots and keys.examples is None:
        draft.wrong((*path, "shots"), f"shots is {keys.shots}, and there are no examples")
    return build_examples(
        keys.examples,
        fields=listed_texts(keys.input),
        output=output,
        path=(*path, "examples"),
        draft=draft,
    )


def _candidates(keys: TaskKeys, path: Path, draft: Draft) -> tuple[str, ...] | None:
    names = listed_texts(keys.candidates)
    if names == (AUTO,):
        return None
    _refuse_twice(names, path, draft)
    for at, name in enumerate(names):
        place = path if isinstance(keys.candidates, str) else (*path, at)
        if name == AUTO and name not in draft.names["deployments"]:
            draft.wrong(place, "`auto` stands alone", hint="candidates: auto")
        else:
            draft.must_exist("deployments", name, place)
    return names


def _otherwise(
    keys: TaskKeys, output: Output, path: Path, draft: Draft
) -> Literal["review", "error"] | Default:
    if not isinstance(keys.otherwise, DefaultKeys):
        return keys.otherwise
    value = as_json(keys.otherwise.default)
    problem = value_problem(value, output)
    if problem:
        draft.wrong((*path, "default"), f"the default {problem}")
    return Default(value)


def _refuse_twice(names: tuple[str, ...], path: Path, draft: Draft) -> None:
    for name in sorted({name for name in names if names.count(name) > 1}):
        draft.wrong(path, f"{name!r} stands twice")
