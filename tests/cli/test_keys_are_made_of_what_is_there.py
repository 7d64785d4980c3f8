"""`aihandler keys create` refuses rights that nothing has: they would be found out much later."""

import pytest

from aihandler.config.configuration import Configuration, LedgerSettings
from aihandler.domain.api_key import ROUTES
from aihandler.gateway.admission import Everyone
from aihandler.gateway.app import Gateway
from aihandler.gateway.serving import Serving
from aihandler.testing import FakeClock
from cli.commands import CONFIGURATION, fill, here


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(fill(tmp_path, CONFIGURATION + "aliases: {gpt-4o: gpt, invoices: total}\n"))
    return here(capsys)


@pytest.mark.parametrize(
    ("right", "told"),
    [
        (("--task", "totl"), ["no task 'totl'", "'total'"]),
        (("--task", "gpt"), ["--task model/gpt"]),
        (("--task", "gpt-4o"), ["alias", "--task model/gpt"]),
        (("--task", "invoices"), ["alias", "--task total"]),
        (("--deployment", "claude"), ["no deployment 'claude'", "'gpt'"]),
        (("--route", "/v1/chat"), ["no route '/v1/chat'", "'/v1/messages'"]),
        (("--floor", "restricted", "--ceiling", "public"), ["floor", "'restricted'", "'public'"]),
        (("--team", "a\nb"), ["no name"]),
    ],
)
def test_a_right_that_nothing_has_is_refused_with_what_there_is(run, right, told):
    refused = run("keys", "create", "ci", *right)
    assert refused.code == 2
    assert all(word in refused.err for word in told), refused.err
    assert run("keys", "create", "ci", "--task", "total", "--task", "model/gpt").code == 0


def test_the_first_key_makes_the_ledger_only_when_it_is_made(run, tmp_path):
    assert run("keys", "create", "ci", "--task", "nothing").code == 2
    assert not (tmp_path / ".aihandler").exists()


def test_of_many_keys_a_few_are_named(run):
    for number in range(22):
        run("keys", "create", f"service-{number:02}")
    told = run("kill", "key", "nobody")
    assert told.code == 1
    assert "'service-19' and 2 more" in told.err


def test_keys_may_name_every_route_of_the_gateway_and_no_other():
    empty = Configuration("x", ".", LedgerSettings(""))
    app = Gateway(Serving(empty, _Nothing(), clock=FakeClock()), Everyone())
    assert {path for _, path in app._routes} | {"/v1/calls"} == set(ROUTES)


class _Nothing:
    """An engine that is not asked."""

    run_call = stream_call = new_id = set_apart = apart = None
