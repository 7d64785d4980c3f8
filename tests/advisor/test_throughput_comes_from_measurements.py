import math

import pytest

from aihandler.advisor.economics.bounds import Efficiency, bounded, efficiency
from aihandler.advisor.economics.reference import Point, gpu, gpus, serving_points, shape, shapes
from aihandler.advisor.economics.throughput import (
    Lengths,
    NotMeasured,
    Target,
    Throughput,
    length_errors,
    load_errors,
    measured,
    most_at,
)

CHAT = Target(ttft_s=5, tokens_per_s=20)


@pytest.fixture(scope="module")
def points() -> tuple[Point, ...]:
    return serving_points()


def llama(points: tuple[Point, ...], gpu_name: str, lengths: Lengths) -> Throughput | NotMeasured:
    model = "meta-llama/Llama-3.1-70B"
    return measured(
        points, model=model, gpu=gpu_name, precision="fp8", lengths=lengths, target=CHAT
    )


@pytest.mark.parametrize(("gpu_name", "tokens_s"), [("h100_sxm", 1098), ("h200_sxm", 2740)])
def test_the_best_set_up_at_a_target_is_found(
    points: tuple[Point, ...], gpu_name: str, tokens_s: float
) -> None:
    found = llama(points, gpu_name, (1024, 1024))
    assert isinstance(found, Throughput)
    assert found.requests_per_gpu_s.value * 1024 == pytest.approx(tokens_s, rel=0.01)
    assert found.requests_per_gpu_s.low < found.requests_per_gpu_s.value


def test_a_queue_is_not_taken_for_throughput() -> None:
    # 64 at once, 59 s until the first token: 64 over the time per token would be 1,221 tokens/s.
    point = Point(
        *("m", "h100_sxm", "fp8", "vllm", "1", 8192, 1024, 64, 2, ""), 59_180.0, 52.41, ""
    )
    assert point.requests_per_s * 1024 == pytest.approx(581, abs=2)


def test_between_measured_lengths_it_lies_between_them(points: tuple[Point, ...]) -> None:
    values = []
    for lengths in ((1024, 1024), (3000, 1024), (8192, 1024)):
        found = llama(points, "h200_sxm", lengths)
        assert isinstance(found, Throughput)
        values.append(found.requests_per_gpu_s.value)
    assert values[0] > values[1] > values[2]


def test_outside_the_measured_lengths_nothing_is_made_up(points: tuple[Point, ...]) -> None:
    found = llama(points, "h100_sxm", (100_000, 1024))
    assert isinstance(found, NotMeasured)
    assert "outside" in found.reason


def test_a_target_that_no_set_up_reaches_is_said_so(points: tuple[Point, ...]) -> None:
    found = measured(
        points,
        model="meta-llama/Llama-3.1-70B",
        gpu="h100_sxm",
        precision="fp8",
        lengths=(1024, 1024),
        target=Target(ttft_s=0.001),
    )
    assert isinstance(found, NotMeasured)


def test_a_looser_target_never_serves_less(points: tuple[Point, ...]) -> None:
    served = [
        measured(
            points,
            model="openai/gpt-oss-120b",
            gpu="h200_sxm",
            precision="fp4",
            lengths=(1024, 1024),
            target=Target(latency_s=seconds),
        )
        for seconds in (6, 10, 20, 40)
    ]
    rates = [s.requests_per_gpu_s.value for s in served if isinstance(s, Throughput)]
    assert rates == sorted(rates)
    assert len(rates) == 4


def test_points_that_are_left_out_are_foretold_within_the_stated_error(
    points: tuple[Point, ...],
) -> None:
    load, lengths = load_errors(points), length_errors(points, CHAT)
    assert load.n > 1000
    assert load.median < math.log(1.15)
    assert load.p90 < math.log(1.35)
    assert lengths.n > 40
    assert lengths.median < math.log(1.15)
    assert lengths.p90 < math.log(1.4)


def test_a_single_point_counts_where_it_is_within_the_target(points: tuple[Point, ...]) -> None:
    assert most_at((points[0],), Target()) == points[0].requests_per_s
    assert most_at((points[0],), Target(latency_s=0.0001)) is None


@pytest.fixture(scope="module")
def reached(points: tuple[Point, ...]) -> Efficiency:
    found = efficiency(points, shapes().values(), gpus(), CHAT)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("model", "machine", "precision"),
    [
        ("llama-3.1-8b", "a10g", "bf16"),
        ("llama-3.1-8b", "l4", "int4"),
        ("llama-3.1-70b", "a100_sxm", "int8"),
        ("llama-3.2-3b", "apple_m4_max", "bf16"),
    ],
)
def test_what_was_not_measured_has_a_wide_labelled_bound(
    reached: Efficiency, model: str, machine: str, precision: str
) -> None:
    found = bounded(
        shape(model),
        gpu(machine),
        precision=precision,
        lengths=(1024, 256),
        target=CHAT,
        reached=reached,
    )
    assert isinstance(found, Throughput)
    figure = found.requests_per_gpu_s
    assert found.basis == "bound, not measured"
    assert figure.high / figure.low > 5
    assert "not measured" in figure.source


def test_measurements_lie_below_what_arithmetic_allows(reached: Efficiency) -> None:
    assert 0 < reached.low < reached.middle < reached.high <= 1.0


def test_a_model_of_unknown_shape_has_no_bound(reached: Efficiency) -> None:
    found = bounded(
        shape("deepseek-r1"),
        gpu("a100_sxm"),
        precision="fp8",
        lengths=(1024, 256),
        target=CHAT,
        reached=reached,
    )
    assert isinstance(found, NotMeasured)
