"""One row of `bench.wire`: how a format's recordings are told, read and compared."""

from collections.abc import Callable, Mapping
from typing import Any

from aihandler.backends import Profile, load_profiles


class Format:
    """One row: how a format's recordings are told, read and compared."""

    def __init__(
        self,
        codec: Any,
        *,
        api: str,
        profile: Callable[[Mapping[str, Any]], Profile],
        total: Callable[[Any], int | None],
        plain: Callable[[Any], Any],
        chunk: bytes,
        stream_end: bytes,
        request: bytes,
        talks: bool = True,
        endpoint: str = "",
        refuses: Callable[[Mapping[str, Any]], bool] = lambda _: False,
        stream_kind: str = "text/event-stream",
    ) -> None:
        self.codec = codec
        self.api = api
        self.profile = profile
        self.total = total
        self.plain = plain
        self.chunk = chunk
        self.stream_end = stream_end
        self.request = request
        self.talks = talks
        self.endpoint = endpoint
        self.refuses = refuses
        self.stream_kind = stream_kind


_PROFILES: dict[str, Profile] = {}


def profiles() -> Mapping[str, Profile]:
    if not _PROFILES:
        _PROFILES.update(load_profiles())
    return _PROFILES
