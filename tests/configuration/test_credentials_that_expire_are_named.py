"""`credentials` of a deployment: what the file says becomes who asks, and no secret is read."""

from pathlib import Path

from aihandler.config import load
from aihandler.domain.deployment import (
    AwsCredentials,
    AzureCredentials,
    GoogleCredentials,
    Secret,
)

HEAD = "version: 1\ndeployments:\n  d:\n    backend: openai\n    model: m\n    hosting: vendor\n"


def loaded(tmp_path, text):
    url = '    url: "https://models.example/v1"\n'
    (tmp_path / "aihandler.yaml").write_text(f"{HEAD}{url}    credentials: {text}\n")
    return load(tmp_path / "aihandler.yaml").deployments["d"].credentials


def test_one_word_is_the_vendor_with_everything_in_its_usual_place(tmp_path):
    assert loaded(tmp_path, "aws") == AwsCredentials()
    assert loaded(tmp_path, "google") == GoogleCredentials()
    assert loaded(tmp_path, "azure") == AzureCredentials()


def test_a_mapping_narrows_it(tmp_path):
    aws = "{aws: {region: eu-central-1, profile: x, role: 'arn:aws:iam::1:role/r', external_id: e}}"
    assert loaded(tmp_path, aws) == AwsCredentials(
        "eu-central-1", "", "x", "arn:aws:iam::1:role/r", "e"
    )
    azure = "{azure: {tenant: t, client: c, secret: '${AZ}', authority: 'https://login.example'}}"
    assert loaded(tmp_path, azure) == AzureCredentials(
        "t", "c", Secret("env", "AZ"), authority="https://login.example"
    )


def test_files_lie_beside_the_configuration_and_need_not_be_there_yet(tmp_path):
    found = loaded(tmp_path, "{google: {file: secrets/account.json}}")
    assert found == GoogleCredentials(str(tmp_path / "secrets" / "account.json"))


def test_the_example_of_the_reference_is_accepted(tmp_path):
    page = (Path(__file__).parents[2] / "docs" / "configuration.md").read_text()
    section = page.partition("## deployments.NAME.credentials\n")[2]
    text = section.partition("```yaml\n")[2].partition("```")[0]
    (tmp_path / "aihandler.yaml").write_text(text)
    found = load(tmp_path / "aihandler.yaml").deployments
    kinds = {name: type(d.credentials) for name, d in found.items()}
    assert kinds == {
        "claude": AwsCredentials, "gemini": GoogleCredentials, "gpt": AzureCredentials,
    }  # fmt: skip
