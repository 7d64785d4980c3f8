from pathlib import Path

import pytest

from aihandler.errors import InputError
from aihandler.linear.features import Space
from aihandler.linear.learn import learn
from aihandler.linear.store import load, save


@pytest.fixture
def path(tmp_path: Path) -> Path:
    model = learn(["yes", "no"], {"a": ["yes", "no"]}, space=Space(words=64, chars=64))
    save(model, tmp_path / "m.model")
    return tmp_path / "m.model"


@pytest.mark.parametrize("kept", [0, 7, 40, 500, -1])
def test_a_file_that_was_cut_off(path: Path, kept: int) -> None:
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(InputError, match="is no model"):
        load(path)


@pytest.mark.parametrize("place", [0, 9, 100, -40, -1])
def test_a_file_with_one_changed_byte(path: Path, place: int) -> None:
    data = bytearray(path.read_bytes())
    data[place] ^= 1
    path.write_bytes(data)
    with pytest.raises(InputError, match="is no model"):
        load(path)


def test_a_failed_write_leaves_the_old_file(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = path.read_bytes()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        save(load(path), path)
    assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir()] == [path.name]
