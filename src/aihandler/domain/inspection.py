"""What is in a request: what inspectors are shown, what they may say, and what is kept of it."""

from typing import Literal

import msgspec

from aihandler.domain.labels import DataClass, Labels

# Whose words a text is. `settings`: what a client sends beside its messages, such as tools. Texts
# of `tool` come from outside of the conversation, and nobody in it answers for them.
Speaker = Literal["field", "system", "user", "assistant", "tool", "settings"]


class InspectedText(msgspec.Struct, frozen=True):
    """One text of a request; `name` is that of a field or a tool."""

    speaker: Speaker
    text: str
    name: str = ""


class Material(msgspec.Struct, frozen=True):
    """All that of a request can be read, in its order, and its labels so far.

    `unread` names the kinds of parts that have no text: `image`, `audio`, `document`, `sealed`.
    """

    task: str
    labels: Labels
    texts: tuple[InspectedText, ...]
    unread: tuple[str, ...] = ()


class Finding(msgspec.Struct, frozen=True):
    """What an inspector says of a request. Words here reach logs: they never quote a text.

    `data_class` is the class that the request has at least, None where it adds nothing; it may not
    be lower than that of the labels. `refused` is the reason why the request may go nowhere.
    `rules` are the ids of what was found.
    """

    data_class: DataClass | None = None
    refused: str = ""
    rules: tuple[str, ...] = ()


class Inspected(msgspec.Struct, frozen=True):
    """One inspection as the ledger keeps it; `raised_to` of None: the class stayed as it was."""

    inspector: str
    version: str
    raised_to: DataClass | None = None
    rules: tuple[str, ...] = ()
