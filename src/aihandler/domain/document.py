"""Documents, and what a workflow made of each."""

from collections.abc import Mapping

import msgspec

from aihandler.domain.labels import DataClass
from aihandler.domain.task import Json


class Document(msgspec.Struct, frozen=True):
    """One input. `fields` always holds `text`; e-mail headers and CSV columns are further fields.

    `data_class` of None means unlabelled, which counts as `internal`, never as `public`.
    `expected` is what a labelled document says is right, by step name; used for accuracy only.
    """

    id: str
    fields: Mapping[str, str]
    data_class: DataClass | None = None
    source: str = ""
    expected: Mapping[str, Json] = {}

    @property
    def text(self) -> str:
        """The document's own text."""
        return self.fields.get("text", "")
