"""`aihandler doctor` says for each deployment whether its credentials can be had."""

from pathlib import Path

import pytest

from cli.commands import Command

CLOUD = """
version: 1
deployments:
  cloud:
    backend: openai
    model: m
    url: "https://bedrock-runtime.eu-central-1.amazonaws.com/openai/v1"
    hosting: managed
    region: eu
    credentials: {aws: {profile: work}}
tasks:
  note: {output: {text: true}, candidates: [cloud]}
"""


@pytest.fixture
def profile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "aihandler.yaml").write_text(CLOUD)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "keys"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    return tmp_path / "keys"


def test_what_is_found_is_named_and_not_shown(profile: Path, aihandler: Command) -> None:
    profile.write_text("[work]\naws_access_key_id=AKIDCANARY\naws_secret_access_key=s3cr3t\n")
    found = aihandler("doctor")
    assert found.code == 0
    assert "is not asked here; keys of AWS profile 'work', for bedrock in eu-central-1" in found.out
    assert "s3cr3t" not in found.out + found.err
    assert "AKIDCANARY" not in found.out + found.err


def test_credentials_that_cannot_be_had_are_an_error(profile: Path, aihandler: Command) -> None:
    found = aihandler("doctor")
    assert found.code == 1
    expected = (
        "error    deployment cloud: deployment 'cloud' has no credentials: there is no AWS profile"
    )
    assert expected in found.out
    assert "list-profiles" in found.out


def test_a_secret_that_is_not_set_makes_its_deployment_unavailable(
    profile: Path, aihandler: Command, tmp_path: Path
) -> None:
    azure = "credentials: {azure: {tenant: t, client: c, secret: '${NOT_SET_ANYWHERE}'}}"
    text = CLOUD.replace("credentials: {aws: {profile: work}}", azure)
    (tmp_path / "aihandler.yaml").write_text(text)
    found = aihandler("doctor")
    assert "is not asked: no value for ${NOT_SET_ANYWHERE}" in found.out
