"""The fifteen lines of the security checklist (source 000), read against one configuration.

What a profile says of them stands in the same rows: the checklist is told once.
"""

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING

import msgspec

from aihandler.advisor.company import SecurityMeasures
from aihandler.advisor.frameworks.lists import JudgedList
from aihandler.advisor.report import Readiness, ReadinessItem
from aihandler.domain.deployment import Hosting

if TYPE_CHECKING:
    from aihandler.config.configuration import Configuration


class _Line(msgspec.Struct, frozen=True):
    """`when` names a sign of a configuration; `state` and `here` hold with it, `lacking` without.

    A line without `when` is what AI Handler is, whatever is configured.
    """

    id: str
    group: str
    what: str
    state: Readiness
    here: str
    people: str
    when: str = ""
    lacking: str = ""


_LINES = (
    _Line(
        "prompt_filter",
        "input",
        "filter for malicious prompts",
        "open",
        "no filter looks at prompts",
        "put one before the gateway, and try known attacks on it",
    ),
    _Line(
        "user_rate_limit",
        "input",
        "rate limit per user",
        "covered",
        "`limits:` bounds users or keys by the minute",
        "give every person or service a key of its own",
        when="limits",
        lacking="`limits:` names no user and no key",
    ),
    _Line(
        "input_anomalies",
        "input",
        "detection of anomalies",
        "partly",
        "`budgets:` stops what costs more than usual; nothing looks at the texts",
        "look at the calls that a budget stopped",
        when="budgets",
        lacking="no `budgets:`, and nothing looks at the texts",
    ),
    _Line(
        "output_filter",
        "output",
        "filter of content",
        "partly",
        "every task has a schema or labels, and anything else is no answer; texts inside pass",
        "filter what customers see, by rules of your own",
        when="outputs",
        lacking="some task may answer any text, which is not filtered",
    ),
    _Line(
        "redaction",
        "output",
        "redaction of personal data",
        "open",
        "nothing is redacted; `policy:` only says where data may go",
        "redact before a call, or keep such tasks on own machines",
    ),
    _Line(
        "harmful_content",
        "output",
        "detection of harmful content",
        "open",
        "a vendor's refusal is an error of its own; an open model has no such filter",
        "choose and run a model that judges answers",
    ),
    _Line(
        "isolation",
        "infrastructure",
        "isolation of the network",
        "partly",
        "a class goes only where `policy:` allows, else to own machines; one module sends",
        "close the network of the servers but for the gateway",
    ),
    _Line(
        "access",
        "infrastructure",
        "control of access",
        "covered",
        "the gateway asks for a key (but for `--insecure-local`); keys expire and are revoked",
        "decide who gets one, and take it back when somebody leaves",
    ),
    _Line(
        "audit_log",
        "infrastructure",
        "audit log",
        "covered",
        "every attempt is in the ledger, every act of administration in a chain of hashes",
        "run `aihandler audit verify` from a timer, and keep copies elsewhere",
    ),
    _Line(
        "checksums",
        "model",
        "checksums of weights",
        "partly",
        "every own model states a `digest`; it is recorded, not compared with the files",
        "compare the files before a server loads them",
        when="digests",
        lacking="not every own model states a `digest`",
    ),
    _Line(
        "poisoning",
        "model",
        "watch for poisoned models",
        "open",
        "a comparison that is run again shows a drift of quality, not its cause",
        "take weights from their makers only, and repeat `aihandler compare` after each change",
    ),
    _Line(
        "updates",
        "model",
        "updates",
        "partly",
        "`aihandler probe` tells when a server has become another one; it updates nothing",
        "name who follows the advisories for server and model",
    ),
    _Line(
        "abuse_plan",
        "incidents",
        "plan for abuse",
        "open",
        "no software has one",
        "write down who decides, who is told, and within which hours",
    ),
    _Line(
        "alerting",
        "incidents",
        "alerts",
        "partly",
        "the gateway shows its figures at `/metrics`; it calls nobody",
        "write the alerts, and name who gets up",
    ),
    _Line(
        "kill_switch",
        "incidents",
        "kill switch",
        "covered",
        "`aihandler kill` stops a task, model, provider, key or class in every worker",
        "rehearse it",
    ),
)
_NO_FILE = "no configuration was given"


_CHECKLIST = "security_checklist"
_IN_PLACE = "in place, as the profile says"


def readiness(
    configuration: "Configuration | None", measures: SecurityMeasures | None = None
) -> tuple[ReadinessItem, ...]:
    """All fifteen. Without a configuration, what depends on one is open; what `measures` of the
    profile have in place, and AI Handler does not cover, is done by people.
    """
    signs = _signs(configuration) if configuration else MappingProxyType({})
    items = (_item(line, signs, bool(configuration)) for line in _LINES)
    return tuple(_with_people(item, measures or SecurityMeasures()) for item in items)


def told_apart(lists: Sequence[JudgedList]) -> tuple[JudgedList, ...]:
    """The lists without the lines that stand here: two tables of them could differ."""
    here = {line.id for line in _LINES}
    found = []
    for one in lists:
        own = one.items
        if one.id == _CHECKLIST:
            own = tuple(item for item in one.items if item.id not in here)
        if own:
            found.append(msgspec.structs.replace(one, items=own))
    return tuple(found)


def _item(line: _Line, signs: Mapping[str, bool], known: bool) -> ReadinessItem:
    state, here = line.state, line.here
    if line.when and not signs.get(line.when):
        state, here = "open", line.lacking if known else f"{_NO_FILE}; with one: {line.here}"
    return ReadinessItem(line.id, line.group, line.what, state, here, line.people)


def _with_people(item: ReadinessItem, measures: SecurityMeasures) -> ReadinessItem:
    if item.state == "covered" or not getattr(measures, item.id):
        return item
    return msgspec.structs.replace(item, state="people", people=_IN_PLACE)


def _signs(found: "Configuration") -> Mapping[str, bool]:
    # What ships in this process has no files of weights.
    own = [
        d
        for d in found.deployments.values()
        if d.hosting is Hosting.SELF and not d.backend.startswith("builtin/")
    ]
    return {
        "limits": any(limit.scope.startswith(("user:", "key:")) for limit in found.limits),
        "budgets": bool(found.budgets),
        "outputs": bool(found.tasks) and not _any_text(found),
        "digests": bool(own) and all(d.model.digest for d in own),
    }


def _any_text(found: "Configuration") -> bool:
    return any(task.output.__struct_config__.tag == "text" for task in found.tasks.values())


def counted(items: Iterable[ReadinessItem]) -> Mapping[Readiness, int]:
    """How many are covered, partly covered, done by people and open."""
    states = [item.state for item in items]
    return {
        "covered": states.count("covered"),
        "partly": states.count("partly"),
        "people": states.count("people"),
        "open": states.count("open"),
    }
