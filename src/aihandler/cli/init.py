"""`aihandler init`: writes a configuration that names what it found."""

import asyncio
import datetime
from collections.abc import Iterator, Sequence
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

import click

from aihandler.cli import discovering
from aihandler.cli.discovering import VENDORS, own_models
from aihandler.cli.options import echo_json, json_option
from aihandler.errors import ConfigError

if TYPE_CHECKING:
    from aihandler.backends.discovery import FoundServer


@click.command()
@click.option(
    "--out", type=click.Path(path_type=Path), default=Path("aihandler.yaml"), show_default=True
)
@click.option("--force", is_flag=True, help="Write over a file that is there.")
@json_option
def init(out: Path, force: bool, as_json: bool) -> None:
    """Look for model servers and keys, and write a commented aihandler.yaml.

    Looks at the usual ports of this machine (Ollama, vLLM, llama.cpp, LM Studio and anything that
    answers like them) and at the names of keys in the environment; sends nothing.
    """
    if out.exists() and not force:
        raise ConfigError(f"{out} is there already", hint="use --force to write over it")
    servers, keys = asyncio.run(discovering.find_servers()), discovering.found_keys()
    out.write_text(written(servers, keys), encoding="utf-8")
    _write_beside(out)
    if as_json:
        echo_json({"file": str(out), "servers": servers, "keys": keys})
        return
    for line in _found(servers, keys):
        click.echo(line)
    click.echo(f"wrote {out}; next: `aihandler check`, then `aihandler run inbox --input FOLDER`")


command = init


def written(servers: "Sequence[FoundServer]", keys: Sequence[str]) -> str:
    """The text of the file."""
    from minijinja import Environment

    usable = [(server, own_models(server)[0]) for server in servers if own_models(server)]
    names = _names([server.kind for server, _ in usable])
    template = (files("aihandler.cli") / "init.yaml.j2").read_text(encoding="utf-8")
    return Environment(keep_trailing_newline=True, trim_blocks=True).render_str(
        template,
        servers=[
            {"name": n, "server": s.name, "url": f"{s.url}/v1", "kind": s.kind, "model": model}
            for n, (s, model) in zip(names, usable, strict=True)
        ],
        relays=[
            {"name": s.name, "url": s.url, "relay": s.relay}
            for s in servers
            if s.relay and not own_models(s)
        ],
        keys=list(keys),
        candidates=["classifier", *names, *(VENDORS[key] for key in keys)],
        today=datetime.datetime.now(datetime.UTC).date().isoformat(),
    )


def _found(servers: "Sequence[FoundServer]", keys: Sequence[str]) -> Iterator[str]:
    if not servers:
        yield "found no model server on this machine"
    for server in servers:
        models = ", ".join(server.models) or "no model"
        relayed = f" (left out, it {server.relay})" if server.relay else ""
        yield f"found {server.name} at {server.url}: {models}{relayed}"
    for key in keys:
        yield f"found {key} in the environment: {VENDORS[key]} may be asked where policy says so"


def _names(kinds: Sequence[str]) -> list[str]:
    return [k if kinds.count(k) == 1 else f"{k}-{n}" for n, k in enumerate(kinds, start=1)]


def _write_beside(out: Path) -> None:
    """The schema for editors, and the examples that the file's task learns from."""
    import msgspec

    from aihandler.config import schema

    body = msgspec.json.format(msgspec.json.encode(schema()), indent=2)
    (out.parent / "aihandler.schema.json").write_bytes(body)
    examples = out.parent / "triage_examples.csv"
    if not examples.exists():
        shipped = files("aihandler") / "demo_data" / "triage_examples.csv"
        lines = shipped.read_text(encoding="utf-8").splitlines(keepends=True)
        examples.write_text("".join(lines), encoding="utf-8")
