import contextlib
from decimal import Context, Decimal, InvalidOperation

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aihandler.config.expressions import Expression, ExpressionError
from aihandler.errors import ConfigError

DOCUMENT = {
    "document": {"subject": "Re: Invoice", "has_attachment": True, "amount": "120.50"},
    "triage": "billing",
    "extract": {
        "total": 0.3,
        "tax": 0,
        "lines": [{"amount": 0.1}, {"amount": 0.2}],
        "date": "2024-02-29",
    },
    "none": None,
    "count": 3,
}

VALUES = [
    ("triage == 'billing' and document.has_attachment", True),
    ("triage in ['bug', 'other'] or not document.has_attachment", False),
    ("'inv' in document.subject|lower", True),
    ("'tax' in extract and 'vat' not in extract", True),
    ("sum(extract.lines, 'amount') == extract.total", True),
    ("extract.lines|sum(attribute='amount') == 0.3", True),
    ("extract.lines[0].amount * 3 == 0.3", True),
    ("extract.lines|length", 2),
    ("extract['total'] - 0.1", Decimal("0.2")),
    ("extract.lines[-1]['amount']", 0.2),
    ("(extract.lines|last).amount", 0.2),
    ("document.amount|number / 2", Decimal("60.25")),
    ("'12.9'|int + '-12.9'|int", 0),
    ("round(2.345, 2)", Decimal("2.35")),
    ("2.5|round ~ ''", "3"),
    ("-7 // 2", -4),
    ("-7 % 3", 2),
    ("7 % -3", -2),
    ("1 + 2 * 3 - 4 / 2", 5),
    ("-2|abs", 2),
    ("max(1, 2.5, count)", 3),
    ("min(extract.lines, 'amount')", Decimal("0.1")),
    ("extract.date > '2024-01-31'", True),
    ("date('2024-01-31T10:00:00')", "2024-01-31"),
    ("days_between('2024-02-28', extract.date)", 1),
    ("document.subject ~ ' ' ~ count ~ ' ' ~ true", "Re: Invoice 3 true"),
    ("extract.missing|default(0) + 1", 1),
    ("extract.missing.deeper is defined", False),
    ("skipped is not defined and triage is defined", True),
    ("none is none and none == none", True),
    ("1 == true or '1' == 1 or none == false", False),
    ("[1, 2.0, 'a'] == [1.0, 2, 'a']", True),
    ("extract.lines == extract.lines", True),
    ("'yes' if count > 2 else 'no'", "yes"),
    ("not count > 5", True),
    ("not triage == 'bug' and count", 3),
    ("document.subject is startingwith('Re') and document.subject is not endingwith('x')", True),
    ("'  x '|trim|upper", "X"),
    ("'it\\'s' == \"it's\"", True),
    ("1_000.50", Decimal("1000.50")),
    ("[]|first is defined", False),
]


@pytest.mark.parametrize(("text", "value"), VALUES)
def test_an_expression_has_the_value_that_is_written(text, value):
    found = Expression(text).evaluate(DOCUMENT)
    assert found == value
    assert isinstance(found, type(value))


def test_binary_floats_are_the_decimals_that_they_are_written_as():
    assert Expression("c + c + c == 0.3").holds({"c": 0.1})
    assert Expression("c + c + c == 0.3").holds({"c": Decimal("0.1")})


numbers = st.decimals(-(10**9), 10**9, allow_nan=False, places=4)


@given(a=numbers, b=numbers, c=numbers)
def test_sums_and_products_are_those_of_exact_decimals(a, b, c):
    wide = Context(prec=200)
    values = {"a": a, "b": b, "c": c}
    expected = wide.subtract(wide.add(a, wide.multiply(b, c)), b)
    assert Expression("a + b * c - b").evaluate(values) == expected
    assert Expression("(a + b) + c == a + (b + c)").holds(values)
    assert Expression("sum([a, b, c]) == a + b + c").holds(values)


@given(a=numbers, b=numbers)
def test_whole_division_and_remainder_belong_together(a, b):
    values = {"a": a, "b": b}
    if b == 0:
        with pytest.raises(ExpressionError, match="division by zero"):
            Expression("a // b").evaluate(values)
        return
    assert Expression("a // b * b + a % b == a").holds(values)
    assert Expression("a % b * b >= 0").holds(values)


@given(st.floats(allow_nan=False, allow_infinity=False, min_value=-1e15, max_value=1e15))
def test_a_float_equals_its_own_text(number):
    assert Expression("x == text|number").holds({"x": number, "text": repr(number)})


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("extract.missing > 1", "extract.missing is not there"),
        ("skipped == 'a'", "skipped is not there"),
        ("skipped", "skipped is not there"),
        ("triage > 3", "a text cannot be compared with a number"),
        ("triage + 3", "a text where a number is expected"),
        ("true + 1", "true where a number is expected"),
        ("none < 1", "null cannot be compared with a number"),
        ("1 / 0", "division by zero"),
        ("1 in 3", "a number cannot be in a number"),
        ("document.subject|number", "a text that is not a number"),
        ("date('31.1.2024')", "a text that is not a date"),
        ("sum(extract.lines, 'price')", "has no 'price'"),
        ("sum(triage)", "a text where a list is expected"),
        ("extract.lines ~ 'x'", "a list cannot be joined"),
        ("max([])", "empty list"),
        ("round(1, 99)", "round to 0 to 20 digits"),
    ],
)
def test_what_has_no_value_says_why(text, why):
    with pytest.raises(ExpressionError, match=why) as caught:
        Expression(text, where="tasks.x").evaluate(DOCUMENT)
    assert "tasks.x" in caught.value.message
    assert caught.value.exit_code == 2


def test_a_message_never_quotes_the_document():
    with pytest.raises(ExpressionError) as caught:
        Expression("document.text > 3").evaluate({"document": {"text": "my secret"}})
    assert "secret" not in str(caught.value) + caught.value.hint


def test_what_is_missing_does_not_hold():
    assert not Expression("extract.missing").holds(DOCUMENT)
    assert Expression("not skipped").holds({})


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "expected a value, found the end in column 1"),
        ("a +", "expected a value, found the end in column 4"),
        ("a = 3", "expected an operator, found '=' in column 3"),
        ("a < b < c", "two comparisons in a row"),
        ("(a", r"expected '\)', found the end in column 3"),
        ("a b", "expected an operator, found 'b' in column 3"),
        ("f(1)", "no function 'f' in column 1"),
        ("a|lowr", "no filter 'lowr' in column 3"),
        ("a is nothing", "no test 'nothing' in column 6"),
        ("a.b()", "only functions can be called"),
        ("sum()", "takes 1 to 2 arguments, not 0"),
        ("sum(a, by='b')", "no argument 'by'"),
        ("a ** 2", "expected a value"),
        ("1e9", "cannot read '1e9'"),
        ("'abc", "cannot read"),
        ("a # b", "cannot read '# b'"),
        ("{{ a }}", "cannot read"),
        ("a.__class__.__mro__[0] if", "expected a value"),
        ("1 if a", "expected 'else'"),
    ],
)
def test_what_cannot_be_read_says_where(text, why):
    with pytest.raises(ConfigError, match=why):
        Expression(text)


def test_attributes_of_python_cannot_be_reached():
    assert not Expression("a.__class__ is defined").holds({"a": "text"})
    assert not Expression("a.append is defined or a['__len__'] is defined").holds({"a": [1]})


def test_names_and_paths_say_what_is_read():
    expression = Expression("document.subject == triage and extract.lines[0].amount > x['a'].b")
    assert expression.names == {"document", "triage", "extract", "x"}
    assert expression.paths == {"document.subject", "triage", "extract.lines", "x.a.b"}


@pytest.mark.parametrize(
    "text",
    [
        "(" * 50 + "1" + ")" * 50,
        "not " * 200 + "a",
        "-" * 200 + "1",
        "1" + " + 1" * 200,
        "9" * 50,
        "a" * 5000,
        "[" * 60 + "]" * 60,
        "a" + ".b" * 200,
        "a" + "|lower" * 200,
    ],
)
def test_what_is_too_large_is_refused_when_it_is_read(text):
    with pytest.raises(ConfigError):
        Expression(text)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("sum(a) + sum(a) + sum(a)", [1] * 50_000),
        ("a ~ a ~ a ~ a", "x" * 4_000_000),
        ("a * a * a * a * a * a * a * a * a * a * a * a", 10**90 + 1),
        ("a + 1", 1e300),
        ("a + 1", Decimal("1e999999999")),
        ("a + 1", 10**5000),
        ("a == a", [[[[[[1]]]]] * 20_000] * 20),
        ("a + 1", float("inf")),
    ],
    ids=["steps", "text", "digits", "float", "exponent", "integer", "equality", "infinite"],
)
def test_what_would_take_long_or_much_memory_is_given_up(text, value):
    with pytest.raises(ExpressionError):
        Expression(text).evaluate({"a": value})


def test_depth_is_bounded_also_in_data():
    deep = []
    for _ in range(5_000):
        deep = [deep]
    with pytest.raises(ExpressionError, match="nested"):
        Expression("a == b").holds({"a": deep, "b": [deep]})


words = ["a", "b.c", "1", "0.5", "'x'", "(", ")", "[", "]", "+", "-", "*", "/", "//", "%", "~", "|"]
words += [
    "lower",
    "sum",
    "==",
    "<",
    "in",
    "not",
    "and",
    "or",
    "if",
    "else",
    "is",
    "defined",
    ".",
    ",",
]


@given(st.lists(st.sampled_from(words), max_size=12).map(" ".join))
def test_any_row_of_words_is_read_or_refused_and_evaluated_or_refused(text):
    with contextlib.suppress(ConfigError, ExpressionError):
        Expression(text).evaluate({"a": [1, 2], "b": {"c": "x"}})


def test_the_settings_of_the_thread_do_not_matter():
    from decimal import localcontext

    with localcontext() as context:
        context.prec = 2
        context.traps[InvalidOperation] = False
        assert Expression("a + 0.001 == 123.457 and -a == 0 - a").holds({"a": 123.456})
