import gzip
import json
from pathlib import Path

import numpy as np
import pytest

from aihandler.linear.calibrate import calibration_error
from aihandler.linear.features import Space
from aihandler.linear.learn import learn
from aihandler.linear.model import LinearModel, score
from aihandler.linear.store import load, save

SAMPLE = Path(__file__).parents[1] / "data" / "classify" / "banking77_sample.jsonl.gz"
COLOURS = ["red rose", "red apple", "a red car", "blue sky", "blue sea", "a blue whale"]
LABELS = ["red", "red", "red", "blue", "blue", "blue"]


def sample(part: str) -> tuple[list[str], list[str]]:
    with gzip.open(SAMPLE, "rt", encoding="utf-8") as lines:
        rows = [row for row in map(json.loads, lines) if row["part"] == part]
    return [row["text"] for row in rows], [row["label"] for row in rows]


@pytest.fixture(scope="module")
def bank() -> LinearModel:
    texts, labels = sample("train")
    return learn(texts, {"label": labels})


def test_twelve_intents_of_forty_examples_are_told_apart(bank: LinearModel) -> None:
    texts, labels = sample("dev")
    scored = [score(bank, text) for text in texts]
    right = np.array([s.labels[0] == label for s, label in zip(scored, labels, strict=True)])
    confidence = np.array([s.confidence for s in scored])
    surest = np.argsort(-confidence)[: round(0.8 * len(right))]
    assert right.mean() >= 0.95
    assert right[surest].mean() >= 0.98
    assert calibration_error(confidence, right) <= 0.05
    assert bank.learned.accuracy >= 0.93


def test_a_threshold_from_training_holds_on_texts_that_were_not_seen(bank: LinearModel) -> None:
    texts, labels = sample("dev")
    threshold, coverage = bank.threshold_for(0.97)
    scored = [score(bank, text) for text in texts]
    sure = [s.confidence >= threshold for s in scored]
    right = [s.labels[0] == label for s, label in zip(scored, labels, strict=True)]
    assert np.mean(np.array(right)[sure]) >= 0.97
    assert coverage > 0.7


def test_a_foreign_text_has_a_smaller_largest_logit(bank: LinearModel) -> None:
    texts, _ = sample("dev")
    ours = np.median([score(bank, text).largest_logit for text in texts])
    assert score(bank, "Stir the soup until the onions turn golden").largest_logit < ours


def test_the_same_examples_give_the_same_file(tmp_path: Path) -> None:
    digests = {save(learn(COLOURS, {"c": LABELS}), tmp_path / name) for name in ("a", "b")}
    assert len(digests) == 1
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_a_saved_model_answers_as_before(tmp_path: Path, bank: LinearModel) -> None:
    save(bank, tmp_path / "model")
    again = load(tmp_path / "model")
    for text in sample("dev")[0][:20]:
        assert score(again, text) == score(bank, text)
    assert again.learned == bank.learned
    assert (tmp_path / "model").stat().st_mode & 0o077 == 0


def test_two_questions_are_answered_with_one_joint_confidence() -> None:
    texts = [
        f"{c} {s} thing number {n}"
        for c in ("red", "blue")
        for s in ("big", "small")
        for n in range(10)
    ]
    answers = {"colour": [t.split()[0] for t in texts], "size": [t.split()[1] for t in texts]}
    model = learn(texts, answers)
    scored = score(model, "a blue and big thing")
    assert dict(zip([h.name for h in model.heads], scored.labels, strict=True)) == {
        "colour": "blue",
        "size": "big",
    }
    assert 0.5 < scored.confidence < 1


def test_no_answer_can_be_the_right_answer() -> None:
    texts = [*COLOURS, "something plain", "nothing to see", "grey fog"]
    model = learn(texts, {"c": [*LABELS, None, None, None]})
    assert score(model, "something plain to see").labels == (None,)


def test_two_examples_are_enough_to_learn_and_too_few_to_be_sure() -> None:
    model = learn(["yes please", "no thanks"], {"answer": ["yes", "no"]})
    assert score(model, "yes").labels == ("yes",)
    assert model.threshold_for(0.9) == (1.0, 0.0)


def test_a_rare_class_is_found_among_a_common_one() -> None:
    texts = [f"invoice {n} is due" for n in range(200)] + [f"wasps nest {n}" for n in range(5)]
    model = learn(texts, {"label": ["billing"] * 200 + ["pest"] * 5})
    assert score(model, "there is a wasps nest").labels == ("pest",)


def test_a_text_without_a_word_is_not_known() -> None:
    model = learn(COLOURS, {"c": LABELS}, space=Space(words=256, chars=256))
    assert (score(model, " \n ").known, score(model, "").confidence) == (False, 0.0)
