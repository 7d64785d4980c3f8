"""Observations as a table: what each deployment gave for each item."""

from collections.abc import Hashable, Mapping, Sequence
from statistics import fmean

import msgspec

from aihandler.evaluation.observations import Comparison, Observation

__all__ = ["Cells", "answer_of", "cells", "clusters_of", "score_of"]

# Item id to its observations by repeat; an item without any has no row.
Cells = Mapping[str, Sequence[Observation]]


def cells(comparison: Comparison) -> dict[str, Cells]:
    """The table of each deployment, in the order of the data's items.

    Observations of items or deployments that the comparison does not name are left out.
    """
    found: dict[str, dict[str, list[Observation]]] = {
        name: {item.id: [] for item in comparison.dataset.items} for name in comparison.deployments
    }
    for seen in comparison.observations:
        row = found.get(seen.deployment, {}).get(seen.item)
        if row is not None:
            row.append(seen)
    return {
        name: {item: sorted(row, key=_repeat) for item, row in rows.items() if row}
        for name, rows in found.items()
    }


def score_of(row: Sequence[Observation], scorer: str) -> float:
    """The mean score of an item over its repeats, between 0 and 1.

    What the scorer gave no number scores 0: it did not come, or was not valid.
    """
    return fmean(min(1.0, max(0.0, seen.scores.get(scorer, 0.0))) for seen in row)


def clusters_of(comparison: Comparison) -> dict[str, str]:
    """The cluster of each item by its id; an item without one is its own."""
    # The first character keeps a cluster's name from meeting an item's.
    return {
        item.id: f"c{item.cluster}" if item.cluster else f"i{item.id}"
        for item in comparison.dataset.items
    }


def answer_of(seen: Observation) -> Hashable:
    """What two answers are compared by: equal JSON, or equal ways of not answering."""
    if seen.outcome != "answered":
        return (seen.outcome,)
    return msgspec.json.encode(seen.answer, order="sorted")


def _repeat(seen: Observation) -> int:
    return seen.repeat
