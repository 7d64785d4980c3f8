"""`examples/compare` runs as it stands; short form: a sample, and two of its deployments."""

import shutil
from pathlib import Path

import pytest

from cli.commands import here

EXAMPLE = Path(__file__).parents[2] / "examples" / "compare"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for file in EXAMPLE.iterdir():
        if file.is_file():
            shutil.copy(file, tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_more_labels_are_better(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    done = here(capsys)(
        "compare", "intent", "--deployments", "twenty,five", "--data", "examined.csv",
        "--limit", "120", "--json", "--gate", "five not worse than twenty by 2 points",
    )  # fmt: skip
    assert done.code == 1
    (pair,) = done.json["findings"]["pairs"]
    assert (pair["baseline"], pair["verdict"]) == ("twenty", "worse")
    assert [gate["verdict"] for gate in done.json["gates"]] == ["fail"]


@pytest.mark.nightly
def test_the_page_of_docs_is_what_comes_out(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    done = here(capsys)(
        "compare", "intent", "--deployments", "hundred,twenty,five", "--data", "examined.csv",
        "--json",
    )  # fmt: skip
    shown = {d["deployment"]: f"{d['score']:.1%}" for d in done.json["findings"]["deployments"]}
    page = (EXAMPLE.parents[1] / "docs" / "compare.md").read_text("utf-8")
    for name, score in shown.items():
        assert any(name in line and score.replace("%", " %") in line for line in page.splitlines())
