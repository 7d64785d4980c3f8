"""Helps with misspelt words: the nearest allowed one, or all of them."""

from collections.abc import Collection

MAX_LISTED = 12


def did_you_mean(word: str, allowed: Collection[str], *, what: str = "allowed") -> str:
    """A hint for `word`: the nearest of `allowed`, else the whole list when it is short."""
    near = nearest(word, allowed)
    return near or (f"{what}: {listed(allowed)}" if allowed else "")


def nearest(word: str, allowed: Collection[str]) -> str:
    """A hint for `word` when one of `allowed` is like it."""
    from difflib import get_close_matches

    near = get_close_matches(word, allowed, n=1, cutoff=0.6)
    return f"did you mean {near[0]!r}?" if near else ""


def listed(words: Collection[str]) -> str:
    """The words in order, cut when there are many."""
    shown = sorted(words)
    rest = len(shown) - MAX_LISTED
    return ", ".join(shown[:MAX_LISTED]) + (f" and {rest} more" if rest > 0 else "")
