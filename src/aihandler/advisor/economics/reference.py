"""Reads what ships with the advisor: measured points, GPUs, their prices, shapes of models."""

import csv
import gzip
import importlib.resources
import io
from collections.abc import Iterator
from fractions import Fraction

import msgspec

from aihandler.errors import InputError

POINTS_SOURCE = "aiconfigurator-core 0.12.0, silicon_sample.csv, 3,592 of 5,221 measured points"
POINTS_AS_OF = "2026-04-27"
# What one weight takes. Scales and zero points of the narrow formats come on top.
BYTES_PER_WEIGHT = {
    "bf16": Fraction(2),
    "fp8": Fraction(1),
    "int8": Fraction(1),
    "fp4": Fraction(1, 2),
    "int4": Fraction(1, 2),
}


class Point(msgspec.Struct, frozen=True, gc=False):
    """One measured point: so many requests at once, and what each of them then waited for."""

    model: str
    gpu: str
    precision: str
    server: str
    version: str
    input_tokens: int
    output_tokens: int
    concurrency: int
    gpus: int
    layout: str
    ttft_ms: float
    tpot_ms: float
    measured: str

    @property
    def latency_s(self) -> float:
        """From the request to its last token."""
        return (self.ttft_ms + self.tpot_ms * (self.output_tokens - 1)) / 1000

    @property
    def requests_per_s(self) -> float:
        """Of the whole replica, by Little's law from the latency end to end."""
        return self.concurrency / self.latency_s


class Gpu(msgspec.Struct, frozen=True):
    """What one GPU, or one machine with memory shared by all, has."""

    name: str
    memory_bytes: int
    bandwidth_bytes_s: float
    bf16_flops: float
    fp8_flops: float | None
    fp4_flops: float | None
    power_w: float
    source: str

    def flops(self, precision: str) -> float:
        """Arithmetic at a precision; what it has no units for runs in the next wider ones."""
        by_precision = {"fp8": self.fp8_flops, "fp4": self.fp4_flops or self.fp8_flops}
        return by_precision.get(precision) or self.bf16_flops


class GpuPrice(msgspec.Struct, frozen=True):
    """What a provider asks for `count` GPUs together, US dollars an hour."""

    gpu: str
    provider: str
    region: str
    count: int
    usd_per_hour: float
    spot_usd_per_hour: float | None
    as_of: str
    source: str

    @property
    def usd_per_gpu_hour(self) -> float:
        """Of one of them."""
        return self.usd_per_hour / self.count


class Shape(msgspec.Struct, frozen=True):
    """The size of a model. `kv_heads` is None where the cache is not of the usual kind."""

    model: str
    parameters: int
    active_parameters: int
    layers: int | None
    kv_heads: int | None
    head_size: int | None
    measured_as: str = ""

    def weight_bytes(self, precision: str) -> Fraction:
        """Memory of the weights, without scales."""
        if precision not in BYTES_PER_WEIGHT:
            raise InputError(
                f"{precision!r} is not a known precision of weights",
                hint=f"use one of {', '.join(BYTES_PER_WEIGHT)}",
            )
        return self.parameters * BYTES_PER_WEIGHT[precision]

    def cache_bytes_per_token(self) -> int | None:
        """Keys and values of one token at 16 bits; None where that is not known."""
        if self.layers is None or self.kv_heads is None or self.head_size is None:
            return None
        return 2 * self.layers * self.kv_heads * self.head_size * 2


class Shelf(msgspec.Struct, frozen=True):
    """All that ships, read once for many questions."""

    points: tuple[Point, ...]
    gpus: dict[str, Gpu]
    prices: tuple[GpuPrice, ...]
    shapes: dict[str, Shape]

    def shape(self, model: str) -> Shape | None:
        """By our short name, or by the name in the points."""
        by_points = (shape for shape in self.shapes.values() if shape.measured_as == model)
        return self.shapes.get(model) or next(by_points, None)


def shelf() -> Shelf:
    """Reads all of it."""
    return Shelf(serving_points(), gpus(), gpu_prices(), shapes())


def serving_points() -> tuple[Point, ...]:
    """All measured points."""
    text = gzip.decompress(_data("serving_points.csv.gz")).decode()
    return msgspec.convert(list(_rows(text)), tuple[Point, ...], strict=False)


def gpus() -> dict[str, Gpu]:
    """GPUs by name."""
    rows = ({"name": row.pop("gpu"), **row} for row in _rows(_data("gpus.csv").decode()))
    known = msgspec.convert([_blank_as_none(row) for row in rows], list[Gpu], strict=False)
    return {gpu.name: gpu for gpu in known}


def gpu_prices() -> tuple[GpuPrice, ...]:
    """A sample of prices, not a price list: a user's own quote comes first."""
    rows = [_blank_as_none(row) for row in _rows(_data("gpu_prices.csv").decode())]
    return msgspec.convert(rows, tuple[GpuPrice, ...], strict=False)


def shapes() -> dict[str, Shape]:
    """Models by our short name."""
    rows = [_blank_as_none(row) for row in _rows(_data("models.csv").decode())]
    for row in rows:
        row["measured_as"] = row["measured_as"] or ""
    return {shape.model: shape for shape in msgspec.convert(rows, list[Shape], strict=False)}


def shape(name: str) -> Shape:
    """The shape of a model. Raises InputError when it is not known."""
    known = shapes()
    if name not in known:
        raise InputError(
            f"the size of the model {name!r} is not known",
            hint=f"give its parameters and layers, or use one of {', '.join(known)}",
        )
    return known[name]


def gpu(name: str) -> Gpu:
    """A GPU. Raises InputError when it is not known."""
    known = gpus()
    if name not in known:
        raise InputError(
            f"there are no figures of the GPU {name!r}",
            hint=f"give its memory, bandwidth and arithmetic, or use one of {', '.join(known)}",
        )
    return known[name]


def _data(name: str) -> bytes:
    return (importlib.resources.files("aihandler.advisor") / "data" / name).read_bytes()


def _rows(text: str) -> Iterator[dict[str, str]]:
    yield from csv.DictReader(io.StringIO(text))


def _blank_as_none(row: dict[str, str]) -> dict[str, str | None]:
    return {key: value or None for key, value in row.items()}
