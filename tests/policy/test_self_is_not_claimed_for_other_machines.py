"""`hosting: self` opens every door, so the address has to bear it out."""

import datetime

import msgspec
import pytest
from configurations import LOCAL, VENDOR, configured, task

from aihandler.policy import prove
from aihandler.policy.addresses import host_of, is_own, vendor_hosts, vendor_of


def codes(*urls, **more):
    claimed = msgspec.structs.replace(LOCAL, urls=urls, **more)
    configuration = configured(task("triage", "local", otherwise="review"), deployments=(claimed,))
    return {f.code for f in prove(configuration, today=datetime.date(2026, 10, 1)).errors}


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost:11434/v1",
        "http://127.0.0.1:8000",
        "http://127.8.9.1:8000",
        "http://[::1]:8000",
        "http://10.1.2.3",
        "http://172.16.0.1",
        "http://192.168.1.7:8000",
        "http://100.64.0.9:8000",
        "http://[fd00::1]:8000",
        "http://[::ffff:10.0.0.1]:8000",
        "http://gpu-1:8000/v1",
        "http://vllm.models.svc:8000",
        "http://vllm.models.svc.cluster.local:8000",
        "https://llm.corp.internal",
        "https://box.lan",
        "https://nas.home.arpa",
        "http://HOST.Docker.Internal:1234/v1",
    ],
)
def test_an_address_of_a_private_network_may_be_self(url):
    assert codes(url) == set()


@pytest.mark.parametrize(
    "url",
    [
        "https://llm.example.com/v1",
        "http://8.8.8.8:8000",
        "http://[2606:4700::1111]:8000",
        "http://[::ffff:8.8.8.8]:8000",
        "http://134744072/v1",
        "http://0x08.0x08.0x08.0x08/v1",
        "http://010.8.8.8/v1",
        "https://local.example.com",
        "https://example.com#.local",
        "https://example.com?x=.local",
        "http://localhost@example.com",
    ],
)
def test_a_public_address_needs_an_attestation(url):
    assert codes(url) == {"self-unattested"}
    assert codes(url, attestation="Own cluster; network team, 2026-10-01") == set()


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com\\@localhost",
        "http://exam\tple.com",
        "http://api\u200b.openai.com",
        "http://api%2eopenai.com",
        "http://[not-an-address",
        "http:///v1",
        "localhost:8000",
    ],
)
def test_an_address_that_can_be_read_in_two_ways_is_never_self(url):
    assert codes(url, attestation="It is ours, really") == {"address-unclear"}


def test_only_the_host_of_an_address_is_judged():
    assert codes("http://gpu-1:8000/models/a%20b\\c?x=%2e") == set()


@pytest.mark.parametrize(
    "url",
    [
        "https://api.openai.com/v1",
        "https://eu.api.openai.com/v1",
        "https://API.OpenAI.com./v1",
        "https://api.anthropic.com/v1",
        "https://generativelanguage.googleapis.com/v1beta/openai",
        "https://europe-west1-aiplatform.googleapis.com/v1",
        "https://mine.openai.azure.com/openai",
        "https://bedrock-runtime.eu-central-1.amazonaws.com",
        "https://api.mistral.ai/v1",
        "https://api.groq.com/openai/v1",
        "https://openrouter.ai/api/v1",
        "https://api.together.xyz/v1",
        "https://api.deepseek.com",
        "https://api.fireworks.ai/inference/v1",
        "https://api.cohere.com/v2",
        "https://api.x.ai/v1",
        "https://key@api.openai.com/v1",
        "https://\uff41\uff50\uff49.openai.com/v1",
        "https://api\u3002openai.com/v1",
    ],
)
def test_an_address_of_a_vendor_is_never_self_whatever_is_attested(url):
    assert codes(url, attestation="It is ours, really") == {"self-at-vendor"}


def test_one_vendor_address_among_replicas_is_enough():
    assert codes("http://gpu-1:8000", "https://api.openai.com/v1") == {"self-at-vendor"}


def test_self_without_an_address_is_not_proven():
    assert codes() == {"self-unattested"}


def test_a_vendor_may_be_at_a_vendors_address():
    assert codes("https://api.openai.com/v1", hosting=VENDOR) == set()


def test_a_host_that_only_looks_like_a_vendor_is_none():
    vendors = vendor_hosts()
    assert vendor_of("api.openai.com.internal", vendors) is None
    assert vendor_of("notapi.openai.com", vendors) is None


def test_the_shipped_list_is_in_one_spelling_and_holds_no_own_address():
    for patterns in vendor_hosts().values():
        for pattern in patterns:
            assert pattern == pattern.lower()
            assert not is_own(pattern.replace("*", "x"))
            assert host_of(f"https://{pattern.replace('*', 'x')}/v1") == pattern.replace("*", "x")
