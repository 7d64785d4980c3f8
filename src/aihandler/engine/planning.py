"""`plan = clear + route`: a pure function of configuration, labels and a snapshot of state."""

from collections.abc import Mapping

import msgspec

from aihandler.config.configuration import Configuration
from aihandler.domain.attempt import Candidate, Plan, Snapshot
from aihandler.domain.clearance import Clearance
from aihandler.domain.labels import DataClass, Labels
from aihandler.domain.ports import Pricer
from aihandler.domain.task import EmbeddingOutput, JsonOutput, Task
from aihandler.domain.usage import Usage
from aihandler.policy import clear
from aihandler.routing import order

# Without a bound in the task, an answer is taken to be this long when its cost is foreseen.
ASSUMED_OUTPUT_TOKENS = 512
# Characters per token. Low on purpose: a reservation should rather be too large.
CHARACTERS_PER_TOKEN = 3
# Clients name schemas of their own, each a version.
_KEPT = 512


# A key of a gateway may narrow the candidates of a task.
_Known = tuple[str, tuple[str, ...] | None, DataClass]
_NO_COST: Mapping[str, int | None] = {}


class Planner:
    """Makes plans for one configuration."""

    def __init__(self, configuration: Configuration, pricer: Pricer) -> None:
        self.configuration = configuration
        self._pricer = pricer
        limits = (d.limits.context_tokens for d in configuration.deployments.values())
        self._smallest_context = min((n for n in limits if n is not None), default=None)
        self._overheads: dict[str, int] = {}
        self._listed: dict[_Known, tuple[Snapshot, Plan]] = {}
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
        plan = self.route(task, labels, fields=fields, snapshot=snapshot)
        priced = tuple(self.priced(one, task, fields=fields) for one in plan.candidates)
        return msgspec.structs.replace(plan, candidates=priced)

    def route(
        self,
        task: Task,
        labels: Labels,
        *,
        fields: Mapping[str, str],
        snapshot: Snapshot,
    ) -> Plan:
        """The plan, in which only the candidates that are sorted by cost have one: `priced` says
        it of the one that is tried."""
        known = (task.name, task.candidates, labels.data_class)
        if not self._is_listed(task, fields):
            return self._ordered(known, task, labels, fields=fields, snapshot=snapshot)
        seen = self._listed.get(known)
        if seen is None or seen[0] is not snapshot:
            plan = self._ordered(known, task, labels, fields=None, snapshot=snapshot)
            self._listed[known] = snapshot, plan
            return plan
        plan = seen[1]
        # Of the labels a plan looks at the class alone.
        return plan if plan.labels is labels else msgspec.structs.replace(plan, labels=labels)

    def priced(self, candidate: Candidate, task: Task, *, fields: Mapping[str, str]) -> Candidate:
        """A candidate with what this request is expected to cost there."""
        deployment = self.configuration.deployments[candidate.deployment]
        nano = self._pricer.expected_nano(deployment, self._usage(task, fields))
        if nano is None:
            # What answers have cost so far may stand in it.
            return candidate
        return Candidate(
            candidate.deployment, nano, candidate.quality, candidate.reason, candidate.compared
        )

    def _is_listed(self, task: Task, fields: Mapping[str, str]) -> bool:
        """Whether the order follows from all but the size and cost of the request."""
        if task.candidates is None or task.limits.cost_usd is not None:
            return False
        if self._smallest_context is None:
            return True
        usage = self._usage(task, fields)
        return usage.input + usage.output <= self._smallest_context

    def _ordered(
        self,
        known: _Known,
        task: Task,
        labels: Labels,
        *,
        fields: Mapping[str, str] | None,
        snapshot: Snapshot,
    ) -> Plan:
        clearance = self._clearance(known, task, labels)
        tokens, expected = None, _NO_COST
        if fields is not None:
            usage = self._usage(task, fields)
            tokens = usage.input + usage.output
            deployments = self.configuration.deployments.values()
            expected = {d.name: self._pricer.expected_nano(d, usage) for d in deployments}
        ordering = order(
            task,
            clearance,
            self.configuration.deployments,
            snapshot=snapshot,
            expected=expected,
            tokens=tokens,
        )
        return Plan(
            task=task.name,
            labels=labels,
            clearance=clearance,
            candidates=ordering.candidates,
            exclusions=(*clearance.exclusions, *ordering.exclusions),
            order=ordering.order,
        )

    def _clearance(self, known: _Known, task: Task, labels: Labels) -> Clearance:
        # A clearance follows from configuration, task and class alone, so one is made for each.
        if known not in self._clearances:
            self._clearances[known] = clear(self.configuration, task, labels)
        return self._clearances[known]

    def _usage(self, task: Task, fields: Mapping[str, str]) -> Usage:
        if task.version not in self._overheads:
            if len(self._overheads) >= _KEPT:
                self._overheads.clear()
            self._overheads[task.version] = _overhead(task)
        characters = self._overheads[task.version] + sum(map(len, fields.values()))
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
