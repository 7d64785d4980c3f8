"""What tasks and deployments must agree on where texts become vectors."""

from collections.abc import Iterator, Mapping

from aihandler.config.draft import Draft
from aihandler.config.file import TaskKeys
from aihandler.config.places import Path
from aihandler.domain.deployment import Deployment, Model
from aihandler.domain.task import EmbeddingOutput, Task

_MEANINGLESS: Mapping[str, str] = {
    "examples": "a model of vectors is shown no examples",
    "shots": "a model of vectors is shown no examples",
    "variants": "vectors of differently worded texts cannot be compared",
    "confidence": "a vector has no confidence",
    "streaming": "a vector comes whole",
}


def check_embeddings(
    tasks: Mapping[str, Task],
    deployments: Mapping[str, Deployment],
    keys: Mapping[str, TaskKeys],
    draft: Draft,
) -> None:
    """Notes every task whose deployments make something else than it wants."""
    for name, task in tasks.items():
        path: Path = ("tasks", name)
        wanted = "embeddings" if isinstance(task.output, EmbeddingOutput) else "text"
        for candidate in task.candidates or ():
            deployment = deployments.get(candidate)
            if deployment is not None and deployment.serves != wanted:
                draft.wrong(
                    (*path, "candidates"),
                    f"{candidate!r} serves {deployment.serves}, and {name!r} wants {wanted}",
                    hint="a deployment of an embedding model says `serves: embeddings`",
                )
        if wanted == "embeddings":
            _check_task(task, keys[name], path, draft)
            _check_models(task, deployments, path, draft)


def _check_task(task: Task, keys: TaskKeys, path: Path, draft: Draft) -> None:
    for key, why in _MEANINGLESS.items():
        if getattr(keys, key):
            draft.wrong((*path, key), why, hint=f"leave `{key}` out")
    if task.otherwise == "review":
        draft.wrong((*path, "otherwise"), "nobody can write a vector", hint="otherwise: error")
    if task.prompt is not None and len(task.prompt.messages) != 1:
        hint = "one message, such as: prompt: 'query: {{ text }}'"
        draft.wrong((*path, "prompt"), "a vector is made of one text", hint=hint)


def _check_models(
    task: Task, deployments: Mapping[str, Deployment], path: Path, draft: Draft
) -> None:
    models = dict(_models(task, deployments))
    if not models and task.candidates is None:
        hint = "a deployment of an embedding model says `serves: embeddings`"
        draft.wrong(path, f"no deployment serves embeddings, which {task.name!r} wants", hint=hint)
    if len({model.digest or model.name for model in models.values()}) > 1:
        named = ", ".join(f"{name} ({model.name})" for name, model in models.items())
        draft.wrong(
            (*path, "candidates"),
            f"vectors of different models cannot be compared: {named}",
            hint="name deployments of one model; equal weights have the same `digest` in `models`",
        )


def _models(task: Task, deployments: Mapping[str, Deployment]) -> Iterator[tuple[str, Model]]:
    for name, deployment in deployments.items():
        named = task.candidates is None or name in task.candidates
        if named and deployment.serves == "embeddings":
            yield name, deployment.model
