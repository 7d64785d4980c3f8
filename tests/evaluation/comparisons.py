"""Comparisons for tests: who answered what, as text."""

from collections.abc import Mapping, Sequence

import numpy as np

from aihandler.domain.labels import DataClass
from aihandler.evaluation.observations import Comparison, Dataset, Item, Observation


def comparison(
    scores: Mapping[str, Sequence[Sequence[float] | None]],
    *,
    clusters: Sequence[str] | None = None,
    tags: Sequence[tuple[str, ...]] | None = None,
    costs: Mapping[str, int | None] | None = None,
    data_class: DataClass = DataClass.INTERNAL,
    text: str = "ticket {}",
) -> Comparison:
    """`scores` has for each deployment the scores of each item's repeats; None: not asked."""
    count = max((len(rows) for rows in scores.values()), default=0)
    items = tuple(
        Item(
            f"t-{i:04d}",
            {"text": text.format(i)},
            "right",
            clusters[i] if clusters else "",
            tags[i] if tags else (),
            data_class,
        )
        for i in range(count)
    )
    seen = [
        Observation(
            items[i].id,
            name,
            repeat,
            "answered",
            {"exact": float(score)},
            "right" if score == 1 else f"wrong at {name}",
            (costs or {}).get(name, 1_000_000),
            100.0 + i,
        )
        for name, rows in scores.items()
        for i, row in enumerate(rows)
        for repeat, score in enumerate(row or ())
    ]
    repeats = max((len(row or ()) for rows in scores.values() for row in rows), default=1)
    return Comparison(
        "cmp-1",
        "triage",
        1_795_000_000.0,
        Dataset("tickets.csv", "9c1f", items),
        tuple(scores),
        "exact",
        ("exact",),
        max(1, repeats),
        tuple(seen),
    )


def once(*scores: float) -> list[tuple[float]]:
    """Each item asked once."""
    return [(score,) for score in scores]


def counted(both: int, only_a: int, only_b: int, neither: int = 0) -> Comparison:
    """Deployments `a` and `b`, with so many items right at both, one or none."""
    a = [1.0] * (both + only_a) + [0.0] * (only_b + neither)
    b = [1.0] * both + [0.0] * only_a + [1.0] * only_b + [0.0] * neither
    return comparison({"a": once(*a), "b": once(*b)})


def drawn(
    random: np.random.Generator, items: int, *, lost: float, won: float, others: int = 1
) -> Comparison:
    """`a` against `others` that lose and win items with these chances, each for itself."""
    base = random.random(items) < 0.6
    names = [f"b{k}" for k in range(others)]
    a = np.full(items, 0.0)
    scores = {name: np.zeros(items) for name in names}
    # One draw for all: an item that is easy is easy for everybody.
    for k, name in enumerate(names):
        draw = random.random(items)
        if k == 0:
            a = np.where(draw < lost, 1.0, np.where(draw < lost + won, 0.0, base))
            scores[name] = np.where(draw < lost, 0.0, np.where(draw < lost + won, 1.0, base))
        else:
            scores[name] = np.where(
                a == 1,
                (random.random(items) >= lost / a.mean()) * 1.0,
                (random.random(items) < won / max(1 - a.mean(), 1e-9)) * 1.0,
            )
    return comparison({"a": once(*a), **{n: once(*map(float, s)) for n, s in scores.items()}})
