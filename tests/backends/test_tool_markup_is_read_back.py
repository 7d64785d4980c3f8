"""What open models write as plain text: reasoning, words and tool calls, or a refusal to guess."""

import json
import random

import pytest
from chat_template_cases import NAMES, TOOL, records, shipped_origin, tools_of

from aihandler.backends.chat_templates import Tool, ToolCall, shipped_template
from aihandler.backends.chat_templates.markup import (
    MarkupReader,
    ParsedMessage,
    Unreadable,
    families,
    family_of,
    parse,
)

# Where ours differs from llama.cpp's reading, and why.
DIFFERS = {"line 2648": "a code fence around JSON belongs to the answer: validation removes it"}
OBJECT = '{"name": "get_time", "arguments": {"city": "Paris", "count": 3}}'
CALLS = {
    "qwen3_coder": "<tool_call>\n<function=get_time>\n<parameter=city>\nParis\n</parameter>\n"
    "<parameter=count>\n3\n</parameter>\n</function>\n</tool_call>",
    "hermes": f"<tool_call>{OBJECT}</tool_call>",
    "arguments as text": '<tool_call>{"name": "get_time", "arguments": '
    '"{\\"city\\": \\"Paris\\", \\"count\\": 3}"}</tool_call>',
    "nemotron": f"<TOOLCALL>[{OBJECT}]</TOOLCALL>",
    "granite": f"<|tool_call|>[{OBJECT}]",
    "mistral with id": '[TOOL_CALLS]get_time[CALL_ID]abc[ARGS]{"city": "Paris", "count": 3}',
    "lfm": "<|tool_call_start|>[get_time(city='Paris', count=3)]<|tool_call_end|>",
    "minicpm": '<function name="get_time"><param name="city"><![CDATA[Paris]]></param>'
    '<param name="count">3</param></function>',
}
CUT_OR_WRONG = {
    "cut": '<tool_call>{"name": "get_time", "arguments": {"city": "Par',
    "cut after the value": '<tool_call>{"name": "get_time", "arguments": {"city": "Paris"}',
    "no JSON": "<tool_call>{name: get_time}</tool_call>",
    "no name": '<tool_call>{"arguments": {}}</tool_call>',
    "two names": '<tool_call>{"name": "get_time", "function": "x", "arguments": {}}</tool_call>',
    "a tool that was not offered": '<tool_call>{"name": "rm", "arguments": {}}</tool_call>',
    "arguments that are no object": '<tool_call>{"name": "get_time", "arguments": [1]}</tool_call>',
    "text after the call": '<tool_call>{"name": "get_time", "arguments": {}}</tool_call> so',
    "one parameter twice": "<function=get_time><parameter=city>a</parameter>"
    "<parameter=city>b</parameter></function>",
    "a wrong type": "<function=get_time><parameter=count>many</parameter></function>",
    "python that is no literal": "<|tool_call_start|>[get_time(city=open('x'))]<|tool_call_end|>",
    "a lone end of reasoning": "thought</think>answer",
    "not a number": "<|tool_call>call:get_time{count:NaN}<tool_call|>",
    "deep": "<|tool_call>call:get_time{a:" + "[" * 500 + "]" * 500 + "}<tool_call|>",
    "very deep": '<tool_call>{"name": "get_time", "arguments": ' + "[" * 99999,
}


def test_recorded_answers_are_read_as_others_read_them_or_refused() -> None:
    for record in records():
        if record["test"] in DIFFERS or record["asks"] == "inline reasoning":
            continue
        message = parse(record["input"], tools=tools_of(record), start=record["start"])
        expected = record["expected"]
        if isinstance(message, Unreadable):
            assert (
                record["test"] in {"line 2847", "line 5103", "line 6547", "line 6556"}
                or record["asks"]
            )
            continue
        assert message.content == expected["content"]
        assert message.reasoning == expected["reasoning"].strip()
        assert _plain(message.tool_calls) == [
            (call["name"], json.loads(call["arguments"])) for call in expected["tool_calls"]
        ]
        assert [call.id for call in message.tool_calls] == [c["id"] for c in expected["tool_calls"]]


def test_the_share_that_is_read_back_does_not_shrink() -> None:
    read = refused = 0
    for record in records():
        message = parse(record["input"], tools=tools_of(record), start=record["start"])
        refused += isinstance(message, Unreadable)
        read += isinstance(message, ParsedMessage) and _same(message, record["expected"])
    assert (read, refused) == (163, 5)


def test_the_family_of_a_template_reads_its_answers_as_all_families_do() -> None:
    for record in records():
        names = {entry: name for name in NAMES if (entry := shipped_origin(name))}
        if record["template"] not in names:
            continue
        family = family_of(shipped_template(names[record["template"]]).source)
        how = {"tools": tools_of(record), "start": record["start"]}
        one, all_of_them = parse(record["input"], family, **how), parse(record["input"], **how)
        # DeepSeek's template writes calls in its own way; some recorded answers hold Hermes calls.
        if family != "deepseek" or "<tool_call>" not in record["input"]:
            assert one == all_of_them


def test_any_cut_of_a_stream_gives_the_same_message() -> None:
    for number, record in enumerate(records()):
        text, tools, start = record["input"], tools_of(record), record["start"]
        whole = parse(text, tools=tools, start=start)
        chance = random.Random(number)
        cuts = [list(range(1, len(text))), *(_cuts(text, chance) for _ in range(6))]
        for cut in cuts:
            assert _streamed(text, cut, tools=tools, start=start)[0] == whole


def test_any_cut_of_any_mixture_of_marks_gives_the_same_message() -> None:
    marks = [m for f in families().values() for m in (*f.calls, *f.reasoning, *f.silent)]
    marks += [close for f in families().values() for close in f.reasoning.values()]
    marks += [
        "</tool_call>",
        "<|im_end|>",
        "</s>",
        "{",
        '"',
        "}",
        " ",
        "\n",
        "word",
        "<",
        "<|",
        "[",
    ]
    chance = random.Random(7)
    for _ in range(400):
        text = "".join(chance.choices(marks, k=chance.randint(1, 7)))
        family = chance.choice(["auto", *families()])
        whole = parse(text, family, tools=[TOOL])
        cut = list(range(1, len(text)))
        message, shown = _streamed(text, cut, family=family, tools=[TOOL])
        assert message == whole, text
        if isinstance(message, ParsedMessage) and shown:
            assert message.content.startswith(shown)


@pytest.mark.parametrize("family", CALLS)
def test_each_way_of_writing_a_call_gives_the_same_call(family: str) -> None:
    message = parse(f"Let me see.\n{CALLS[family]}", tools=[TOOL])
    assert isinstance(message, ParsedMessage)
    assert message.content == "Let me see."
    assert _plain(message.tool_calls) == [("get_time", {"city": "Paris", "count": 3})]


@pytest.mark.parametrize("case", CUT_OR_WRONG)
def test_what_is_cut_or_wrong_is_refused_and_never_guessed(case: str) -> None:
    message = parse(CUT_OR_WRONG[case], tools=[TOOL])
    assert isinstance(message, Unreadable)
    assert "Paris" not in message.reason


def test_without_tools_on_offer_markup_is_text() -> None:
    text = 'Write <tool_call>{"name": ...}</tool_call> to call a tool.'
    assert parse(text) == ParsedMessage(text)


def test_an_answer_about_reasoning_tags_stays_whole() -> None:
    text = "Models put it between <think> and </think>."
    assert parse(text, tools=[TOOL]) == ParsedMessage(text)


def test_an_answer_without_markup_keeps_every_space() -> None:
    assert parse("  a \n b \n") == ParsedMessage("  a \n b \n")


def test_marks_that_end_a_turn_are_dropped_at_the_end_only() -> None:
    assert parse("a </s> b</s><|im_end|>\n") == ParsedMessage("a </s> b")


def test_numbers_and_texts_of_arguments_stay_as_they_were_written() -> None:
    written = '{"city": "\\u00e9 \\/", "count": 10000000000000000000001}'
    message = parse(
        f'<tool_call>{{"name": "get_time", "arguments": {written}}}</tool_call>', tools=[TOOL]
    )
    assert isinstance(message, ParsedMessage)
    assert message.tool_calls == (ToolCall("get_time", written),)


def test_a_parameter_without_schema_stays_text() -> None:
    text = "<function=f><parameter=x>12</parameter></function>"
    message = parse(text, tools=[Tool("f")])
    assert isinstance(message, ParsedMessage)
    assert message.tool_calls[0].arguments == '{"x": "12"}'


def test_a_parameter_may_hold_its_own_closing_mark() -> None:
    value = "print('</parameter> here')"
    text = f"<function=python><parameter=code>{value}</parameter></function>"
    message = parse(text, tools=[Tool("python", "", {"properties": {"code": {"type": "string"}}})])
    assert isinstance(message, ParsedMessage)
    assert json.loads(message.tool_calls[0].arguments) == {"code": value}


@pytest.mark.parametrize(
    ("text", "calls"),
    [
        (
            '{"name": "get_time", "parameters": {"city": "Paris"}}',
            [("get_time", {"city": "Paris"})],
        ),
        (
            '<|python_tag|>{"name": "get_time", "parameters": {}}; '
            '{"name": "get_time", "parameters": {"count": 1}}<|eom_id|>',
            [("get_time", {}), ("get_time", {"count": 1})],
        ),
        ('{"name": "Ann", "parameters": {"age": 3}}', []),
        ('{"label": "bug"}', []),
    ],
)
def test_llama_3_calls_have_no_mark_and_json_answers_stay_answers(text: str, calls: list) -> None:
    message = parse(text, "llama3", tools=[TOOL])
    assert isinstance(message, ParsedMessage)
    assert _plain(message.tool_calls) == calls
    assert message.content == ("" if calls else text)


def test_bare_json_is_no_call_for_a_family_that_marks_its_calls() -> None:
    text = '{"name": "get_time", "parameters": {}}'
    assert parse(text, tools=[TOOL]) == ParsedMessage(text)


def test_words_and_reasoning_are_shown_while_they_arrive() -> None:
    reader = MarkupReader(tools=[TOOL], start="<think>")
    shown = [
        (d.kind, d.text)
        for p in ("hm", "m</thi", "nk>\n\nHel", "lo <tool", "_call>")
        for d in reader.feed(p)
    ]
    assert shown == [
        ("reasoning", "hm"),
        ("reasoning", "m"),
        ("content", "Hel"),
        ("content", "lo"),
    ]


def test_reasoning_that_was_cut_is_no_complete_message() -> None:
    assert parse("I was still", start="<think>\n") == ParsedMessage(
        "", "I was still", complete=False
    )


def test_long_answers_are_read_in_linear_time() -> None:
    reader = MarkupReader(tools=[TOOL])
    for _ in range(20_000):
        reader.feed("word < ")
    message = reader.end()
    assert isinstance(message, ParsedMessage)
    assert len(message.content) == 140_000


def _streamed(text: str, cut: list[int], **how: object) -> tuple[ParsedMessage | Unreadable, str]:
    reader = MarkupReader(**how)  # type: ignore[arg-type]
    shown = ""
    for begin, end in zip([0, *cut], [*cut, len(text)], strict=True):
        shown += "".join(d.text for d in reader.feed(text[begin:end]) if d.kind == "content")
    return reader.end(), shown


def _cuts(text: str, chance: random.Random) -> list[int]:
    places = range(1, max(len(text), 2))
    return sorted(chance.sample(places, min(len(places), chance.randint(1, 3))))


def _plain(calls: tuple[ToolCall, ...]) -> list[tuple[str, object]]:
    return [(call.name, json.loads(call.arguments)) for call in calls]


def _same(message: ParsedMessage, expected: dict) -> bool:
    try:
        calls = [(c["name"], json.loads(c["arguments"])) for c in expected["tool_calls"]]
    except ValueError:
        return False
    words = message.content, message.reasoning.strip()
    return (*words, _plain(message.tool_calls)) == (
        expected["content"],
        expected["reasoning"].strip(),
        calls,
    )
