"""No configuration and no sequence of failures lets data out of its clearance."""

import asyncio
from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from aihandler.config.configuration import Configuration, LedgerSettings
from aihandler.domain.answer import Reply
from aihandler.domain.attempt import Snapshot
from aihandler.domain.conversation import Text
from aihandler.domain.deployment import Deployment, Hosting, Model
from aihandler.domain.labels import DataClass
from aihandler.domain.rules import DeploymentFilter, Gate, Policy
from aihandler.domain.task import Default, TextOutput
from aihandler.engine import Attempts, Engine, Planner
from aihandler.errors import (
    AIHandlerError,
    BackendRejected,
    BackendUnavailable,
    ContentRefused,
)
from aihandler.handler import Handler
from aihandler.ledger import Prices
from aihandler.routing import Health, RetryBudget
from aihandler.testing import FakeCaller, FakeClock, FakeServer, MemoryJournal
from engine.bench_of_fakes import call, task

REGIONS = ("", "eu", "eu-west", "us")
MARKER = "MARKER-7f3a9c1e"

filters = st.builds(
    DeploymentFilter,
    hosting=st.none() | st.lists(st.sampled_from(Hosting), max_size=3).map(tuple),
    region=st.none() | st.lists(st.sampled_from(REGIONS[1:]), max_size=2).map(tuple),
    agreements=st.none() | st.just(("no_training",)),
)
outcomes = st.sampled_from(["ok", "", "down", "silent", "rejected", "refused", "cut", "unsure"])


@st.composite
def deployments(draw: st.DrawFn) -> list[Deployment]:
    return [
        Deployment(
            f"d{n}",
            f"d{n}",
            Model(f"m{n}"),
            draw(st.sampled_from(Hosting)),
            draw(st.sampled_from(REGIONS)),
            agreements=frozenset(draw(st.sets(st.just("no_training")))),
        )
        for n in range(draw(st.integers(1, 5)))
    ]


policies = st.builds(
    Policy,
    classes=st.dictionaries(st.sampled_from(DataClass), filters),
    gates=st.lists(st.builds(Gate, name=st.just("gate"), require=filters), max_size=2).map(tuple),
)


def says(word: str, name: str) -> Reply | AIHandlerError:
    match word:
        case "down":
            return BackendUnavailable("down", deployment=name, status=503)
        case "silent":
            return BackendUnavailable("silent", deployment=name)
        case "rejected":
            return BackendRejected("no", deployment=name, status=400)
        case "refused":
            return ContentRefused("no", deployment=name)
        case "cut":
            return Reply((Text("half"),), "length")
        case "unsure":
            return Reply((Text("x"),), "stop", confidence=0.1)
        case text:
            return Reply((Text(text),), "stop")


def may_reach(policy: Policy, where: Deployment, data_class: DataClass) -> bool:
    """The rules read by brute force, without any code of the policy room."""
    lower = [c for c in DataClass if c.rank <= data_class.rank]
    only_self = DeploymentFilter(hosting=(Hosting.SELF,))
    rules = [policy.classes.get(c, only_self) for c in lower]
    rules += [gate.require for gate in policy.gates]
    return all(rule.objection(where) is None for rule in rules)


@given(
    deployments(),
    policies,
    st.sampled_from(DataClass),
    st.lists(outcomes, min_size=12, max_size=12),
)
@settings(max_examples=150, deadline=None)
def test_no_sequence_of_failures_opens_a_door(
    known: list[Deployment], policy: Policy, data_class: DataClass, words: Sequence[str]
) -> None:
    said = iter([*words, *["ok"] * 40])
    callers = {d.name: FakeCaller(lambda _, where: says(next(said), where.name)) for d in known}
    configuration = Configuration(
        file="",
        root=".",
        ledger=LedgerSettings(""),
        deployments={d.name: d for d in known},
        policy=policy,
    )
    clock, journal = FakeClock(), MemoryJournal()
    prices = Prices(known)
    engine = Engine(
        Planner(configuration, prices),
        Attempts(callers, journal=journal, pricer=prices, clock=clock),
        journal=journal,
        clock=clock,
        random=lambda: 0.5,
        snapshot=Snapshot,
        health=Health(clock),
        retry_budget=RetryBudget(clock),
    )
    asked = task(
        output=TextOutput(),
        candidates=tuple(d.name for d in known),
        min_confidence=0.5,
        otherwise=Default("nothing"),
    )
    for number in range(3):
        asyncio.run(engine.run(call(asked, data_class=data_class, sample=number)))
    reached = {name for name, caller in callers.items() if caller.calls}
    assert reached <= {d.name for d in known if may_reach(policy, d, data_class)}


CONFIGURATION = """
version: 1
deployments:
  own: {{backend: openai, model: m, url: "{own}/v1", hosting: self}}
  vendor: {{backend: openai, model: m, url: "{vendor}/v1", hosting: vendor}}
policy:
  public: {{hosting: [self, vendor]}}
  internal: {{hosting: [self, vendor]}}
  confidential: {{hosting: [self, vendor]}}
  restricted: {{hosting: self}}
tasks:
  note: {{output: {{label: [a, b]}}, candidates: [own, vendor], otherwise: review}}
  echo: {{output: {{text: true}}, candidates: [vendor, own], otherwise: review}}
workflows:
  job:
    steps:
      - note
      - echo
      - {{task: echo, name: again, reads: {{text: echo}}}}
"""


def test_no_byte_of_a_restricted_document_reaches_a_vendor(tmp_path) -> None:  # type: ignore[no-untyped-def]
    async def run() -> None:
        async with FakeServer("neither") as own, FakeServer("b") as vendor:
            file = tmp_path / "aihandler.yaml"
            file.write_text(CONFIGURATION.format(own=own.url, vendor=vendor.url))
            secret = f"Class: restricted\nThe diagnosis is {MARKER}."
            (tmp_path / "in").mkdir()
            (tmp_path / "in" / "secret.txt").write_text(secret)
            (tmp_path / "in" / "plain.txt").write_text("Class: public\nThe weather is fine.")
            async with Handler.load(file) as handler:
                results = [r async for r in handler.map("job", tmp_path / "in")]
            assert len(results) == 2
            assert MARKER.encode() in bytes(own.received)
            assert MARKER.encode() not in bytes(vendor.received)
            assert b"weather" in bytes(vendor.received)

    asyncio.run(run())
