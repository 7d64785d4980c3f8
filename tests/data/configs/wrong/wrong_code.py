"""Code that wrong configurations name."""

NUMBER = 3


class Opaque:
    """Not a type that has a schema."""

    def __init__(self, value: complex) -> None:
        self.value = value


def enrich(document, results):
    return {}
