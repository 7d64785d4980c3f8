"""What of a request may pass to one server, and the list of what could not."""

from collections.abc import Mapping

from aihandler.backends.call_ids import CallIds
from aihandler.backends.codec import Lost, foreign_fields
from aihandler.backends.profiles import Profile
from aihandler.domain.conversation import Request
from aihandler.domain.task import Json

# The name of this wire format in `Request.origin`, `Opaque.format` and `Reply.extra`.
ORIGIN = "openai.chat"


class Passage:
    """One request on its way out. `same`: it came in this format, so all of it may go back."""

    def __init__(self, request: Request, profile: Profile) -> None:
        self.profile = profile
        self.same = request.origin == ORIGIN
        self.lost: list[Lost] = []
        self.ids = CallIds.of(request, profile.call_ids)

    def lose(self, pointer: str, what: str) -> None:
        """Notes that something stays behind."""
        self.lost.append(Lost(pointer, what))

    def beside(self, extra: Mapping[str, Json], pointer: str) -> Mapping[str, Json]:
        """The fields that have no word of ours; those of another format stay behind."""
        if self.same or not extra:
            return extra
        for key in foreign_fields(extra):
            # None and empty values only say how something was written, not what.
            if extra[key] not in (None, "", [], {}):
                self.lose(f"{pointer}/extra/{key}", f"the field {key!r} of another format")
        return {}
