"""Thresholds are edited and rules added in files of one's own, by the command."""

from pathlib import Path

import msgspec
import pytest

from aihandler.advisor.company import demo_profile, facts_of
from aihandler.advisor.frameworks.judging import judge_all, judge_lists
from aihandler.advisor.frameworks.own import copy_shipped, frameworks
from aihandler.errors import ConfigError, InputError

OWN = """\
source: {id: own, title: our own, version: "1"}
frameworks:
  - id: timing
    title: our timing
    rules: [{verdict: open, because: we say so, when: {fact: people, above: 40}}]
  - id: mine
    title: mine
    rules: [{verdict: closed, because: always}]
lists:
  - id: ours
    title: ours
    items: [{id: audit, says: an audit, when: {fact: security.audit_log, is: true}}]
"""


def written(folder: Path, text: str, name: str = "own.yaml") -> Path:
    (folder / name).write_text(text, encoding="utf-8")
    return folder / name


def test_a_rule_of_ones_own_takes_the_place_of_a_shipped_one(tmp_path: Path) -> None:
    files = frameworks(written(tmp_path, OWN))
    facts = facts_of(demo_profile(), "chat")
    judged = {j.framework: (j.verdict, j.source.id) for j in judge_all(facts, files)}
    assert judged["timing"] == ("open", "own")
    assert judged["mine"] == ("closed", "own")
    assert judged["cost_rule"][1] == "004"
    assert [one.id for one in judge_lists(facts, files)][-1] == "ours"


def test_a_copied_threshold_that_is_edited_counts(tmp_path: Path) -> None:
    paths = copy_shipped(tmp_path / "rules")
    magazine = next(path for path in paths if path.name.startswith("004"))
    magazine.write_text(magazine.read_text().replace("5000000", "90000000"), encoding="utf-8")
    facts = facts_of(demo_profile(), "documents")
    judged = {j.framework: j.verdict for j in judge_all(facts, frameworks(tmp_path / "rules"))}
    assert judged["cost_rule"] == "undefined"
    with pytest.raises(InputError, match="not written over"):
        copy_shipped(tmp_path / "rules")


def test_mistakes_of_all_files_are_told_at_once_with_lines(tmp_path: Path) -> None:
    written(tmp_path, OWN.replace("people", "peeple"), "a.yaml")
    written(tmp_path, OWN.replace("audit_log", "audit_lock"), "b.yaml")
    with pytest.raises(ConfigError) as caught:
        frameworks(tmp_path)
    assert [(Path(m.file).name, m.line) for m in caught.value.mistakes] == [
        ("a.yaml", 5),
        ("b.yaml", 12),
    ]
    assert "audit_log" in caught.value.mistakes[1].hint


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("id: mine", "id: timing", "stands twice"),
        ("above: 40", "is: true", "cannot be compared so"),
        ("security.audit_log, is: true", "security.audit_log, above: 2", "cannot be compared so"),
        ("says: an audit,", "", "lacks the key 'says'"),
    ],
)
def test_what_cannot_be_judged_is_refused(tmp_path: Path, old: str, new: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        frameworks(written(tmp_path, OWN.replace(old, new)))


def test_a_contradiction_over_an_unknown_fact_is_refused(tmp_path: Path) -> None:
    text = (
        "source: {id: own, title: own, version: '1'}\n"
        "contradictions:\n"
        "  - id: x\n    title: x\n    when: {fact: people, above: 3}\n    of: peeple\n"
        "    sides: [{source: a, says: b, fact: poeple, above: 3}]\n"
        "    gaps: [{source: a, fact: peoples, at_least: 3, at_most: 4}]\n"
    )
    with pytest.raises(ConfigError) as caught:
        frameworks(written(tmp_path, text))
    assert [m.line for m in caught.value.mistakes] == [6, 7, 8]


def test_a_folder_without_rules_is_refused_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no \.yaml file"):
        frameworks(tmp_path)


def test_lists_are_told_by_item_with_the_same_parts_as_verdicts() -> None:
    facts = facts_of(demo_profile(), "documents")
    found = {one.id: one for one in judge_lists(facts, frameworks(None))}
    parts = set(msgspec.structs.asdict(found["resources"].items[0]))
    assert {"inputs", "missing", "distances", "state", "words"} <= parts
    assert found["resources"].source == "000"
