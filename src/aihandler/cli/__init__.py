"""The command line: `aihandler COMMAND`. One file a command; each imports what it needs itself."""

import os
import sys
from collections.abc import Sequence
from importlib import import_module

import click

from aihandler import __version__
from aihandler.cli.failures import show_error, show_usage_error
from aihandler.errors import AIHandlerError, StorageError

__all__ = ["cli", "main"]

# In the order in which a newcomer meets them. Listing them imports none of them.
_COMMANDS = {
    "demo": "Run the main job over documents that ship with it.",
    "init": "Look for model servers and keys, write an aihandler.yaml.",
    "check": "Validate the configuration, prove where data can go.",
    "explain": "Show the plan for one request; call nothing.",
    "run": "Run a workflow or a task over documents.",
    "serve": "Serve the models over HTTP, as OpenAI and Anthropic do.",
    "keys": "Make, list, rotate, revoke keys for clients.",
    "apply": "Let a running gateway serve by the configuration as it is now.",
    "kill": "Switch something off, everywhere within 1.5 s.",
    "revive": "Switch it on again; list what is off.",
    "audit": "Show administrative actions; verify their chain.",
    "compare": "Find out which deployment is good enough for a task.",
    "dataset": "Make labelled data out of the ledger.",
    "review": "Decide what no model could: list, show, accept, correct.",
    "costs": "Show what was spent, or would have been elsewhere.",
    "reconcile": "Hold a provider's usage export against the ledger.",
    "advise": "Open or closed, per task, from your own numbers.",
    "show": "Show every attempt of a call or a document.",
    "train": "Train the built-in classifier of a task.",
    "probe": "Find out what a deployment's server really does.",
    "doctor": "Check keys, servers, relays, retirements, the ledger.",
    "forget": "Remove texts from the disk, for good.",
    "config": "Print the JSON Schema of aihandler.yaml.",
    "completion": "Print a completion script for your shell.",
}
_COMPLETION = "_AIHANDLER_COMPLETE"
EXIT_INTERRUPTED = 130
# What a shell reports of a program that a closed pipe has ended.
EXIT_BROKEN_PIPE = 141


class Commands(click.Group):
    """Imports a command when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  # click's signature
        """All names, in our order."""
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002  # click's signature
        """The command, or None when there is none of that name."""
        if cmd_name not in _COMMANDS:
            return None
        command: click.Command = import_module(f"aihandler.cli.{cmd_name}").command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does it, and names the nearest command when there is none."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            raise _with_nearest(error, args[0]) from None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002  # click's signature
        """The list of commands."""
        with formatter.section("Commands"):
            formatter.write_dl(list(_COMMANDS.items()))


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="aihandler")
def cli() -> None:
    """Every language model, open or closed, behind one interface.

    Start with `aihandler demo`; then `aihandler init` in a folder of your own.

    \b
    Exit codes:
      0    done                          4    no deployment answered
      1    done, and something is open   5    no valid answer
      2    bad input or configuration    6    ledger or disk
      3    refused by a rule             130  stopped by you
    """


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the command line and turns our errors into one message and an exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    sys.exit(_run(given))


def _run(arguments: list[str]) -> int:
    as_json = "--json" in arguments
    try:
        code = _invoke(arguments)
        sys.stdout.flush()
    except click.exceptions.Exit as error:
        return error.exit_code
    except click.ClickException as error:
        show_usage_error(error, as_json=as_json)
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("stopped", err=True)
        return EXIT_INTERRUPTED
    except SystemExit as ended:
        code = ended.code
    except BrokenPipeError:
        # The reader has seen enough; what is still in the buffer must not fail at the very end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_BROKEN_PIPE
    except AIHandlerError as error:
        show_error(error, as_json=as_json)
        return error.exit_code
    except OSError as error:
        named = _named(error)
        show_error(named, as_json=as_json)
        return named.exit_code
    return code if isinstance(code, int) else 0


def _invoke(arguments: list[str]) -> object:
    if _COMPLETION in os.environ:
        return cli.main(arguments, prog_name="aihandler", complete_var=_COMPLETION)
    # Not `cli.main`: that turns a closed pipe into exit code 1, which means something else here.
    with cli.make_context("aihandler", list(arguments)) as context:
        return cli.invoke(context)


def _named(error: OSError) -> StorageError:
    where = f"{error.filename!r}: " if error.filename else ""
    hint = "check that it exists, that you may use it, and that the disk has room"
    return StorageError(f"{where}{error.strerror or error}", hint=hint)


def _with_nearest(error: click.UsageError, given: str) -> click.UsageError:
    from difflib import get_close_matches

    near = get_close_matches(given, _COMMANDS, n=1)
    return click.UsageError(
        error.message + (f" Did you mean {near[0]!r}?" if near else ""), error.ctx
    )
