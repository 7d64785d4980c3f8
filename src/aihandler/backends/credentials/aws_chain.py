"""Where AWS keys come from: the places, in the order in which AWS' own tools look at them."""

from collections.abc import Mapping

import msgspec

from aihandler.backends.credentials.asking import Asker, set_in
from aihandler.backends.credentials.aws_files import AwsFiles, Profile, read_aws_files
from aihandler.backends.credentials.sigv4 import AwsKeys
from aihandler.domain.deployment import AwsCredentials

SESSION_NAME = "aihandler"


class FixedKeys(msgspec.Struct, frozen=True):
    """Keys that were written down."""

    keys: AwsKeys


class WebIdentity(msgspec.Struct, frozen=True):
    """A role, for the token in a file (Kubernetes service accounts)."""

    role: str
    token_file: str
    session: str = SESSION_NAME


class AssumedRole(msgspec.Struct, frozen=True):
    """A role, for keys from another place."""

    base: "Place"
    role: str
    session: str = SESSION_NAME
    external_id: str = ""
    duration_s: int = 3600


class Program(msgspec.Struct, frozen=True):
    """A program that a profile names; it prints keys."""

    command: str
    profile: str


class Container(msgspec.Struct, frozen=True):
    """The service that ECS and EKS give a container."""

    url: str = ""
    path: str = ""
    token: str = ""
    token_file: str = ""


class Instance(msgspec.Struct, frozen=True):
    """The metadata service of an EC2 machine."""

    v6: bool = False


Place = FixedKeys | WebIdentity | AssumedRole | Program | Container | Instance


class Found(msgspec.Struct, frozen=True):
    """Where keys come from, and the region that the same settings name."""

    place: Place
    region: str


def find_place(settings: AwsCredentials, environ: Mapping[str, str], asker: Asker) -> Found:
    """The first place that is set up. Asks nobody. Raises BackendRejected when there is none."""
    files = read_aws_files(environ, asker)
    name = settings.profile or set_in(environ, "AWS_PROFILE") or "default"
    if name != "default" and not files.has(name):
        raise asker.rejected(
            f"has no credentials: there is no AWS profile {name!r}",
            hint="`aws configure list-profiles` lists them; AWS_CONFIG_FILE names another file",
        )
    chain = _Chain(environ, files, asker, explicit=bool(settings.profile))
    place = chain.place(name)
    if settings.role:
        place = AssumedRole(place, settings.role, external_id=settings.external_id)
    region = set_in(environ, "AWS_REGION") or set_in(environ, "AWS_DEFAULT_REGION")
    of_profile = files.profile(name).get("region", "")
    return Found(place, (of_profile or region) if settings.profile else (region or of_profile))


class _Chain:
    def __init__(
        self, environ: Mapping[str, str], files: AwsFiles, asker: Asker, *, explicit: bool
    ) -> None:
        self._environ = environ
        self._files = files
        self._asker = asker
        # A profile that the configuration names is meant: what the environment says is not.
        self._explicit = explicit

    def place(self, name: str) -> Place:
        found: Place | None = None
        if not self._explicit:
            found = keys_of_environment(self._environ)
        found = found or self._of_profile(name, (), self._explicit)
        if found is not None:
            return found
        if self._explicit:
            raise self._asker.rejected(
                f"has no credentials: the AWS profile {name!r} names none",
                hint="give it keys, a role with `source_profile`, or `credential_process`",
            )
        return self._of_machine()

    def _of_profile(self, name: str, on_the_way: tuple[str, ...], explicit: bool) -> Place | None:
        profile = self._files.profile(name)
        if profile.get("role_arn") and not profile.get("web_identity_token_file"):
            return self._assumed(name, profile, on_the_way)
        if not explicit and (from_environment := self._web_identity()):
            return from_environment
        if profile.get("web_identity_token_file"):
            session = profile.get("role_session_name") or SESSION_NAME
            role = self._asker.of(profile, "role_arn", where=f"the AWS profile {name!r}")
            return WebIdentity(role, profile["web_identity_token_file"], session)
        return self._written(name)

    def _written(self, name: str) -> Place | None:
        if keys := _keys(self._files.credentials.get(name, {}), f"AWS profile {name!r}"):
            return FixedKeys(keys)
        profile = self._files.profile(name)
        if command := profile.get("credential_process"):
            return Program(command, name)
        if keys := _keys(self._files.config.get(name, {}), f"AWS profile {name!r}"):
            return FixedKeys(keys)
        if any(key.startswith("sso_") for key in profile):
            raise self._asker.rejected(
                f"has no credentials: the AWS profile {name!r} signs in by browser (sso)",
                hint="let another profile ask for them: credential_process = aws configure "
                f"export-credentials --profile {name} --format process",
            )
        return None

    def _assumed(self, name: str, profile: Profile, on_the_way: tuple[str, ...]) -> Place:
        if "mfa_serial" in profile:
            raise self._asker.rejected(
                f"has no credentials: the AWS profile {name!r} wants a code typed in (mfa_serial)",
                hint="use a role that needs none, or temporary keys in the environment",
            )
        if name in on_the_way:
            raise self._asker.rejected(
                f"has no credentials: the AWS profile {name!r} is its own source_profile"
            )
        duration = profile.get("duration_seconds", "")
        return AssumedRole(
            self._base(name, profile, (*on_the_way, name)),
            profile["role_arn"],
            profile.get("role_session_name") or SESSION_NAME,
            profile.get("external_id", ""),
            int(duration) if duration.isdecimal() else 3600,
        )

    def _base(self, name: str, profile: Profile, on_the_way: tuple[str, ...]) -> Place:
        source = profile.get("source_profile", "")
        base: Place | None = None
        match source, profile.get("credential_source", ""):
            case "", "Environment":
                base = keys_of_environment(self._environ)
            case "", "Ec2InstanceMetadata":
                base = Instance(_is_v6(self._environ))
            case "", "EcsContainer":
                base = _container(self._environ)
            case str(), "" if source == name:
                # Such a profile has keys of its own, for which the role is asked.
                base = self._written(name)
            case str(), "" if source:
                base = self._of_profile(source, on_the_way, explicit=True)
        if base is None:
            raise self._asker.rejected(
                f"has no credentials: the AWS profile {name!r} names no source for its role",
                hint="give it one of `source_profile` and `credential_source`",
            )
        return base

    def _web_identity(self) -> WebIdentity | None:
        role = set_in(self._environ, "AWS_ROLE_ARN")
        file = set_in(self._environ, "AWS_WEB_IDENTITY_TOKEN_FILE")
        session = set_in(self._environ, "AWS_ROLE_SESSION_NAME") or SESSION_NAME
        return WebIdentity(role, file, session) if role and file else None

    def _of_machine(self) -> Place:
        if container := _container(self._environ):
            return container
        if set_in(self._environ, "AWS_EC2_METADATA_DISABLED").lower() == "true":
            raise self._asker.rejected(
                "has no credentials: no AWS keys are set up, and AWS_EC2_METADATA_DISABLED is true",
                hint="set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or name a profile",
            )
        return Instance(_is_v6(self._environ))


def keys_of_environment(environ: Mapping[str, str]) -> FixedKeys | None:
    """Keys in variables of the environment."""
    access = set_in(environ, "AWS_ACCESS_KEY_ID")
    secret = set_in(environ, "AWS_SECRET_ACCESS_KEY")
    if not access or not secret:
        return None
    token = set_in(environ, "AWS_SESSION_TOKEN")
    return FixedKeys(AwsKeys(access, secret, token, how="AWS keys of the environment"))


def _keys(profile: Profile, how: str) -> AwsKeys | None:
    access, secret = profile.get("aws_access_key_id"), profile.get("aws_secret_access_key")
    if not access or not secret:
        return None
    return AwsKeys(access, secret, profile.get("aws_session_token", ""), how=f"keys of {how}")


def _container(environ: Mapping[str, str]) -> Container | None:
    path = set_in(environ, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI")
    url = set_in(environ, "AWS_CONTAINER_CREDENTIALS_FULL_URI")
    if not path and not url:
        return None
    return Container(
        "" if path else url,
        path,
        set_in(environ, "AWS_CONTAINER_AUTHORIZATION_TOKEN"),
        set_in(environ, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"),
    )


def _is_v6(environ: Mapping[str, str]) -> bool:
    return set_in(environ, "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE").lower() == "ipv6"
