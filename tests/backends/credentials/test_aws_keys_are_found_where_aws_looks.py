"""Which AWS keys sign: places in the order of AWS' own tools, and what each is asked."""

import sys
from urllib.parse import parse_qs

import pytest

from aihandler.backends.http.tokens import MetadataService
from aihandler.domain.deployment import AwsCredentials
from aihandler.errors import BackendRejected, BackendUnavailable

KEYS = {"AWS_ACCESS_KEY_ID": "AKIDENV", "AWS_SECRET_ACCESS_KEY": "env-secret"}
EU = AwsCredentials(region="eu-central-1")


def sts_answer(action="AssumeRole", access="ASIASTS"):
    return (
        f"<{action}Response><{action}Result><Credentials><AccessKeyId>{access}</AccessKeyId>"
        "<SecretAccessKey>sts/secret+</SecretAccessKey><SessionToken>sts-token==</SessionToken>"
        "<Expiration>2023-11-14T23:13:20Z</Expiration></Credentials></AssumeRoleResult></X>"
    ).encode()


def nobody(ask):
    raise AssertionError(f"{ask.where} was asked")


def of_sts(ask):
    return 200, sts_answer()


def profiles(tmp_path, config="", credentials=""):
    (tmp_path / "config").write_text(config)
    (tmp_path / "credentials").write_text(credentials)
    return {
        "AWS_CONFIG_FILE": str(tmp_path / "config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "credentials"),
    }


OWN = "[default]\naws_access_key_id = AKIDFILE\naws_secret_access_key = file-secret\n"


def test_variables_come_first(fetched, tmp_path):
    environ = {**KEYS, **profiles(tmp_path, credentials=OWN), "AWS_SESSION_TOKEN": "t"}
    signer, _ = fetched(EU, nobody, environ=environ)
    assert (signer.keys.access_key, signer.keys.session_token) == ("AKIDENV", "t")
    assert signer.how == "AWS keys of the environment, for bedrock in eu-central-1"


def test_then_the_default_profile_of_the_files(fetched, tmp_path):
    signer, _ = fetched(EU, nobody, environ=profiles(tmp_path, credentials=OWN))
    assert signer.keys.access_key == "AKIDFILE"


def test_a_profile_that_the_configuration_names_is_taken_before_the_environment(fetched, tmp_path):
    config = "[profile p]\naws_access_key_id=AKIDP\naws_secret_access_key=s\nregion=eu-west-3\n"
    environ = {**KEYS, **profiles(tmp_path, config), "AWS_REGION": "us-east-1"}
    signer, _ = fetched(
        AwsCredentials(profile="p"), nobody, environ=environ, url="https://h.example"
    )
    assert signer.keys.access_key == "AKIDP"
    assert signer.region == "eu-west-3"


def test_a_profile_of_a_variable_is_taken_behind_keys_of_variables(fetched, tmp_path):
    config = "[profile p]\naws_access_key_id=AKIDP\naws_secret_access_key=s\n"
    environ = {**profiles(tmp_path, config), "AWS_PROFILE": "p"}
    assert fetched(EU, nobody, environ=environ)[0].keys.access_key == "AKIDP"
    assert fetched(EU, nobody, environ={**environ, **KEYS})[0].keys.access_key == "AKIDENV"


def test_the_credentials_file_wins_over_the_config_file(fetched, tmp_path):
    config = "[default]\naws_access_key_id=AKIDC\naws_secret_access_key=s\n"
    signer, _ = fetched(EU, nobody, environ=profiles(tmp_path, config, OWN))
    assert signer.keys.access_key == "AKIDFILE"


def test_files_lie_in_the_home_folder(fetched, tmp_path):
    (tmp_path / ".aws").mkdir()
    (tmp_path / ".aws" / "credentials").write_text(OWN)
    signer, _ = fetched(EU, nobody, environ={"HOME": str(tmp_path)})
    assert signer.keys.access_key == "AKIDFILE"


def test_a_role_is_assumed_with_the_keys_of_its_source_profile(fetched, tmp_path):
    config = (
        "[profile base]\naws_access_key_id=AKIDBASE\naws_secret_access_key=s\n"
        "[profile app]\nrole_arn=arn:aws:iam::1:role/app\nsource_profile=base\n"
        "role_session_name=night\nexternal_id=x1\nduration_seconds=900\n"
    )
    settings = AwsCredentials(profile="app", region="eu-central-1")
    signer, (ask,) = fetched(settings, of_sts, environ=profiles(tmp_path, config))
    assert (signer.keys.access_key, signer.keys.secret_key) == ("ASIASTS", "sts/secret+")
    assert signer.keys.session_token == "sts-token=="
    assert signer.expires_at == 1_700_003_600.0
    assert (ask.where, ask.target, ask.method) == (
        "https://sts.eu-central-1.amazonaws.com", "/", "POST",
    )  # fmt: skip
    form = {k: v[0] for k, v in parse_qs(ask.body.decode()).items()}
    assert form == {
        "Action": "AssumeRole", "Version": "2011-06-15", "RoleArn": "arn:aws:iam::1:role/app",
        "RoleSessionName": "night", "ExternalId": "x1", "DurationSeconds": "900",
    }  # fmt: skip
    authorization = dict(ask.headers)["authorization"]
    assert "Credential=AKIDBASE/20231114/eu-central-1/sts/aws4_request" in authorization
    assert "SignedHeaders=content-type;host;x-amz-date" in authorization


def test_roles_can_be_assumed_one_by_the_other(fetched, tmp_path):
    config = (
        "[profile a]\nrole_arn=arn:aws:iam::1:role/a\nsource_profile=b\n"
        "[profile b]\nrole_arn=arn:aws:iam::1:role/b\nsource_profile=c\n"
        "[profile c]\naws_access_key_id=AKIDC\naws_secret_access_key=s\n"
    )
    settings = AwsCredentials(profile="a", region="eu-central-1")
    _, asks = fetched(settings, of_sts, environ=profiles(tmp_path, config))
    roles = [parse_qs(a.body.decode())["RoleArn"][0] for a in asks]
    assert roles == ["arn:aws:iam::1:role/b", "arn:aws:iam::1:role/a"]
    assert dict(asks[1].headers)["x-amz-security-token"] == "sts-token=="


def test_a_circle_of_profiles_is_refused(fetched, tmp_path):
    config = (
        "[profile a]\nrole_arn=arn:aws:iam::1:role/a\nsource_profile=b\n"
        "[profile b]\nrole_arn=arn:aws:iam::1:role/b\nsource_profile=a\n"
    )
    with pytest.raises(BackendRejected, match="its own source_profile"):
        fetched(AwsCredentials(profile="a"), nobody, environ=profiles(tmp_path, config))


def test_a_role_of_the_configuration_is_assumed_on_top_of_what_is_found(fetched):
    settings = AwsCredentials(
        role="arn:aws:iam::2:role/bedrock", external_id="e", region="eu-west-1"
    )
    signer, (ask,) = fetched(settings, of_sts, environ=KEYS)
    form = parse_qs(ask.body.decode())
    assert form["RoleArn"] == ["arn:aws:iam::2:role/bedrock"]
    assert form["ExternalId"] == ["e"]
    assert "Credential=AKIDENV/" in dict(ask.headers)["authorization"]
    assert "role/bedrock' by AWS keys of the environment" in signer.how


def test_a_service_account_of_kubernetes_gets_its_role_unsigned(fetched, tmp_path):
    (tmp_path / "token").write_text("web.identity.token\n")
    environ = {
        "AWS_ROLE_ARN": "arn:aws:iam::1:role/pod",
        "AWS_WEB_IDENTITY_TOKEN_FILE": str(tmp_path / "token"),
        "AWS_ROLE_SESSION_NAME": "pod-7",
    }
    signer, (ask,) = fetched(EU, of_sts, environ=environ)
    form = parse_qs(ask.body.decode())
    assert form["Action"] == ["AssumeRoleWithWebIdentity"]
    assert form["WebIdentityToken"] == ["web.identity.token"]
    assert form["RoleSessionName"] == ["pod-7"]
    assert "authorization" not in dict(ask.headers)
    assert "by web identity" in signer.how


def test_a_profile_may_say_the_same(fetched, tmp_path):
    (tmp_path / "token").write_text("w")
    config = (
        f"[default]\nrole_arn=arn:aws:iam::1:role/p\nweb_identity_token_file={tmp_path / 'token'}\n"
    )
    _, (ask,) = fetched(EU, of_sts, environ=profiles(tmp_path, config))
    assert b"AssumeRoleWithWebIdentity" in ask.body


@pytest.mark.parametrize(
    ("region", "host"),
    [
        ("cn-north-1", "sts.cn-north-1.amazonaws.com.cn"),
        ("eusc-de-east-1", "sts.eusc-de-east-1.amazonaws.eu"),
        ("us-gov-west-1", "sts.us-gov-west-1.amazonaws.com"),
    ],
)
def test_other_partitions_have_a_service_of_their_own(fetched, region, host):
    settings = AwsCredentials(role="arn:aws:iam::2:role/b", region=region)
    _, (ask,) = fetched(settings, of_sts, environ=KEYS)
    assert ask.where == f"https://{host}"


def test_a_container_of_ecs_asks_its_own_service(fetched, tmp_path):
    (tmp_path / "token").write_text("abc\n")
    said = {"AccessKeyId": "ASIAECS", "SecretAccessKey": "s", "Token": "t",
            "Expiration": "2023-11-14T23:13:20Z"}  # fmt: skip
    environ = {
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/v2/credentials/1-2",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": str(tmp_path / "token"),
    }
    signer, (ask,) = fetched(EU, lambda _: (200, said), environ=environ)
    assert (ask.where, ask.target) == (MetadataService.AWS_CONTAINER, "/v2/credentials/1-2")
    assert ask.method == "GET"
    assert ask.headers == (("authorization", "abc"),)
    assert (signer.keys.access_key, signer.expires_at) == ("ASIAECS", 1_700_003_600.0)


@pytest.mark.parametrize(
    ("url", "where", "target"),
    [
        ("http://169.254.170.23/v1/credentials", MetadataService.AWS_POD, "/v1/credentials"),
        ("http://[fd00:ec2::23]/v1/credentials", MetadataService.AWS_POD_V6, "/v1/credentials"),
        ("http://localhost:1234/c?a=b", "http://localhost:1234", "/c?a=b"),
        ("https://vault.example/c", "https://vault.example", "/c"),
    ],
)
def test_the_address_of_a_container_may_be_whole(fetched, url, where, target):
    said = {"AccessKeyId": "ASIA", "SecretAccessKey": "s", "Token": "t"}
    environ = {"AWS_CONTAINER_CREDENTIALS_FULL_URI": url}
    _, (ask,) = fetched(EU, lambda _: (200, said), environ=environ)
    assert (ask.where, ask.target) == (where, target)


def instance(ask):
    assert isinstance(ask.where, MetadataService)
    if ask.target == "/latest/api/token":
        assert ask.method == "PUT"
        return 200, b"session-1"
    assert dict(ask.headers) == {"x-aws-ec2-metadata-token": "session-1"}
    if ask.target.endswith("/security-credentials/"):
        return 200, b"machine-role\n"
    return 200, {"Code": "Success", "AccessKeyId": "ASIAEC2", "SecretAccessKey": "s", "Token": "t",
                 "Expiration": "2023-11-14T23:13:20Z"}  # fmt: skip


def test_a_machine_is_asked_last_and_by_a_session(fetched):
    signer, asks = fetched(EU, instance, environ={})
    assert [a.where for a in asks] == [MetadataService.AWS_INSTANCE] * 3
    assert asks[2].target.endswith("/security-credentials/machine-role")
    assert signer.how.startswith("AWS role 'machine-role' of this machine")


def test_a_machine_can_be_asked_by_its_newer_address(fetched):
    environ = {"AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE": "IPv6"}
    _, asks = fetched(EU, instance, environ=environ)
    assert asks[0].where is MetadataService.AWS_INSTANCE_V6


def test_a_machine_is_not_asked_where_that_is_switched_off(fetched):
    with pytest.raises(BackendRejected, match="no AWS keys are set up") as caught:
        fetched(EU, nobody, environ={"AWS_EC2_METADATA_DISABLED": "true"})
    assert "AWS_ACCESS_KEY_ID" in caught.value.hint


def test_a_program_runs_only_when_a_profile_names_it(fetched, tmp_path):
    program = tmp_path / "keys.py"
    program.write_text(
        "import json, os\nprint(json.dumps({'Version': 1, 'AccessKeyId': os.environ['WHO'],"
        " 'SecretAccessKey': 's', 'SessionToken': 't', 'Expiration': '2023-11-14T23:13:20Z'}))\n"
    )
    config = f"[profile p]\ncredential_process = {sys.executable} {program}\n"
    environ = {**profiles(tmp_path, config), "WHO": "ASIAPROG"}
    signer, _ = fetched(AwsCredentials(profile="p", region="eu-west-1"), nobody, environ=environ)
    assert (signer.keys.access_key, signer.expires_at) == ("ASIAPROG", 1_700_003_600.0)
    assert "program of AWS profile 'p'" in signer.how


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("import sys; print('AKIDSECRET'); sys.exit('AKIDSECRET')", "ended with 1"),
        ("print('AKIDSECRET')", "printed no keys"),
        ("print('{\"Version\": 1}')", "lacks 'AccessKeyId'"),
        ("print('x' * 200000)", "ended with -1"),
    ],
)
def test_a_program_that_fails_shows_nothing_of_what_it_said(fetched, tmp_path, text, told):
    (tmp_path / "keys.py").write_text(text)
    config = f"[profile p]\ncredential_process = {sys.executable} {tmp_path / 'keys.py'}\n"
    with pytest.raises(BackendRejected, match=told) as caught:
        fetched(AwsCredentials(profile="p", region="eu-west-1"), nobody,
                environ=profiles(tmp_path, config))  # fmt: skip
    assert "AKIDSECRET" not in repr(vars(caught.value)) + str(caught.value)


def test_a_program_that_cannot_be_run_is_refused(fetched, tmp_path):
    config = "[profile p]\ncredential_process = /nowhere/keys\n"
    with pytest.raises(BackendRejected, match="cannot be run"):
        fetched(AwsCredentials(profile="p", region="eu-west-1"), nobody,
                environ=profiles(tmp_path, config))  # fmt: skip


@pytest.mark.parametrize(
    ("config", "told"),
    [
        ("[profile p]\nregion=eu-west-1\n", "names none"),
        ("[profile p]\nsso_session=x\n", "signs in by browser"),
        ("[profile p]\nrole_arn=a\nsource_profile=q\nmfa_serial=x\n[profile q]\n", "typed in"),
        ("[profile p]\nrole_arn=a\n", "no source for its role"),
        ("[profile q]\n", "there is no AWS profile 'p'"),
        ("secret-line-without-section\n", "is no file of profiles"),
    ],
)
def test_a_named_profile_that_gives_no_keys_is_refused_and_nothing_else_is_tried(
    fetched, tmp_path, config, told
):
    environ = {**KEYS, **profiles(tmp_path, config)}
    with pytest.raises(BackendRejected, match=told) as caught:
        fetched(AwsCredentials(profile="p", region="eu-west-1"), nobody, environ=environ)
    assert caught.value.hint
    assert "secret-line" not in str(caught.value) + repr(caught.value.__cause__)


@pytest.mark.parametrize(
    ("host", "region", "service"),
    [
        ("bedrock-runtime.eu-central-1.amazonaws.com", "eu-central-1", "bedrock"),
        ("bedrock-runtime-fips.us-gov-west-1.amazonaws.com", "us-gov-west-1", "bedrock"),
        ("bedrock-runtime.cn-north-1.amazonaws.com.cn", "cn-north-1", "bedrock"),
        ("bedrock-mantle.us-east-1.api.aws", "us-east-1", "bedrock-mantle"),
        ("runtime.sagemaker.ap-southeast-2.amazonaws.com", "ap-southeast-2", "sagemaker"),
        ("vpce-1.bedrock-runtime.us-east-1.vpce.amazonaws.com", "us-east-1", "bedrock"),
        ("gateway.example", "sa-east-1", "bedrock"),
    ],
)
def test_region_and_service_are_read_from_the_host(fetched, host, region, service):
    environ = {**KEYS, "AWS_DEFAULT_REGION": "sa-east-1"}
    signer, _ = fetched(AwsCredentials(), nobody, environ=environ, url=f"https://{host}")
    assert (signer.region, signer.service) == (region, service)


def test_what_the_configuration_says_of_both_holds(fetched):
    settings = AwsCredentials(region="eu-west-1", service="execute-api")
    signer, _ = fetched(settings, nobody, environ=KEYS)
    assert (signer.region, signer.service) == ("eu-west-1", "execute-api")


def test_no_region_at_all_is_said(fetched):
    with pytest.raises(BackendRejected, match="no AWS region") as caught:
        fetched(AwsCredentials(), nobody, environ=KEYS, url="https://gateway.example")
    assert "region" in caught.value.hint


@pytest.mark.parametrize(
    ("status", "kind"), [(403, BackendRejected), (400, BackendRejected), (429, BackendUnavailable),
                         (503, BackendUnavailable), (302, BackendRejected)],
)  # fmt: skip
def test_a_refusal_tells_its_code_and_not_its_words(fetched, status, kind):
    body = b"<ErrorResponse><Error><Code>AccessDenied</Code><Message>for AKIDENV</Message></Error>"
    settings = AwsCredentials(role="arn:aws:iam::2:role/b", region="eu-west-1")
    with pytest.raises(kind, match=rf"HTTP {status}, AccessDenied") as caught:
        fetched(settings, lambda _: (status, body), environ=KEYS)
    assert "AKIDENV" not in str(caught.value)
    assert "sts.eu-west-1.amazonaws.com" in str(caught.value)


def test_an_answer_without_keys_is_refused(fetched):
    settings = AwsCredentials(role="arn:aws:iam::2:role/b", region="eu-west-1")
    with pytest.raises(BackendRejected, match="lacks 'AccessKeyId'"):
        fetched(settings, lambda _: (200, b"<html>"), environ=KEYS)
