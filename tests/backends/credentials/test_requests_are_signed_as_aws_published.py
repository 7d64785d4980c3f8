"""Signature Version 4 against AWS' published test suite and worked examples."""

import datetime
from pathlib import Path

import msgspec
import pytest

from aihandler.backends.credentials.credential import BearerToken, Outgoing
from aihandler.backends.credentials.sigv4 import AwsKeys, SigV4, canonical_request

CASES = msgspec.json.decode(
    (Path(__file__).parents[2] / "data" / "wire" / "sigv4.json").read_bytes()
)
SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
AT = datetime.datetime(2015, 8, 30, 12, 36, tzinfo=datetime.UTC).timestamp()


def signed(outgoing, *, keys=None, region="us-east-1", service="service"):
    signer = SigV4(keys or AwsKeys("AKIDEXAMPLE", SECRET), region, service)
    return dict(signer.headers(outgoing, now=AT))


@pytest.mark.parametrize("case", CASES, ids=[c["name"] for c in CASES])
def test_the_published_requests_get_the_published_signatures(case):
    url = f"https://example.amazonaws.com{case['target']}"
    headers = tuple((k, v) for k, v in case["headers"])
    keys = AwsKeys("AKIDEXAMPLE", SECRET, case.get("token", ""))
    added = signed(Outgoing(case["method"], url, headers, case["body"].encode()), keys=keys)
    assert added["x-amz-date"] == "20150830T123600Z"
    assert added["authorization"] == (
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "
        f"SignedHeaders={case['signed_headers']}, Signature={case['signature']}"
    )


def test_the_worked_example_of_the_documentation_is_signed_as_it_says():
    outgoing = Outgoing(
        "GET",
        "https://iam.amazonaws.com/?Action=ListUsers&Version=2010-05-08",
        (("Content-Type", "application/x-www-form-urlencoded; charset=utf-8"),),
    )
    added = signed(outgoing, service="iam")
    assert added["authorization"].endswith(
        "SignedHeaders=content-type;host;x-amz-date, "
        "Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7"
    )
    signer = SigV4(AwsKeys("AKIDEXAMPLE", SECRET), "us-east-1", "iam")
    assert signer._key("20150830").hex() == (
        "c4afb1cc5771d871763a393e44b703571b55cc28424d1a5e86da6ed3c154a4b9"
    )


def test_the_colon_of_a_bedrock_model_is_encoded_once_more():
    path = "/model/anthropic.claude-3-haiku-20240307-v1%3A0/converse"
    text, names = canonical_request(
        Outgoing("POST", f"https://bedrock-runtime.us-east-1.amazonaws.com{path}", (), b"{}")
    )
    assert text.split("\n")[1] == path.replace("%", "%25")
    assert names == "host"


def test_the_port_belongs_to_the_host_and_the_query_is_sorted():
    text, _ = canonical_request(Outgoing("GET", "http://localhost:81/a?b=2&a=x%2Fy&a=1"))
    assert text.split("\n")[1:4] == ["/a", "a=1&a=x%2Fy&b=2", "host:localhost:81"]


def test_another_body_another_path_or_another_day_gives_another_signature():
    base = Outgoing("POST", "https://h.example/p", (("x-amz-a", "1"),), b"{}")
    seen = {signed(base)["authorization"]}
    for change in ({"body": b"{ }"}, {"url": "https://h.example/q"}, {"method": "GET"},
                   {"headers": (("x-amz-a", "2"),)}, {"url": "https://g.example/p"}):  # fmt: skip
        seen.add(signed(msgspec.structs.replace(base, **change))["authorization"])
    assert len(seen) == 6


def test_no_repr_shows_a_key_or_a_token():
    keys = AwsKeys("AKID", SECRET, "session-token", how="AWS keys of the environment")
    token = BearerToken("ya29.secret", None, "Google user")
    shown = repr(keys) + repr(SigV4(keys, "eu-central-1", "bedrock")) + repr(token)
    assert "environment" in shown
    for secret in (SECRET, "session-token", "ya29"):
        assert secret not in shown
