"""The names of questions: equal names mean that one answer is right for both who ask."""

import msgspec

from aihandler.backends.wire_objects import GIVEN
from aihandler.config.configuration import Configuration
from aihandler.domain.attempt import Plan
from aihandler.domain.clearance import Clearance
from aihandler.domain.conversation import Request, sampling_of
from aihandler.domain.deployment import Deployment
from aihandler.domain.keys import digest_text, wide_digest
from aihandler.domain.task import Task
from aihandler.engine.call import Call

# Who a client's user is, how its provider is to route, and whether the answer comes in pieces:
# what is answered depends on none of it.
_ASIDE = frozenset(
    {"user", "metadata", "safety_identifier", "prompt_cache_key", "stream", "stream_options"}
)
# What a request names that lies elsewhere and may have changed since, or is answered elsewhere.
_ELSEWHERE = ("conversation", "previous_response_id", "background", "container", "mcp_servers")

# Clients name schemas of their own, each a version.
_KEPT = 512


class Questions:
    """Names the questions of one configuration."""

    def __init__(self, configuration: Configuration) -> None:
        self._deployments = configuration.deployments
        self._routes: dict[tuple[object, ...], tuple[Task, str]] = {}

    def name(self, call: Call, plan: Plan) -> bytes:
        """A digest of all that the answer depends on; empty when it depends on more than that."""
        asked, beside = call.asked, call.beside
        if not all(_says_all(said) for said in (asked, beside) if said is not None):
            return b""
        try:
            return wide_digest(
                "answer",
                whose(call),
                plan.labels.data_class.value,
                plan.clearance.fingerprint,
                self._route(call.task, plan.clearance),
                () if asked is None else _canonical(asked),
                call.messages,
                sorted(call.fields.items()),
                call.source,
                call.sample,
                *(() if beside is None else _beside(beside, call.task)),
            )
        except (ValueError, TypeError, OverflowError):
            # Text that cannot be written as UTF-8 has no name.
            return b""

    def _route(self, task: Task, clearance: Clearance) -> str:
        # A key of a gateway may narrow the candidates, a client's schema the output.
        known = (task.name, task.version, task.candidates, clearance.fingerprint)
        made_for, told = self._routes.get(known, (None, ""))
        if made_for is not task and made_for != task:
            told = route_digest(task, self._admitted(task, clearance))
            if len(self._routes) >= _KEPT:
                self._routes.clear()
            self._routes[known] = (task, told)
        return told

    def _admitted(self, task: Task, clearance: Clearance) -> list[Deployment]:
        listed = self._deployments if task.candidates is None else task.candidates
        return [self._deployments[name] for name in listed if name in clearance.allowed]


def whose(call: Call) -> tuple[str, ...]:
    """Who shares an answer: a key's tenant, and in it the team and project, else the key alone."""
    tags = call.tags
    team, project = tags.get("team", ""), tags.get("project", "")
    if team or project:
        return (call.labels.tenant, "team", team, project)
    return (call.labels.tenant, "key", tags.get("key", ""))


def route_digest(task: Task, admitted: list[Deployment]) -> str:
    """Names what is asked and who may answer it. Deployments count with all that makes answers."""
    # How long an answer is kept, and who waits for whom, changes none.
    told = msgspec.structs.replace(task, cache=None, priority="interactive")
    return digest_text("route", told, [_makes(deployment) for deployment in admitted])


def _makes(deployment: Deployment) -> tuple[object, ...]:
    return (
        deployment.name,
        deployment.identity,
        deployment.model,
        deployment.profile,
        deployment.chat_template,
        deployment.serves,
        deployment.examples_per_label,
        deployment.quality,
    )


def _beside(said: Request, task: Task) -> tuple[object, ...]:
    """What a client says beside a task's input; nothing where the task says the same."""
    extra = {name: value for name, value in said.extra.items() if name not in _ASIDE}
    told = (said.thinking, said.logprobs, said.sampling)
    if not extra and told == (None, None, sampling_of(task)):
        return ()
    # Only fields without a word of ours differ by the format in which they stand.
    origin = said.origin if extra else ""
    return ("beside", origin, said.sampling, said.thinking, said.logprobs, extra)


def _canonical(asked: Request) -> tuple[object, ...]:
    extra = {name: value for name, value in asked.extra.items() if name not in _ASIDE}
    if isinstance(given := extra.pop(GIVEN, None), dict):
        # Fields that are there and say nothing: how it was written, `stream: false` among them.
        extra |= {f"{GIVEN} {name}": value for name, value in given.items() if name not in _ASIDE}
    return (
        asked.origin,
        asked.output,
        asked.sampling,
        asked.tools,
        asked.tool_choice,
        asked.thinking,
        asked.logprobs,
        extra,
    )


def _says_all(asked: Request) -> bool:
    if asked.extra.get("n") not in (None, 1):
        # Of several answers one alone is judged.
        return False
    return not any(asked.extra.get(name) for name in _ELSEWHERE)
