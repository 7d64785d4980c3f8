"""Several claims at once: the more are tried, the more are true by chance."""

from collections.abc import Sequence

__all__ = ["holm"]


def holm(p_values: Sequence[float]) -> tuple[float, ...]:
    """Adjusted p-values in the order given (Holm 1979, Scand. J. Stat. 6:65).

    Whoever claims those at or below 5 % makes any false claim at all in at most 5 % of cases,
    however the tests hang together. Over tasks: give it one p-value of each task.
    """
    adjusted = [0.0] * len(p_values)
    highest = 0.0
    for place, index in enumerate(sorted(range(len(p_values)), key=lambda i: p_values[i])):
        highest = max(highest, min(1.0, (len(p_values) - place) * p_values[index]))
        adjusted[index] = highest
    return tuple(adjusted)
