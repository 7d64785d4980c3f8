"""`plan = clear + route`: a pure function of configuration, labels and a snapshot of state."""

from collections.abc import Mapping

import msgspec

from aihandler.config.configuration import Configuration
from aihandler.domain.attempt import Candidate, Plan, Snapshot
from aihandler.domain.clearance import Clearance
from aihandler.domain.deployment import Deployment
from aihandler.domain.labels import DataClass, Labels
from aihandler.domain.ports import Pricer
from aihandler.domain.task import EmbeddingOutput, JsonOutput, Task
from aihandler.domain.usage import Usage
from aihandler.policy import clear
from aihandler.routing import Ordering, order

# Without a bound in the task, an answer is taken to be this long when its cost is foreseen.
ASSUMED_OUTPUT_TOKENS = 512
# Characters per token. Low on purpose: a reservation should rather be too large.
CHARACTERS_PER_TOKEN = 3
# Clients name schemas of their own, each a version.
_KEPT = 512


# A key of a gateway may narrow the candidates of a task.
_Known = tuple[str, tuple[str, ...] | None, DataClass]


class Planner:
    """Makes plans for one configuration."""

    def __init__(self, configuration: Configuration, pricer: Pricer) -> None:
        self.configuration = configuration
        self._pricer = pricer
        limits = (d.limits.context_tokens for d in configuration.deployments.values())
        self._smallest_context = min((n for n in limits if n is not None), default=None)
        self._overheads: dict[str, int] = {}
        self._orderings: dict[_Known, tuple[Snapshot, Ordering]] = {}
        self._clearances: dict[_Known, Clearance] = {}

    def plan(
        self,
        task: Task,
        labels: Labels,
        *,
        fields: Mapping[str, str],
        snapshot: Snapshot,
    ) -> Plan:
        """Says where this request may go and in which order it is tried."""
        clearance = self._clearance(task, labels)
        usage = self._usage(task, fields)
        ordering = self._ordering(task, clearance, snapshot, usage)
        return Plan(
            task=task.name,
            labels=labels,
            clearance=clearance,
            candidates=ordering.candidates,
            exclusions=(*clearance.exclusions, *ordering.exclusions),
            order=ordering.order,
        )

    def _clearance(self, task: Task, labels: Labels) -> Clearance:
        # A clearance follows from configuration, task and class alone, so one is made for each.
        known = (task.name, task.candidates, labels.data_class)
        if known not in self._clearances:
            self._clearances[known] = clear(self.configuration, task, labels)
        return self._clearances[known]

    def _ordering(
        self, task: Task, clearance: Clearance, snapshot: Snapshot, usage: Usage
    ) -> Ordering:
        deployments = self.configuration.deployments
        tokens = usage.input + usage.output

        def expected(deployment: Deployment) -> int | None:
            return self._pricer.expected_nano(deployment, usage)

        long = self._smallest_context is not None and tokens > self._smallest_context
        if long or task.candidates is None or task.limits.cost_usd is not None:
            return order(
                task, clearance, deployments, snapshot=snapshot, expected=expected, tokens=tokens
            )
        # A listed order follows from all but the cost of the request, which is put in anew.
        known = (task.name, task.candidates, clearance.data_class)
        seen, ordering = self._orderings.get(known, (None, None))
        if ordering is None or seen is not snapshot:
            ordering = order(task, clearance, deployments, snapshot=snapshot, expected=expected)
            self._orderings[known] = (snapshot, ordering)
            return ordering
        candidates = tuple(
            Candidate(
                c.deployment, expected(deployments[c.deployment]), c.quality, c.reason, c.compared
            )
            for c in ordering.candidates
        )
        return Ordering(candidates, ordering.exclusions, ordering.order)

    def _usage(self, task: Task, fields: Mapping[str, str]) -> Usage:
        if task.version not in self._overheads:
            if len(self._overheads) >= _KEPT:
                self._overheads.clear()
            self._overheads[task.version] = _overhead(task)
        characters = self._overheads[task.version] + sum(len(text) for text in fields.values())
        return Usage(
            input=characters // CHARACTERS_PER_TOKEN + 16,
            output=_most_said(task),
            estimated=True,
        )


def _most_said(task: Task) -> int:
    if isinstance(task.output, EmbeddingOutput):
        return 0
    return task.max_output_tokens or ASSUMED_OUTPUT_TOKENS


def _overhead(task: Task) -> int:
    """Characters that every request of a task has: wording, examples shown, and the schema."""
    prompt = task.prompt.messages if task.prompt else ()
    shots = task.examples.rows[: task.shots]
    schema = msgspec.json.encode(task.output.schema) if isinstance(task.output, JsonOutput) else b""
    return (
        sum(len(m.template) for m in prompt)
        + sum(len(text) for shot in shots for text in shot.fields.values())
        + len(schema)
    )
