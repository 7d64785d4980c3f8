"""Tasks (a named kind of request) and workflows (several tasks over documents)."""

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from aihandler.domain.labels import DataClass
from aihandler.domain.rules import Stakes

# Who is served first where several wait: people, or work that nobody waits for.
Priority = Literal["interactive", "batch"]

# When an answer is shown: `usual`, once it outlives the process; `sync`, once intent and result
# outlive the loss of the machine.
Durability = Literal["usual", "sync"]

# A JSON value, or a JSON Schema: what enters from outside and is looked at only by validation.
Json = Any


class TextOutput(msgspec.Struct, frozen=True, tag="text"):
    """Any text of at most `max_chars` characters (None: any length), never empty."""

    max_chars: int | None = None


class LabelOutput(msgspec.Struct, frozen=True, tag="label"):
    """One of `labels`."""

    labels: tuple[str, ...]


class JsonOutput(msgspec.Struct, frozen=True, tag="json"):
    """A JSON value that `schema` admits.

    `grounded` lists JSON pointers of values that must stand in the source, `*` for each array
    item (`/lines/*/amount`); the single entry `/` means every leaf. `arithmetic` lists
    expressions over the value's keys that must hold. `python_type` is `module:Type`.
    """

    schema: Mapping[str, Json]
    grounded: tuple[str, ...] = ()
    arithmetic: tuple[str, ...] = ()
    python_type: str = ""


class AskedOutput(JsonOutput, frozen=True, tag="json"):
    """What a client's own request asks for: its schema comes from outside, and is used within
    bounds."""


class EmbeddingOutput(msgspec.Struct, frozen=True, tag="embedding"):
    """A vector of each text, of `dimensions` numbers (None: as many as the model gives)."""

    dimensions: int | None = None


Output = TextOutput | LabelOutput | JsonOutput | EmbeddingOutput


class PromptMessage(msgspec.Struct, frozen=True):
    """One message of a prompt; `template` is minijinja over the task's fields."""

    role: Literal["system", "user", "assistant"]
    template: str


class Prompt(msgspec.Struct, frozen=True):
    """The wording of a task."""

    messages: tuple[PromptMessage, ...]


class Example(msgspec.Struct, frozen=True):
    """Inputs by field, and the answer that is right for them."""

    fields: Mapping[str, str]
    expected: Json


class Examples(msgspec.Struct, frozen=True):
    """Labelled examples of a task, and how sensitive they are."""

    rows: tuple[Example, ...] = ()
    data_class: DataClass = DataClass.INTERNAL
    source: str = ""


class TaskLimits(msgspec.Struct, frozen=True):
    """Bounds of one call, over all its attempts.

    `attempts` counts sends, re-asks and retries included; `total_s` is one deadline over all of
    them; `latency_s` is the wish that `auto` routing orders by.
    """

    attempts: int = 6
    reasks: int = 1
    total_s: float = 600.0
    latency_s: float | None = None
    cost_usd: float | None = None


class CacheSettings(msgspec.Struct, frozen=True):
    """Equal requests get the answer of the first for `ttl_s`; of a task `max_entries` are kept."""

    ttl_s: float
    max_entries: int = 10_000


class Default(msgspec.Struct, frozen=True, tag="default"):
    """The value to answer with when there is no valid one; recorded as such."""

    value: Json


class Task(msgspec.Struct, frozen=True):
    """What is wanted, and where it may be had.

    `candidates` of None means `auto`. `version` names everything that decides what a right
    answer is: prompt, schema, validators, examples shown to the model.
    """

    name: str
    version: str
    output: Output = TextOutput()
    prompt: Prompt | None = None
    variants: Mapping[str, Prompt] = {}
    fields: tuple[str, ...] = ("text",)
    data_class: DataClass = DataClass.PUBLIC
    customer_facing: bool = False
    stakes: Stakes = "normal"
    candidates: tuple[str, ...] | None = None
    otherwise: Literal["review", "error"] | Default = "error"
    # hold: a streamed answer is shown once it is valid. mark: as it comes, and whether it is valid
    # is said at its end. "": mark for text, hold for all else.
    streaming: Literal["", "hold", "mark"] = ""
    examples: Examples = Examples()
    shots: int = 0
    min_confidence: float | None = None
    quality_target: float | None = None
    max_output_tokens: int | None = None
    # None: 0, unless a client of a gateway says one.
    temperature: float | None = None
    limits: TaskLimits = TaskLimits()
    priority: Priority = "interactive"
    durability: Durability = "usual"
    # Not part of `version`: an answer that is kept is the answer that was given.
    cache: CacheSettings | None = None


class TaskStep(msgspec.Struct, frozen=True, tag="task"):
    """Asks a task. `reads` maps the task's fields to expressions over document and results."""

    name: str
    task: str
    when: str = ""
    reads: Mapping[str, str] = {}


class FunctionStep(msgspec.Struct, frozen=True, tag="function"):
    """Calls `module:function(document, results)`; `version` is the hash of its source."""

    name: str
    function: str
    version: str
    when: str = ""
    uses: tuple[str, ...] = ()


class CheckStep(msgspec.Struct, frozen=True, tag="check"):
    """An expression over document and results that must hold, else the document has an error."""

    name: str
    holds: str
    when: str = ""


Step = TaskStep | FunctionStep | CheckStep


class Sink(msgspec.Struct, frozen=True):
    """A file that results are projected to; the ending says the form (jsonl, csv, sqlite)."""

    path: str


class Workflow(msgspec.Struct, frozen=True):
    """Steps over documents, in order. `data_class` is the least that any document counts as."""

    name: str
    steps: tuple[Step, ...]
    data_class: DataClass | None = None
    tags: Mapping[str, str] = {}
    concurrency: int = 32
