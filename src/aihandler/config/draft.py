"""What every part of the file needs while it is being built: folder, names, mistakes."""

from collections.abc import Collection, Mapping
from pathlib import Path as FilePath

import msgspec

from aihandler.config.places import Mistakes, Path
from aihandler.config.words import did_you_mean
from aihandler.domain.deployment import Secret
from aihandler.domain.task import Json

MAX_FILE_BYTES = 64_000_000

_encode = msgspec.json.Encoder(decimal_format="number").encode


class Draft:
    """A configuration in the making.

    `names` holds the names of each section as they are written, also of entries that have
    mistakes of their own: what refers to them is right.
    """

    def __init__(
        self,
        root: FilePath,
        mistakes: Mistakes,
        *,
        names: Mapping[str, Collection[str]],
        import_code: bool,
    ) -> None:
        self.root = root
        self.names = names
        self.import_code = import_code
        self._mistakes = mistakes

    def wrong(self, path: Path, message: str, *, hint: str = "") -> None:
        """Notes a mistake."""
        self._mistakes.add_unless_misshapen(path, message, hint=hint)

    def wrong_in(self, file: str, line: int, message: str, *, path: Path, hint: str = "") -> None:
        """Notes a mistake in a file that the configuration names at `path`."""
        shown = str(self.shown(file))
        self._mistakes.add_at_line(line, message, file=shown, path=path, hint=hint)

    def must_exist(self, section: str, name: str, path: Path) -> None:
        """Notes a mistake unless `name` stands in `section`."""
        known = self.names[section]
        if name not in known:
            hint = did_you_mean(name, known, what=section) or f"there are no {section}"
            self.wrong(path, f"there is no {section.removesuffix('s')} {name!r}", hint=hint)

    def located(self, name: str) -> FilePath:
        """A path of the file; relative ones begin beside it."""
        return self.root / name

    def shown(self, name: str) -> FilePath:
        """The same, as short as it can be named."""
        path = self.located(name)
        return path.relative_to(self.root) if path.is_relative_to(self.root) else path

    def read(self, name: str, path: Path, *, what: str) -> str | None:
        """The text of a file; None and a mistake when it cannot be read."""
        try:
            if self.located(name).stat().st_size > MAX_FILE_BYTES:
                self.wrong(path, f"{what} {name!r} is larger than {MAX_FILE_BYTES} bytes")
                return None
            return self.located(name).read_text(encoding="utf-8-sig")
        except UnicodeDecodeError:
            self.wrong(path, f"{what} {name!r} is not UTF-8 text", hint="save it as UTF-8")
        except FileNotFoundError:
            hint = f"paths begin at {self.root}"
            self.wrong(path, f"there is no {what} {name!r}", hint=hint)
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or "not a path"
            self.wrong(path, f"{what} {name!r} cannot be read: {why}")
        return None

    def secret(self, text: str, path: Path) -> Secret | None:
        """The reference that `text` is; a mistake when it may be a secret itself."""
        from aihandler.config.secrets import reference

        if not text:
            return None
        found = reference(text)
        if found is None:
            # The text is not repeated: it may be the key.
            self.wrong(
                path,
                "a key must be ${NAME} or ${file:/path}",
                hint="put the key into the environment and name the variable here; "
                "a key that stood in a file should be replaced",
            )
            return None
        if found.source == "file":
            return Secret("file", str(self.located(found.name)))
        return found


def listed_texts(value: str | Collection[str]) -> tuple[str, ...]:
    """A scalar where a list is expected is a list of one."""
    return (value,) if isinstance(value, str) else tuple(value)


def as_json(value: Json) -> Json:
    """Data of the file as JSON data: its exact decimals become numbers of JSON."""
    return msgspec.json.decode(_encode(value))
