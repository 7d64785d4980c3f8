import numpy as np
import pytest

from aihandler.linear.calibrate import (
    NEVER,
    Curve,
    Judged,
    Squash,
    calibration_error,
    fit_squash,
    fit_temperature,
    folds,
    trust_curve,
)


def test_an_overconfident_model_is_made_to_say_what_is_true() -> None:
    random = np.random.default_rng(1)
    raw = random.uniform(0.5, 1.0, 4_000)
    # It is right less often than it says: 0.5 at 0.5, 0.75 at 1.
    right = random.uniform(size=4_000) < 0.5 + (raw - 0.5) / 2
    squash = fit_squash(Judged(raw, right))
    said = np.array([squash(value) for value in raw])
    assert calibration_error(raw, right) > 0.1
    assert calibration_error(said, right) < 0.03


def test_the_temperature_undoes_logits_that_are_three_times_too_large() -> None:
    random = np.random.default_rng(2)
    true = random.normal(size=(4_000, 4)).astype(np.float32) * 2
    odds = np.exp(true)
    targets = np.array([random.choice(4, p=row / row.sum()) for row in odds])
    assert fit_temperature(3 * true, targets) == pytest.approx(3, rel=0.15)


def test_the_threshold_holds_the_accuracy_that_was_asked_for() -> None:
    random = np.random.default_rng(3)
    confidence = random.uniform(size=5_000)
    right = random.uniform(size=5_000) < confidence
    curve = trust_curve(confidence, right)
    threshold, coverage = curve.threshold_for(0.9)
    fresh = random.uniform(size=5_000)
    fresh_right = random.uniform(size=5_000) < fresh
    assert fresh_right[fresh >= threshold].mean() == pytest.approx(0.9, abs=0.02)
    assert coverage == pytest.approx((fresh >= threshold).mean(), abs=0.03)
    assert curve.coverage_at(threshold) == coverage


def test_a_higher_accuracy_never_has_a_lower_threshold() -> None:
    random = np.random.default_rng(4)
    confidence = random.uniform(size=1_000)
    curve = trust_curve(confidence, random.uniform(size=1_000) < confidence)
    thresholds = [curve.threshold_for(wanted)[0] for wanted in np.linspace(0.4, 1.0, 30)]
    assert thresholds == sorted(thresholds)


def test_few_examples_cannot_hold_a_high_accuracy_even_when_all_are_right() -> None:
    curve = trust_curve(np.full(10, 0.9), np.ones(10, np.bool_))
    assert curve.threshold_for(0.9) == (0.9, 1.0)
    assert curve.threshold_for(0.95) == (NEVER, 0.0)


def test_no_answer_reaches_the_threshold_that_means_never() -> None:
    assert Squash(slope=5.0, offset=50.0)(1.0) < NEVER
    assert Curve().threshold_for(0.5) == (NEVER, 0.0)


def test_nothing_is_surer_than_the_number_of_examples_can_show() -> None:
    squash = fit_squash(Judged(np.full(8, 0.999), np.ones(8, np.bool_)))
    assert squash(0.999999) <= 0.9


def test_confidence_that_says_nothing_is_flattened_and_not_turned_around() -> None:
    raw = np.linspace(0.1, 0.9, 200)
    squash = fit_squash(Judged(raw, raw < 0.5))
    assert squash(0.9) == pytest.approx(squash(0.1))


def test_every_class_is_spread_over_all_folds() -> None:
    targets = np.repeat(np.arange(5), 20)
    fold = folds(targets, seed=0)
    for number in range(10):
        assert sorted(targets[fold == number].tolist()) == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]
