"""What the `model` of a client's request means here: a task, a deployment or an alias."""

from collections.abc import Mapping
from difflib import get_close_matches

import msgspec

from aihandler.config.configuration import Configuration
from aihandler.domain.conversation import Request
from aihandler.domain.keys import digest_text
from aihandler.domain.task import AskedOutput, EmbeddingOutput, JsonOutput, Task, TextOutput
from aihandler.errors import InputError
from aihandler.gateway.wishes import formed, require_one_answer


class UnknownModel(InputError):
    """A `model` that is no task, no deployment and no alias."""

    code = "unknown_model"
    http_status = 404


class Target(msgspec.Struct, frozen=True):
    """The task that is asked. `own_task` says that the client named one of the configuration."""

    task: Task
    own_task: bool


class Targets:
    """Looks names up. Tasks come first: they say more about a request than a deployment does."""

    def __init__(self, configuration: Configuration, aliases: Mapping[str, str]) -> None:
        self._configuration = configuration
        self._aliases = aliases
        self._plain: dict[str, Task] = {}

    def names(self) -> list[str]:
        """All that `model` may say."""
        known = self._configuration
        return sorted({*known.tasks, *known.deployments, *self._aliases})

    def find(self, model: str, request: Request) -> Target:
        """Raises UnknownModel, which names the nearest, and InputError for a form of answers that
        the task does not give.
        """
        name = self._aliases.get(model, model)
        task = self._configuration.tasks.get(name)
        if task is not None:
            return Target(self._formed(name, task, request), own_task=True)
        if name not in self._configuration.deployments:
            raise self._unknown(model)
        return Target(self._task_of(name, request), own_task=False)

    def asked_by(self, name: str) -> tuple[str, tuple[str, ...]]:
        """The task that one of `names` asks, and who may answer it."""
        name = self._aliases.get(name, name)
        task = self._configuration.tasks.get(name)
        if task is None:
            return f"model/{name}", (name,)
        return name, task.candidates or tuple(self._configuration.deployments)

    def require_kind(self, model: str, target: Target, *, vectors: bool) -> None:
        """Raises UnknownModel where words are asked of a model of vectors, or the reverse."""
        if isinstance(target.task.output, EmbeddingOutput) == vectors:
            return
        made, path = ("text", "/v1/chat/completions") if vectors else ("vectors", "/v1/embeddings")
        raise UnknownModel(f"{model!r} makes {made} (at /model)", hint=f"ask it at {path}")

    def _formed(self, name: str, task: Task, request: Request) -> Task:
        made = formed(task, request)
        if made is task:
            return task
        deployments = self._configuration.deployments
        if all(deployments[one].in_process for one in task.candidates or deployments):
            raise InputError(
                f"the task {name!r} is answered by models of this process alone, which give "
                "no form but its own",
                hint="leave the schema out, or give the task a candidate that takes one",
            )
        return made

    def _task_of(self, deployment: str, request: Request) -> Task:
        # A conversation with one deployment is a task without a prompt and with one candidate.
        if deployment not in self._plain:
            makes = self._configuration.deployments[deployment].serves
            output = EmbeddingOutput() if makes == "embeddings" else TextOutput()
            self._plain[deployment] = Task(
                f"model/{deployment}", "conversation", output, candidates=(deployment,)
            )
        plain = self._plain[deployment]
        if isinstance(plain.output, EmbeddingOutput):
            return _of_length(plain, request)
        if not isinstance(request.output, JsonOutput):
            return plain
        require_one_answer(deployment, request)
        version = digest_text("conversation", request.output.schema)
        asked = AskedOutput(request.output.schema)
        return msgspec.structs.replace(plain, output=asked, version=version)

    def _unknown(self, model: str) -> UnknownModel:
        near = get_close_matches(model, self.names(), n=1)
        meant = f"; did you mean {near[0]!r}?" if near else ""
        return UnknownModel(
            f"there is no model {model!r}{meant} (at /model)",
            hint="`model` names a task, a deployment or an alias: see GET /v1/models",
        )


def _of_length(plain: Task, request: Request) -> Task:
    # How long its vectors are to be is a client's own wish, where no task says it.
    if not isinstance(request.output, EmbeddingOutput) or request.output.dimensions is None:
        return plain
    return msgspec.structs.replace(plain, output=request.output)
