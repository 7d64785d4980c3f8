"""Judges vectors: one for each text, of the length that was asked for, of real numbers."""

import math
from collections.abc import Sequence

from aihandler.domain.task import EmbeddingOutput, Json
from aihandler.validation.verdict import Verdict, accepted, rejected


def judge_vectors(
    vectors: Sequence[Sequence[float]], output: EmbeddingOutput, *, texts: int
) -> Verdict:
    """The value is one vector for one text, a list of vectors for several.

    A vector of nothing but zeros points nowhere: servers send it for a text that they could not
    read, and it would be near everything.
    """
    if len(vectors) != texts:
        return rejected(f"has {len(vectors)} vectors for {texts} texts")
    if len({len(vector) for vector in vectors}) > 1:
        return rejected("has vectors of different lengths")
    for place, vector in enumerate(vectors):
        problem = _problem(vector, output.dimensions)
        if problem:
            return rejected(f"vector {place} {problem}")
    value: Json = [list(vector) for vector in vectors]
    return accepted(value[0] if texts == 1 else value)


def _problem(vector: Sequence[float], dimensions: int | None) -> str:
    if not vector:
        return "is empty"
    if dimensions is not None and len(vector) != dimensions:
        return f"has {len(vector)} numbers, {dimensions} were asked for"
    if not all(map(math.isfinite, vector)):
        return "has a number that is not finite"
    return "" if any(vector) else "is nothing but zeros"
