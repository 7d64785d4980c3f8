"""Whether a model fits into the memory of some GPUs, and what is left for its cache."""

import math
from fractions import Fraction

import msgspec

from aihandler.advisor.economics.reference import BYTES_PER_WEIGHT, Gpu, Shape

# Servers keep about a tenth of the memory for activations and for themselves (vLLM's default).
USABLE = Fraction(9, 10)


class Fit(msgspec.Struct, frozen=True):
    """Bytes on all GPUs together. `least_gpus` is how many hold the weights and one request.

    `requests` is how many requests of the asked length have room at once; None where the size of
    the cache is not known.
    """

    weight_bytes: int
    usable_bytes: int
    left_bytes: int
    fits: bool
    least_gpus: int
    requests: int | None


def fit(shape: Shape, gpu: Gpu, *, precision: str, gpus: int = 1, tokens: int = 0) -> Fit:
    """Weights at a precision against `gpus` GPUs; `tokens` is the length of a request in all."""
    weights = shape.weight_bytes(precision)
    usable_of_one = gpu.memory_bytes * USABLE
    usable = usable_of_one * gpus
    a_token = shape.cache_bytes_per_token()
    a_request = (a_token or 0) * tokens
    left = usable - weights
    return Fit(
        weight_bytes=int(weights),
        usable_bytes=int(usable),
        left_bytes=int(left),
        fits=left >= a_request,
        least_gpus=math.ceil((weights + a_request) / usable_of_one),
        requests=_room(left, a_request) if a_token else None,
    )


def fitting(shape: Shape, gpu: Gpu, *, gpus: int = 1) -> tuple[str, ...]:
    """The precisions at which the weights fit, widest first."""
    return tuple(
        name for name in BYTES_PER_WEIGHT if fit(shape, gpu, precision=name, gpus=gpus).fits
    )


def _room(left: Fraction, a_request: int) -> int | None:
    if left <= 0:
        return 0
    return int(left // a_request) if a_request else None
