"""Builds the rooms from a configuration: the one place where they are put together."""

import asyncio
import logging
import random
from collections.abc import Mapping, Sequence

import msgspec

from aihandler.backends.embeddings import embedder_of
from aihandler.backends.formats import codec_of
from aihandler.backends.http_caller import HttpCaller
from aihandler.backends.profiles import load_profiles
from aihandler.backends.transport import Transport
from aihandler.config.configuration import Configuration
from aihandler.config.secrets import resolve
from aihandler.domain.attempt import Snapshot
from aihandler.domain.board import Board
from aihandler.domain.budget import BudgetState, budget_states
from aihandler.domain.deployment import Secret
from aihandler.domain.ports import Caller, Clock, Inspector
from aihandler.domain.scopes import Scopes
from aihandler.domain.task import Example, Examples
from aihandler.engine import Attempts, Engine, Inspection, Planner, Slots, Spending
from aihandler.errors import StorageError
from aihandler.ledger import Archive, Ledger, SpooledLedger, open_ledger
from aihandler.ledger.administration import Administration
from aihandler.ledger.budgets import LeaseStore
from aihandler.ledger.cache import AnswerCache, make_cache
from aihandler.ledger.leases import Leases
from aihandler.routing import Health, RetryBudget
from aihandler.surroundings import (
    SystemClock,
    encryption_key,
    ledger_path,
    prices_of,
    without_key,
)

_log = logging.getLogger(__name__)

# A snapshot is a look at the whole ledger: cheap for a run, not for every request of one.
SNAPSHOT_KEPT_S = 30.0
BUILTIN_BACKENDS = ("builtin/classify", "builtin/extract", "builtin/summarise")


class Rooms:
    """The rooms of one configuration, with one ledger open for writing, in one event loop."""

    def __init__(
        self,
        configuration: Configuration,
        environ: Mapping[str, str],
        clock: SystemClock,
        *,
        ledger: SpooledLedger | None = None,
        inspectors: Sequence[Inspector] = (),
        board: Board | None = None,
    ) -> None:
        self.clock = clock
        self._environ = environ
        self.prices = prices_of(configuration, clock)
        self.ledger: Ledger | SpooledLedger = ledger or open_ledger(
            ledger_path(configuration),
            clock=self.clock,
            keep_content=configuration.ledger.keep_content,
            encryption_key=encryption_key(configuration, environ),
        )
        self.configuration = configuration = with_corrections(configuration, self.ledger)
        self.callers = self._callers(environ)
        self.planner = Planner(configuration, self.prices)
        self._leases = Leases(LeaseStore(self.ledger.path, self.ledger.holder), clock=self.clock)
        self.spending = Spending(
            Scopes(configuration.budgets), self._leases, pricer=self.prices, clock=self.clock
        )
        self.engine = Engine(
            self.planner,
            Attempts(
                self.callers,
                journal=self.ledger.journal,
                pricer=self.prices,
                clock=self.clock,
                spending=self.spending,
                slots=Slots(self.clock, board),
                unavailable=lambda: self.unavailable,
            ),
            journal=self.ledger.journal,
            clock=self.clock,
            random=random.Random().random,  # noqa: S311  # jitter, not a secret
            snapshot=self.snapshot,
            health=Health(
                self.clock,
                configuration.health,
                board=board,
                deployments=configuration.deployments.values(),
            ),
            retry_budget=RetryBudget(self.clock, board=board),
            inspection=Inspection(inspectors) if inspectors else None,
        )

        self.kept = self._kept_answers(environ)
        if self.kept is not None:
            self.engine.keep_answers(self.kept)
        # Listed candidates are tried in their order, whatever the ledger says.
        self._always_listed = all(t.candidates is not None for t in configuration.tasks.values())
        self.unavailable = without_key(configuration, environ)
        self._snapshot = Snapshot(unavailable=self.unavailable)
        self._looked_up = float("-inf")
        self.is_ready = not isinstance(self.ledger, Ledger)

    def _kept_answers(self, environ: Mapping[str, str]) -> AnswerCache | None:
        """Where answers are kept for equal requests; None where no task asks for it, or where it
        cannot be: a call costs more without, and is none the worse.
        """
        known, path = self.configuration, self.ledger.path
        wanted = any(task.cache is not None for task in known.tasks.values())
        if not wanted or not known.ledger.keep_content:
            return None
        try:
            if isinstance(self.ledger, Ledger):
                # Workers find it made.
                make_cache(path, wall=self.clock.wall())
            key = encryption_key(known, environ)
            return AnswerCache(path, clock=self.clock, encryption_key=key)
        except StorageError as error:
            _log.warning("no answers are kept for equal requests: %s", error)
            return None

    def _callers(self, environ: Mapping[str, str]) -> Mapping[str, Caller]:
        transport = transport_of(self.configuration, environ, self.clock)
        profiles = load_profiles()
        probed = self.ledger.queries.probes()
        deployments = self.configuration.deployments.values()
        require_templates(self.configuration)
        http = {
            backend: HttpCaller(
                transport,
                codec=codec_of(backend),
                profiles=profiles,
                probed=probed,
                embedder=embedder_of(backend),
            )
            for backend in sorted({d.backend for d in deployments if not d.in_process})
        }
        return {**self._builtin(), **http}

    def _builtin(self) -> Mapping[str, Caller]:
        if not any(d.in_process for d in self.configuration.deployments.values()):
            return {}
        # Imported where used: numpy is a third of a gateway worker.
        from aihandler.backends.builtin.caller import BuiltinCaller

        folder = ledger_path(self.configuration).parent / "models"
        builtin = BuiltinCaller(self.configuration.tasks, folder, self.clock)
        return dict.fromkeys(BUILTIN_BACKENDS, builtin)

    def snapshot(self) -> Snapshot:
        """What routing may know of the past; looked up anew when it is some seconds old."""
        if self._always_listed:
            return self._snapshot
        now = self.clock.monotonic()
        if now - self._looked_up >= SNAPSHOT_KEPT_S:
            self._looked_up = now
            known = self.ledger.queries.snapshot(self.clock.wall())
            self._snapshot = msgspec.structs.replace(known, unavailable=self.unavailable)
        return self._snapshot

    def set_apart(self, more: Mapping[str, str]) -> None:
        """Takes deployments out, each with the reason, until this is called again."""
        lacking = without_key(self.configuration, self._environ)
        self.unavailable = {**lacking, **more}
        self._snapshot = msgspec.structs.replace(self._snapshot, unavailable=self.unavailable)

    async def ready(self) -> None:
        """Keeps the prices that costs will refer to. Done once, and not by a worker: the process
        that writes its ledger does it."""
        if not self.is_ready and isinstance(self.ledger, Ledger):
            self.is_ready = True
            if self.configuration.ledger.retention_days is not None:
                days = self.configuration.ledger.retention_days
                await asyncio.to_thread(self.ledger.forget_older_than, days)
            await self.ledger.journal.keep_prices(self.prices)

    async def close(self) -> None:
        """Closes sockets, then the ledger: what is in the air is settled first."""
        for caller in {id(c): c for c in self.callers.values()}.values():
            await caller.close()
        await self._leases.close()
        if self.kept is not None:
            self.kept.close()
        self.ledger.close()


def transport_of(
    configuration: Configuration, environ: Mapping[str, str], clock: Clock
) -> Transport:
    """The one door to the configuration's deployments."""

    def read(secret: Secret) -> str:
        return resolve(secret, environ)

    if all(d.credentials is None for d in configuration.deployments.values()):
        return Transport(monotonic=clock.monotonic, secrets=read)
    from aihandler.backends.credentials.sources import Sources, Surroundings

    chance = random.Random().random  # noqa: S311  # jitter, not a secret
    around = Surroundings(environ, read, clock, chance)
    return Transport(
        monotonic=clock.monotonic, secrets=read, credentials=lambda ask: Sources(ask, around)
    )


def with_corrections(configuration: Configuration, ledger: Archive) -> Configuration:
    """Adds what people corrected to the examples of each task that learns from examples.

    A correction keeps the class of its document, and from then on so do the examples.
    """
    tasks = dict(configuration.tasks)
    for name, task in configuration.tasks.items():
        corrections = ledger.queries.examples(name) if task.examples.rows else []
        if corrections:
            rows = tuple(Example(c.fields, c.expected) for c in corrections)
            examples = Examples(
                (*task.examples.rows, *rows),
                max(task.examples.data_class, *(c.data_class for c in corrections)),
                task.examples.source,
            )
            tasks[name] = msgspec.structs.replace(task, examples=examples)
    return msgspec.structs.replace(configuration, tasks=tasks)


def require_templates(configuration: Configuration) -> None:
    """Raises ConfigError for a server of raw completions whose model's template is not known."""
    for deployment in configuration.deployments.values():
        if deployment.backend == "completions":
            from aihandler.backends.completions.templates import require_template

            require_template(deployment)


def budgets_of(
    configuration: Configuration, ledger: Archive | None, clock: Clock
) -> list[BudgetState]:
    """Every budget in its present period: those of the configuration, and those of keys."""
    now = clock.wall()
    if ledger is None:
        return budget_states(configuration.budgets, (), now)
    keys = Administration(ledger.path, clock=clock, who="").keys()
    of_keys = [budget for key in keys if not key.why_not(now) for budget in key.budgets]
    return budget_states((*configuration.budgets, *of_keys), ledger.queries.budgets(now), now)
