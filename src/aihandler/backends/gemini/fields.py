"""Objects of generateContent taken apart and put together again, so that nothing of them is lost.

Clients and libraries write the same field in two ways, `inlineData` and `inline_data`; here a field
has its usual name, and a note says how it was written.
"""

from collections.abc import Mapping

from aihandler.backends.codec import NOTE
from aihandler.domain.task import Json

KIND = "gemini.generateContent"
SIGNATURE = "thoughtSignature"
# A list with the role as it was written, where it is not the usual one; empty for none.
ROLE = f"{NOTE}role"
# In which of equal forms a thing was written.
FORM = f"{NOTE}form"
# This call, or this result, came without an id.
WITHOUT_ID = f"{NOTE}without_id"
_SPELLED = f"{NOTE}spelled"
_GIVEN = f"{NOTE}given"
# Fields whose names look like notes of ours.
_STRANGE = f"{NOTE}strange"
# Values that are written in another way than the usual one.
_WRITTEN = f"{NOTE}written"
_DATA = (
    "text",
    "inlineData",
    "fileData",
    "functionCall",
    "functionResponse",
    "executableCode",
    "codeExecutionResult",
    "toolCall",
    "toolResponse",
)
DATA = frozenset(_DATA)
# Objects that are taken apart: what is left of one stands under its name, or as a note.
_NESTED = (
    "generationConfig",
    "thinkingConfig",
    "toolConfig",
    "functionCallingConfig",
    "functionCall",
    "functionResponse",
    "inlineData",
    "fileData",
    "systemInstruction",
)
_NAMES = (
    *_DATA,
    *_NESTED,
    SIGNATURE,
    "mimeType",
    "fileUri",
    "displayName",
    "partialArgs",
    "willContinue",
    "functionDeclarations",
    "parametersJsonSchema",
    "allowedFunctionNames",
    "responseMimeType",
    "responseSchema",
    "responseJsonSchema",
    "responseModalities",
    "responseLogprobs",
    "maxOutputTokens",
    "stopSequences",
    "topP",
    "topK",
    "presencePenalty",
    "frequencyPenalty",
    "candidateCount",
    "thinkingBudget",
    "thinkingLevel",
    "includeThoughts",
)


def _snake(name: str) -> str:
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in name)


_USUAL = {_snake(name): name for name in _NAMES if _snake(name) != name}
_NESTED_SET = frozenset(_NESTED)


def usual(wire: Mapping[str, Json]) -> dict[str, Json]:
    """A copy in which known fields have their usual names; what is unknown stays as it is."""
    plain = dict(wire)
    spelled: dict[str, str] = {}
    strange: dict[str, Json] = {}
    for written in wire:
        name = _USUAL.get(written)
        if name is not None and name not in wire:
            plain[name] = plain.pop(written)
            spelled[name] = written
        elif written[:1] == NOTE:
            # Not to be taken for a note of ours.
            strange[written] = plain.pop(written)
    if strange:
        plain[_STRANGE] = strange
    if spelled:
        plain[_SPELLED] = spelled
    return plain


def take_text(rest: dict[str, Json], key: str) -> str:
    """A text that is taken out; "" when there is none."""
    value = rest.get(key)
    if isinstance(value, str) and value:
        del rest[key]
        return value
    return ""


def settle(rest: dict[str, Json], *known: str) -> dict[str, Json]:
    """`rest` as `extra`: known fields that say nothing become a note."""
    if not rest:
        return rest
    given = {k: rest.pop(k) for k in known if k in rest and rest[k] in (None, "", False, [], {})}
    if given:
        rest[_GIVEN] = {**rest.get(_GIVEN, {}), **given}
    return rest


def note_given(rest: dict[str, Json], key: str) -> None:
    """Makes a note of a field that says what its absence says."""
    rest[_GIVEN] = {**rest.get(_GIVEN, {}), key: rest.pop(key)}


def note_written(rest: dict[str, Json], key: str, value: Json) -> None:
    """Notes in which of equal ways the value of a field was written."""
    rest[_WRITTEN] = {**rest.get(_WRITTEN, {}), key: value}


def keep(rest: dict[str, Json], name: str, inner: dict[str, Json]) -> None:
    """What is left of an object that was taken apart: fields under its name, notes as a note."""
    rest.pop(name, None)
    notes = {key: value for key, value in inner.items() if key[:1] == NOTE}
    if notes:
        rest[NOTE + name] = notes
    if len(notes) < len(inner):
        rest[name] = {key: value for key, value in inner.items() if key not in notes}


def restore(wire: dict[str, Json], extra: Mapping[str, Json]) -> dict[str, Json]:
    """Writes what was kept, each field as it was written."""
    _join(wire, {key: value for key, value in extra.items() if key[:1] != NOTE})
    return _as_noted(wire, extra)


def _join(wire: dict[str, Json], fields: Mapping[str, Json]) -> None:
    for key, value in fields.items():
        mine = wire.get(key)
        if key in _NESTED_SET and isinstance(mine, dict) and isinstance(value, dict):
            _join(mine, value)
        else:
            wire[key] = value


def _as_noted(wire: dict[str, Json], notes: Mapping[str, Json]) -> dict[str, Json]:
    for key, value in notes.items():
        name = key[1:]
        if key == _GIVEN:
            for given, empty in value.items():
                wire.setdefault(given, empty)
        elif key == _STRANGE:
            wire.update(value)
        elif key == _WRITTEN:
            wire.update({k: v for k, v in value.items() if k in wire})
        elif key[:1] == NOTE and name in _NESTED_SET:
            mine = wire.get(name)
            wire[name] = _as_noted(dict(mine) if isinstance(mine, dict) else {}, value)
    for name, written in notes.get(_SPELLED, {}).items():
        if name in wire:
            wire[written] = wire.pop(name)
    return wire
