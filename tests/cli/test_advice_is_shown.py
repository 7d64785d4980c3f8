import msgspec

from cli.commands import Command


def test_the_demo_lists_what_was_assumed_before_any_verdict(aihandler: Command) -> None:
    ran = aihandler("advise", "--demo")
    assert ran.code == 0, ran.err
    assert ran.out.index("Assumed") < ran.out.index("documents: not enough evidence")
    assert "triage: self host" in ran.out
    assert "own machines stay cheaper from" in ran.out
    assert "contradict each other" in ran.out


def test_advice_is_data_too(aihandler: Command) -> None:
    ran = aihandler("advise", "--demo", "--json")
    told = msgspec.json.decode(ran.out)
    assert told["advice"]["tasks"]["code"]["verdict"]["outcome"] == "stay_closed"


def test_without_a_profile_the_two_ways_are_named(aihandler: Command) -> None:
    ran = aihandler("advise")
    assert ran.code == 2
    assert "--demo" in ran.err


def test_a_month_that_is_none_is_refused(aihandler: Command) -> None:
    ran = aihandler("advise", "--demo", "--ledger", "october")
    assert ran.code == 2
    assert "202610" in ran.err
