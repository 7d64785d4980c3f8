"""What is held for an attempt is at least what it costs, whichever kinds its tokens are."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from aihandler.domain.conversation import (
    Message,
    Request,
    Sampling,
    Text,
    ThinkingWish,
    message,
)
from aihandler.domain.deployment import Deployment, Hosting, Limits, Model, Price
from aihandler.domain.parts import Media
from aihandler.domain.prices import Override, OverrideRates
from aihandler.domain.usage import Usage
from aihandler.engine.bounds import ASSUMED_ANSWER_TOKENS, size_at_most
from aihandler.ledger import Prices
from aihandler.ledger.pricing import PriceBook

rates = st.decimals(0, 100, places=3)
counts = st.integers(0, 300_000)


@given(st.tuples(rates, rates, rates, rates, rates, rates), counts, counts, counts, counts, counts)
def test_no_mixture_of_tokens_costs_more(prices, fresh, read, written, said, thought):
    into, out, cached, write, hour, reasoning = prices
    price = Price(
        into,
        out,
        cache_read=min(cached, into),
        cache_write=write,
        cache_write_1h=hour,
        reasoning=reasoning,
    )
    deployment = Deployment("d", "openai", Model("m"), Hosting.VENDOR, price=price)
    known = Prices([deployment])
    used = Usage(fresh, read, written, said, thought, cache_write_1h=written)
    size = Usage(input=used.prompt, output=said + thought)
    assert known.bound_nano(deployment, size) >= known.cost(deployment, used, 1.0).marginal


def test_a_tier_that_the_provider_chooses_is_held_at_the_dearest():
    override = Override("d", tier="priority", price=OverrideRates(Decimal(4), Decimal(4)))
    prices = Prices([deployment()], PriceBook(overrides=[override], wall=lambda: 0.0))
    size = Usage(input=10, output=5)
    assert prices.bound_nano(deployment(), size) == 15_000
    assert prices.bound_nano(deployment(), size, tier="default") == 15_000
    assert prices.bound_nano(deployment(), size, tier="priority") == 60_000
    assert prices.bound_nano(deployment(), size, tier="auto") == 60_000


def asked(**settings):
    return Request("t", (message("user", "hi"),), **settings)


def deployment(**settings):
    price = Price(Decimal(1), Decimal(1))
    return Deployment("d", "openai", Model("m"), Hosting.VENDOR, price=price, **settings)


def test_an_answer_is_bounded_by_the_request_or_the_context_or_our_word():
    near = deployment(limits=Limits(context_tokens=4_000))
    assert size_at_most(asked(sampling=Sampling(max_output_tokens=7)), near).output == 7
    assert size_at_most(asked(), near).output == 4_000
    assert size_at_most(asked(), deployment()).output == ASSUMED_ANSWER_TOKENS


def test_thinking_and_several_answers_count():
    bound = Sampling(max_output_tokens=100)
    thinking = asked(sampling=bound, thinking=ThinkingWish(max_tokens=1_000))
    assert size_at_most(thinking, deployment()).output == 1_100
    assert size_at_most(asked(sampling=bound, extra={"n": 3}), deployment()).output == 300


def test_every_script_and_picture_counts():
    chinese = Request("t", (message("user", "預算" * 500),))
    assert size_at_most(chinese, deployment()).input >= 1_000
    parts = (Text("what is this?"), Media("image", "image/png", data=b"x" * 3_000_000))
    picture = Request("t", (Message("user", parts),))
    assert 5_000 <= size_at_most(picture, deployment()).input < 10_000


def test_many_answers_are_paid_each_however_their_number_is_written():
    bound = Sampling(max_output_tokens=100)
    for counts in ({"n": 100.0}, {"n": 1, "best_of": 100}, {"best_of": 100.0}):
        assert size_at_most(asked(sampling=bound, extra=counts), deployment()).output == 10_000
    # Each of them has the context to itself.
    near = deployment(limits=Limits(context_tokens=50))
    assert size_at_most(asked(sampling=bound, extra={"n": 3}), near).output == 150


def test_no_bound_is_less_than_none():
    for bound in (0, -1, -1_000_000):
        request = asked(sampling=Sampling(max_output_tokens=bound))
        assert size_at_most(request, deployment()).output == ASSUMED_ANSWER_TOKENS
    thinking = asked(sampling=Sampling(max_output_tokens=10), thinking=ThinkingWish(max_tokens=-9))
    assert size_at_most(thinking, deployment()).output == 10


def test_what_has_no_word_here_counts_as_it_is_sent():
    functions = asked(extra={"functions": [{"description": "x" * 3_000}]})
    assert size_at_most(functions, deployment()).input >= 1_000
    called = Message("user", (Text("hi"),), {"function_call": {"arguments": "x" * 3_000}})
    assert size_at_most(Request("t", (called,)), deployment()).input >= 1_000
