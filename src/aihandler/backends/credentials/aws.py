"""Gets AWS keys from where they are: roles of STS, containers, machines, programs."""

import html
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import msgspec

from aihandler.backends.credentials.asking import Asker, moment
from aihandler.backends.credentials.aws_chain import (
    AssumedRole,
    Container,
    FixedKeys,
    Instance,
    Place,
    Program,
    WebIdentity,
    find_place,
)
from aihandler.backends.credentials.aws_program import keys_of_program
from aihandler.backends.credentials.credential import Headers, Outgoing
from aihandler.backends.credentials.renewal import Fetch
from aihandler.backends.credentials.sigv4 import AwsKeys, SigV4
from aihandler.backends.http.tokens import MetadataService, TokenAsk
from aihandler.domain.deployment import AwsCredentials
from aihandler.domain.ports import Clock

# `bedrock-runtime.eu-central-1.amazonaws.com`, `bedrock-mantle.us-east-1.api.aws`, and endpoints
# of a VPC (`vpce-1.bedrock-runtime.us-east-1.vpce.amazonaws.com`): service, then region.
_REGION = re.compile(r"(?:us|eu|ap|sa|ca|me|af|il|mx|cn|eusc)-(?:[a-z]+-)+\d{1,2}\Z")
_SIGNED_AS = {
    "bedrock-runtime": "bedrock",
    "bedrock-runtime-fips": "bedrock",
    "bedrock-agent-runtime": "bedrock",
}
_SUFFIXES = {"cn-": "amazonaws.com.cn", "eusc-": "amazonaws.eu"}
_FORM = (("content-type", "application/x-www-form-urlencoded; charset=utf-8"),)
_SERVICES = {
    "169.254.170.2": MetadataService.AWS_CONTAINER,
    "169.254.170.23": MetadataService.AWS_POD,
    "fd00:ec2::23": MetadataService.AWS_POD_V6,
}
_ROLES = "/latest/meta-data/iam/security-credentials/"


def aws_fetch(
    settings: AwsCredentials, asker: Asker, *, environ: Mapping[str, str], clock: Clock
) -> Fetch:
    """Looks for keys anew each time: files and variables may have changed since."""

    async def fetch() -> SigV4:
        found = find_place(settings, environ, asker)
        named = _of_host(asker.host_urls)
        region = settings.region or named.region or found.region
        if not region:
            raise asker.rejected(
                "has no AWS region: neither its url nor the environment names one",
                hint="write credentials: {aws: {region: eu-central-1}}",
            )
        getting = _Getting(settings, asker, environ, clock, region)
        keys = await getting.keys(found.place)
        return SigV4(keys, region, settings.service or named.service or "bedrock")

    return fetch


class _Named(msgspec.Struct, frozen=True):
    region: str = ""
    service: str = ""


def _of_host(urls: tuple[str, ...]) -> _Named:
    labels = (urlsplit(urls[0]).hostname or "").split(".") if urls else []
    for at, label in enumerate(labels[1:], 1):
        if _REGION.match(label):
            name = labels[at - 1]
            return _Named(label, _SIGNED_AS.get(name, name))
    return _Named()


class _Getting(msgspec.Struct, frozen=True):
    """One fetch."""

    settings: AwsCredentials
    asker: Asker
    environ: Mapping[str, str]
    clock: Clock
    region: str

    async def keys(self, place: Place) -> AwsKeys:
        match place:
            case FixedKeys(keys):
                return keys
            case AssumedRole():
                return await self._assumed(place)
            case WebIdentity():
                return await self._by_web_identity(place)
            case Program():
                said = await keys_of_program(place.command, self.asker, environ=self.environ)
                how = f"keys of the program of AWS profile {place.profile!r}"
                return self._named_keys(said, how)
            case Container():
                return await self._of_container(place)
            case Instance():
                return await self._of_instance(place)

    async def _assumed(self, place: AssumedRole) -> AwsKeys:
        base = await self.keys(place.base)
        form = {
            "Action": "AssumeRole",
            "Version": "2011-06-15",
            "RoleArn": place.role,
            "RoleSessionName": place.session,
            "DurationSeconds": str(place.duration_s),
        }
        if place.external_id:
            form["ExternalId"] = place.external_id
        how = f"AWS role {place.role!r} by {base.how}"
        return await self._of_sts(form, how, signed_by=base)

    async def _by_web_identity(self, place: WebIdentity) -> AwsKeys:
        form = {
            "Action": "AssumeRoleWithWebIdentity",
            "Version": "2011-06-15",
            "RoleArn": place.role,
            "RoleSessionName": place.session,
            # The platform replaces the file now and then.
            "WebIdentityToken": self.asker.file(place.token_file, "the token file").strip(),
        }
        return await self._of_sts(form, f"AWS role {place.role!r} by web identity", signed_by=None)

    async def _of_sts(
        self, form: Mapping[str, str], how: str, *, signed_by: AwsKeys | None
    ) -> AwsKeys:
        url, target = self.asker.url(self._sts_url(), "`sts_url`")
        body = urlencode(form).encode()
        headers: Headers = _FORM
        if signed_by is not None:
            outgoing = Outgoing("POST", url + target, headers, body)
            signer = SigV4(signed_by, self.region, "sts")
            headers += signer.headers(outgoing, now=self.clock.wall())
        answer = await self.asker.ask(TokenAsk(url, target, "POST", headers, body))
        said = {name: _tag(answer.body, name) for name in _FIELDS}
        return self._named_keys(said, how)

    def _sts_url(self) -> str:
        if self.settings.sts_url:
            return self.settings.sts_url
        suffixes = (s for start, s in _SUFFIXES.items() if self.region.startswith(start))
        return f"https://sts.{self.region}.{next(suffixes, 'amazonaws.com')}/"

    async def _of_container(self, place: Container) -> AwsKeys:
        token = place.token
        if place.token_file:
            token = self.asker.file(place.token_file, "the token file").strip()
        headers = (("authorization", token),) if token else ()
        where: MetadataService | str = MetadataService.AWS_CONTAINER
        target = place.path if place.path.startswith("/") else f"/{place.path}"
        if place.url:
            where, target = self._container_url(place.url)
        said = await self.asker.json(TokenAsk(where, target, "GET", headers))
        return self._named_keys(said, "keys of the AWS container")

    def _container_url(self, url: str) -> tuple[MetadataService | str, str]:
        base, target = self.asker.url(url, "AWS_CONTAINER_CREDENTIALS_FULL_URI")
        parts = urlsplit(base)
        service = _SERVICES.get(parts.hostname or "")
        if service is not None and parts.scheme == "http" and parts.port in {None, 80}:
            return service, target
        return base, target

    async def _of_instance(self, place: Instance) -> AwsKeys:
        where = MetadataService.AWS_INSTANCE_V6 if place.v6 else MetadataService.AWS_INSTANCE
        lasts = (("x-aws-ec2-metadata-token-ttl-seconds", "300"),)
        session = await self._line(TokenAsk(where, "/latest/api/token", "PUT", lasts))
        headers = (("x-aws-ec2-metadata-token", session),)
        role = await self._line(TokenAsk(where, _ROLES, "GET", headers))
        said = await self.asker.json(TokenAsk(where, _ROLES + quote(role), "GET", headers))
        return self._named_keys(said, f"AWS role {role!r} of this machine")

    async def _line(self, ask: TokenAsk) -> str:
        lines = (await self.asker.ask(ask)).body.decode("ascii", "replace").split()
        if not lines:
            raise self.asker.rejected("has no credentials: this machine has no AWS role")
        return lines[0]

    def _named_keys(self, said: Mapping[str, Any], how: str) -> AwsKeys:
        key, secret = (self.asker.of(said, name, where=how) for name in _FIELDS[:2])
        token = said.get("SessionToken") or said.get("Token") or ""
        return AwsKeys(key, secret, str(token), moment(said.get("Expiration")), how)


_FIELDS = ("AccessKeyId", "SecretAccessKey", "SessionToken", "Expiration")


def _tag(body: bytes, name: str) -> str:
    # A bounded look for one plain element; nothing of XML is expanded.
    found = re.search(rb"<%s>([^<]*)</%s>" % (name.encode(), name.encode()), body)
    return html.unescape(found[1].decode("utf-8", "replace")).strip() if found else ""
