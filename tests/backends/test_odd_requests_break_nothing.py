"""A client's request may be anything: it is read, or refused with an error that says so."""

import json

import pytest

from aihandler.backends.formats import FORMATS, codec_of
from aihandler.backends.profiles import load_profiles, profile_for
from aihandler.backends.schema_modes import prepared
from aihandler.domain.deployment import Deployment, Hosting, Model
from aihandler.errors import AIHandlerError, InputError
from backends import full_requests
from backends.odd_places import DROPPED, damaged, places

PROFILES = load_profiles()
FULL = {
    "openai": full_requests.CHAT,
    "completions": full_requests.COMPLETIONS,
    "anthropic": full_requests.MESSAGES,
    "openai-responses": full_requests.RESPONSES,
}
ODD = [None, True, 0, -1, 1.5, "", "x", [], [None], {}, [[]], {"type": {}}, "\ud800", 10**30]
ELSEWHERE = [None, {}, [[]], {"type": {}}]
# What completions take is a prompt, and vertex speaks what gemini speaks.
OTHERS = [backend for backend in FORMATS if backend not in ("completions", "vertex")]


def read(backend, body):
    """The request; None where it was refused. Any other error is a mistake of ours."""
    try:
        return codec_of(backend).read_request(body, {}).request
    except InputError:
        return None


@pytest.mark.parametrize("backend", FULL)
def test_what_is_whole_is_read(backend):
    assert read(backend, json.dumps(FULL[backend]).encode()) is not None


@pytest.mark.parametrize("backend", FULL)
def test_what_is_odd_in_one_place_is_read_or_refused(backend):
    whole = FULL[backend]
    for path in places(whole):
        for put in (*ODD, DROPPED):
            read(backend, json.dumps(damaged(whole, path, put)).encode())


@pytest.mark.parametrize("backend", FULL)
def test_what_is_odd_in_one_place_goes_to_any_format(backend):
    whole = FULL[backend]
    for path in places(whole):
        for put in ELSEWHERE:
            request = read(backend, json.dumps(damaged(whole, path, put)).encode())
            for other in OTHERS if request is not None else ():
                _written(request, other)


def _written(request, backend):
    where = Deployment("d", backend, Model("m-1"), Hosting.SELF)
    profile, codec = profile_for(where, PROFILES), codec_of(backend)
    ready = prepared(request, profile, streamed=False, kind=codec.kind)
    try:
        codec.encode(ready.request, where, profile, streamed=False)
    except AIHandlerError:
        # It has no place for something, and says so.
        return
