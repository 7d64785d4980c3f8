"""`order`: which cleared deployments are tried, and which first. Pure and deterministic."""

from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal

import msgspec

from aihandler.domain.attempt import MIN_ANSWERS, Candidate, Compared, Evidence, Snapshot
from aihandler.domain.clearance import Clearance, Exclusion
from aihandler.domain.deployment import Deployment
from aihandler.domain.task import EmbeddingOutput, Task
from aihandler.domain.usage import NANO

__all__ = ["Expected", "Ordering", "evidence", "order"]

# What one attempt is expected to cost, in nano-dollars; None: not known, which is not zero.
Expected = Callable[[Deployment], int | None] | Mapping[str, int | None]


class Ordering(msgspec.Struct, frozen=True):
    """Candidates in the order of attempts, what routing left out, and the order in words."""

    candidates: tuple[Candidate, ...]
    exclusions: tuple[Exclusion, ...] = ()
    order: str = ""


def order(
    task: Task,
    clearance: Clearance,
    deployments: Mapping[str, Deployment],
    *,
    snapshot: Snapshot,
    expected: Expected,
    tokens: int | None = None,
) -> Ordering:
    """Narrows what is cleared to what can serve, and sorts it.

    Named candidates keep their order. `auto` takes those with evidence of quality that meet the
    task's target and latency, cheapest expected cost first; what has no known cost comes last.
    What keeps failing and is not left out stands behind all that is well, whatever the order.
    A latency or cost that is not known excludes nothing. `tokens` is the expected size of the
    whole exchange. What the clearance names as excluded is not named again here.
    """
    scene = _Scene(task, clearance, deployments, snapshot, expected, tokens)
    left: list[_Choice] = []
    exclusions: list[Exclusion] = []
    for name in _pool(task, deployments):
        deployment = deployments.get(name)
        exclusion = _unknown(name) if deployment is None else _excluded(deployment, scene)
        if exclusion is not None:
            exclusions.append(exclusion)
        elif deployment is not None:
            left.append(_choice(deployment, scene))
    told = {e.deployment for e in clearance.exclusions}
    untold = [e for e in exclusions if e.gate != _CLEARANCE or e.deployment not in told]
    if task.candidates is None:
        left.sort(key=_cheapest_first)
    left, set_aside = _without_set_aside(left, snapshot)
    candidates = tuple([_candidate(choice, task, snapshot) for choice in left])
    return Ordering(candidates, (*untold, *set_aside), _in_words(task))


def evidence(task: Task, deployment: Deployment, snapshot: Snapshot) -> Evidence | None:
    """How good a deployment is at a task: compared on labelled data, else measured often enough,
    else declared, else unknown.
    """
    known = _compared(task, deployment, snapshot)
    if known is not None and known.n >= MIN_ANSWERS:
        return Evidence(known.score, known.n, "compared")
    measured = snapshot.quality.get((task.name, deployment.name))
    if measured is not None and measured.enough:
        return measured
    declared = deployment.quality.get(task.name)
    return None if declared is None else Evidence(declared, 0, "declared")


def _compared(task: Task, deployment: Deployment, snapshot: Snapshot) -> Compared | None:
    # What was shown of another prompt or another model says nothing of this one.
    known = snapshot.compared.get((task.name, deployment.name))
    if known is None or known.version != task.version or known.identity != deployment.identity:
        return None
    return known


class _Scene(msgspec.Struct, frozen=True):
    task: Task
    clearance: Clearance
    deployments: Mapping[str, Deployment]
    snapshot: Snapshot
    expected: Expected
    tokens: int | None


class _Choice(msgspec.Struct, frozen=True):
    deployment: Deployment
    expected_nano: int | None
    quality: Evidence | None
    compared: Compared | None = None


_CLEARANCE = "clearance"


def _pool(task: Task, deployments: Mapping[str, Deployment]) -> Iterator[str]:
    # A candidate that is named twice is tried once: the second time would only cost again.
    return iter(dict.fromkeys(deployments if task.candidates is None else task.candidates))


def _unknown(name: str) -> Exclusion:
    return Exclusion(name, "candidates", "no deployment of this name is configured")


def _excluded(deployment: Deployment, scene: _Scene) -> Exclusion | None:
    for gate, objection in _GATES:
        reason = objection(deployment, scene)
        if reason is not None:
            return Exclusion(deployment.name, gate, reason)
    return None


def _not_cleared(deployment: Deployment, scene: _Scene) -> str | None:
    if scene.clearance.permits(deployment):
        return None
    return "is not the deployment that was cleared under this name"


def _serves_another(deployment: Deployment, scene: _Scene) -> str | None:
    wanted = "embeddings" if isinstance(scene.task.output, EmbeddingOutput) else "text"
    if deployment.serves == wanted:
        return None
    return f"serves {deployment.serves}, the task wants {wanted}"


def _not_available(deployment: Deployment, scene: _Scene) -> str | None:
    return scene.snapshot.unavailable.get(deployment.name)


def _too_small(deployment: Deployment, scene: _Scene) -> str | None:
    context = deployment.limits.context_tokens
    if scene.tokens is None or context is None or scene.tokens <= context:
        return None
    return f"about {scene.tokens} tokens are expected, the context holds {context}"


def _too_dear(deployment: Deployment, scene: _Scene) -> str | None:
    limit_usd = scene.task.limits.cost_usd
    expected_nano = _expected_nano(deployment, scene)
    # Through the decimal text: a binary fraction would move a limit by less than a nano-dollar.
    if limit_usd is None or expected_nano is None:
        return None
    if expected_nano <= Decimal(str(limit_usd)) * NANO:
        return None
    return f"expected to cost {_usd(expected_nano)}, the task's limit is ${limit_usd}"


def _not_good_enough(deployment: Deployment, scene: _Scene) -> str | None:
    task = scene.task
    if task.candidates is not None:
        return None
    known = evidence(task, deployment, scene.snapshot)
    if known is None:
        return _no_evidence(deployment, scene)
    if task.quality_target is None or known.rate >= task.quality_target:
        return None
    return f"quality is {_shown(known)}, the target is {task.quality_target:g}"


def _no_evidence(deployment: Deployment, scene: _Scene) -> str:
    task = scene.task.name
    measured = scene.snapshot.quality.get((task, deployment.name))
    n = 0 if measured is None else measured.n
    return f"no evidence of quality at {task!r}: {n} of {MIN_ANSWERS} answers, none declared"


def _too_slow(deployment: Deployment, scene: _Scene) -> str | None:
    limit_s = scene.task.limits.latency_s
    p95_s = scene.snapshot.latency_p95_s.get((scene.task.name, deployment.name))
    if scene.task.candidates is not None or limit_s is None or p95_s is None or p95_s <= limit_s:
        return None
    return f"95 of 100 answers take up to {p95_s:g} s, the task asks for {limit_s:g} s"


_GATES: tuple[tuple[str, Callable[[Deployment, _Scene], str | None]], ...] = (
    (_CLEARANCE, _not_cleared),
    ("serves", _serves_another),
    ("available", _not_available),
    ("context", _too_small),
    ("cost", _too_dear),
    ("quality", _not_good_enough),
    ("latency", _too_slow),
)


def _choice(deployment: Deployment, scene: _Scene) -> _Choice:
    known = evidence(scene.task, deployment, scene.snapshot)
    compared = _compared(scene.task, deployment, scene.snapshot)
    return _Choice(deployment, _expected_nano(deployment, scene), known, compared)


def _expected_nano(deployment: Deployment, scene: _Scene) -> int | None:
    if callable(scene.expected):
        foreseen = scene.expected(deployment)
    else:
        foreseen = scene.expected.get(deployment.name)
    # What an answer has cost on average so far stands in where no price can be foreseen.
    return (
        scene.snapshot.cost_nano.get((scene.task.name, deployment.name))
        if foreseen is None
        else foreseen
    )


def _without_set_aside(
    left: list[_Choice], snapshot: Snapshot
) -> tuple[list[_Choice], tuple[Exclusion, ...]]:
    failing = [choice for choice in left if choice.deployment.name in snapshot.set_aside]
    well = [choice for choice in left if choice.deployment.name not in snapshot.set_aside]
    # When all are set aside, all are tried: one that may fail is better than none. The set that
    # is tried is never more than what was cleared.
    if not well or not failing:
        return left, ()
    out = len(left) * snapshot.max_ejection_percent // 100
    # Those beyond the share stay, as a last resort behind all that are well.
    names = [choice.deployment.name for choice in failing[:out]]
    excluded = tuple(Exclusion(name, "health", snapshot.set_aside[name]) for name in names)
    return [*well, *failing[out:]], excluded


def _cheapest_first(choice: _Choice) -> tuple[bool, bool, int, float, str]:
    # Cheaper is no reason to prefer what a comparison has shown to be worse.
    worse = choice.compared is not None and choice.compared.worse
    cost = choice.expected_nano
    rate = choice.quality.rate if choice.quality else 0.0
    return (worse, cost is None, cost or 0, -rate, choice.deployment.name)


def _candidate(choice: _Choice, task: Task, snapshot: Snapshot) -> Candidate:
    if task.candidates is None:
        cost = "cost not known" if choice.expected_nano is None else _usd(choice.expected_nano)
        reason = f"{cost} expected, quality {_shown(choice.quality)}"
    else:
        place = task.candidates.index(choice.deployment.name) + 1
        reason = f"{place}. of the task's candidates"
    failing = snapshot.set_aside.get(choice.deployment.name)
    if failing is not None:
        reason += f", a last resort: {failing}"
    if choice.compared is not None and choice.compared.worse and task.candidates is None:
        reason += ", shown worse in a comparison"
    return Candidate(
        choice.deployment.name, choice.expected_nano, choice.quality, reason, choice.compared
    )


def _in_words(task: Task) -> str:
    if task.candidates is not None:
        return "as the task names them"
    words = "auto: cheapest expected cost first, among those with evidence of quality"
    if task.quality_target is not None:
        words += f" of at least {task.quality_target:g}"
    if task.limits.latency_s is not None:
        words += f" and 95 of 100 answers within {task.limits.latency_s:g} s"
    return words


def _shown(known: Evidence | None) -> str:
    match known:
        case None:
            return "not known"
        case Evidence(source="declared"):
            return f"{known.rate:.3g} (declared)"
        case Evidence(source="compared"):
            return f"{known.rate:.3g} (compared on {known.n} examples)"
    return f"{known.rate:.3g} ({known.n} answers)"


def _usd(nano: int) -> str:
    return f"${(Decimal(nano) / NANO).normalize():f}"
