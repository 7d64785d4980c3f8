"""`plan = clear + route`: a pure function of configuration, labels and a snapshot of state."""

from collections.abc import Callable, Mapping

from aihandler.config.configuration import Configuration
from aihandler.domain.attempt import Plan, Snapshot
from aihandler.domain.clearance import Clearance
from aihandler.domain.deployment import Deployment
from aihandler.domain.labels import DataClass, Labels
from aihandler.domain.ports import Pricer
from aihandler.domain.task import Task
from aihandler.domain.usage import Usage
from aihandler.policy import clear
from aihandler.routing import order

# Without a bound in the task, an answer is taken to be this long when its cost is foreseen.
ASSUMED_OUTPUT_TOKENS = 512
# Characters per token. Low on purpose: a reservation should rather be too large.
CHARACTERS_PER_TOKEN = 3


class Planner:
    """Makes plans for one configuration."""

    def __init__(self, configuration: Configuration, pricer: Pricer) -> None:
        self.configuration = configuration
        self._pricer = pricer
        self._clearances: dict[tuple[str, DataClass], Clearance] = {}

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
        ordering = order(
            task,
            clearance,
            self.configuration.deployments,
            snapshot=snapshot,
            expected=self._expected(task, fields),
        )
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
        known = (task.name, labels.data_class)
        if known not in self._clearances:
            self._clearances[known] = clear(self.configuration, task, labels)
        return self._clearances[known]

    def _expected(
        self, task: Task, fields: Mapping[str, str]
    ) -> Callable[[Deployment], int | None]:
        usage = expected_usage(task, fields)
        return lambda deployment: self._pricer.expected_nano(deployment, usage)


def expected_usage(task: Task, fields: Mapping[str, str]) -> Usage:
    """Tokens that one attempt is likely to take: an upper estimate from characters."""
    prompt = task.prompt.messages if task.prompt else ()
    characters = sum(len(m.template) for m in prompt) + sum(len(v) for v in fields.values())
    return Usage(
        input=characters // CHARACTERS_PER_TOKEN + 16,
        output=task.max_output_tokens or ASSUMED_OUTPUT_TOKENS,
        estimated=True,
    )

