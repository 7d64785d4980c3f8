"""Google workload identity federation: another identity's token becomes one of Google's."""

from collections.abc import Mapping
from typing import Any

import msgspec

from aihandler.backends.credentials.asking import read_object
from aihandler.backends.credentials.credential import BearerToken
from aihandler.backends.credentials.google import GoogleTokens, Keyfile
from aihandler.backends.http.tokens import TokenAsk

_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
_ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"  # noqa: S105 - the name of a kind
_STS_URL = "https://sts.googleapis.com/v1/token"


async def of_elsewhere(tokens: GoogleTokens, keyfile: Keyfile) -> BearerToken:
    """A token for a file of type `external_account`."""
    asker = tokens.asker
    audience = asker.of(keyfile, "audience", where="the Google file")
    impersonation = keyfile.get("service_account_impersonation_url")
    form = {
        "grant_type": _EXCHANGE,
        "requested_token_type": _ACCESS_TOKEN,
        "audience": audience,
        "scope": tokens.scope,
        "subject_token": await _subject(tokens, keyfile),
        "subject_token_type": asker.of(keyfile, "subject_token_type", where="the Google file"),
    }
    project = keyfile.get("workforce_pool_user_project")
    if isinstance(project, str) and project:
        form["options"] = msgspec.json.encode({"userProject": project}).decode()
    said = await tokens.form(str(keyfile.get("token_url") or _STS_URL), form)
    token = tokens.token(said, "Google workload identity")
    if not isinstance(impersonation, str) or not impersonation:
        return token
    return await tokens.impersonate(impersonation, token, more={})


async def _subject(tokens: GoogleTokens, keyfile: Keyfile) -> str:
    source = keyfile.get("credential_source")
    if isinstance(source, dict) and isinstance(source.get("file"), str):
        text = tokens.asker.file(source["file"], "the subject token file")
        return _read(tokens, text, source)
    is_aws = isinstance(source, dict) and "environment_id" in source
    if isinstance(source, dict) and isinstance(source.get("url"), str) and not is_aws:
        base, target = tokens.asker.url(source["url"], "the subject token address")
        answer = await tokens.asker.ask(TokenAsk(base, target, "GET", _headers(source)))
        return _read(tokens, answer.body.decode("utf-8", "replace"), source)
    raise tokens.asker.rejected(
        "has no credentials: the Google file's credential_source is neither a file nor an address",
        hint="programs and AWS as a source are not supported",
    )


def _headers(source: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    headers = source.get("headers")
    found = headers if isinstance(headers, dict) else {}
    return tuple((name, value) for name, value in found.items() if isinstance(value, str))


def _read(tokens: GoogleTokens, text: str, source: Mapping[str, Any]) -> str:
    form = source.get("format")
    if not isinstance(form, dict) or form.get("type") != "json":
        token = text.strip()
    else:
        said = read_object(text) or {}
        token = str(said.get(str(form.get("subject_token_field_name"))) or "")
    if not token:
        raise tokens.asker.rejected("has no credentials: the subject token is empty")
    return token
