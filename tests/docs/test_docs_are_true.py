"""What the docs, the help and the hints say exists, and runs as it stands."""

import io
import re
import shlex
from collections.abc import Iterator
from contextlib import redirect_stdout
from pathlib import Path

import click
import pytest

from aihandler import errors
from aihandler.cli import cli
from aihandler.cli.demo import copy_demo

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
_IN_TEXT = re.compile(r"`(aihandler [^`\n]*)`")
_IN_BLOCK = re.compile(r"^(?: {4}|\$ )?(aihandler [^#\n]*)", re.MULTILINE)
_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def commands_in(text: str) -> Iterator[str]:
    yield from _IN_TEXT.findall(text)
    for block in (body for kind, body in _BLOCK.findall(text) if kind != "python"):
        yield from _IN_BLOCK.findall(block)
    yield from re.findall(r"^ {4}(aihandler [^#\n]*)", text, re.MULTILINE)


def said_in_pages() -> list[tuple[str, str]]:
    return [(p.name, command) for p in PAGES for command in commands_in(p.read_text("utf-8"))]


def said_in_help_and_hints() -> list[tuple[str, str]]:
    sources = [*(ROOT / "src").rglob("*.py"), *(ROOT / "src").rglob("*.j2")]
    found = ((p.name, c) for p in sources for c in _IN_TEXT.findall(p.read_text("utf-8")))
    # In hints a name is filled in later: `aihandler show {name}`.
    return [(where, re.sub(r"\{[^}]*\}", "NAME", command)) for where, command in found]


def resolved(words: list[str]) -> tuple[click.Command, list[str]]:
    """The command that the words name, and the words after it. Raises UsageError."""
    command: click.Command = cli
    context = click.Context(cli)
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        _, found, words = command.resolve_command(context, words)
        assert found is not None
        command, context = found, click.Context(found, parent=context)
    return command, words


@pytest.mark.parametrize(
    ("where", "command"), sorted({*said_in_pages(), *said_in_help_and_hints()})
)
def test_a_command_that_is_named_exists_with_its_options(where: str, command: str) -> None:
    # `a | b`: alternatives; `[--x]`: left out at will; `COMMAND`: any of them.
    words = shlex.split(command.replace("[", " ").replace("]", " ").split(" | ")[0])[1:]
    if not words or words[0].isupper() or not words[0][0].isalpha():
        return
    found, rest = resolved(words)
    known = {name for option in found.params for name in option.opts} | {"--help", "-h"}
    unknown = [w for w in rest if w.startswith("-") and w.split("=")[0] not in known]
    assert not unknown, f"{where}: `{command}`"


def python_blocks() -> list[tuple[str, str]]:
    return [
        (f"{page.name} {number}", body)
        for page in PAGES
        for number, body in enumerate(
            (body for kind, body in _BLOCK.findall(page.read_text("utf-8")) if kind == "python"), 1
        )
    ]


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("docs") / "demo"
    copy_demo(folder)
    return folder


@pytest.mark.parametrize(
    "block", [body for _, body in python_blocks()], ids=[name for name, _ in python_blocks()]
)
def test_python_runs_as_it_stands(
    prepared: Path, monkeypatch: pytest.MonkeyPatch, block: str
) -> None:
    monkeypatch.chdir(prepared)
    printed = io.StringIO()
    with redirect_stdout(printed):
        exec(compile(block, "docs", "exec"), {"__name__": "__main__"})
    assert printed.getvalue().strip()


def every_error() -> list[type[errors.AIHandlerError]]:
    named = (getattr(errors, name) for name in errors.__all__)
    return [kind for kind in named if issubclass(kind, errors.AIHandlerError)]


def rows_of(page: str) -> list[list[str]]:
    lines = (ROOT / "docs" / page).read_text("utf-8").splitlines()
    return [[c.strip() for c in re.split(r"(?<!\\)\|", x)[1:-1]] for x in lines if x[:1] == "|"]


@pytest.mark.parametrize("kind", every_error())
def test_every_error_is_documented_as_it_is(kind: type[errors.AIHandlerError]) -> None:
    (row,) = [row for row in rows_of("errors.md") if row[0] == f"`{kind.code}`"]
    assert row[1:4] == [f"`{kind.__name__}`", str(kind.exit_code), str(kind.http_status)]
    assert all(row[4:])


def test_every_exit_code_of_the_help_is_documented() -> None:
    shown = re.findall(r"(?<!\S)(\d{1,3}) {2,}", cli.help or "")
    documented = {row[0] for row in rows_of("errors.md")}
    assert len(shown) == 8
    assert set(shown) <= documented


def test_the_first_commands_of_the_readme_are_the_two_that_are_needed() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    commands = re.findall(r"^ {4}(\S.*)$", readme, re.MULTILINE)
    assert commands[0].startswith("make demo")
    assert commands[1].startswith("make test")
    targets = re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
    assert {"demo", "test", "check", "test-real"} <= set(targets)


def test_the_gate_calls_exactly_test_check_and_test_real() -> None:
    gate = (ROOT / ".ci" / "run").read_text("utf-8")
    assert re.findall(r"^make (\S+)$", gate, re.MULTILINE) == ["test", "check", "test-real"]


def test_the_configuration_of_the_readme_is_accepted(tmp_path: Path) -> None:
    from aihandler.config import load

    readme = (ROOT / "README.md").read_text("utf-8")
    (text,) = [body for kind, body in _BLOCK.findall(readme) if kind == "yaml"]
    (tmp_path / "aihandler.yaml").write_text(text)
    labels = ("billing", "bug", "feature", "other")
    rows = [f'"about {label} {n}",{label}' for label in labels for n in range(20)]
    (tmp_path / "tickets.csv").write_text("\n".join(["text,label", *rows]))
    assert load(tmp_path / "aihandler.yaml").tasks


def test_pages_refer_only_to_pages_that_exist() -> None:
    broken = [
        f"{page.name}: {target}"
        for page in [*PAGES, *sorted((ROOT / "docs").glob("*/*.md"))]
        for target in re.findall(r"\]\(([^)#:]+)[)#]", page.read_text("utf-8"))
        if not (page.parent / target).exists()
    ]
    assert not broken
