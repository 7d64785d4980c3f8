import sys

import pytest

from aihandler.errors import ConfigError, InputError
from aihandler.validation import to_python

MODULE = """
from dataclasses import dataclass
from typing import TypedDict
import msgspec

class Row(msgspec.Struct):
    n: int

@dataclass
class Card:
    n: int

class Named(TypedDict):
    n: int

class Modelled:
    @classmethod
    def model_validate(cls, value):
        if value["n"] < 0:
            raise ValueError("secret")
        made = cls()
        made.n = value["n"]
        return made
"""


@pytest.fixture
def root(tmp_path):
    (tmp_path / "made_types.py").write_text(MODULE)
    yield str(tmp_path)
    sys.modules.pop("made_types", None)


@pytest.mark.parametrize("name", ["Row", "Card", "Modelled"])
def test_a_value_becomes_an_instance(root, name):
    made = to_python({"n": 3}, f"made_types:{name}", root=root)

    assert type(made).__name__ == name
    assert made.n == 3
    assert root not in sys.path


def test_a_typed_dict_stays_a_dict(root):
    assert to_python({"n": 3}, "made_types:Named", root=root) == {"n": 3}


def test_a_type_that_says_no_does_not_quote_the_value(root):
    with pytest.raises(InputError, match="does not fit") as caught:
        to_python({"n": -1}, "made_types:Modelled", root=root)

    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("name", ["made_types:Missing", "no_such_module:X", "nothing", "json:"])
def test_a_type_that_is_not_there_is_a_configuration_error(root, name):
    with pytest.raises(ConfigError, match="cannot be found"):
        to_python({"n": 1}, name, root=root)
