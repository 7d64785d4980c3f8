"""Each file of `data/configs/wrong` says in comments (`#! message | hint`) what is wrong."""

import re
import shutil
from pathlib import Path

import pytest

from aihandler.config import load
from aihandler.errors import ConfigError, Mistake

WRONG = Path(__file__).parents[1] / "data" / "configs" / "wrong"
CASES = sorted(WRONG.glob("*.yaml"))


@pytest.fixture
def folder(tmp_path, monkeypatch):
    shutil.copytree(WRONG, tmp_path, dirs_exist_ok=True)
    # Kept as text, so that no tool takes it for Python.
    (tmp_path / "wrong_syntax.txt").rename(tmp_path / "wrong_syntax.py")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.stem)
def test_a_wrong_configuration_shows_every_mistake_with_line_path_and_hint(case, folder):
    with pytest.raises(ConfigError) as caught:
        load(Path(case.name))
    expected = sorted(_expected(case, folder))
    assert sorted(_told(m) for m in caught.value.mistakes) == expected
    assert caught.value.exit_code == 2


def test_there_are_at_least_25_wrong_configurations():
    assert len(CASES) >= 25


def test_mistakes_stand_in_the_order_of_the_file(folder):
    with pytest.raises(ConfigError) as caught:
        load(Path("steps_that_do_not_fit.yaml"))
    lines = [mistake.line for mistake in caught.value.mistakes]
    assert lines == sorted(lines)
    assert "12 mistakes; the first: steps_that_do_not_fit.yaml:6: " in str(caught.value)


def test_a_key_that_was_written_out_is_repeated_nowhere(folder):
    with pytest.raises(ConfigError) as caught:
        load(Path("key_written_out.yaml"))
    told = repr(caught.value.mistakes) + str(caught.value) + caught.value.hint
    assert "sk-proj" not in told
    assert "0123456789abcdef" not in told


def test_a_file_that_is_not_there_says_how_to_get_one(tmp_path):
    with pytest.raises(ConfigError, match="there is no configuration") as caught:
        load(tmp_path / "aihandler.yaml")
    assert "aihandler init" in caught.value.hint


def test_a_file_that_is_no_text_is_one_clear_mistake(tmp_path):
    (tmp_path / "aihandler.yaml").write_bytes(b"\xff\xfe\x00version")
    with pytest.raises(ConfigError, match="is not UTF-8 text"):
        load(tmp_path / "aihandler.yaml")


def _expected(case: Path, folder: Path) -> list[str]:
    found = []
    for number, line in enumerate(case.read_text().splitlines(), start=1):
        for comment in line.split("#! ")[1:]:
            told = comment.strip().replace("FOLDER", str(folder))
            elsewhere = re.match(r"in (\S+:\d+: .*)", told)
            found.append(elsewhere[1] if elsewhere else f"{case.name}:{number}: {told}")
    return found


def _told(mistake: Mistake) -> str:
    return f"{mistake} | {mistake.hint}" if mistake.hint else str(mistake)
