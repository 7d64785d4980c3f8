"""What a server makes of stop strings, bounds, seeds, log probabilities, and what it counts."""

import re
from typing import Literal, get_args

import msgspec

from aihandler.backends.probing.sends import (
    COUNT,
    TEA,
    Exchange,
    asking,
    thinking_wish,
    with_thoughts,
)
from aihandler.backends.probing.session import CHAT, Probing, counted, verdict
from aihandler.backends.profiles import WishForm
from aihandler.domain.conversation import Thinking, message
from aihandler.domain.probes import ProbeVerdict
from aihandler.domain.task import Json

NO_SUCH_MODEL = "aihandler-probe-no-such-model"
_FEW_TOKENS = 5
_SYSTEM = "You are a polite waiter in a small tea house by the sea. " * 4
_REASONING_FIELDS = re.compile(rb'"(reasoning_content|reasoning|thinking)"\s*:\s*["\[{]')
# What a format has that thinks, whatever its profile says.
_THINKS = frozenset(
    {"anthropic", "bedrock", "gemini", "vertex", "ollama", "openai-responses", "azure-responses"}
)
_WISHES: tuple[WishForm, ...] = ("reasoning_effort", "enable_thinking")


async def ask_plainly(probing: Probing) -> list[ProbeVerdict]:
    """What the plain answer tells: counts, names, thoughts. Sends nothing more."""
    base, reply = probing.base, probing.base.reply
    assert reply is not None
    named = probing.deployment.model.name
    verdicts = [
        verdict("usage", counted(base), _counts(base)),
        verdict("model_name", reply.model or None, f"asked for {named!r}"),
        verdict("reasoning_field", _field(base), base.told if _field(base) else "no such field"),
    ]
    if reply.fingerprint:
        verdicts.append(verdict("fingerprint", reply.fingerprint, "in the reply"))
    tags = _think_tags(base.text)
    if tags:
        verdicts.append(verdict("think_tags", tags, base.told))
    return verdicts


async def ask_stream_usage(probing: Probing) -> list[ProbeVerdict]:
    """Whether a stream counts tokens, and whether it has to be asked to."""
    plain = await probing.send(asking(COUNT), streamed=True, stream_usage_option=False)
    if probing.deployment.backend not in {*CHAT, "completions"}:
        return [verdict("stream_usage", "always" if counted(plain) else "never", plain.told)]
    asked = await probing.send(asking(COUNT), streamed=True, stream_usage_option=True)
    if plain.reply is None and asked.reply is None:
        return [probing.kept("stream_usage_option", f"no stream came: {plain.told}")]
    needed = counted(asked) and not counted(plain)
    how = "always" if counted(plain) else "on request" if counted(asked) else "never"
    refused = " (the wish for them is refused)" if asked.refused else ""
    return [
        verdict("stream_usage", how, f"counts in a stream: {how}{refused}"),
        verdict("stream_usage_option", needed, f"counts come {how}{refused}"),
    ]


async def ask_output_limit(probing: Probing) -> list[ProbeVerdict]:
    """Which name of the bound of an answer is listened to."""
    states: dict[str, str] = {}
    for name in ("max_tokens", "max_completion_tokens"):
        exchange = await probing.send(asking(COUNT, tokens=_FEW_TOKENS), output_limit=name)
        states[name] = _bounded(exchange, probing.base)
    told = ", ".join(f"{name}: {state}" for name, state in states.items())
    honoured = [name for name, state in states.items() if state == "honoured"]
    if not honoured:
        return [probing.kept("output_limit", told)]
    own = probing.profile.output_limit
    return [verdict("output_limit", own if own in honoured else honoured[0], told)]


async def ask_stop(probing: Probing) -> list[ProbeVerdict]:
    """A stop string that is sure to come: one that the plain answer has."""
    text = probing.base.text
    stop = _middle(text)
    if not stop:
        return [probing.kept("stop_trimmed", "the plain answer is too short to stop it")]
    request = asking(COUNT, stop=(stop,))
    whole = await probing.send(request)
    streamed = await probing.send(request, streamed=True)
    states = [_stopped(exchange, text, stop) for exchange in (whole, streamed)]
    told = f"at {stop!r}, whole: {states[0]}, streamed: {states[1]}"
    if None in states:
        return [probing.kept("stop_trimmed", told)]
    honoured = [state for state in states if state in {"trimmed", "kept"}]
    how = "honoured" if len(honoured) == 2 else "whole or streamed only" if honoured else "ignored"
    return [
        verdict("stop", how if "refused" not in states else "refused", told),
        verdict("stop_trimmed", states == ["trimmed", "trimmed"], told),
    ]


async def ask_seed(probing: Probing) -> list[ProbeVerdict]:
    """The same seed twice, and another one."""
    said = []
    for seed in (11, 11, 12):
        words = asking("Write three random words.", tokens=16, temperature=1.0, seed=seed)
        exchange = await probing.send(words)
        if exchange.reply is None:
            state = "refused" if exchange.refused else None
            return [verdict("seed", state, exchange.told)]
        said.append(exchange.text)
    told = f"twice {'the same' if said[0] == said[1] else 'something else'}: {said[:2]}"
    if said[0] != said[1]:
        return [verdict("seed", "ignored", told)]
    if said[0] == said[2]:
        return [verdict("seed", None, "it says the same under every seed")]
    return [verdict("seed", "honoured", told)]


async def ask_n(probing: Probing) -> list[ProbeVerdict]:
    """Two answers at once."""
    exchange = await probing.send(asking(TEA, tokens=4), changes={"n": 2})
    choices = exchange.data.get("choices")
    if exchange.reply is None:
        return [verdict("n", "refused" if exchange.refused else None, exchange.told)]
    count = len(choices) if isinstance(choices, list) else 1
    return [verdict("n", "honoured" if count == 2 else "ignored", f"{count} of 2 answers came")]


async def ask_logprobs(probing: Probing) -> list[ProbeVerdict]:
    """The probabilities of tokens, with two alternatives each."""
    request = msgspec.structs.replace(asking(TEA, tokens=4), logprobs=2)
    exchange = await probing.send(request)
    if exchange.reply is None and not exchange.refused:
        return [probing.kept("logprobs", exchange.told)]
    came = exchange.reply is not None and bool(exchange.reply.logprobs)
    return [verdict("logprobs", came, "with the answer" if came else f"none; {exchange.told}")]


async def ask_system(probing: Probing) -> list[ProbeVerdict]:
    """A system message: refused, left out, or read (the prompt has then more tokens)."""
    plain = asking(COUNT, tokens=4)
    turns = (message("system", _SYSTEM.strip()), *plain.messages)
    exchange = await probing.send(msgspec.structs.replace(plain, messages=turns))
    if exchange.reply is None:
        return [verdict("system", "refused" if exchange.refused else None, exchange.told)]
    if not (counted(exchange) and counted(probing.base)):
        return [verdict("system", "taken", "no counts say whether it was read")]
    more = _prompt(exchange) - _prompt(probing.base)
    state = "read" if more >= 10 else "left out"
    return [verdict("system", state, f"{more} tokens more than without it")]


async def ask_model_name(probing: Probing) -> list[ProbeVerdict]:
    """A model that nobody has: an honest server refuses."""
    exchange = await probing.send(asking(TEA, tokens=4), changes={"model": NO_SUCH_MODEL})
    if exchange.reply is None:
        return [verdict("unknown_model", "refused" if exchange.refused else None, exchange.told)]
    name = exchange.reply.model
    return [verdict("unknown_model", "answered", f"answers as {name!r}")]


async def ask_wish(probing: Probing) -> list[ProbeVerdict]:
    """How a model is brought to think, and where its thoughts stand."""
    if _thought(probing.base):
        return [verdict("thinking", "always", probing.base.told)]
    forms = list(_WISHES) if probing.deployment.backend in CHAT else [""]
    own = probing.profile.thinking_wish
    if own:
        forms = [own, *(form for form in forms if form != own)]
    elif probing.deployment.backend not in {*CHAT, *_THINKS}:
        return [verdict("thinking", "none", "the format has no word for it")]
    wish = thinking_wish(probing.deployment)
    request = msgspec.structs.replace(asking(TEA, tokens=with_thoughts(wish)), thinking=wish)
    states: list[Literal["seen", "none", "refused"]] = []
    for form in forms:
        exchange = await probing.send(request, thinking_wish=form)
        if exchange.reply is not None and _thought(exchange):
            seen = [verdict("thinking", "on request", exchange.told)]
            if form in get_args(WishForm) and form:
                seen.append(verdict("thinking_wish", form, form))
            if field := _field(exchange):
                seen.append(verdict("reasoning_field", field, exchange.told))
            if tags := _think_tags(exchange.text):
                seen.append(verdict("think_tags", tags, exchange.told))
            return seen
        states.append("none" if exchange.reply is not None else "refused")
    state = "refused" if set(states) == {"refused"} else "none"
    told = ", ".join(f"{form or 'asked'}: {s}" for form, s in zip(forms, states, strict=True))
    return [verdict("thinking", state, told)]


def _counts(exchange: Exchange) -> str:
    usage = exchange.reply.usage if exchange.reply else None
    if usage is None or usage.estimated:
        return "no counts came"
    return f"{usage.prompt} tokens in, {usage.total - usage.prompt} out"


def _thought(exchange: Exchange) -> bool:
    reply = exchange.reply
    if reply is None:
        return False
    if any(isinstance(part, Thinking) for part in reply.parts) or _think_tags(reply.text):
        return True
    return reply.usage is not None and reply.usage.reasoning > 0


def _field(exchange: Exchange) -> str | None:
    found = _REASONING_FIELDS.search(exchange.body)
    return found[1].decode() if found else None


def _think_tags(text: str) -> str:
    if text.lstrip().startswith("<think>"):
        return "pair"
    return "open" if "</think>" in text else ""


def _bounded(exchange: Exchange, base: Exchange) -> str:
    if exchange.reply is None:
        return "refused" if exchange.refused else "not to be told"
    if base.reply is not None and base.text == exchange.text and base.reply.finish != "length":
        return "not to be told"
    if exchange.reply.finish == "length" and len(exchange.text) < len(base.text):
        return "honoured"
    # A model that thinks within its bound has said nothing yet.
    return "honoured" if exchange.reply.finish == "length" and not exchange.text else "ignored"


def _middle(text: str) -> str:
    """A piece of the text that comes only once before its last third; words before anything."""
    last = len(text) * 2 // 3
    for pattern in (r"[A-Za-z]{3,}", r"[!-~]{2,}", r"[!-~]"):
        pieces = [
            found[0]
            for found in re.finditer(pattern, text[:last])
            if found.start() > 2 and text.index(found[0]) == found.start()
        ]
        if pieces:
            return pieces[len(pieces) // 2]
    return ""


def _stopped(exchange: Exchange, text: str, stop: str) -> Json:
    if exchange.reply is None:
        return "refused" if exchange.refused else None
    said, place = exchange.text.rstrip(), text.index(stop)
    if stop not in said:
        expected = text[:place].rstrip()
        # Another answer than before stops somewhere else; that it stopped has to show.
        return "trimmed" if said == expected or exchange.reply.finish == "stop" else None
    return "kept" if said.endswith(stop) and said.count(stop) == 1 else "ignored"


def _prompt(exchange: Exchange) -> int:
    usage = exchange.reply.usage if exchange.reply else None
    return usage.prompt if usage else 0
