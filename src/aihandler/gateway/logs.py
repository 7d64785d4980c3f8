"""What supervisor and workers log: a line of JSON each, without a secret or a content.

Our own messages hold neither. Those of exceptions that nobody expected may: of them only the kind
is told, and where they came from.
"""

import logging
import traceback
from datetime import UTC, datetime

import msgspec

_encode = msgspec.json.Encoder(enc_hook=str).encode
# The places that an exception passed last say most.
_PLACES = 20


class JsonLines(logging.Formatter):
    """Writes a record as one line."""

    def format(self, record: logging.LogRecord) -> str:
        """`at`, `level`, `from`, `process`, `message`; of an exception `error` and `places`."""
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        told: dict[str, object] = {
            "at": at,
            "level": record.levelname.lower(),
            "from": record.name,
            "process": record.process,
            "message": record.getMessage(),
        }
        if record.exc_info and record.exc_info[0] is not None:
            told["error"] = record.exc_info[0].__name__
            frames = traceback.extract_tb(record.exc_info[2])[-_PLACES:]
            told["places"] = [f"{one.filename}:{one.lineno} {one.name}" for one in frames]
        return _encode(told).decode()


def log_as_lines() -> None:
    """From now on this process logs so, to standard error."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
