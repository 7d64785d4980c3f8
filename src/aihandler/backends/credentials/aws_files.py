"""Reads the files in which AWS' tools keep profiles: `~/.aws/config` and `~/.aws/credentials`."""

import configparser
import shlex
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec

from aihandler.backends.credentials.asking import Asker, home_of, set_in

Profile = Mapping[str, str]


class AwsFiles(msgspec.Struct, frozen=True):
    """The profiles of both files, by name."""

    config: Mapping[str, Profile]
    credentials: Mapping[str, Profile]

    def has(self, name: str) -> bool:
        """True when either file has the profile."""
        return name in self.config or name in self.credentials

    def profile(self, name: str) -> Profile:
        """What both files say of it; the credentials file wins, as with AWS' own tools."""
        return {**self.config.get(name, {}), **self.credentials.get(name, {})}


def read_aws_files(environ: Mapping[str, str], asker: Asker) -> AwsFiles:
    """Reads both, where there are any. Raises BackendRejected for one that cannot be read."""
    config = _path(environ, "AWS_CONFIG_FILE", "config")
    credentials = _path(environ, "AWS_SHARED_CREDENTIALS_FILE", "credentials")
    return AwsFiles(
        _profiles(config, asker, named=_of_config), _profiles(credentials, asker, named=str)
    )


def _path(environ: Mapping[str, str], variable: str, name: str) -> Path | None:
    set_path = set_in(environ, variable)
    if set_path.startswith("~/"):
        return home_of(environ) / set_path[2:]
    if set_path:
        return Path(set_path)
    if not (set_in(environ, "HOME") or set_in(environ, "USERPROFILE")):
        return None
    return home_of(environ) / ".aws" / name


def _profiles(
    path: Path | None, asker: Asker, *, named: Callable[[str], str]
) -> dict[str, Profile]:
    if path is None or not path.exists():
        return {}
    text = asker.file(path, "the AWS file")
    parser = configparser.RawConfigParser(
        default_section="\0", strict=False, delimiters=("=",), allow_no_value=True
    )
    try:
        parser.read_string(text)
    except configparser.Error:
        # Without its cause: that quotes lines, and a line may be a key.
        raise asker.rejected(
            f"has no credentials: the AWS file {str(path)!r} is no file of profiles",
            hint="`aws configure` writes one",
        ) from None
    found: dict[str, Profile] = {}
    for section in parser.sections():
        if name := named(section):
            found[name] = {key: value or "" for key, value in parser.items(section)}
    return found


def _of_config(section: str) -> str:
    if section == "default":
        return section
    try:
        words = shlex.split(section)
    except ValueError:
        return ""
    return words[1] if len(words) == 2 and words[0] == "profile" else ""
