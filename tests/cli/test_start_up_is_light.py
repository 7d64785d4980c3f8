"""What `import aihandler` and `aihandler --help` load: little, for it is loaded each time."""

import subprocess
import sys

import pytest

HEAVY = (
    "numpy",
    "rich",
    "cryptography",
    "jsonschema_rs",
    "yaml",
    "minijinja",
    "asyncio",
    "sqlite3",
)


@pytest.mark.parametrize(
    "statement",
    [
        "import aihandler",
        "from aihandler.cli import main\ntry: main(['--help'])\nexcept SystemExit: pass",
        "from aihandler.cli import main\ntry: main(['run', '--help'])\nexcept SystemExit: pass",
    ],
    ids=["import", "--help", "run --help"],
)
def test_nothing_heavy_is_imported(statement: str) -> None:
    look = f"import sys\n{statement}\nprint([m for m in {HEAVY} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_every_command_is_listed_with_its_own_help() -> None:
    from aihandler.cli import cli

    context = cli.make_context("aihandler", [], resilient_parsing=True)
    for name in cli.list_commands(context):
        command = cli.get_command(context, name)
        assert command is not None
        assert command.help
