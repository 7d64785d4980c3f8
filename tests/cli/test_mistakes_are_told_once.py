"""A user's mistake: one message of what, where and what to do, an exit code, no traceback."""

from pathlib import Path

import pytest

from cli.commands import Command, program


@pytest.mark.parametrize(
    ("command", "code", "told", "hint"),
    [
        ("run offise --input documents", 2, "did you mean 'office'?", "known are office"),
        ("run office --input nowhere", 2, "nowhere does not exist", "name a file or a folder"),
        ("run office --input documents --out a.xls", 2, "cannot be written to a.xls", ".jsonl"),
        ("run office --input documents --key bob", 3, "there is no key 'bob'", "known are"),
        ("explain totl", 2, "there is no task 'totl'; did you mean 'total'?", "known are"),
        ("explain total --class secret", 2, "'secret' is not a data class", ""),
        ("costs", 6, "there is no ledger", "run something first"),
        ("train line", 2, "line", "hint"),
        ("check -c other.yaml", 2, "there is no configuration 'other.yaml'", "aihandler init"),
        ("check -c documents", 2, "'documents' cannot be read", ""),
        ("init", 2, "aihandler.yaml is there already", "--force"),
        ("rnu", 2, "No such command 'rnu'. Did you mean 'run'?", "--help"),
        ("run", 2, "Missing argument", "--help"),
        ("forget", 2, "name exactly one of", "--help"),
    ],
)
def test_the_message_says_what_and_what_to_do(
    folder: Path, aihandler: Command, command: str, code: int, told: str, hint: str
) -> None:
    ended = aihandler(*command.split())
    assert ended.code == code
    assert told in ended.err
    assert hint in ended.err
    assert not ended.out


@pytest.mark.parametrize(
    ("command", "told"),
    [
        ("show nothing", "no call, document or entry 'nothing'"),
        ("costs --by colour", "cannot be grouped by 'colour'"),
        ("costs --as gtp", "did you mean 'gpt'?"),
        ("review show nothing", "no review 'nothing'"),
        ("review accept nothing", "no review 'nothing'"),
        ("review list --task totl", "did you mean 'total'?"),
    ],
)
def test_a_name_that_the_ledger_does_not_know_is_told(
    ran: Path, aihandler: Command, command: str, told: str
) -> None:
    ended = aihandler(*command.split())
    assert ended.code == 2
    assert told in ended.err


def test_all_mistakes_of_a_file_are_told_at_once(folder: Path, aihandler: Command) -> None:
    text = (folder / "aihandler.yaml").read_text()
    text = text.replace("candidates: [summariser]", "candidats: [summariser]")
    (folder / "aihandler.yaml").write_text(text.replace("[reader, gpt]", "[raeder]"))
    ended = aihandler("check")
    assert ended.code == 2
    assert "did you mean 'candidates'?" in ended.err
    assert "raeder" in ended.err
    assert ended.err.count("aihandler.yaml:") == 2


def test_broken_yaml_is_told_with_its_line(folder: Path, aihandler: Command) -> None:
    (folder / "aihandler.yaml").write_text("version: 1\ntasks: {a: [\n")
    ended = aihandler("run", "office", "--input", "documents")
    assert ended.code == 2
    assert "aihandler.yaml:3" in ended.err


def test_with_json_an_error_is_json_and_nothing_else(folder: Path, aihandler: Command) -> None:
    ended = aihandler("run", "offise", "--input", "documents", "--json")
    assert ended.json["error"]["code"] == "input"
    assert not ended.err


def test_with_json_a_misspelt_option_is_json_too(folder: Path, aihandler: Command) -> None:
    assert aihandler("run", "--inputs", "x", "--json").json["error"]["code"] == "usage"


def test_an_empty_folder_is_told(folder: Path, aihandler: Command) -> None:
    (folder / "empty").mkdir()
    ended = aihandler("run", "office", "--input", "empty")
    assert ended.code == 2
    assert "nothing to read in empty" in ended.err


def test_a_document_of_100_mb_is_an_error_of_that_document(
    folder: Path, aihandler: Command
) -> None:
    with (folder / "documents" / "huge.txt").open("wb") as file:
        file.truncate(100 * 1024 * 1024)
    ended = aihandler("run", "line", "--input", "documents", "--out", "out.jsonl")
    assert ended.code == 1
    assert "valid    3 of 4 answers (75.0%); 1 ended in an error" in ended.out
    assert "it has 100 MB" in (folder / "out.jsonl").read_text()


def test_a_file_that_cannot_be_read_stops_no_other(folder: Path, aihandler: Command) -> None:
    (folder / "documents" / "picture.txt").write_bytes(b"\x89PNG\x00\x00")
    (folder / "documents" / "lost.txt").symlink_to("nowhere.txt")
    ended = aihandler("run", "line", "--input", "documents", "--out", "out.jsonl", "--json")
    assert ended.code == 1
    assert ended.json["steps"][0]["answers"] == 3
    assert "binary data" in (folder / "out.jsonl").read_text()


def test_a_folder_that_cannot_be_written_is_told(folder: Path, aihandler: Command) -> None:
    # A file where a folder should be: also root cannot write there.
    (folder / ".aihandler").write_text("")
    ended = aihandler("run", "line", "--input", "documents")
    assert ended.code == 6
    assert ".aihandler" in ended.err


def test_an_output_that_cannot_be_written_is_told(folder: Path, aihandler: Command) -> None:
    ended = aihandler("run", "line", "--input", "documents", "--out", "aihandler.yaml/x.jsonl")
    assert ended.code == 6
    assert "aihandler.yaml" in ended.err


def test_a_demo_where_nothing_can_be_written_is_told(folder: Path, aihandler: Command) -> None:
    ended = aihandler("demo", "--folder", "aihandler.yaml/demo", "--no-local")
    assert ended.code == 6
    assert "aihandler.yaml" in ended.err


def test_the_demo_refuses_a_vendor_without_its_key(folder: Path, aihandler: Command) -> None:
    ended = aihandler("demo", "--use", "gpt", "--no-local")
    assert ended.code == 2
    assert "OPENAI_API_KEY" in ended.err


def test_the_demo_names_the_vendors_that_there_are(folder: Path, aihandler: Command) -> None:
    ended = aihandler("demo", "--use", "gtp", "--no-local")
    assert ended.code == 2
    assert "known are llama-eu, gpt, claude" in ended.err


def test_no_mistake_shows_a_traceback_in_a_program_either(folder: Path) -> None:
    ended = program("run", "offise", "--input", "documents", folder=folder)
    assert ended.code == 2
    assert "Traceback" not in ended.err
    assert ended.err.count("\n") == 2
