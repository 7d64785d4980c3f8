"""Deployments, tasks and clearances to route with."""

from aihandler.config.configuration import Configuration, LedgerSettings
from aihandler.domain.deployment import Deployment, Hosting, Model
from aihandler.domain.labels import DataClass, Labels
from aihandler.domain.rules import DeploymentFilter, Policy
from aihandler.domain.task import Task
from aihandler.policy import clear


def deployment(name, **more):
    return Deployment(name, "openai", Model("m"), Hosting.SELF, urls=(f"http://{name}:1",), **more)


def deployments_named(names):
    return {name: deployment(name) for name in names}


def task(*candidates, auto=False, **more):
    return Task("triage", "v1", candidates=None if auto else candidates, **more)


def expecting(**costs):
    return lambda deployment: costs.get(deployment.name)


def cleared(*deployments, exclusions=()):
    """A clearance for exactly these, made the way every clearance is made."""
    excluded = [deployment(e.deployment) for e in exclusions]
    admitted = tuple(d.name for d in deployments)
    rule = DeploymentFilter(deployments=admitted)
    configuration = Configuration(
        file="",
        root="",
        ledger=LedgerSettings(""),
        deployments={d.name: d for d in (*deployments, *excluded)},
        policy=Policy(classes=dict.fromkeys(DataClass, rule)),
    )
    return clear(configuration, task(), Labels())


class FakeClock:
    """Time that a test moves."""

    def __init__(self):
        self.now = 1000.0

    def monotonic(self):
        return self.now

    def wall(self):
        return self.now

    async def sleep(self, seconds):
        self.now += seconds
