"""Asking a server, whole and streamed."""

import asyncio

from aihandler.domain.answer import ReplyDone, TextDelta, ThinkingDelta
from aihandler.domain.conversation import Sampling, Text, Thinking
from aihandler.domain.task import JsonOutput, LabelOutput
from aihandler.testing import FakeServer, Scripted

LONG = "Grüße aus Köln \N{EN DASH} 東京 too: the invoice is paid. " * 5


def test_a_whole_answer_has_text_usage_model_and_request_id(with_server):
    async def use(bench, server):
        reply = await bench.call()
        assert reply.text == "paid"
        assert reply.finish == "stop"
        assert reply.usage.output > 0
        assert not reply.usage.estimated
        assert reply.model == "nano"
        assert reply.request_id == "fake-1"
        assert bench.sent == 1

    with_server("paid", use)


def test_a_streamed_answer_equals_the_whole_one(with_server):
    async def use(bench, server):
        whole = await bench.call()
        events = await bench.stream()
        streamed = events[-1].reply
        assert streamed.parts == whole.parts
        assert streamed.finish == whole.finish
        text = "".join(e.text for e in events if isinstance(e, TextDelta))
        thought = "".join(e.text for e in events if isinstance(e, ThinkingDelta))
        assert (thought, text) == ("let me see", LONG)

    with_server(Scripted(LONG, thinking="let me see"), use)


def test_what_a_model_thinks_is_kept_apart_from_its_answer(with_server):
    async def use(bench, server):
        reply = await bench.call()
        assert reply.parts == (Thinking("hm"), Text("yes"))
        assert reply.text == "yes"

    with_server(Scripted("yes", thinking="hm"), use)


def test_many_calls_share_few_connections(with_server):
    async def use(bench, server):
        for _ in range(3):
            await asyncio.gather(*(bench.call() for _ in range(8)))
        assert server.calls == 24
        assert server.connections <= 8

    with_server("ok", use)


def test_a_streamed_answer_also_gives_its_connection_back(with_server):
    async def use(bench, server):
        await bench.stream()
        await bench.stream()
        assert server.connections == 1

    with_server("ok", use)


def test_tokens_are_estimated_and_marked_when_the_server_counts_none(with_server):
    async def use(bench, server):
        for reply in (await bench.call("x" * 40), (await bench.stream("x" * 40))[-1].reply):
            assert reply.usage.estimated
            assert (reply.usage.input, reply.usage.output) == (10, 2)

    with_server(Scripted("12345678", fault="no_usage"), use)


def test_a_stream_without_done_is_whole_when_it_said_why_it_ended(with_server):
    async def use(bench, server):
        events = await bench.stream()
        assert isinstance(events[-1], ReplyDone)
        assert events[-1].reply.text == "fine"

    with_server(Scripted("fine", fault="no_done"), use)


def test_a_limit_and_a_filter_are_no_whole_answers(with_server):
    for said, finish in (("length", "length"), ("content_filter", "refused"), ("odd", "other")):

        async def use(bench, server, finish=finish):
            assert (await bench.call()).finish == finish
            assert (await bench.stream())[-1].reply.finish == finish

        with_server(Scripted("half an ans", finish=said), use)


def test_work_goes_to_the_replica_with_least_in_flight(bench_at):
    async def body():
        slow = Scripted("ok", delay_s=0.05)
        async with FakeServer(slow) as one, FakeServer(slow) as two:
            bench = bench_at(one.url)
            both = type(bench.deployment)(
                "local", "openai", bench.deployment.model, bench.deployment.hosting,
                urls=(one.url, two.url),
            )  # fmt: skip
            bench.deployment = both
            await asyncio.gather(*(bench.call() for _ in range(10)))
            await bench.caller.close()
            assert (one.calls, two.calls) == (5, 5)

    asyncio.run(body())


def test_a_schema_is_asked_for_as_the_profile_says(with_server):
    schema = {"type": "object"}
    forms = {
        "openai": {
            "type": "json_schema",
            "json_schema": {"name": "t", "schema": schema},
        },
        "llama-cpp-python": {"type": "json_object", "schema": schema},
        "generic": None,
    }
    for profile, form in forms.items():

        async def use(bench, server, form=form):
            await bench.call(output=JsonOutput(schema))
            assert server.requests[0].get("response_format") == form
            shown = '{"type":"object"}' in server.requests[0]["messages"][-1]["content"]
            assert shown == (form is None)

        with_server("{}", use, profile=profile)


def test_a_label_is_asked_for_as_plain_text(with_server):
    async def use(bench, server):
        await bench.call(output=LabelOutput(("a", "b")))
        assert "response_format" not in server.requests[0]
        assert server.requests[0]["messages"] == [{"role": "user", "content": "a question"}]

    with_server("a", use, profile="openai")


def test_sampling_goes_out_under_the_names_that_the_server_knows(with_server):
    sampling = Sampling(temperature=0.0, seed=7, stop=("END",), max_output_tokens=9)

    async def use(bench, server):
        await bench.call(sampling=sampling)
        sent = server.requests[0]
        assert sent["max_completion_tokens"] == 9
        assert (sent["seed"], sent["stop"]) == (7, ["END"])
        assert "temperature" not in sent
        await bench.stream(sampling=sampling)
        assert server.requests[1]["stream_options"] == {"include_usage": True}

    with_server("ok", use, profile="openai-reasoning")


def test_stop_text_that_a_server_leaves_in_is_cut_off(with_server):
    sampling = Sampling(stop=("###", "END"))

    async def use(bench, server):
        for reply in (
            await bench.call(sampling=sampling),
            (await bench.stream(sampling=sampling))[-1].reply,
        ):
            assert reply.text == "an #answer# "
            assert reply.finish == "stop"
        deltas = await bench.stream(sampling=sampling)
        assert "".join(e.text for e in deltas if isinstance(e, TextDelta)) == "an #answer# "

    with_server(Scripted("an #answer# ### and more", piece_chars=1), use, profile="generic")


def test_text_that_only_begins_like_a_stop_string_stays(with_server):
    async def use(bench, server):
        events = await bench.stream(sampling=Sampling(stop=("###",)))
        assert events[-1].reply.text == "price ##"
        assert "".join(e.text for e in events if isinstance(e, TextDelta)) == "price ##"

    with_server(Scripted("price ##", piece_chars=1), use, profile="generic")
