import contextlib
import copy
import json
import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aihandler.config import Configuration, load
from aihandler.config.yaml import read_yaml
from aihandler.errors import ConfigError

RIGHT = Path(__file__).parents[1] / "data" / "configs" / "right"
TREE = read_yaml((RIGHT / "aihandler.yaml").read_text(), file="a.yaml")[0]
PLACES = sorted((place for place in TREE.lines if place), key=str)
ANYTHING = [
    None,
    True,
    0,
    -1,
    5.0,
    1.5,
    1e40,
    "",
    "x",
    "auto",
    "${A}",
    "a:b",
    "/",
    "2024-02-30",
    [],
    {},
]
ANYTHING += [
    ["x", "x"],
    [[]],
    [None],
    {"x": None},
    {"default": 3},
    {"$ref": "#/x"},
    "x\n",
    "{{",
    "a" * 200,
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("right")
    shutil.copytree(RIGHT, place, dirs_exist_ok=True)
    return place


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(st.tuples(st.sampled_from(PLACES), st.sampled_from(ANYTHING)), min_size=1, max_size=3)
)
def test_a_file_with_anything_anywhere_loads_or_shows_its_mistakes(folder, changes):
    _load_changed(folder, changes)


@pytest.mark.nightly
@pytest.mark.parametrize("place", PLACES, ids=str)
def test_a_file_with_anything_in_one_place_loads_or_shows_its_mistakes(folder, place):
    for value in ANYTHING:
        _load_changed(folder, [(place, value)])


def _load_changed(folder, changes):
    data = copy.deepcopy(TREE.data)
    for place, value in changes:
        with contextlib.suppress(KeyError, IndexError, TypeError):
            target = data
            for step in place[:-1]:
                target = target[step]
            target[place[-1]] = value
    file = folder / "changed.yaml"
    # JSON is YAML; decimals are written as they stand.
    file.write_text(json.dumps(data, default=float))
    told = _told(file)
    assert all(m.line >= 1 and m.message for m in told)


def _told(file):
    try:
        assert isinstance(load(file), Configuration)
    except ConfigError as error:
        return error.mistakes or pytest.fail("no mistake is told")
    return ()
