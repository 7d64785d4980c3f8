import pytest

from aihandler.config.templates import Template, TemplateError
from aihandler.errors import InputError


def test_a_prompt_is_filled_with_fields_as_they_are():
    template = Template("Sort <this> & say {{ label|upper }}:\n{{ text }}\n")
    assert template.names == {"label", "text"}
    filled = template.render({"text": "<b>{{ label }}</b> & co", "label": "x"})
    assert filled == "Sort <this> & say X:\n<b>{{ label }}</b> & co"


def test_a_missing_field_is_an_error_and_not_an_empty_text():
    with pytest.raises(InputError, match="field 'text' is missing"):
        Template("{{ text }}", where="tasks.a.prompt").render({"txt": "secret"})


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a\n{{ text }", 2),
        ("{% if text %}", 1),
        ("\n\n{{ text|nope }}", 3),
        ("{{ text is nope }}", 1),
    ],
)
def test_a_template_that_cannot_be_read_says_in_which_line(text, line):
    with pytest.raises(TemplateError) as caught:
        Template(text)
    assert caught.value.line == line


@pytest.mark.parametrize(
    "text", ["{% include 'x' %}", "{% extends '/etc/passwd' %}", "{{ 'x'|format(1) }}"]
)
def test_a_template_reaches_no_file_and_makes_no_gigabyte(text):
    with pytest.raises(TemplateError):
        Template(text)


def test_a_template_without_end_is_given_up():
    template = Template(
        "{% for i in range(9999) %}{% for j in range(9999) %}{{ text }}{% endfor %}{% endfor %}"
    )
    with pytest.raises(InputError, match="cannot be filled"):
        template.render({"text": "x"})


def test_a_template_cannot_print_everything_that_it_was_given():
    with pytest.raises(InputError):
        Template("{{ debug() }}").render({"text": "secret"})


def test_errors_never_quote_the_document():
    with pytest.raises(InputError) as caught:
        Template("{{ text.a.b }}").render({"text": "secret"})
    assert "secret" not in str(caught.value)
