"""Word lists written as running text, which is shorter to read than one word a line."""


def word_set(line: str) -> frozenset[str]:
    """The words of a line, parted by spaces."""
    return frozenset(line.split())


def phrase_set(line: str) -> frozenset[str]:
    """The phrases of a line, parted by `; `."""
    return frozenset(line.split("; "))
