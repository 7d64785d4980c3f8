"""The class of a request is the highest of document, key, task, examples and all that it reads."""

import re

import pytest
from configurations import CONFIDENTIAL, INTERNAL, PUBLIC, RESTRICTED, task

from aihandler.config.file import ConfigFile, KeyKeys
from aihandler.domain.labels import ClassSource
from aihandler.domain.rules import Key
from aihandler.domain.task import Example, Examples
from aihandler.errors import PolicyDenied
from aihandler.policy import labels_for

ROWS = (Example({"text": "a"}, "b"),)


def test_an_unlabelled_document_counts_as_internal():
    assert labels_for(task(), document_class=None).data_class is INTERNAL


def test_a_document_that_says_public_is_public():
    assert labels_for(task(), document_class=PUBLIC).data_class is PUBLIC


@pytest.mark.parametrize(
    "raised",
    [
        {"asked": task(data_class=RESTRICTED)},
        {"asked": task(shots=1, examples=Examples(data_class=RESTRICTED))},
        {"asked": task(examples=Examples(ROWS, data_class=RESTRICTED))},
        {"key": Key("ci", floor=RESTRICTED)},
        {"reads": (ClassSource("step triage", RESTRICTED),)},
        {"reads": (ClassSource("corrections", RESTRICTED), ClassSource("step a", PUBLIC))},
    ],
)
def test_whatever_is_read_raises_the_class(raised):
    asked = raised.pop("asked", task())
    labels = labels_for(asked, document_class=PUBLIC, **raised)
    assert labels.data_class is RESTRICTED
    assert [s for s in labels.sources if s.data_class is RESTRICTED]


def test_examples_that_are_not_there_do_not_count():
    asked = task(examples=Examples(data_class=RESTRICTED))
    assert labels_for(asked, document_class=PUBLIC).data_class is PUBLIC


def test_a_request_above_the_ceiling_of_a_key_is_refused_with_both_names():
    key = Key("ci", ceiling=INTERNAL)
    assert labels_for(task(), document_class=INTERNAL, key=key).data_class is INTERNAL
    with pytest.raises(PolicyDenied, match=r"key 'ci' .* internal.* confidential \(document\)"):
        labels_for(task(), document_class=CONFIDENTIAL, key=key)


def test_the_refusal_says_where_a_ceiling_stands():
    with pytest.raises(PolicyDenied) as refused:
        labels_for(task(), document_class=CONFIDENTIAL, key=Key("ci", ceiling=INTERNAL))
    (place,) = re.findall(r"`(\S+)`", refused.value.hint)
    section, name, key = place.split(".")
    assert name == "ci"
    assert section in ConfigFile.__struct_fields__
    assert key in KeyKeys.__struct_fields__


def test_a_ceiling_also_holds_for_what_the_task_reads():
    key = Key("ci", ceiling=INTERNAL)
    with pytest.raises(PolicyDenied):
        labels_for(task(data_class=CONFIDENTIAL), document_class=PUBLIC, key=key)


def test_who_asks_decides_whose_request_it_is():
    key = Key("ci", tenant="acme")
    assert labels_for(task(), document_class=None, key=key, tenant="other").tenant == "acme"
    assert labels_for(task(), document_class=None, key=Key("ci"), tenant="b").tenant == "b"
