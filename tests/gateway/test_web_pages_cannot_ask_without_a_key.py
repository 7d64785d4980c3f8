"""`--insecure-local`: whoever runs a browser on this machine does not ask for every web page."""

import pytest

from aihandler.errors import Refused
from aihandler.gateway.admission import Everyone

HERE = [
    {},
    {"host": "localhost"},
    {"host": "LOCALHOST:8080"},
    {"host": "127.0.0.1:8080"},
    {"host": "127.8.9.1"},
    {"host": "[::1]:8080"},
    {"host": "app.localhost:80"},
    {"host": "localhost:8080", "origin": "http://localhost:3000"},
    {"host": "127.0.0.1:8080", "origin": "https://[::1]"},
]
ELSEWHERE = [
    {"host": "evil.example"},
    {"host": "evil.example:8080"},
    {"host": "127.0.0.1.evil.example"},
    {"host": "localhost.evil.example:8080"},
    {"host": "localhost:8080, evil.example"},
    {"host": "evil.example@localhost"},
    {"host": "localhost", "origin": "https://evil.example"},
    {"host": "localhost", "origin": "http://localhost.evil.example"},
    {"host": "localhost", "origin": "null"},
    {"host": "localhost", "origin": ""},
    {"host": "localhost", "sec-fetch-site": "cross-site"},
]


@pytest.mark.parametrize("headers", HERE, ids=str)
def test_programs_of_this_machine_come_in(headers):
    assert Everyone().admit(headers).name == "everyone"


@pytest.mark.parametrize("headers", ELSEWHERE, ids=str)
def test_pages_of_others_do_not(headers):
    with pytest.raises(Refused, match="insecure-local") as refused:
        Everyone().admit(headers)
    assert refused.value.http_status == 403
    assert "aihandler keys create" in refused.value.hint
