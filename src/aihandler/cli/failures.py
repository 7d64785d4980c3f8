"""How a failure is told: one message of what happened, where, and what to do."""

import click

from aihandler.errors import AIHandlerError, ConfigError

__all__ = ["show_error", "show_usage_error"]


def show_error(error: AIHandlerError, *, as_json: bool) -> None:
    """One of our errors: for people on stderr, for programs as JSON on stdout."""
    mistakes = error.mistakes if isinstance(error, ConfigError) else ()
    if as_json:
        told = [{"at": str(mistake), "hint": mistake.hint} for mistake in mistakes]
        _echo_json(error.code, error.message, error.hint, mistakes=told)
        return
    for mistake in mistakes:
        click.echo(str(mistake), err=True)
        _echo_hint(mistake.hint)
    if not mistakes:
        click.echo(f"error: {error.message}", err=True)
    _echo_hint(error.hint)


def show_usage_error(error: click.ClickException, *, as_json: bool) -> None:
    """A command that was not understood."""
    if as_json:
        _echo_json("usage", error.format_message(), "run it with --help")
    else:
        error.show()


def _echo_hint(hint: str) -> None:
    if hint:
        click.echo(f"  hint: {hint}", err=True)


def _echo_json(
    code: str, message: str, hint: str, *, mistakes: list[dict[str, str]] | None = None
) -> None:
    import msgspec

    body: dict[str, object] = {"code": code, "message": message, "hint": hint}
    if mistakes:
        body["mistakes"] = mistakes
    click.echo(msgspec.json.format(msgspec.json.encode({"error": body}), indent=2).decode())
