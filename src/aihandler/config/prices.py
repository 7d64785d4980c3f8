"""The price list and its overrides: of the file itself, or of a file that it names."""

import datetime
from collections.abc import Collection, Iterable, Iterator, Sequence

import msgspec

from aihandler.config.configuration import PriceSettings
from aihandler.config.draft import Draft
from aihandler.config.file import OverrideKeys, PriceKeys, PricesKeys
from aihandler.config.places import Mistakes, Path
from aihandler.config.words import did_you_mean
from aihandler.config.yaml import read_yaml
from aihandler.domain.deployment import LISTED_BY_NAME, Price
from aihandler.domain.prices import Override, OverrideRates
from aihandler.domain.task import Json
from aihandler.errors import ConfigError

LISTS = ("shipped", "genai-prices")
_LIST: Path = ("prices", "list")
_OVERRIDES: Path = ("prices", "overrides")


def build_prices(keys: PricesKeys, draft: Draft) -> PriceSettings:
    """Which list holds, and what holds in its place."""
    return PriceSettings(_list(keys.price_list, draft), _overrides(keys.overrides, draft))


def build_price(keys: PriceKeys | str | None, path: Path, draft: Draft) -> tuple[Price | None, str]:
    """The price of a deployment, or the entry of the list that stands in for it."""
    if keys is None:
        return None, ""
    if isinstance(keys, str):
        return None, LISTED_BY_NAME
    own = msgspec.structs.asdict(keys)
    listed = own.pop("price_list")
    if listed:
        for key in (key for key, value in own.items() if value):
            draft.wrong((*path, key), f"{key!r} beside 'list', which says it", hint="keep one")
        return None, listed
    lacking = [key for key in ("input", "output") if own[key] is None]
    for key in lacking:
        hint = "dollars per million tokens; or `price: list`"
        draft.wrong(path, f"price lacks the key {key!r}", hint=hint)
    return (None if lacking else Price(**own)), ""


def read_overrides(
    text: str, *, file: str, deployments: Collection[str] | None = None
) -> tuple[Override, ...]:
    """Reads `overrides:` of a YAML file. Raises ConfigError with every mistake in it.

    `deployments` are those that may be named; any may when it is left out.
    """
    tree, mistakes = read_yaml(text, file=file)
    found: list[Override] = []
    for number, item in enumerate(_listed(tree.data, mistakes)):
        try:
            override = _override(msgspec.convert(item, OverrideKeys))
        except msgspec.ValidationError as error:
            mistakes.add(("overrides", number), str(error))
            continue
        for problem in _problems(override, found, deployments):
            mistakes.add(("overrides", number), problem)
        found.append(override)
    if len(mistakes):
        raise ConfigError(
            "\n".join(str(mistake) for mistake in mistakes.in_order()),
            mistakes=mistakes.in_order(),
        )
    return tuple(found)


def _listed(data: Json, mistakes: Mistakes) -> list[Json]:
    if isinstance(data, dict) and len(data) == 1 and isinstance(data.get("overrides"), list):
        listed: list[Json] = data["overrides"]
        return listed
    mistakes.add(
        (),
        "the file must hold `overrides:` alone, a list",
        hint="such as: overrides: [{model: acme/m, times: 0.9}]",
    )
    return []


def _list(name: str, draft: Draft) -> str:
    if name in LISTS:
        return name
    if "." not in name and "/" not in name:
        hint = did_you_mean(name, LISTS, what="lists, or the path of a file")
        draft.wrong(_LIST, f"there is no price list {name!r}", hint=hint)
    else:
        draft.read(name, _LIST, what="price list")
    return str(draft.located(name))


def _overrides(given: str | Sequence[OverrideKeys], draft: Draft) -> tuple[Override, ...]:
    deployments = draft.names["deployments"]
    if isinstance(given, str):
        text = draft.read(given, _OVERRIDES, what="file of overrides")
        try:
            return read_overrides(text or "overrides: []", file=given, deployments=deployments)
        except ConfigError as error:
            for mistake in error.mistakes:
                draft.wrong_in(
                    given, mistake.line, mistake.message, path=_OVERRIDES, hint=mistake.hint
                )
            return ()
    found: list[Override] = []
    for number, keys in enumerate(given):
        override = _override(keys)
        for problem in _problems(override, found, deployments):
            draft.wrong((*_OVERRIDES, number), problem)
        found.append(override)
    return tuple(found)


def _override(keys: OverrideKeys) -> Override:
    price = OverrideRates(**msgspec.structs.asdict(keys.price)) if keys.price else None
    return Override(
        deployment=keys.deployment,
        model=keys.model,
        since=keys.since or datetime.date.min,
        until=keys.until or datetime.date.max,
        tier=keys.tier or "",
        times=keys.times,
        price=price,
        source=keys.source,
    )


def _problems(
    override: Override, earlier: Iterable[Override], deployments: Collection[str] | None
) -> Iterator[str]:
    if bool(override.deployment) == bool(override.model):
        yield "an override names either a `deployment` or a `model`"
    if deployments is not None and override.deployment and override.deployment not in deployments:
        near = did_you_mean(override.deployment, deployments, what="deployments")
        yield f"there is no deployment {override.deployment!r}" + (near and f"; {near}")
    if (override.price is None) == (override.times is None):
        yield "an override holds either a `price` or `times`, a factor"
    amounts = [override.times, *(msgspec.structs.astuple(override.price) if override.price else ())]
    if any(a is not None and (not a.is_finite() or a < 0) for a in amounts):
        yield "a price or factor must be at least 0"
    if override.until < override.since:
        yield f"ends on {override.until}, before it begins on {override.since}"
    if any(_collide(override, other) for other in earlier):
        yield "an override above is about the same tier on some of the same days"


def _collide(one: Override, other: Override) -> bool:
    same = (one.deployment, one.model, one.tier) == (other.deployment, other.model, other.tier)
    return same and one.since <= other.until and other.since <= one.until
