"""`aihandler compare`: figures on the terminal, files for others, an exit code for a build."""

import signal
from pathlib import Path
from xml.etree import ElementTree as Tree

import pytest

from aihandler.testing import FakeServer, Scripted
from cli.commands import Command, started
from evaluation.comparing_fakes import ROWS, configured, right

COMPARE = ("compare", "triage", "--data", "data.jsonl", "--deployments")


@pytest.fixture
def compared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_comparison_is_told_and_kept(compared: Path, aihandler: Command) -> None:
    with FakeServer(right) as server:
        configured(compared, server)
        done = aihandler(*COMPARE, "small,large")
    assert done.code == 0
    assert "small" in done.out
    assert "6 examples can show a margin of" in done.out
    assert "12/12 answers, $0.00028, 6 unpriced" in done.err
    told = aihandler("explain", "triage").out
    assert "on 6 examples: 1.00" in told
    assert "on 6 examples: 0.50" in told


def test_the_same_again_asks_nobody(compared: Path, aihandler: Command) -> None:
    with FakeServer(right) as server:
        configured(compared, server)
        first = aihandler(*COMPARE, "small,large")
        again = aihandler(*COMPARE, "small,large")
        assert server.calls == 2 * ROWS
        fresh = aihandler(*COMPARE, "small,large", "--fresh", "--limit", "2")
        assert server.calls == 2 * ROWS + 4
    assert again.out == first.out
    assert "12 known from before" in again.err
    assert fresh.code == 0


def test_gates_decide_the_exit_code(compared: Path, aihandler: Command) -> None:
    with FakeServer(right) as server:
        configured(compared, server)
        holds = aihandler(*COMPARE, "small,large", "--gate", "large valid at least 0.5")
        fails = aihandler(*COMPARE, "small,large", "--gate", "large better than small")
    assert (holds.code, fails.code) == (0, 1)
    assert "pass" in holds.out
    assert "not enough evidence" in fails.out


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (("small,large", "--gate", "huge better than small"), "names 'huge', which is not"),
        (("small,large", "--gate", "as good as new"), "cannot be read"),
        (("small,huge",), "there is no deployment 'huge'"),
        (("small,small",), "named twice"),
        ((",",), "no deployment is named"),
        (("small,large", "--budget", "much"), "'much' is no sum"),
        (("small,large", "--budget", "-1"), "'-1' is no sum"),
        (("small,large", "--scorer", "exakt"), "there is no scorer 'exakt'"),
        (("small,large", "--html", "nowhere/page.html"), "cannot be written"),
        (("small,large", "--margin", "0"), "0"),
    ],
)
def test_mistakes_are_told_before_anything_is_sent(
    compared: Path, aihandler: Command, wrong: tuple[str, ...], told: str
) -> None:
    with FakeServer(right) as server:
        configured(compared, server)
        done = aihandler(*COMPARE, *wrong)
    assert done.code in {2, 6}
    assert told in done.err
    assert server.calls == 0


def test_json_has_all_of_it(compared: Path, aihandler: Command) -> None:
    with FakeServer(right) as server:
        configured(compared, server)
        done = aihandler(
            *COMPARE, "small,large", "--json", "--gate", "large valid at least 0.1",
            "--scorer", "exact", "--scorer", "valid",
        )  # fmt: skip
    assert len(done.json["comparison"]["observations"]) == 2 * ROWS
    assert done.json["comparison"]["scorers"] == ["exact", "valid"]
    assert done.json["findings"]["pairs"][0]["baseline"] == "small"
    assert done.json["gates"][0]["verdict"] == "pass"


def test_files_are_written(compared: Path, aihandler: Command) -> None:
    with FakeServer(right) as server:
        configured(compared, server)
        aihandler(*COMPARE, "small,large", "--html", "page.html", "--junit", "junit.xml")
    assert "invoice 1" in Path("page.html").read_text()
    # It holds what the ledger keeps from others.
    assert Path("page.html").stat().st_mode & 0o777 == 0o600
    assert Tree.parse("junit.xml").getroot().tag in {"testsuites", "testsuite"}


def test_restricted_texts_stay_out_of_what_is_written(compared: Path, aihandler: Command) -> None:
    with FakeServer("bug") as server:
        configured(compared, server)
        line = '{"input": "button of Mrs Hale", "expected": "bug", "class": "restricted"}\n'
        Path("data.jsonl").write_text(line)
        done = aihandler(*COMPARE, "small", "--json", "--html", "page.html")
        shown = aihandler(*COMPARE, "small", "--json", "--show-restricted")
    assert done.code == 0, done.err
    assert "Hale" not in done.out + Path("page.html").read_text()
    assert "Hale" in shown.out


def test_one_that_ends_early_says_so_and_exits_1(compared: Path, aihandler: Command) -> None:
    with FakeServer(right) as server:
        configured(compared, server)
        done = aihandler(*COMPARE, "large", "--budget", "0.0000001")
    assert done.code == 1
    assert "the budget of $1e-07 is used up" in done.out
    assert server.calls == 0


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGKILL])
def test_stopped_or_killed_the_same_command_goes_on(
    compared: Path, aihandler: Command, stop: signal.Signals
) -> None:
    def slowly(request: object) -> Scripted:
        return Scripted("bug", delay_s=0.15)

    with FakeServer(slowly) as server:
        configured(compared, server)
        with started(*COMPARE, "small,large", "--concurrency", "1", folder=compared) as running:
            while server.calls < 3 and running.poll() is None:
                pass
            running.send_signal(stop)
            _, err = running.communicate(timeout=30)
        assert running.returncode == (143 if stop is signal.SIGTERM else -stop)
        assert ("the same command goes on from here" in err) == (stop is signal.SIGTERM)
        done = aihandler(*COMPARE, "small,large")
    assert done.code == 0
    # At most the one in the air was asked twice.
    assert server.calls <= 2 * ROWS + 1
    assert "known from before" in done.err


def test_the_classifier_is_not_examined_on_what_it_has_learned(
    compared: Path, aihandler: Command
) -> None:
    rows = [f"the {kind} number {n},{kind}" for kind in ("bug", "billing") for n in range(12)]
    Path("learned.csv").write_text("\n".join(["text,label", *rows]))
    Path("aihandler.yaml").write_text(
        """
version: 1
deployments:
  few: {backend: builtin/classify, examples_per_label: 5}
  all: {backend: builtin/classify}
tasks:
  triage:
    output: {label: [bug, billing]}
    examples: learned.csv
    candidates: [all]
"""
    )
    refused = aihandler("compare", "triage", "--deployments", "few,all")
    assert refused.code == 2
    assert "the classifier has learned all 24 items" in refused.err
    Path("new.csv").write_text("text,expected\nthe bug number 1,bug\na billing matter,billing\n")
    done = aihandler("compare", "triage", "--deployments", "few,all", "--data", "new.csv", "--json")
    assert "1 item left out: the classifier has learned them" in done.err
    assert len(done.json["comparison"]["observations"]) == 2


def test_a_task_without_examples_needs_data(compared: Path, aihandler: Command) -> None:
    with FakeServer(right) as server:
        configured(compared, server)
    done = aihandler("compare", "triage", "--deployments", "small,large")
    assert done.code == 2
    assert "name a file with --data" in done.err
