"""The id of a tool call that one provider made is put so that another takes it, and back."""

import json
import re

import pytest
from chat_cases import CHAT, encoded
from hypothesis import given
from hypothesis import strategies as st

from aihandler.backends.call_ids import CallIds, made_call_id
from aihandler.domain.conversation import Message, Request
from aihandler.domain.parts import Text, ToolCall, ToolResult

FORMS = {
    "alnum9": r"[A-Za-z0-9]{9}",
    "max40": r".{1,40}",
    "max64": r".{1,64}",
    "word64": r"[A-Za-z0-9_-]{1,64}",
    "any": r"(?s:.*)",
}
LONG = "toolu_vrtx_" + "x" * 60


@pytest.mark.parametrize("form", FORMS)
@given(ids=st.lists(st.text(max_size=80), unique=True, max_size=8))
def test_every_id_fits_and_comes_back_and_no_two_become_one(form, ids):
    known = CallIds(form, tuple(ids))
    sent = [known.out(call_id) for call_id in ids]
    assert all(re.fullmatch(FORMS[form], call_id) for call_id in sent)
    assert len(set(sent)) == len(ids)
    assert [known.back(call_id) for call_id in sent] == ids
    assert [CallIds(form, tuple(ids)).out(call_id) for call_id in ids] == sent


def test_an_id_that_fits_stays_even_behind_one_that_would_become_it():
    first = CallIds("alnum9", ("foreign-id",)).out("foreign-id")
    ids = CallIds("alnum9", ("foreign-id", first))
    assert ids.out(first) == first
    assert ids.out("foreign-id") != first


def test_a_made_up_id_is_the_same_for_the_same_reply():
    assert made_call_id("a", "1") == made_call_id("a", "1") != made_call_id("a", "2")


@pytest.mark.parametrize(("profile", "form"), [("mistral", "alnum9"), ("openai", "max40")])
def test_call_and_result_keep_together_after_a_fallback(profile, form):
    turns = (
        Message("assistant", (ToolCall(LONG, "f", "{}"), ToolCall("abcDEF123", "g", "{}"))),
        Message("user", (ToolResult(LONG, (Text("1"),)), ToolResult("abcDEF123", (Text("2"),)))),
    )
    called, *answered = encoded(Request("t", turns), profile=profile)[0]["messages"]
    ids = [call["id"] for call in called["tool_calls"]]
    assert ids == [message["tool_call_id"] for message in answered]
    assert all(re.fullmatch(FORMS[form], call_id) for call_id in ids)
    assert ids[1] == "abcDEF123"


def test_a_client_of_the_same_format_sees_its_long_ids_put_right_too():
    call = {"id": LONG, "type": "function", "function": {"name": "f", "arguments": "{}"}}
    sent = {"model": "m", "messages": [{"role": "assistant", "tool_calls": [call]}]}
    request = CHAT.read_request(json.dumps(sent).encode(), {}).request
    assert len(encoded(request)[0]["messages"][0]["tool_calls"][0]["id"]) <= 40
