"""Finds a model's own template: a GGUF file, a model's folder, or a template file."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from aihandler.backends.chat_templates.conversation import Template
from aihandler.backends.chat_templates.gguf import read_gguf
from aihandler.errors import ConfigError

_MAX_BYTES = 64 << 20
_ONE_OF = "name a .gguf file, a .jinja file, tokenizer_config.json or the folder that holds it"


def load_template(path: Path) -> Template:
    """The template of a model on disk; `ConfigError` when there is none."""
    if path.is_dir():
        return _from_folder(path)
    match path.suffix:
        case ".gguf":
            return read_gguf(path)
        case ".jinja" | ".jinja2":
            return _beside(path.parent, Template(path.stem, _text(path)))
        case ".json":
            return _from_config(path, _json(path))
    raise ConfigError(f"{str(path)!r} is no chat template", hint=_ONE_OF)


def _from_folder(folder: Path) -> Template:
    config = folder / "tokenizer_config.json"
    source = folder / "chat_template.jinja"
    if source.is_file():
        return _beside(folder, Template(folder.name, _text(source)))
    if config.is_file():
        return _from_config(config, _json(config))
    models = sorted(folder.glob("*.gguf"))
    if len(models) == 1:
        return read_gguf(models[0])
    raise ConfigError(f"{str(folder)!r} holds no chat template, or several models", hint=_ONE_OF)


def _beside(folder: Path, template: Template) -> Template:
    """The template with the special tokens of the configuration that lies beside it."""
    config = folder / "tokenizer_config.json"
    return _with_tokens(template, _json(config)) if config.is_file() else template


def _from_config(path: Path, config: Mapping[str, Any]) -> Template:
    source = config.get("chat_template")
    if isinstance(source, list):
        # Some models have one template for each use; the one that takes tools takes all of it.
        named = {
            t["name"]: t.get("template") for t in source if isinstance(t, dict) and "name" in t
        }
        source = named.get("tool_use") or named.get("default")
    if not isinstance(source, str):
        raise ConfigError(f"{str(path)!r} holds no chat template", hint=_ONE_OF)
    return _with_tokens(Template(path.parent.name or path.stem, source), config)


def _with_tokens(template: Template, config: Mapping[str, Any]) -> Template:
    adds_bos = config.get("add_bos_token")
    return msgspec.structs.replace(
        template,
        bos_token=_token(config.get("bos_token")),
        eos_token=_token(config.get("eos_token")),
        special_tokens=tuple(sorted(set(_special(config)) - {""})),
        adds_bos=adds_bos if isinstance(adds_bos, bool) else None,
    )


def _special(config: Mapping[str, Any]) -> Iterator[str]:
    extra = config.get("additional_special_tokens")
    yield from map(_token, extra if isinstance(extra, list) else ())
    added = config.get("added_tokens_decoder")
    for entry in added.values() if isinstance(added, dict) else ():
        if isinstance(entry, dict) and entry.get("special"):
            yield _token(entry)


def _token(value: object) -> str:
    """A token, which stands as text or as an object with its settings."""
    if isinstance(value, dict):
        value = value.get("content")
    return value if isinstance(value, str) else ""


def _json(path: Path) -> Mapping[str, Any]:
    try:
        return msgspec.json.decode(_text(path), type=dict[str, Any])
    except (msgspec.DecodeError, msgspec.ValidationError, RecursionError) as error:
        raise ConfigError(f"{str(path)!r} is no JSON object", hint="fetch it again") from error


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise ConfigError(f"{str(path)!r} is larger than {_MAX_BYTES} bytes", hint=_ONE_OF)
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(
            f"{str(path)!r} cannot be read: {error.strerror}", hint="check the path"
        ) from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{str(path)!r} is no text", hint=_ONE_OF) from error
