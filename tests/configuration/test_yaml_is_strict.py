import contextlib
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aihandler.config.yaml import read_yaml
from aihandler.errors import ConfigError


def data(text):
    return read_yaml(text, file="a.yaml")[0].data


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("true", True), ("false", False), ("yes", "yes"), ("no", "no"), ("True", "True"),
        ("010", "010"), ("0x1f", "0x1f"), ("1_000", "1_000"), ("12:30", "12:30"),
        ("12:30:00", "12:30:00"), ("2024-01-31", "2024-01-31"), ("1", 1), ("-7", -7),
        ("0.1", Decimal("0.1")), ("3.10", Decimal("3.10")), ("1.5e-6", Decimal("0.0000015")),
        (".5", ".5"), ("1e5", "1e5"), (".inf", ".inf"), ("1.", "1."), ("9" * 40, "9" * 40),
        ("~", None), ("null", None), ("", None), ("'1'", "1"), ("<<", "<<"),
    ],
)  # fmt: skip
def test_only_what_is_clear_is_more_than_text(text, value):
    found = data(f"a: {text}")["a"]
    assert found == value
    assert type(found) is type(value)


def test_keys_are_text():
    assert data("404: a\ntrue: b\n1.0: c") == {"404": "a", "true": "b", "1.0": "c"}


def test_merge_keys_are_plain_keys():
    assert data("a: &x {b: 1}\nc: {<<: *x}")["c"] == {"<<": {"b": 1}}


def test_an_alias_is_its_value():
    assert data("a: &x [1]\nb: *x") == {"a": [1], "b": [1]}


def test_every_value_has_the_line_of_its_key():
    tree, _ = read_yaml("a:\n  - 1\n  - b:\n      c\n", file="a.yaml")
    assert tree.lines == {(): 1, ("a",): 1, ("a", 0): 2, ("a", 1): 3, ("a", 1, "b"): 3}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("a: [", "a.yaml:2: broken YAML|a.yaml:1: broken YAML"),
        ("a: b: c", "a.yaml:1: broken YAML"),
        ("a: 1\n---\nb: 2", "another document"),
        ("a: !!python/object:os.system x", "tags are not used"),
        ("a: !local x", "tags are not used"),
        ("a: &a [*a]", "alias inside its own anchor"),
        ("[" * 100 + "]" * 100, "nested more than 40 deep"),
        ("- " * 5000 + "a", "nested more than 40 deep"),
        ("? [a]\n: b", "a key must be text"),
        ("a: \x00", "broken YAML"),
        ("a: *nowhere", "broken YAML"),
        ("a: " + "x" * 2_000_001, "longer than"),
        ("a: &a x\nb: [" + "*a, " * 300 + "]", "aliases"),
    ],
)
def test_what_is_no_plain_yaml_is_one_clear_mistake(text, why):
    with pytest.raises(ConfigError, match=why) as caught:
        read_yaml(text, file="a.yaml")
    assert len(caught.value.mistakes) == 1


def test_nine_lines_cannot_become_a_billion_values():
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 9)]
    with pytest.raises(ConfigError, match="200000 values"):
        read_yaml("\n".join(lines), file="a.yaml")


@given(st.text(alphabet="ab:-[]{}&*!|>'\"#%\n\t ?,", max_size=40))
def test_any_text_is_read_or_refused(text):
    with contextlib.suppress(ConfigError):
        read_yaml(text, file="a.yaml")
