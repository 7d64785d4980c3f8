from judging import judged

from aihandler.domain.conversation import message
from aihandler.domain.task import JsonOutput, LabelOutput
from aihandler.validation import Validator, reask

ASKED = (message("system", "Answer in JSON."), message("user", "How much?"))
SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}


def test_the_reply_and_its_errors_are_added():
    reply = '{"n": "many"}'

    messages = reask(ASKED, reply, judged(reply, SCHEMA), JsonOutput(SCHEMA))

    assert messages[:2] == ASKED
    assert [m.role for m in messages] == ["system", "user", "assistant", "user"]
    assert messages[2].text == reply
    assert "at /n: must be of type integer" in messages[3].text


def test_a_long_reply_and_many_errors_stay_short():
    schema = {"type": "array", "items": {"type": "string"}}
    reply = "[" + "1," * 20_000 + "1]"

    messages = reask(ASKED, reply, judged(reply, schema), JsonOutput(schema))

    assert len(messages[2].text) < 9_000
    assert len(messages[3].text) < 5_000


def test_labels_are_named_again():
    output = LabelOutput(("yes", "no"))
    verdict = Validator(output).check("perhaps", finish="stop", source="")

    assert "yes, no" in reask(ASKED, "perhaps", verdict, output)[-1].text


def test_an_invented_value_is_called_one():
    output = JsonOutput(SCHEMA, grounded=("/n",))
    verdict = Validator(output).check('{"n": 7}', finish="stop", source="eight")

    text = reask(ASKED, '{"n": 7}', verdict, output)[-1].text
    assert "at /n: is not in the source" in text
    assert "never make one up" in text
