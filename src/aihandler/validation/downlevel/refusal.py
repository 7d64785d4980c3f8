"""Why a schema cannot be said in a subset."""


class NotSayable(Exception):
    """Carries the reason; never leaves this package."""


class Empty(NotSayable):
    """A part that no value satisfies: as one of several alternatives it can be left out."""
