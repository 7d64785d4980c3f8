"""A chat template is a program that somebody else wrote: it may render, and nothing else."""

import contextlib
import itertools
import time

import pytest
from chat_template_cases import NOON, chat_template

from aihandler.backends.chat_templates import (
    ChatTemplate,
    Template,
    TemplateFailed,
    TemplateLimits,
    TemplateRejected,
    Turn,
)
from aihandler.backends.chat_templates.sandbox import CompiledTemplate

BOMBS = {
    "nested loops": "{% for a in range(9999) %}{% for b in range(9999) %}{% endfor %}{% endfor %}",
    "a long range": "{{ range(10000000000)|list }}",
    "many ranges": "{% for a in range(99999) %}{% set x = range(99999)|list %}{% endfor %}",
    "doubling with +": "{% set n = namespace(s='x') %}{% for a in range(99) %}"
    "{% set n.s = n.s + n.s %}{% endfor %}",
    "doubling with ~": "{% set n = namespace(s='x') %}{% for a in range(99) %}"
    "{% set n.s = n.s ~ n.s %}{% endfor %}",
    "doubling a block": "{% set n = namespace(s='x') %}{% for a in range(99) %}"
    "{% set t %}{{ n.s }}{{ n.s }}{% endset %}{% set n.s = t %}{% endfor %}",
    "doubling a list": "{% set n = namespace(s=[1]) %}{% for a in range(99) %}"
    "{% set n.s = n.s + n.s %}{% endfor %}",
    "repetition": "{{ 'x' * 10000000000 }}",
    "repetition the other way": "{{ 10000000000 * 'x' }}",
    "a large power": "{{ 10 ** 10000000000 }}",
    "growing numbers": "{% set n = namespace(s=9) %}{% for a in range(99) %}"
    "{% set n.s = n.s * n.s %}{% endfor %}",
    "replace": "{{ ('x' * 9999).replace('x', 'y' * 9999) }}",
    "the replace filter": "{{ ('x' * 9999)|replace('x', 'y' * 9999) }}",
    "join": "{{ ('y' * 9999).join(range(9999)) }}",
    "the join filter": "{{ range(9999)|join('y' * 9999) }}",
    "padding with %": "{{ '%10000000000d' % 1 }}",
    "padding with format": "{{ '{:10000000000}'.format(1) }}",
    "padding with center": "{{ 'x'|center(10000000000) }}",
    "padding with ljust": "{{ 'x'.ljust(10000000000) }}",
    "deep recursion": "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
    "wide recursion": "{% macro m(n) %}{% if n %}{{ m(n-1) }}{{ m(n-1) }}{% endif %}{% endmacro %}"
    "{{ m(60) }}",
    "much text": "{% for a in range(9999) %}" + "x" * 5000 + "{% endfor %}",
}
ESCAPES = {
    "classes": "{{ ''.__class__.__mro__ }}",
    "globals of a function": "{{ raise_exception.__globals__ }}",
    "code of a macro": "{% macro m() %}{% endmacro %}{{ m.__init__ }}",
    "the attr filter": "{{ ''|attr('__class__') }}",
    "format fields": "{{ '{0.__class__}'.format(1) }}",
    "format maps": "{{ '{a.__class__}'.format_map({'a': 1}) }}",
    "files": "{% include '/etc/passwd' %}",
    "other templates": "{% extends 'x' %}",
    "imports": "{% import 'os' as os %}{{ os.getcwd() }}",
    "changing a list": "{{ messages.append(1) }}",
    "changing a mapping": "{{ messages[0].update({'a': 1}) }}",
    "bytes": "{{ 'x'.encode() }}",
    "the web": "{{ lipsum() }}{{ cycler }}",
    "translation": "{{ 'x'.translate({}) }}",
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_template_that_would_use_the_machine_up_is_stopped(name: str) -> None:
    began = time.process_time()
    with pytest.raises((TemplateFailed, TemplateRejected)):
        _compiled(BOMBS[name]).render({})
    # A guard against minutes, not a measurement.
    assert time.process_time() - began < 5


@pytest.mark.parametrize("name", ESCAPES)
def test_a_template_reaches_nothing_outside(name: str) -> None:
    # What is forbidden is undefined, which is an error once it is used and prints as nothing.
    text = ""
    with contextlib.suppress(TemplateFailed, TemplateRejected):
        text = _compiled(ESCAPES[name]).render({"messages": [{"role": "user"}]})
    assert not text


def test_time_is_bounded_by_the_clock_that_was_given() -> None:
    ticks = itertools.count()
    compiled = CompiledTemplate(
        "slow",
        "{% for a in range(500) %}{% endfor %}",
        monotonic=lambda: float(next(ticks)),
        now=lambda: NOON,
        limits=TemplateLimits(seconds=100),
    )
    with pytest.raises(TemplateFailed, match="more than 100 s"):
        compiled.render({})


def test_a_template_that_never_ends_is_asked_once_only() -> None:
    ticks = itertools.count()
    source = "{{ messages[0].content }}{% for a in range(9999) %}{% endfor %}"
    template = Template("endless", source)
    with pytest.raises(TemplateFailed, match=r"more than 2\.0 s"):
        ChatTemplate(template, now=lambda: NOON, monotonic=lambda: float(next(ticks)))
    assert next(ticks) < 10


def test_a_template_cannot_find_its_own_counter() -> None:
    assert _compiled("{{ step is defined }} {{ allowance is defined }}").render({}) == "False False"


def test_rendering_twice_starts_with_a_full_allowance() -> None:
    compiled = _compiled("{% for a in range(19999) %}{% endfor %}done")
    assert [compiled.render({}), compiled.render({})] == ["done", "done"]


@pytest.mark.parametrize(
    "source", ["{% if %}", "{{ x", "{% for a in %}", "{{ x|nosuchfilter }}", "("]
)
def test_what_is_no_template_is_told_with_its_name(source: str) -> None:
    with pytest.raises((TemplateRejected, TemplateFailed), match="'of a test'"):
        chat_template(source).render([Turn("user", "Hi")])


def test_a_template_that_is_too_long_is_refused() -> None:
    with pytest.raises(TemplateRejected, match="at most 262144"):
        chat_template("x" * 300_000)


def test_a_conversation_that_is_too_long_is_refused() -> None:
    chat = chat_template("{{ messages[-1].content }}", limits=TemplateLimits(characters=10_000))
    with pytest.raises(TemplateFailed, match="10000 characters"):
        chat.render([Turn("user", "x" * 20_000)])


def test_the_words_of_a_template_stay_out_of_the_error() -> None:
    template = Template(
        "picky",
        "{% if messages|length > 1 %}{{ raise_exception(messages[0].content) }}{% endif %}"
        "{{ messages[0].content }}",
    )
    chat = ChatTemplate(template, now=lambda: NOON, monotonic=lambda: 0.0)
    with pytest.raises(TemplateFailed) as caught:
        chat.render([Turn("user", "secret words"), Turn("assistant", "b"), Turn("user", "c")])
    assert "secret" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_generation_marks_and_loop_controls_are_understood() -> None:
    compiled = _compiled(
        "{% for a in [1, 2, 3] %}{% if a == 2 %}{% continue %}{% endif %}"
        "{% generation %}{{ a }}{% endgeneration %}{% endfor %}"
    )
    assert compiled.render({}) == "13"


def test_json_is_written_as_models_were_taught() -> None:
    compiled = _compiled("{{ x|tojson }} {{ x|tojson(indent=1) }}")
    assert compiled.render({"x": {"ä": "<b>"}}) == '{"ä": "<b>"} {\n "ä": "<b>"\n}'


def _compiled(source: str) -> CompiledTemplate:
    return CompiledTemplate(
        "of a test",
        source,
        monotonic=lambda: 0.0,
        now=lambda: NOON,
        limits=TemplateLimits(steps=20_000),
    )
