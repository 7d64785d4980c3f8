"""The command line: `aihandler COMMAND`. One file a command; each imports what it needs itself."""

import sys
from importlib import import_module

import click
import msgspec

from aihandler import __version__
from aihandler.errors import AIHandlerError, ConfigError

__all__ = ["cli", "main"]

# Command to module; in the order in which a newcomer meets them.
_COMMANDS = {
    "demo": "aihandler.cli.demo",
    "init": "aihandler.cli.init",
    "check": "aihandler.cli.check",
    "explain": "aihandler.cli.explain",
    "run": "aihandler.cli.run",
    "review": "aihandler.cli.review",
    "costs": "aihandler.cli.costs",
    "show": "aihandler.cli.show",
    "train": "aihandler.cli.train",
    "doctor": "aihandler.cli.doctor",
    "forget": "aihandler.cli.forget",
    "config": "aihandler.cli.config",
    "completion": "aihandler.cli.completion",
}


class Commands(click.Group):
    """Imports a command when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  # click's signature
        """All names, in our order."""
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002  # click's signature
        """The command, or None when there is none of that name."""
        if cmd_name not in _COMMANDS:
            return None
        command: click.Command = import_module(_COMMANDS[cmd_name]).command
        return command


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="aihandler")
def cli() -> None:
    """Every language model, open or closed, behind one interface.

    Start with `aihandler demo`; then `aihandler init` in a folder of your own.

    Exit codes: 0 done, 1 a finding, 2 bad input or configuration, 3 refused by a rule,
    4 no deployment answered, 5 no valid answer, 6 ledger or disk, 130 stopped by you.
    """


def main() -> None:
    """Runs the command line and turns our errors into one message and an exit code."""
    try:
        code = cli.main(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("stopped; nothing is lost, the same command goes on from here", err=True)
        code = 130
    except AIHandlerError as error:
        _show(error)
        code = error.exit_code
    sys.exit(code if isinstance(code, int) else 0)


def _show(error: AIHandlerError) -> None:
    mistakes = [str(m) for m in error.mistakes] if isinstance(error, ConfigError) else []
    if "--json" in sys.argv:
        body = {
            "error": {
                "code": error.code,
                "message": error.message,
                "hint": error.hint,
                "mistakes": mistakes,
            }
        }
        click.echo(msgspec.json.encode(body).decode())
        return
    if isinstance(error, ConfigError) and error.mistakes:
        for mistake in error.mistakes:
            click.echo(str(mistake), err=True)
            if mistake.hint:
                click.echo(f"    {mistake.hint}", err=True)
    else:
        click.echo(f"error: {error.message}", err=True)
    if error.hint:
        click.echo(f"hint: {error.hint}", err=True)
