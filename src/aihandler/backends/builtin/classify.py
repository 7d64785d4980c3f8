"""A trained classifier of one task: fields in, an answer with its probability out."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import msgspec

from aihandler.backends.builtin.lesson import Question, document_text, questions
from aihandler.domain.task import Task

if TYPE_CHECKING:
    from aihandler.linear.model import LinearModel

__all__ = ["Classifier", "Guess"]


class Guess(msgspec.Struct, frozen=True):
    """The likeliest answer as text, and the probability that all of it is right.

    `sure` is False below the task's threshold: the answer is then a proposal only.
    """

    text: str
    confidence: float
    sure: bool


class Classifier:
    """Answers a task's questions about one document.

    An answer of several properties has one confidence: the product of the probabilities of its
    parts, corrected by how often such products were right in cross-validation.
    """

    def __init__(self, model: "LinearModel", task: Task) -> None:
        self.model = model
        self.threshold = threshold(model, task)
        self._fields = task.fields
        self._questions = questions(task)
        self._single = len(self._questions) == 1 and not self._questions[0].name

    def guess(self, fields: Mapping[str, str]) -> Guess:
        """The likeliest answer. A text without a single word is answered with confidence 0."""
        from aihandler.linear.model import score

        scored = score(self.model, document_text(fields, self._fields))
        labels = {
            head.name: label for head, label in zip(self.model.heads, scored.labels, strict=True)
        }
        sure = scored.known and scored.confidence >= self.threshold
        return Guess(self._text(labels), scored.confidence, sure)

    def threshold_for(self, accuracy: float) -> float:
        """The confidence above which answers were right that often in cross-validation."""
        return self.model.threshold_for(accuracy)[0]

    def _text(self, labels: Mapping[str, str | None]) -> str:
        answers = {q.name: _label(q, labels) for q in self._questions}
        if self._single:
            return answers[""] or ""
        given = {name: answer for name, answer in answers.items() if answer is not None}
        return msgspec.json.encode(given).decode()


def threshold(model: "LinearModel", task: Task) -> float:
    """Below this a classifier passes: what holds the task's quality target, and its floor."""
    held = 0.0 if task.quality_target is None else model.threshold_for(task.quality_target)[0]
    return max(held, task.min_confidence or 0.0)


def _label(question: Question, labels: Mapping[str, str | None]) -> str | None:
    # A question with one possible answer is not learned.
    return labels[question.name] if question.name in labels else question.labels[0]
