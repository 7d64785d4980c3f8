"""Google access tokens: which file or machine they come from, and what is sent for them."""

import base64
from urllib.parse import parse_qs

import msgspec
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

from aihandler.backends.http.tokens import MetadataService
from aihandler.domain.deployment import GoogleCredentials
from aihandler.errors import BackendRejected, BackendUnavailable

TOKEN = {"access_token": "ya29.token", "expires_in": 3599, "token_type": "Bearer"}


def part(text):
    return msgspec.json.decode(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))


def give(_):
    return 200, TOKEN


@pytest.fixture
def keyfile(tmp_path):
    def write(**fields):
        path = tmp_path / "google.json"
        path.write_bytes(msgspec.json.encode(fields))
        return GoogleCredentials(str(path))

    return write


def test_a_service_account_signs_for_its_token(fetched, keyfile, key_pem, rsa_key):
    settings = keyfile(
        type="service_account", client_email="bot@p.iam.gserviceaccount.com",
        private_key=key_pem, private_key_id="k1", token_uri="https://oauth2.googleapis.com/token",
    )  # fmt: skip
    token, (ask,) = fetched(settings, give)
    assert (ask.where, ask.target) == ("https://oauth2.googleapis.com", "/token")
    form = parse_qs(ask.body.decode())
    assert form["grant_type"] == ["urn:ietf:params:oauth:grant-type:jwt-bearer"]
    head, claims, signature = form["assertion"][0].split(".")
    assert part(head) == {"alg": "RS256", "typ": "JWT", "kid": "k1"}
    assert part(claims) == {
        "iss": "bot@p.iam.gserviceaccount.com",
        "scope": "https://www.googleapis.com/auth/cloud-platform",
        "aud": "https://oauth2.googleapis.com/token", "iat": 1_700_000_000, "exp": 1_700_003_600,
    }  # fmt: skip
    rsa_key.public_key().verify(
        base64.urlsafe_b64decode(signature + "=="), f"{head}.{claims}".encode(),
        padding.PKCS1v15(), hashes.SHA256(),
    )  # fmt: skip
    assert (token.token, token.expires_at) == ("ya29.token", 1_700_003_599.0)
    assert token.how == "Google service account 'bot@p.iam.gserviceaccount.com'"


@pytest.mark.parametrize("key", ["-----BEGIN SECRET-----", ""])
def test_a_private_key_that_is_none_is_not_shown(fetched, keyfile, key):
    settings = keyfile(type="service_account", client_email="a@b", private_key=key)
    with pytest.raises(BackendRejected, match="private_key") as caught:
        fetched(settings, give)
    assert "BEGIN SECRET" not in str(caught.value) + repr(caught.value.__cause__)


def test_a_person_refreshes_and_says_who_pays(fetched, keyfile):
    settings = keyfile(type="authorized_user", client_id="c", client_secret="s",
                       refresh_token="r", quota_project_id="paying")  # fmt: skip
    token, (ask,) = fetched(settings, give)
    form = {k: v[0] for k, v in parse_qs(ask.body.decode()).items()}
    assert form == {"grant_type": "refresh_token", "client_id": "c", "client_secret": "s",
                    "refresh_token": "r"}  # fmt: skip
    assert token.headers(None, now=0) == (
        ("authorization", "Bearer ya29.token"), ("x-goog-user-project", "paying"),
    )  # fmt: skip


def elsewhere(tmp_path, source, **more):
    (tmp_path / "subject").write_text("subject.token\n")
    (tmp_path / "subject.json").write_text('{"id_token": "subject.json.token"}')
    return {
        "type": "external_account",
        "audience": "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p",
        "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
        "token_url": "https://sts.googleapis.com/v1/token",
        "credential_source": source,
        **more,
    }


def test_another_identity_is_exchanged_by_a_file(fetched, keyfile, tmp_path):
    settings = keyfile(**elsewhere(tmp_path, {"file": str(tmp_path / "subject")}))
    _, (ask,) = fetched(settings, give)
    form = {k: v[0] for k, v in parse_qs(ask.body.decode()).items()}
    assert (ask.where, ask.target) == ("https://sts.googleapis.com", "/v1/token")
    assert form["subject_token"] == "subject.token"
    assert form["grant_type"].endswith("token-exchange")
    assert form["audience"].startswith("//iam.googleapis.com/")


def test_a_subject_token_may_stand_in_json(fetched, keyfile, tmp_path):
    source = {"file": str(tmp_path / "subject.json"),
              "format": {"type": "json", "subject_token_field_name": "id_token"}}  # fmt: skip
    _, (ask,) = fetched(keyfile(**elsewhere(tmp_path, source)), give)
    assert b"subject_token=subject.json.token" in ask.body


def test_a_subject_token_may_come_from_an_address_and_an_account_be_impersonated(
    fetched, keyfile, tmp_path
):
    def reply(ask):
        if ask.method == "GET":
            assert ask.headers == (("authorization", "Bearer ci"),)
            return 200, {"value": "from.url"}
        if "generateAccessToken" in ask.target:
            assert dict(ask.headers)["authorization"] == "Bearer ya29.token"
            return 200, {"accessToken": "ya29.account", "expireTime": "2023-11-14T23:13:20Z"}
        assert b"subject_token=from.url" in ask.body
        return 200, TOKEN

    source = {
        "url": "https://ci.example/oidc?audience=x",
        "headers": {"authorization": "Bearer ci"},
        "format": {"type": "json", "subject_token_field_name": "value"},
    }
    url = "https://iamcredentials.googleapis.com/v1/serviceAccounts/bot@p:generateAccessToken"
    settings = keyfile(**elsewhere(tmp_path, source, service_account_impersonation_url=url))
    token, asks = fetched(settings, reply)
    assert (asks[0].where, asks[0].target) == ("https://ci.example", "/oidc?audience=x")
    assert (token.token, token.expires_at) == ("ya29.account", 1_700_003_600.0)
    assert "'bot@p' by Google workload identity" in token.how


@pytest.mark.parametrize(
    "source",
    [
        {"executable": {"command": "/bin/x"}},
        {"environment_id": "aws1", "url": "http://169.254.169.254"},
        {},
        "x",
    ],
)
def test_programs_and_other_sources_are_refused(fetched, keyfile, tmp_path, source):
    with pytest.raises(BackendRejected, match="neither a file nor an address"):
        fetched(keyfile(**elsewhere(tmp_path, source)), give)


def test_a_file_may_impersonate_an_account(fetched, keyfile):
    def reply(ask):
        if "generateAccessToken" in ask.target:
            return 200, {"accessToken": "ya29.account", "expireTime": "2023-11-14T23:13:20Z"}
        return 200, TOKEN

    person = {
        "type": "authorized_user",
        "client_id": "c",
        "client_secret": "s",
        "refresh_token": "r",
    }
    settings = keyfile(
        type="impersonated_service_account", source_credentials=person,
        service_account_impersonation_url="https://iamcredentials.googleapis.com/v1/x:generateAccessToken",
    )  # fmt: skip
    assert fetched(settings, reply)[0].token == "ya29.account"


def test_without_a_file_a_variable_names_one_and_then_the_tools_own_is_taken(fetched, tmp_path):
    person = {
        "type": "authorized_user",
        "client_id": "c",
        "client_secret": "s",
        "refresh_token": "r",
    }
    (tmp_path / "application_default_credentials.json").write_bytes(msgspec.json.encode(person))
    token, _ = fetched(GoogleCredentials(), give, environ={"CLOUDSDK_CONFIG": str(tmp_path)})
    assert token.how == "Google user"
    environ = {"GOOGLE_APPLICATION_CREDENTIALS": str(tmp_path / "nothing.json")}
    with pytest.raises(BackendRejected, match="cannot be read"):
        fetched(GoogleCredentials(), give, environ=environ)


def test_the_machine_is_asked_last(fetched):
    token, (ask,) = fetched(GoogleCredentials(scope="https://x/y"), give, environ={})
    assert ask.where is MetadataService.GOOGLE
    assert ask.target == (
        "/computeMetadata/v1/instance/service-accounts/default/token?scopes=https%3A%2F%2Fx%2Fy"
    )
    assert ask.headers == (("metadata-flavor", "Google"),)
    assert token.token == "ya29.token"


@pytest.mark.parametrize(
    ("status", "said", "kind", "told"),
    [
        (400, {"error": "invalid_grant", "error_description": "r is bad"}, BackendRejected,
         "HTTP 400, invalid_grant"),
        (403, {"error": {"code": 403, "status": "PERMISSION_DENIED"}}, BackendRejected,
         "PERMISSION_DENIED"),
        (500, {}, BackendUnavailable, "HTTP 500"),
        (200, b"<html>", BackendUnavailable, "no JSON"),
        (200, {"expires_in": 1}, BackendRejected, "lacks 'access_token'"),
    ],
)  # fmt: skip
def test_refusals_are_told_by_their_code(fetched, keyfile, status, said, kind, told):
    settings = keyfile(type="authorized_user", client_id="c", client_secret="s", refresh_token="rr")
    with pytest.raises(kind, match=told) as caught:
        fetched(settings, lambda _: (status, said))
    assert "bad" not in str(caught.value)


def test_a_code_that_repeats_what_was_sent_is_not_told(fetched, keyfile):
    settings = keyfile(type="authorized_user", client_id="c", client_secret="topsecret",
                       refresh_token="rr")  # fmt: skip
    with pytest.raises(BackendRejected) as caught:
        fetched(settings, lambda _: (400, {"error": "topsecret"}))
    assert "topsecret" not in str(caught.value)


@pytest.mark.parametrize("expires", [None, "soon", float("1e400"), 0])
def test_a_token_that_does_not_say_how_long_it_holds_is_renewed_soon(fetched, keyfile, expires):
    settings = keyfile(type="authorized_user", client_id="c", client_secret="s", refresh_token="r")
    said = msgspec.json.encode({"access_token": "t", "expires_in": expires})
    token, _ = fetched(settings, lambda _: (200, said))
    assert token.expires_at == 1_700_000_300.0
