"""Entra tokens: by secret, certificate, federated token or machine, and what is sent for them."""

import base64
from urllib.parse import parse_qs

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

from aihandler.backends.http.tokens import MetadataService
from aihandler.domain.deployment import AzureCredentials, Secret
from aihandler.errors import BackendRejected, ConfigError

TOKEN = {"access_token": "eyJ.token", "expires_in": 3599, "token_type": "Bearer"}
TENANT, CLIENT = "11111111-2222", "33333333-4444"


def give(_):
    return 200, TOKEN


def form_of(ask):
    return {k: v[0] for k, v in parse_qs(ask.body.decode()).items()}


def test_a_client_shows_its_secret(fetched):
    settings = AzureCredentials(TENANT, CLIENT, Secret("env", "AZ"))
    token, (ask,) = fetched(settings, give, environ={"AZ": "client-secret"})
    assert (ask.where, ask.target) == (
        "https://login.microsoftonline.com", f"/{TENANT}/oauth2/v2.0/token",
    )  # fmt: skip
    assert form_of(ask) == {
        "grant_type": "client_credentials", "client_id": CLIENT, "client_secret": "client-secret",
        "scope": "https://cognitiveservices.azure.com/.default",
    }  # fmt: skip
    assert (token.token, token.expires_at) == ("eyJ.token", 1_700_003_599.0)
    assert token.how == f"Azure client {CLIENT!r} by its secret"


def test_a_secret_without_a_value_names_its_variable(fetched):
    with pytest.raises(ConfigError, match=r"\$\{AZ\}"):
        fetched(AzureCredentials(TENANT, CLIENT, Secret("env", "AZ")), give)


def test_a_client_signs_with_its_certificate(fetched, tmp_path, key_pem, certificate_pem, rsa_key):
    (tmp_path / "c.pem").write_text(key_pem + certificate_pem)
    settings = AzureCredentials(TENANT, CLIENT, certificate=str(tmp_path / "c.pem"))
    _, (ask,) = fetched(settings, give)
    form = form_of(ask)
    assert form["client_assertion_type"].endswith("jwt-bearer")
    assert "client_secret" not in form
    head, claims, signature = form["client_assertion"].split(".")
    decode = lambda text: base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))  # noqa: E731
    print_of = x509.load_pem_x509_certificate(certificate_pem.encode()).fingerprint(hashes.SHA256())
    header = msgspec.json.decode(decode(head))
    assert (header["alg"], decode(header["x5t#S256"])) == ("PS256", print_of)
    said = msgspec.json.decode(decode(claims))
    assert said["aud"] == f"https://login.microsoftonline.com/{TENANT}/oauth2/v2.0/token"
    assert (said["iss"], said["sub"]) == (CLIENT, CLIENT)
    assert said["exp"] - said["nbf"] == 600
    pss = padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=32)
    rsa_key.public_key().verify(
        decode(signature), f"{head}.{claims}".encode(), pss, hashes.SHA256()
    )


def test_a_certificate_file_that_holds_none_is_said_and_not_shown(fetched, tmp_path, key_pem):
    (tmp_path / "c.pem").write_text(key_pem)
    settings = AzureCredentials(TENANT, CLIENT, certificate=str(tmp_path / "c.pem"))
    with pytest.raises(BackendRejected, match="holds no certificate") as caught:
        fetched(settings, give)
    assert "PRIVATE" not in str(caught.value) + repr(caught.value.__cause__)


def test_a_pod_shows_the_token_that_its_platform_renews(fetched, tmp_path):
    (tmp_path / "federated").write_text("pod.token\n")
    environ = {
        "AZURE_TENANT_ID": TENANT, "AZURE_CLIENT_ID": CLIENT,
        "AZURE_FEDERATED_TOKEN_FILE": str(tmp_path / "federated"),
        "AZURE_AUTHORITY_HOST": "https://login.microsoftonline.us/",
    }  # fmt: skip
    _, (ask,) = fetched(AzureCredentials(), give, environ=environ)
    assert ask.where == "https://login.microsoftonline.us"
    assert form_of(ask)["client_assertion"] == "pod.token"


def test_what_the_configuration_names_comes_before_the_environment(fetched, tmp_path):
    (tmp_path / "mine").write_text("my.token")
    settings = AzureCredentials(TENANT, CLIENT, token_file=str(tmp_path / "mine"))
    _, (ask,) = fetched(settings, give, environ={"AZURE_CLIENT_SECRET": "other"})
    assert form_of(ask)["client_assertion"] == "my.token"


def test_a_sovereign_cloud_has_an_authority_and_a_scope_of_its_own(fetched):
    settings = AzureCredentials(
        TENANT, CLIENT, scope="https://cognitiveservices.azure.cn/.default",
        authority="https://login.chinacloudapi.cn",
    )  # fmt: skip
    _, (ask,) = fetched(settings, give, environ={"AZURE_CLIENT_SECRET": "s"})
    assert ask.where == "https://login.chinacloudapi.cn"
    assert form_of(ask)["scope"] == "https://cognitiveservices.azure.cn/.default"


def test_an_app_service_asks_its_own_platform(fetched):
    environ = {"IDENTITY_ENDPOINT": "http://127.0.0.1:41741/msi/token", "IDENTITY_HEADER": "h"}
    said = {"access_token": "t", "expires_on": "1700003600"}
    token, (ask,) = fetched(AzureCredentials(), lambda _: (200, said), environ=environ)
    assert ask.where == "http://127.0.0.1:41741"
    assert ask.target == (
        "/msi/token?api-version=2019-08-01&resource=https%3A%2F%2Fcognitiveservices.azure.com"
    )
    assert ask.headers == (("x-identity-header", "h"),)
    assert token.expires_at == 1_700_003_600.0


def test_a_machine_is_asked_last(fetched):
    _, (ask,) = fetched(AzureCredentials(client=CLIENT), give, environ={})
    assert ask.where is MetadataService.AZURE
    assert ask.target.startswith("/metadata/identity/oauth2/token?api-version=2018-02-01&resource=")
    assert ask.target.endswith(f"&client_id={CLIENT}")
    assert ask.headers == (("metadata", "true"),)


@pytest.mark.parametrize("tenant", ["", "a/b", "a b", "..\r\n", "t\u00e9"])
def test_a_tenant_that_is_no_identifier_never_gets_into_an_address(fetched, tenant):
    settings = AzureCredentials(tenant, CLIENT)
    with pytest.raises(BackendRejected, match="tenant is missing or no identifier"):
        fetched(settings, give, environ={"AZURE_CLIENT_SECRET": "s"})


def test_a_refusal_tells_its_number(fetched):
    words = "AADSTS7000215: Invalid client secret s3cr3t provided."
    said = {"error": "invalid_client", "error_codes": [7000215], "error_description": words}
    with pytest.raises(BackendRejected, match="HTTP 401, AADSTS7000215") as caught:
        fetched(AzureCredentials(TENANT, CLIENT), lambda _: (401, said),
                environ={"AZURE_CLIENT_SECRET": "s3cr3t"})  # fmt: skip
    assert "s3cr3t" not in str(caught.value)
