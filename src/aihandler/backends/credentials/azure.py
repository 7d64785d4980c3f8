"""Gets Entra tokens: with a client's secret, certificate or federated token, or as this machine."""

import secrets
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import msgspec

from aihandler.backends.credentials.asking import UNSAID_S, Asker, moment, number, set_in
from aihandler.backends.credentials.credential import BearerToken
from aihandler.backends.credentials.jwt import KeyProblem, signed_jwt, thumbprint
from aihandler.backends.credentials.renewal import Fetch
from aihandler.backends.http.tokens import MetadataService, TokenAsk
from aihandler.domain.deployment import AzureCredentials

if TYPE_CHECKING:
    from aihandler.backends.credentials.sources import Surroundings

DEFAULT_SCOPE = "https://cognitiveservices.azure.com/.default"
_AUTHORITY = "https://login.microsoftonline.com"
_ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_ASSERTION_S = 600
_FORM = (("content-type", "application/x-www-form-urlencoded"),)


def azure_fetch(settings: AzureCredentials, asker: Asker, around: "Surroundings") -> Fetch:
    """What the configuration names holds; else the environment, and then the machine."""

    async def fetch() -> BearerToken:
        getting = _Getting(_filled(settings, around.environ), asker, around)
        if settings.secret is not None:
            return await getting.by_secret(around.secrets(settings.secret))
        if settings.certificate:
            return await getting.by_certificate(settings.certificate)
        if settings.token_file:
            return await getting.by_file(settings.token_file)
        return await _of_environment(getting, around.environ)

    return fetch


async def _of_environment(getting: "_Getting", environ: Mapping[str, str]) -> BearerToken:
    if secret := set_in(environ, "AZURE_CLIENT_SECRET"):
        return await getting.by_secret(secret)
    if certificate := set_in(environ, "AZURE_CLIENT_CERTIFICATE_PATH"):
        return await getting.by_certificate(certificate)
    if token_file := set_in(environ, "AZURE_FEDERATED_TOKEN_FILE"):
        return await getting.by_file(token_file)
    return await getting.of_machine()


def _filled(settings: AzureCredentials, environ: Mapping[str, str]) -> AzureCredentials:
    return msgspec.structs.replace(
        settings,
        tenant=settings.tenant or set_in(environ, "AZURE_TENANT_ID"),
        client=settings.client or set_in(environ, "AZURE_CLIENT_ID"),
        authority=settings.authority or set_in(environ, "AZURE_AUTHORITY_HOST") or _AUTHORITY,
        scope=settings.scope or DEFAULT_SCOPE,
    )


class _Getting(msgspec.Struct, frozen=True):
    """One fetch."""

    settings: AzureCredentials
    asker: Asker
    around: "Surroundings"

    async def by_secret(self, secret: str) -> BearerToken:
        return await self._of_client({"client_secret": secret}, "secret")

    async def by_certificate(self, path: str) -> BearerToken:
        return await self._by_assertion(self._assertion(path), "certificate")

    async def by_file(self, path: str) -> BearerToken:
        # The platform replaces the file now and then.
        token = self.asker.file(path, "the federated token file").strip()
        return await self._by_assertion(token, "federated token")

    async def of_machine(self) -> BearerToken:
        # A machine's identity is asked for a resource, which a scope is with a word behind it.
        form = {"resource": self.settings.scope.removesuffix("/.default")}
        if self.settings.client:
            form["client_id"] = self.settings.client
        url = set_in(self.around.environ, "IDENTITY_ENDPOINT")
        secret = set_in(self.around.environ, "IDENTITY_HEADER")
        if url and secret:
            base, target = self.asker.url(url, "IDENTITY_ENDPOINT")
            query = urlencode({"api-version": "2019-08-01", **form})
            mark = "&" if "?" in target else "?"
            ask = TokenAsk(base, f"{target}{mark}{query}", "GET", (("x-identity-header", secret),))
        else:
            query = urlencode({"api-version": "2018-02-01", **form})
            target = f"/metadata/identity/oauth2/token?{query}"
            ask = TokenAsk(MetadataService.AZURE, target, "GET", (("metadata", "true"),))
        return self._token(await self.asker.json(ask), "Azure identity of this machine")

    async def _by_assertion(self, token: str, by: str) -> BearerToken:
        form = {"client_assertion_type": _ASSERTION, "client_assertion": token}
        return await self._of_client(form, by)

    async def _of_client(self, proof: Mapping[str, str], by: str) -> BearerToken:
        client = self._named("client", "AZURE_CLIENT_ID")
        form = {
            "grant_type": "client_credentials",
            "client_id": client,
            "scope": self.settings.scope,
            **proof,
        }
        base, target = self.asker.url(self._token_url(), "`authority`")
        ask = TokenAsk(base, target, "POST", _FORM, urlencode(form).encode())
        return self._token(await self.asker.json(ask), f"Azure client {client!r} by its {by}")

    def _token_url(self) -> str:
        tenant = self._named("tenant", "AZURE_TENANT_ID")
        return f"{self.settings.authority.rstrip('/')}/{tenant}/oauth2/v2.0/token"

    def _named(self, name: str, variable: str) -> str:
        value: str = getattr(self.settings, name)
        # Both stand in an address, so they are what identifiers of Entra are and nothing else.
        if not value or not all(c.isascii() and (c.isalnum() or c in "-._") for c in value):
            raise self.asker.rejected(
                f"has no credentials: its Azure {name} is missing or no identifier",
                hint=f"write credentials: {{azure: {{{name}: ...}}}} or set {variable}",
            )
        return value

    def _assertion(self, path: str) -> str:
        pem = self.asker.file(path, "the certificate file")
        now = int(self.around.clock.wall())
        client = self._named("client", "AZURE_CLIENT_ID")
        claims = {
            "aud": self._token_url(),
            "iss": client,
            "sub": client,
            "jti": secrets.token_hex(16),
            "iat": now,
            "nbf": now,
            "exp": now + _ASSERTION_S,
        }
        try:
            return signed_jwt({"x5t#S256": thumbprint(pem)}, claims, key=pem, way="PS256")
        except KeyProblem as problem:
            raise self.asker.rejected(
                f"has no credentials: the certificate file {path!r} {problem}",
                hint="it holds the certificate and its private RSA key, both in PEM",
            ) from None

    def _token(self, said: Mapping[str, Any], how: str) -> BearerToken:
        text = self.asker.of(said, "access_token", where="the answer for a token")
        left_s, ends = number(said.get("expires_in")), moment(said.get("expires_on"))
        if left_s is not None or ends is None:
            ends = self.around.clock.wall() + (left_s or UNSAID_S)
        return BearerToken(text, ends, how)
