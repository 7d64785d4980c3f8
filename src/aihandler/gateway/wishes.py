"""What a client says beside its words, and what of it holds where `model` names a task.

What the task fixes wins, or the request is refused; all else reaches the model. A form of the
answer that the client asks for is part of what makes the answer valid.
"""

from collections.abc import Mapping

import msgspec

from aihandler.backends.codec import NOTE
from aihandler.domain.conversation import Request, Sampling, sampling_of
from aihandler.domain.keys import digest_text
from aihandler.domain.task import AskedOutput, EmbeddingOutput, Json, JsonOutput, Task, TextOutput
from aihandler.errors import InputError

# Where each format says which form an answer has.
_FORMS = (("response_format",), ("text", "format"), ("output_config", "format"), ("output_format",))
_FORM_AT = {"openai.responses": "/text/format", "anthropic": "/output_config/format"}
# How many answers there are and in which pieces is ours to say; the form is written anew.
_OURS = frozenset(
    {"n", "stream", "stream_options", "response_format", "output_format", f"{NOTE}format"}
)
# A note that asks for something: features of Anthropic's, and the version of its format.
_ASKING, _VERSION = f"{NOTE}beta", f"{NOTE}version"


def formed(task: Task, asked: Request) -> Task:
    """The task as its answer is held against the form that the client asks for.

    Raises InputError where one answer cannot be both what the task and what the client says, and
    where more answers are asked for than are judged.
    """
    if isinstance(task.output, EmbeddingOutput):
        return task
    require_one_answer(task.name, asked)
    wanted = asked.output
    if not isinstance(wanted, JsonOutput):
        _refuse_unread_form(task, asked.extra)
        return task
    if isinstance(task.output, JsonOutput) and _is_kept_by(wanted, task.output):
        return task
    if task.output != TextOutput():
        raise InputError(
            f"the task {task.name!r} says itself what its answers are (at {_form_at(asked)})",
            hint="leave the client's own schema out, or send the task's",
        )
    version = digest_text("form", task.version, wanted.schema)
    # A default, and what a person decides, have the task's form and not this one.
    return msgspec.structs.replace(
        task, output=AskedOutput(wanted.schema), version=version, otherwise="error"
    )


def require_one_answer(name: str, asked: Request) -> None:
    """Raises InputError where more than one answer is asked for: one alone is judged."""
    if asked.extra.get("n") not in (None, 1):
        raise InputError(
            f"{name!r} gives one answer to a request (at /n)",
            hint="leave `n` out, and send the request as often as answers are wanted",
        )


def held(task: Task, said: Sampling) -> Sampling:
    """The client's sampling within what the task fixes: its temperature, and the lower bound."""
    bounds = [n for n in (task.max_output_tokens, said.max_output_tokens) if n is not None]
    bound, temperature = min(bounds, default=None), task.temperature
    if temperature is None:
        temperature = said.temperature
    if bound == said.max_output_tokens and temperature == said.temperature:
        return said
    return msgspec.structs.replace(said, temperature=temperature, max_output_tokens=bound)


def as_asked(task: Task, asked: Request, raw: bytes) -> Request:
    """A conversation as it goes to the task's models: in the client's bytes where these say all
    that the task says, else written anew.
    """
    sampling = held(task, asked.sampling)
    own_form = isinstance(task.output, JsonOutput) and task.output.schema != _schema(asked)
    if sampling is asked.sampling and not own_form:
        return in_its_bytes(task, asked, raw)
    extra = {k: v for k, v in asked.extra.items() if not own_form or k not in _OURS}
    return msgspec.structs.replace(asked, sampling=sampling, extra=extra)


def in_its_bytes(task: Task, asked: Request, raw: bytes) -> Request:
    """A conversation as the engine asks it, which then need not write it anew."""
    output = task.output if asked.output == task.output else asked.output
    return msgspec.structs.replace(asked, task=task.name, output=output, raw=raw)


def beside(task: Task, asked: Request) -> Request | None:
    """What a client says beside the one text that is the task's input; None where it says nothing
    that the task does not say as well.
    """
    extra = {name: value for name, value in asked.extra.items() if _says_more(name, value)}
    sampling = held(task, asked.sampling)
    if extra and _VERSION in asked.extra:
        extra[_VERSION] = asked.extra[_VERSION]
    # Fields without a word of ours mean something in their own format alone, and a request that
    # has none is the same in each.
    origin = asked.origin if extra else ""
    if sampling.temperature is None and not _picks_words(asked, origin):
        sampling = msgspec.structs.replace(sampling, temperature=0.0)
    told = (asked.thinking, asked.logprobs, _schema(asked), sampling)
    if not extra and told == (None, None, None, sampling_of(task)):
        return None
    return Request(
        "",
        (),
        # What is sent has the form of the task; this is for those who look what a client says.
        output=asked.output,
        sampling=sampling,
        thinking=asked.thinking,
        logprobs=asked.logprobs,
        origin=origin,
        extra=extra,
    )


def _picks_words(asked: Request, origin: str) -> bool:
    """Whether the client leaves no place for the temperature that tasks have by themselves: some
    servers refuse one beside other wishes, or for models that reason.
    """
    if asked.thinking is not None or asked.sampling.top_p is not None:
        return True
    return origin == "openai.responses"


def _form_at(asked: Request) -> str:
    return _FORM_AT.get(asked.origin, "/response_format")


def _schema(asked: Request) -> Mapping[str, Json] | None:
    return asked.output.schema if isinstance(asked.output, JsonOutput) else None


def _is_kept_by(wanted: JsonOutput, given: JsonOutput) -> bool:
    """Whether what the task admits is what the client wants."""
    if wanted.schema == {"type": "object"}:
        return given.schema.get("type") == "object"
    return wanted.schema == given.schema


def _refuse_unread_form(task: Task, extra: Mapping[str, Json]) -> None:
    for path in _FORMS:
        form: Json = extra
        for name in path:
            form = form.get(name) if isinstance(form, Mapping) else None
        if form is None or (isinstance(form, Mapping) and form.get("type") == "text"):
            continue
        raise InputError(
            f"the form of the answer cannot be held against it (at /{'/'.join(path)})",
            hint="send a JSON Schema as the format has it, or leave it out: see the task "
            f"{task.name!r} in the configuration",
        )


def _says_more(name: str, value: Json) -> bool:
    if name in _OURS or value in (None, "", [], {}):
        return False
    return name == _ASKING or not name.startswith(NOTE)
