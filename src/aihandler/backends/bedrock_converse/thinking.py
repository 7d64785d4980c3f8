"""How much to think: Converse has no word for it, each maker's models have a field of their own."""

from collections.abc import Mapping

from aihandler.backends.bedrock_converse.fields import keep, take_whole
from aihandler.backends.codec import NOTE
from aihandler.backends.profiles import Profile
from aihandler.backends.wire_objects import Losses
from aihandler.domain.conversation import Request, ThinkingWish
from aihandler.domain.task import Json

FIELDS = "additionalModelRequestFields"
# The field in which a client told its wish.
_WISH = f"{NOTE}wish"
_WORDS = ("reasoning_effort", "reasoning_config")
_CLAUDE, _NOVA = "thinking", "reasoningConfig"
# The least that is taken, and tokens for the words that other providers have for effort.
_LEAST_BUDGET = 1024
_BUDGETS = {"minimal": 1024, "low": 1024, "medium": 4096, "high": 16_384, "xhigh": 32_768}
_EFFORTS = {"minimal": "low", "none": "low", "xhigh": "high", "max": "high"}


def read_thinking(inner: dict[str, Json], rest: dict[str, Json]) -> ThinkingWish | None:
    """Takes the wish out of the fields; `rest` gets a note of where it stood."""
    for key in _WORDS:
        effort = inner.get(key)
        if isinstance(effort, str) and effort:
            del inner[key]
            rest[_WISH] = key
            return ThinkingWish(effort=effort)
    if isinstance(inner.get(_NOVA), dict) and inner[_NOVA]:
        return _read_nova(inner, rest)
    claude = inner.get(_CLAUDE)
    if not isinstance(claude, dict) or not claude:
        return None
    rest[_WISH] = _CLAUDE
    left = dict(claude)
    enabled, budget = True, None
    if claude == {"type": "disabled"}:
        left, enabled = {}, False
    elif claude.get("type") == "enabled" and (budget := take_whole(left, "budget_tokens")):
        del left["type"]
    # A form that has no word here stays, beside the wish.
    keep(inner, _CLAUDE, left)
    return ThinkingWish(enabled, budget)


def write_thinking(request: Request, profile: Profile, losses: Losses) -> dict[str, Json]:
    """The fields of the model that tell the wish."""
    wish = request.thinking
    if wish is None:
        return {}
    if losses.own:
        return _write_own(wish, request.extra)
    match profile.model_fields:
        case "anthropic":
            return _write_claude(wish, request, profile, losses)
        case "nova":
            return _write_nova(wish, request, losses)
        case "reasoning_effort" | "reasoning_config":
            return _write_word(wish, profile.model_fields, losses)
    if wish.enabled:
        losses.add("/thinking", "the profile names no field for it")
    return {}


def thinks(fields: Mapping[str, Json]) -> bool:
    """True where a Claude model is told to think, which bars some other settings."""
    told = fields.get(_CLAUDE)
    return isinstance(told, dict) and told.get("type") in {"enabled", "adaptive"}


def _read_nova(inner: dict[str, Json], rest: dict[str, Json]) -> ThinkingWish | None:
    told = inner[_NOVA]
    effort = told.get("maxReasoningEffort")
    if told == {"type": "disabled"}:
        wish = ThinkingWish(enabled=False)
    elif told == {"type": "enabled", "maxReasoningEffort": effort} and isinstance(effort, str):
        wish = ThinkingWish(effort=effort)
    else:
        return None
    del inner[_NOVA]
    rest[_WISH] = _NOVA
    return wish


def _write_own(wish: ThinkingWish, extra: Mapping[str, Json]) -> dict[str, Json]:
    where = extra.get(_WISH, _CLAUDE)
    if where in _WORDS:
        return {where: wish.effort} if wish.effort else {}
    if not wish.enabled:
        return {where: {"type": "disabled"}}
    if where == _NOVA:
        return {where: {"type": "enabled", "maxReasoningEffort": wish.effort}}
    if wish.max_tokens is None:
        # What it was stands among the unknown fields.
        return {}
    return {where: {"type": "enabled", "budget_tokens": wish.max_tokens}}


def _write_claude(
    wish: ThinkingWish, request: Request, profile: Profile, losses: Losses
) -> dict[str, Json]:
    if not wish.enabled:
        return {_CLAUDE: {"type": "disabled"}}
    choice = request.tool_choice
    if choice is not None and choice.mode == "required" and request.tools:
        losses.add("/thinking", "a model that must call a tool cannot think before")
        return {}
    if profile.thinking == "adaptive":
        told: dict[str, Json] = {_CLAUDE: {"type": "adaptive"}}
        if wish.effort:
            told["output_config"] = {"effort": _EFFORTS.get(wish.effort, wish.effort)}
        return told
    budget = max(_LEAST_BUDGET, wish.max_tokens or _BUDGETS.get(wish.effort, _BUDGETS["medium"]))
    bound = request.sampling.max_output_tokens
    if bound is not None and bound < 2 * _LEAST_BUDGET:
        losses.add("/thinking", f"the answer's bound of {bound} tokens leaves no room to think")
        return {}
    if bound is not None:
        # The bound counts thoughts and answer together.
        budget = min(budget, bound // 2)
    return {_CLAUDE: {"type": "enabled", "budget_tokens": budget}}


def _write_nova(wish: ThinkingWish, request: Request, losses: Losses) -> dict[str, Json]:
    if not wish.enabled:
        return {_NOVA: {"type": "disabled"}}
    effort = _EFFORTS.get(wish.effort, wish.effort) or _effort_of(wish.max_tokens)
    sampling = request.sampling
    bounds = (sampling.temperature, sampling.top_p, sampling.top_k, sampling.max_output_tokens)
    if effort == "high" and any(bound is not None for bound in bounds):
        losses.add("/thinking", "the highest effort is not taken beside bounds: medium is sent")
        effort = "medium"
    return {_NOVA: {"type": "enabled", "maxReasoningEffort": effort}}


def _write_word(wish: ThinkingWish, where: str, losses: Losses) -> dict[str, Json]:
    if not wish.enabled:
        if where == "reasoning_config":
            # It thinks only when it is told to.
            return {}
        losses.add("/thinking", "this model always thinks: the least is asked for")
        return {where: "low"}
    return {where: _EFFORTS.get(wish.effort, wish.effort) or _effort_of(wish.max_tokens)}


def _effort_of(max_tokens: int | None) -> str:
    if max_tokens is None:
        return "medium"
    return next((word for word in ("low", "medium") if max_tokens <= _BUDGETS[word]), "high")
