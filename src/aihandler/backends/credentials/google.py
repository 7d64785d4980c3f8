"""Gets Google access tokens: for a service account, a person, another identity, or this machine."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import msgspec

from aihandler.backends.credentials.asking import (
    UNSAID_S,
    Asker,
    home_of,
    moment,
    number,
    read_object,
    set_in,
)
from aihandler.backends.credentials.credential import BearerToken, Headers
from aihandler.backends.credentials.jwt import KeyProblem, signed_jwt
from aihandler.backends.credentials.renewal import Fetch
from aihandler.backends.http.tokens import MetadataService, TokenAsk
from aihandler.domain.deployment import GoogleCredentials
from aihandler.domain.ports import Clock

DEFAULT_SCOPE = "https://www.googleapis.com/auth/cloud-platform"
FORM = (("content-type", "application/x-www-form-urlencoded"),)
_TOKEN_URL = "https://oauth2.googleapis.com/token"  # noqa: S105 - an address
_BY_JWT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_ASSERTION_S = 3600
_FLAVOR = (("metadata-flavor", "Google"),)

Keyfile = Mapping[str, Any]


def google_fetch(
    settings: GoogleCredentials, asker: Asker, *, environ: Mapping[str, str], clock: Clock
) -> Fetch:
    """Looks for credentials anew each time: files may have changed since."""

    async def fetch() -> BearerToken:
        getting = GoogleTokens(asker, clock, settings.scope or DEFAULT_SCOPE)
        path = settings.file or _usual_file(environ)
        if not path:
            return await getting.of_machine()
        keyfile = read_object(asker.file(path, "the Google file"))
        if keyfile is None:
            raise asker.rejected(f"has no credentials: the Google file {path!r} is no JSON object")
        return await getting.of(keyfile)

    return fetch


def _usual_file(environ: Mapping[str, str]) -> str:
    if named := set_in(environ, "GOOGLE_APPLICATION_CREDENTIALS"):
        return named
    folder = set_in(environ, "CLOUDSDK_CONFIG")
    if not folder and not set_in(environ, "HOME"):
        return ""
    path = Path(folder) if folder else home_of(environ) / ".config" / "gcloud"
    path /= "application_default_credentials.json"
    return str(path) if path.exists() else ""


class GoogleTokens(msgspec.Struct, frozen=True):
    """One fetch."""

    asker: Asker
    clock: Clock
    scope: str

    async def of(self, keyfile: Keyfile) -> BearerToken:
        """A token for what a file describes."""
        match keyfile.get("type"):
            case "service_account":
                return await self._of_account(keyfile)
            case "authorized_user":
                return await self._of_person(keyfile)
            case "external_account":
                from aihandler.backends.credentials.google_federation import of_elsewhere

                return await of_elsewhere(self, keyfile)
            case "impersonated_service_account":
                return await self._impersonated(keyfile)
        raise self.asker.rejected(
            "has no credentials: the Google file is of an unknown type",
            hint="service_account, authorized_user, external_account and "
            "impersonated_service_account are known",
        )

    async def of_machine(self) -> BearerToken:
        """A token for the service account that this machine runs as."""
        scopes = quote(self.scope, safe="")
        target = f"/computeMetadata/v1/instance/service-accounts/default/token?scopes={scopes}"
        ask = TokenAsk(MetadataService.GOOGLE, target, "GET", _FLAVOR)
        return self.token(await self.asker.json(ask), "Google service account of this machine")

    async def form(self, url: str, form: Mapping[str, str]) -> Mapping[str, Any]:
        """Sends a form to a token endpoint."""
        base, target = self.asker.url(url, "the token address of the Google file")
        return await self.asker.json(TokenAsk(base, target, "POST", FORM, urlencode(form).encode()))

    async def impersonate(
        self, url: str, by: BearerToken, *, more: Mapping[str, Any]
    ) -> BearerToken:
        """A token of the service account whose address `url` is."""
        base, target = self.asker.url(url, "the impersonation address of the Google file")
        body = msgspec.json.encode({"scope": self.scope.split(), "lifetime": "3600s", **more})
        headers = (("content-type", "application/json"), ("authorization", f"Bearer {by.token}"))
        said = await self.asker.json(TokenAsk(base, target, "POST", headers, body))
        account = url.rpartition("/")[2].partition(":")[0]
        how = f"Google service account {account!r} by {by.how}"
        token = self.asker.of(said, "accessToken", where="the answer for a token")
        return BearerToken(token, moment(said.get("expireTime")), how)

    def token(self, said: Mapping[str, Any], how: str, *, more: Headers = ()) -> BearerToken:
        """The token in an answer."""
        text = self.asker.of(said, "access_token", where="the answer for a token")
        left_s = number(said.get("expires_in")) or UNSAID_S
        return BearerToken(text, self.clock.wall() + left_s, how, more)

    async def _of_account(self, keyfile: Keyfile) -> BearerToken:
        account = self._of(keyfile, "client_email")
        url = str(keyfile.get("token_uri") or _TOKEN_URL)
        now = int(self.clock.wall())
        claims = {
            "iss": account,
            "scope": self.scope,
            "aud": url,
            "iat": now,
            "exp": now + _ASSERTION_S,
        }
        key_id = keyfile.get("private_key_id")
        header = {"kid": key_id} if isinstance(key_id, str) else {}
        try:
            assertion = signed_jwt(
                header, claims, key=self._of(keyfile, "private_key"), way="RS256"
            )
        except KeyProblem as problem:
            raise self.asker.rejected(
                f"has no credentials: the private_key of the Google file {problem}"
            ) from None
        said = await self.form(url, {"grant_type": _BY_JWT, "assertion": assertion})
        return self.token(said, f"Google service account {account!r}")

    async def _of_person(self, keyfile: Keyfile) -> BearerToken:
        form = {name: self._of(keyfile, name) for name in _OF_PERSON}
        url = str(keyfile.get("token_uri") or _TOKEN_URL)
        said = await self.form(url, {"grant_type": "refresh_token", **form})
        project = keyfile.get("quota_project_id")
        # Who pays for a person's requests is not told by the token.
        more = (("x-goog-user-project", project),) if isinstance(project, str) and project else ()
        return self.token(said, "Google user", more=more)

    async def _impersonated(self, keyfile: Keyfile) -> BearerToken:
        source = keyfile.get("source_credentials")
        if not isinstance(source, dict) or source.get("type") == "impersonated_service_account":
            raise self.asker.rejected(
                "has no credentials: the Google file lacks 'source_credentials'"
            )
        by = await self.of(source)
        delegates = keyfile.get("delegates")
        more = {"delegates": delegates} if isinstance(delegates, list) and delegates else {}
        url = self._of(keyfile, "service_account_impersonation_url")
        return await self.impersonate(url, by, more=more)

    def _of(self, keyfile: Keyfile, key: str) -> str:
        return self.asker.of(keyfile, key, where="the Google file")


_OF_PERSON = ("client_id", "client_secret", "refresh_token")
