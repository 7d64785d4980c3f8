"""Log probabilities, as this format has them and as all others do."""

from collections.abc import Mapping

from aihandler.domain.task import Json

_LISTS = ("chosenCandidates", "topCandidates")


def add_logprobs(candidate: dict[str, Json], more: Json) -> None:
    """Adds those of a later chunk."""
    before = candidate.get("logprobsResult")
    if not (isinstance(before, dict) and isinstance(more, dict)):
        candidate["logprobsResult"] = more
        return
    joined = {**before, **more}
    for key in _LISTS:
        one, two = before.get(key), more.get(key)
        if isinstance(one, list) and isinstance(two, list):
            joined[key] = [*one, *two]
    candidate["logprobsResult"] = joined


def usual_logprobs(result: Json) -> Json:
    """`{"content": [{"token", "logprob", "top_logprobs"}]}`, or None when there are none."""
    chosen = result.get("chosenCandidates") if isinstance(result, dict) else None
    if not isinstance(chosen, list) or not chosen:
        return None
    tops = result.get("topCandidates")
    listed = tops if isinstance(tops, list) else []
    told: list[Json] = []
    for place, token in enumerate(chosen):
        top = listed[place] if place < len(listed) else None
        others = top.get("candidates") if isinstance(top, dict) else None
        likeliest = [_usual(other) for other in others] if isinstance(others, list) else []
        told.append({**_usual(token), "top_logprobs": likeliest})
    return {"content": told}


def own_logprobs(told: Json) -> Json:
    """The other way; None for a form that is not known."""
    content = told.get("content") if isinstance(told, dict) else None
    if not isinstance(content, list) or not content:
        return None
    tokens = [token for token in content if isinstance(token, dict)]
    made: dict[str, Json] = {"chosenCandidates": list(map(_own, tokens))}
    if any(token.get("top_logprobs") for token in tokens):
        tops = [[*map(_own, token.get("top_logprobs") or ())] for token in tokens]
        made["topCandidates"] = [{"candidates": top} for top in tops]
    return made


def _usual(token: Json) -> dict[str, Json]:
    if not isinstance(token, Mapping):
        return {"token": "", "logprob": None, "bytes": None}
    text = token.get("token", "")
    data = list(text.encode("utf-8", "surrogatepass")) if isinstance(text, str) else None
    return {"token": text, "logprob": token.get("logProbability"), "bytes": data}


def _own(token: Mapping[str, Json]) -> dict[str, Json]:
    return {"token": token.get("token"), "logProbability": token.get("logprob")}
