"""Our numbers against scipy, published tables and the formulas written out."""

import math

import numpy as np
import pytest
from scipy import stats

from aihandler.evaluation.statistics.bootstrap import bca, draw_means, percentile
from aihandler.evaluation.statistics.distributions import t_quantile, t_tail
from aihandler.evaluation.statistics.means import clustered_mean, score_interval, wilson
from aihandler.evaluation.statistics.multiplicity import holm
from aihandler.evaluation.statistics.paired import mcnemar, paired_difference
from aihandler.evaluation.statistics.power import items_needed, margin_shown
from aihandler.evaluation.statistics.repeats import agreement, flip_rate, spread_of_scores


@pytest.mark.parametrize("degrees", [1, 2, 3, 7, 29, 119, 1_500, 100_000])
def test_student_t_is_that_of_scipy(degrees: int) -> None:
    for value in (-6, -1.3, -0.01, 0, 0.2, 1, 2.5, 9):
        assert t_tail(value, degrees) == pytest.approx(stats.t.sf(value, degrees), abs=1e-11)
    for probability in (0.01, 0.3, 0.8, 0.95, 0.975, 0.9995):
        expected = stats.t.ppf(probability, degrees)
        assert t_quantile(probability, degrees) == pytest.approx(expected, rel=1e-8)


def test_student_t_far_out_and_with_many_degrees() -> None:
    assert t_tail(math.inf, 5) == 0
    assert t_tail(-math.inf, 5) == 1
    assert t_tail(1.96, 1e9) == pytest.approx(stats.norm.sf(1.96))
    assert t_quantile(0.975, 1e9) == pytest.approx(stats.norm.ppf(0.975))
    assert t_quantile(0.5, 4) == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize(("right", "of"), [(0, 10), (1, 10), (37, 50), (120, 120), (470, 500)])
def test_wilson_is_that_of_scipy(right: int, of: int) -> None:
    for level in (0.9, 0.95):
        expected = stats.binomtest(right, of).proportion_ci(level, method="wilson")
        found = wilson(right / of, of, level=level)
        assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_wilson_of_newcombes_table() -> None:
    # Newcombe 1998, Statistics in Medicine 17:857, table I, method 3.
    for right, of, low, high in ((81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605)):
        found = wilson(right / of, of)
        assert (round(found.low, 4), round(found.high, 4)) == (low, high)
    assert round(wilson(0 / 20, 20).high, 4) == 0.1611
    assert round(wilson(1 / 29, 29).high, 4) == 0.1718


def test_a_score_of_right_and_wrong_has_wilsons_interval_but_for_few_items() -> None:
    values = [1.0] * 9_000 + [0.0] * 1_000
    found, plain = score_interval(values), wilson(0.9, 10_000)
    assert (found.low, found.high) == pytest.approx((plain.low, plain.high), abs=5e-6)


def test_without_clusters_the_error_is_the_usual_one() -> None:
    values = np.random.default_rng(1).random(40)
    assert clustered_mean(values).error == pytest.approx(stats.sem(values))


def test_the_clustered_error_is_the_formula_of_miller() -> None:
    values = np.array([1.0, 1, 0, 1, 0, 0, 1])
    clusters = ["x", "x", "x", "y", "y", "z", "w"]
    mean = values.mean()
    pairs = sum(
        (values[i] - mean) * (values[j] - mean)
        for i in range(7)
        for j in range(7)
        if clusters[i] == clusters[j]
    )
    found = clustered_mean(values, clusters)
    # Miller 2024, equation for clustered errors, with the small-sample factor G / (G - 1).
    assert found.error == pytest.approx(math.sqrt(pairs / 49 * 4 / 3))
    assert (found.items, found.clusters) == (7, 4)


def test_items_that_are_copies_do_not_count_twice() -> None:
    values = np.random.default_rng(2).random(30)
    single = clustered_mean(values)
    copied = clustered_mean(np.repeat(values, 5), np.repeat(np.arange(30), 5))
    assert copied.error == pytest.approx(single.error)


@pytest.mark.parametrize(("b", "c"), [(0, 0), (0, 5), (3, 9), (12, 12), (40, 25), (300, 340)])
def test_mcnemar_is_the_binomial_of_scipy(b: int, c: int) -> None:
    first = [True] * b + [False] * c + [True] * 10
    second = [False] * b + [True] * c + [True] * 10
    found = mcnemar(first, second)
    expected = stats.binomtest(b, b + c).pvalue if b + c else 1.0
    assert (found.only_first, found.only_second) == (b, c)
    assert found.exact == pytest.approx(expected, abs=1e-9)
    if b != c:
        mid = expected - stats.binom.pmf(min(b, c), b + c, 0.5)
        assert found.mid_p == pytest.approx(mid, abs=1e-9)


def test_mcnemar_of_a_published_table() -> None:
    # Fagerland, Lydersen and Laake 2013, table 1: 1 and 7 discordant pairs of 21.
    found = mcnemar([True] + [False] * 7 + [True] * 13, [False] + [True] * 7 + [True] * 13)
    assert (round(found.exact, 3), round(found.mid_p, 3)) == (0.070, 0.039)


def test_the_paired_interval_is_that_of_bonett_and_price() -> None:
    n, b, c = 200, 14, 6
    first = [1.0] * b + [0.0] * c + [1.0] * (n - b - c)
    second = [0.0] * b + [1.0] * c + [1.0] * (n - b - c)
    lost, won = (b + 1) / (n + 2), (c + 1) / (n + 2)
    error = math.sqrt((lost + won - (won - lost) ** 2) / (n + 2))
    half = stats.norm.ppf(0.975) * error
    found = paired_difference(first, second).interval()
    # t in place of the normal, and n - 1 in place of n, widen ours by under a hundredth.
    assert (found.low, found.high) == pytest.approx(
        (won - lost - half, won - lost + half), abs=0.01 * half
    )


def test_holm_of_its_textbook_example() -> None:
    # As R's p.adjust(c(0.01, 0.04, 0.03, 0.005), "holm").
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx((0.03, 0.06, 0.06, 0.02))
    assert holm([]) == ()
    assert holm([0.7, 0.9]) == (1.0, 1.0)


def test_items_needed_for_a_margin() -> None:
    assert items_needed(0.02, 0.10) == 1_546
    assert items_needed(0.01, 0.05) == 3_092
    assert margin_shown(1_546, 0.10) == pytest.approx(0.02, abs=1e-5)
    assert margin_shown(0, 0.10) == 1.0
    assert margin_shown(1, 1.0) == 1.0
    with pytest.raises(ValueError, match="above 0"):
        items_needed(0, 0.1)


def test_the_items_needed_do_show_the_margin_in_four_of_five_cases() -> None:
    random, shown = np.random.default_rng(8), 0
    for _ in range(400):
        draw = random.random(1_546)
        first, second = (draw < 0.05) * 1.0, ((draw >= 0.05) & (draw < 0.10)) * 1.0
        shown += paired_difference(first, second).above(-0.02) <= 0.05
    assert 0.74 <= shown / 400 <= 0.86


def test_the_bootstrap_is_that_of_scipy() -> None:
    values = np.random.default_rng(3).exponential(size=60)
    ours = draw_means(values, seed=4, draws=20_000)
    for method, found in (("percentile", percentile(ours)), ("BCa", bca(ours))):
        expected = stats.bootstrap(
            (values,), np.mean, n_resamples=20_000, method=method, rng=np.random.default_rng(5)
        ).confidence_interval
        assert (found.low, found.high) == pytest.approx((expected.low, expected.high), rel=0.02)


def test_variance_components_are_those_of_anova() -> None:
    random = np.random.default_rng(6)
    groups = [random.normal(random.normal(0, 2), 1, size) for size in (3, 5, 4, 4, 6, 3)]
    found = spread_of_scores([list(group) for group in groups])
    assert found
    sizes = np.array([len(group) for group in groups])
    grand = np.concatenate(groups).mean()
    outside = sum(len(g) * (g.mean() - grand) ** 2 for g in groups) / 5
    typical = (sizes.sum() - (sizes**2).sum() / sizes.sum()) / 5
    assert outside / found.within == pytest.approx(stats.f_oneway(*groups).statistic)
    assert found.between == pytest.approx((outside - found.within) / typical)


def test_agreement_and_flips_of_a_small_table() -> None:
    answers = [["a", "a", "a"], ["a", "b", "a"], ["a", "b", "c"], ["a"]]
    # Pairs that agree: 3 of 3, 1 of 3, 0 of 3; the item asked once has no pair.
    assert agreement(answers) == pytest.approx((1 + 1 / 3 + 0) / 3)
    assert flip_rate(answers) == pytest.approx(2 / 3)
    assert agreement([["a"]]) is None
    assert flip_rate([]) is None


def test_nothing_and_one_and_all_alike_have_honest_answers() -> None:
    assert clustered_mean([]).error == math.inf
    assert clustered_mean([1.0]).error == math.inf
    assert score_interval([]).high == 1.0
    assert score_interval([1.0] * 30).low == pytest.approx(wilson(1, 30).low)
    assert score_interval([0.0] * 30).high == pytest.approx(wilson(0, 30).high)
    # One cluster is one item, however many it holds.
    assert score_interval([1.0] * 30, ["x"] * 30).low == pytest.approx(wilson(1, 1).low)
    assert wilson(0.5, 0) == score_interval([])
    none = paired_difference([], [])
    assert (none.interval().low, none.above(-0.5), none.least()) == (-1.0, 1.0, -1.0)
    one = paired_difference([1.0], [1.0])
    assert not one.known
    assert (one.interval().low, one.spread, one.below(0.0)) == (-1.0, 1.0, 1.0)
    assert spread_of_scores([[1.0, 1.0], [1.0, 1.0]]).same is None
    assert spread_of_scores([[1.0], [0.0]]) is None
    single = draw_means([5.0], seed=1, draws=10)
    assert (bca(single).low, percentile(single).high) == (5.0, 5.0)


def test_equal_answers_on_few_items_prove_nothing() -> None:
    alike = paired_difference([1.0] * 30, [1.0] * 30)
    assert alike.value == 0
    assert alike.above(-0.02) > 0.2
    assert alike.above(-0.15) < 0.05
    assert alike.least() == pytest.approx(-0.12, abs=0.03)
