"""Credentials of the file that expire: as whom a deployment is asked."""

from urllib.parse import urlsplit

from aihandler.config.draft import Draft
from aihandler.config.file import AwsKeys, AzureKeys, CredentialKeys, DeploymentKeys, GoogleKeys
from aihandler.config.places import Path
from aihandler.domain.deployment import (
    AwsCredentials,
    AzureCredentials,
    Credentials,
    GoogleCredentials,
)


def build_credentials(keys: DeploymentKeys, path: Path, draft: Draft) -> Credentials | None:
    """The credentials of a deployment; reads none of them. `path` is that of the key."""
    if keys.credentials is None:
        return None
    if keys.key:
        draft.wrong(path, "has both 'key' and 'credentials'", hint="one of them says who asks")
    match _whole(keys.credentials):
        case CredentialKeys(AwsKeys() as aws, None, None):
            return _aws(aws, (*path, "aws"), draft)
        case CredentialKeys(None, GoogleKeys() as google, None):
            file = str(draft.located(google.file)) if google.file else ""
            return GoogleCredentials(file, google.scope)
        case CredentialKeys(None, None, AzureKeys() as azure):
            return _azure(azure, (*path, "azure"), draft)
    draft.wrong(path, "must have one of aws, google and azure", hint="such as credentials: aws")
    return None


def _whole(keys: str | CredentialKeys) -> CredentialKeys:
    # One word is the vendor with everything left to its usual places.
    match keys:
        case "aws":
            return CredentialKeys(aws=AwsKeys())
        case "google":
            return CredentialKeys(google=GoogleKeys())
        case "azure":
            return CredentialKeys(azure=AzureKeys())
    assert isinstance(keys, CredentialKeys)
    return keys


def _aws(keys: AwsKeys, path: Path, draft: Draft) -> AwsCredentials:
    _must_be_https(keys.sts_url, (*path, "sts_url"), draft)
    if keys.external_id and not keys.role:
        draft.wrong((*path, "external_id"), "an external_id without a role")
    return AwsCredentials(
        keys.region, keys.service, keys.profile, keys.role, keys.external_id, keys.sts_url
    )


def _azure(keys: AzureKeys, path: Path, draft: Draft) -> AzureCredentials:
    _must_be_https(keys.authority, (*path, "authority"), draft)
    proofs = [n for n in ("secret", "certificate", "token_file") if getattr(keys, n)]
    if len(proofs) > 1:
        draft.wrong(
            (*path, proofs[1]), f"has both {proofs[0]!r} and {proofs[1]!r}", hint="keep one"
        )
    return AzureCredentials(
        keys.tenant,
        keys.client,
        draft.secret(keys.secret, (*path, "secret")),
        str(draft.located(keys.certificate)) if keys.certificate else "",
        str(draft.located(keys.token_file)) if keys.token_file else "",
        keys.scope,
        keys.authority,
    )


def _must_be_https(url: str, path: Path, draft: Draft) -> None:
    # Who listens there is given a secret or a proof of who we are.
    try:
        parts = urlsplit(url)
    except ValueError:
        parts = urlsplit("")
    if url and (parts.scheme != "https" or not parts.hostname or "@" in parts.netloc):
        draft.wrong(path, f"{path[-1]} must be an address that begins with https://")
