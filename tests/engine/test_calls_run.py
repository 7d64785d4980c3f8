"""A call goes through its candidates until an answer is valid; what happened is recorded."""

import asyncio
import threading

import msgspec
import pytest

from aihandler.domain.answer import Answer, AnswerStarted, Reply, TextDelta, Validity
from aihandler.domain.conversation import Text
from aihandler.domain.deployment import Hosting
from aihandler.domain.labels import DataClass
from aihandler.domain.rules import DeploymentFilter, Policy
from aihandler.domain.task import Default, TaskLimits, TextOutput
from aihandler.domain.usage import Usage
from aihandler.engine import judging
from aihandler.errors import (
    AllAttemptsFailed,
    AnswerRejected,
    BackendRejected,
    BackendUnavailable,
    PolicyDenied,
    StorageError,
)
from aihandler.testing import FakeCaller
from engine.bench_of_fakes import EVERYWHERE, Fakes, call, near_and_far, task


def down(status: int | None = 503, retry_after_s: float | None = None) -> BackendUnavailable:
    return BackendUnavailable(
        "near is down", deployment="near", status=status, retry_after_s=retry_after_s
    )


def reply(text: str, **settings: object) -> Reply:
    return Reply((Text(text),), "stop", usage=Usage(input=10, output=5), **settings)  # type: ignore[arg-type]


def test_the_first_candidate_answers_and_the_second_is_not_asked() -> None:
    fakes, near, far = near_and_far("billing")
    answer = fakes.run(call(task()))
    assert (answer.value, answer.validity, answer.route) == ("billing", Validity.EXACT, "near")
    assert (len(near.calls), len(far.calls)) == (1, 0)
    assert answer.cost.marginal == 10 * 3000 + 5 * 15000


def test_a_prompt_is_filled_with_the_fields() -> None:
    fakes, near, _ = near_and_far("billing")
    fakes.run(call(task()))
    assert near.calls[0][0].messages[0].text == "Label this: my invoice is wrong"


def test_an_invalid_answer_is_asked_again_with_its_errors() -> None:
    fakes, near, far = near_and_far(["no idea", "bug"])
    answer = fakes.run(call(task()))
    assert (answer.value, answer.validity) == ("bug", Validity.REASKED)
    assert len(near.calls[1][0].messages) == 3
    assert far.calls == []


def test_an_answer_that_stays_invalid_escalates() -> None:
    fakes, near, _ = near_and_far("no idea")
    answer = fakes.run(call(task()))
    assert (answer.validity, answer.route) == (Validity.ESCALATED, "far")
    assert len(near.calls) == 2
    assert fakes.outcomes == [
        ("near", "first", "invalid"),
        ("near", "reask", "invalid"),
        ("far", "escalation", "valid"),
    ]


def test_an_unsure_answer_escalates_without_a_re_ask() -> None:
    fakes, near, far = near_and_far(reply("bug", confidence=0.4))
    answer = fakes.run(call(task(min_confidence=0.8)))
    assert answer.route == "far"
    assert len(near.calls) == 1
    assert len(far.calls) == 1


def test_a_server_that_is_down_is_retried_and_then_left() -> None:
    fakes, near, _ = near_and_far(down())
    answer = fakes.run(call(task()))
    assert (answer.route, answer.validity) == ("far", Validity.EXACT)
    assert len(near.calls) == 3
    assert [o[1] for o in fakes.outcomes] == ["first", "retry", "retry", "fallback"]
    assert all(0 < pause < 8 for pause in fakes.clock.slept)


def test_retry_after_is_waited_for() -> None:
    fakes, _, _ = near_and_far([down(429, retry_after_s=7.0), "billing"])
    assert fakes.run(call(task())).route == "near"
    assert fakes.clock.slept[0] >= 7.0


def test_a_wait_beyond_the_deadline_is_not_begun() -> None:
    fakes, near, _ = near_and_far(down(429, retry_after_s=3600.0))
    assert fakes.run(call(task())).route == "far"
    assert len(near.calls) == 1
    assert fakes.clock.slept == []


def test_a_rejected_request_is_not_sent_there_again() -> None:
    rejected = BackendRejected("near says 400", deployment="near", status=400)
    fakes, near, _ = near_and_far(rejected)
    assert fakes.run(call(task())).route == "far"
    assert len(near.calls) == 1


def test_silence_after_the_send_is_booked_as_doubt() -> None:
    fakes, _, _ = near_and_far([down(status=None), "billing"])
    fakes.run(call(task()))
    assert fakes.outcomes[0] == ("near", "first", "in_doubt")


def test_a_connection_that_never_was_costs_nothing() -> None:
    near = FakeCaller(down(status=None), fail_before_send=True)
    fakes = Fakes({"near": near, "far": FakeCaller("bug")})
    fakes.run(call(task()))
    assert fakes.outcomes[0] == ("near", "first", "failed")
    assert not fakes.journal.entries[0].sent


def test_all_attempts_are_bounded() -> None:
    fakes, near, far = near_and_far("no idea", "nor I")
    with pytest.raises(AnswerRejected) as caught:
        fakes.run(call(task(limits=TaskLimits(attempts=3, reasks=5))))
    assert len(near.calls) + len(far.calls) == 3
    assert [a.outcome for a in caught.value.attempts] == ["invalid"] * 3


def test_a_task_that_has_spent_its_money_stops() -> None:
    fakes, near, far = near_and_far("no idea", "nor I")
    with pytest.raises(AnswerRejected):
        fakes.run(call(task(limits=TaskLimits(cost_usd=0.01, reasks=0))))
    assert len(near.calls) == 1
    assert len(far.calls) == 1


def test_what_nobody_could_answer_waits_for_a_person() -> None:
    fakes, _, _ = near_and_far(reply("bug", confidence=0.4), "no idea")
    with pytest.raises(AnswerRejected) as caught:
        fakes.run(call(task(min_confidence=0.8, otherwise="review"), document_id="a.txt"))
    (item,) = fakes.journal.reviews
    assert item.id == caught.value.review_id
    assert item.proposal == "bug"
    assert item.document_id == "a.txt"


def test_a_default_is_said_to_be_one() -> None:
    fakes, _, _ = near_and_far("no idea", "nor I")
    answer = fakes.run(call(task(otherwise=Default("bug")), work_key=b"w" * 16))
    assert (answer.value, answer.validity) == ("bug", Validity.DEFAULT)
    assert b"w" * 16 in fakes.journal.accepted


def test_when_nobody_answers_every_attempt_is_told() -> None:
    fakes, _, _ = near_and_far(down(), BackendRejected("no", deployment="far", status=404))
    with pytest.raises(AllAttemptsFailed) as caught:
        fakes.run(call(task()))
    assert [a.deployment for a in caught.value.attempts] == ["near", "near", "near", "far"]


def test_restricted_data_does_not_fall_back_to_a_vendor() -> None:
    rules = {
        **dict.fromkeys(DataClass, EVERYWHERE),
        DataClass.RESTRICTED: DeploymentFilter((Hosting.SELF,)),
    }
    near, far = FakeCaller(down()), FakeCaller("billing")
    fakes = Fakes({"near": near, "far": far}, policy=Policy(rules))
    with pytest.raises(AllAttemptsFailed):
        fakes.run(call(task(), data_class=DataClass.RESTRICTED))
    assert far.calls == []


def test_without_any_deployment_the_reasons_are_told() -> None:
    near, far = FakeCaller("bug"), FakeCaller("bug")
    nowhere = Policy(dict.fromkeys(DataClass, DeploymentFilter(region=("eu",))))
    fakes = Fakes({"near": near, "far": far}, policy=nowhere)
    with pytest.raises(PolicyDenied, match="region is not stated"):
        fakes.run(call(task()))
    assert near.calls == far.calls == []


def test_equal_work_is_asked_once_and_paid_once() -> None:
    fakes, near, _ = near_and_far("billing")

    async def both() -> list[Answer[object]]:
        asked = call(task())
        return await asyncio.gather(fakes.engine.run(asked), fakes.engine.run(asked))

    first, second = asyncio.run(both())
    assert len(near.calls) == 1
    assert (first.reused, second.reused) == (False, True)
    assert second.cost.marginal == 0


def test_what_was_answered_before_is_not_paid_again() -> None:
    fakes, near, _ = near_and_far("billing")
    fakes.run(call(task()))
    assert fakes.run(call(task())).reused
    assert len(near.calls) == 1


def test_another_class_or_sample_is_other_work() -> None:
    fakes, near, _ = near_and_far("billing")
    fakes.run(call(task()))
    fakes.run(call(task(), data_class=DataClass.INTERNAL))
    fakes.run(call(task(), sample=1))
    assert len(near.calls) == 3


def test_a_fresh_answer_can_be_asked_for() -> None:
    fakes, near, _ = near_and_far("billing")
    fakes.run(call(task()))
    fakes.run(call(task(), reuse=False))
    assert len(near.calls) == 2


def test_nothing_is_sent_when_the_intent_cannot_be_written() -> None:
    fakes, near, _ = near_and_far("billing")
    fakes.journal.full = True
    with pytest.raises(StorageError):
        fakes.run(call(task()))
    assert near.calls == []


def test_a_text_is_streamed_and_the_answer_comes_last() -> None:
    fakes, _, _ = near_and_far("Two words")

    async def take() -> list[object]:
        return [event async for event in fakes.engine.stream(call(task(output=TextOutput())))]

    *pieces, answer = asyncio.run(take())
    assert "".join(p.text for p in pieces if isinstance(p, TextDelta)) == "Two words"
    assert isinstance(answer, Answer)
    assert answer.value == "Two words"
    assert fakes.outcomes == [("near", "first", "valid")]


def test_a_stream_that_fails_before_its_first_word_falls_back() -> None:
    fakes, _, _ = near_and_far(down(), "From afar")

    async def take() -> list[object]:
        return [event async for event in fakes.engine.stream(call(task(output=TextOutput())))]

    started, *_, answer = asyncio.run(take())
    assert isinstance(answer, Answer)
    assert answer.route == "far"
    assert started == AnswerStarted("far", "fallback")


def test_what_must_be_valid_as_a_whole_comes_whole() -> None:
    fakes, _, _ = near_and_far("billing")

    async def take() -> list[object]:
        return [event async for event in fakes.engine.stream(call(task()))]

    (answer,) = asyncio.run(take())
    assert isinstance(answer, Answer)


def test_a_cancelled_call_is_settled_as_doubt() -> None:
    started = asyncio.Event()

    class Waits(FakeCaller):
        async def call(self, *args: object, sent: object, **kwargs: object) -> Reply:
            sent()  # type: ignore[operator]
            started.set()
            await asyncio.Event().wait()
            raise AssertionError

    fakes = Fakes({"near": Waits(), "far": FakeCaller("bug")})

    async def cancel() -> None:
        running = asyncio.create_task(fakes.engine.run(call(task())))
        await started.wait()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    asyncio.run(cancel())
    assert fakes.outcomes == [("near", "first", "in_doubt")]


def test_a_long_document_is_judged_beside_the_event_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    threads: list[int] = []
    original = judging.judge

    def judge(*arguments: object) -> object:
        threads.append(threading.get_ident())
        return original(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr("aihandler.engine.attempt.judge", judge)
    fakes, _, _ = near_and_far("billing")
    for source in ("short", "long " * 20_000):
        fakes.run(msgspec.structs.replace(call(task(), reuse=False), source=source))
    assert [thread == threading.get_ident() for thread in threads] == [True, False]
