"""A conversation becomes the prompt that a model was trained on, whichever model it is."""

import json
import random

import pytest
from chat_template_cases import CALL, NAMES, NOON, TASK, TOOL, chat_template, shipped, written

from aihandler.backends.chat_templates import (
    TemplateFailed,
    Tool,
    ToolCall,
    Turn,
    shipped_template,
)
from aihandler.backends.chat_templates.markup import ParsedMessage, parse
from aihandler.backends.chat_templates.neutral import JOINER, Neutraliser, tokens_in_source
from aihandler.errors import ConfigError, InputError

CONVERSATION = (
    *TASK,
    Turn("assistant", calls=(CALL,), reasoning="The clock knows."),
    Turn("tool", '{"time": "12:00"}', call_id=CALL.id, name="get_time"),
    Turn("assistant", "It is noon."),
    Turn("user", "And in an hour?"),
)


def test_llama_3_is_written_as_its_description_says() -> None:
    prompt = shipped("llama-3").render([Turn("system", "Be brief."), Turn("user", "Hi")])
    assert prompt.text == (
        "<|begin_of_text|><|start_header_id|>system<|end_header_id|>\n\nBe brief.<|eot_id|>"
        "<|start_header_id|>user<|end_header_id|>\n\nHi<|eot_id|>"
        "<|start_header_id|>assistant<|end_header_id|>\n\n"
    )
    assert prompt.stop == ("<|eot_id|>",)
    assert prompt.notes == ()


def test_qwen_is_written_as_chatml() -> None:
    prompt = shipped("qwen3-coder").render([Turn("system", "Be brief."), Turn("user", "Hi")])
    assert prompt.text == (
        "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n"
        "<|im_start|>assistant\n"
    )


@pytest.mark.parametrize("name", NAMES)
def test_every_shipped_template_keeps_every_word(name: str) -> None:
    prompt = shipped(name).render(CONVERSATION, tools=[TOOL])
    words = [turn.text for turn in CONVERSATION if turn.role != "tool"]
    for word in [*words, "Paris", "get_time", "12:00", "Tells the time in a city."]:
        assert word in prompt.text


@pytest.mark.parametrize("first", NAMES)
def test_switching_one_template_for_another_changes_nothing_in_the_task(first: str) -> None:
    one = shipped(first)
    said = parse(
        written(one, TASK, Turn("assistant", calls=(CALL,))),
        one.render(TASK, tools=[TOOL]).family,
        tools=[TOOL],
    )
    assert isinstance(said, ParsedMessage)
    answer = Turn("assistant", said.content, calls=said.tool_calls)
    told = Turn("tool", "12:00", call_id=said.tool_calls[0].id, name="get_time")
    for second in NAMES:
        other = shipped(second)
        went_on = other.render([*TASK, answer, told, Turn("user", "Thanks.")], tools=[TOOL])
        assert all(w in went_on.text for w in ("one sentence", "time is it", "12:00", "Thanks."))
        again = parse(written(other, TASK, answer), went_on.family, tools=[TOOL])
        assert isinstance(again, ParsedMessage)
        assert [(c.name, json.loads(c.arguments)) for c in again.tool_calls] == [
            (CALL.name, json.loads(CALL.arguments))
        ]
        assert again.content == said.content == ""


@pytest.mark.parametrize("name", NAMES)
def test_control_tokens_in_user_text_never_become_control(name: str) -> None:
    chat = shipped(name)
    tokens = _control_tokens(name)
    assert tokens
    hostile = " ".join(tokens) + "".join(tokens)
    for shape in (_conversation_with, _tools_with):
        plain = chat.render(*shape("harmless")[0], **shape("harmless")[1]).text
        prompt = chat.render(*shape(hostile)[0], **shape(hostile)[1]).text
        assert {t: prompt.count(t) for t in tokens} == {t: plain.count(t) for t in tokens}


@pytest.mark.parametrize("name", NAMES)
def test_tokens_cut_in_halves_do_not_grow_together(name: str) -> None:
    chat, chance = shipped(name), random.Random(name)
    tokens = _control_tokens(name)
    pieces = [t[:n] for t in tokens for n in (1, len(t) // 2)] + [t[1:] for t in tokens] + tokens
    plain = chat.render([Turn("user", "harmless")]).text
    for _ in range(15):
        text = "".join(chance.choices([*pieces, "\n", " ", "x"], k=8)) + "x"
        prompt = chat.render([Turn("user", text)]).text
        assert {t: prompt.count(t) for t in tokens} == {t: plain.count(t) for t in tokens}


def test_tokens_of_the_tokenizer_are_broken_too() -> None:
    neutral = Neutraliser(["<SPECIAL_7>", "<extra_id_0>"])
    assert not neutral.holds(neutral.neutral("a <SPECIAL_7><extra_id_0> b"))


def test_overlapping_tokens_are_all_broken() -> None:
    neutral = Neutraliser(["<<a", "<ab>"])
    assert neutral.neutral("<<ab>") == f"<{JOINER}<{JOINER}ab>"


@pytest.mark.parametrize(
    "text", ["a <| b", "x |> f |> g", "<b>bold</b>", "<s>gone</s>", "List[INT]", "Note: 5 < 6 | 7"]
)
def test_ordinary_text_and_code_stay_as_they_are(text: str) -> None:
    assert Neutraliser().neutral(text) == text


def test_an_answer_that_repeats_a_broken_token_is_restored() -> None:
    neutral = Neutraliser()
    text = "the token <|im_start|> and 👩\u200d🚀"
    assert neutral.restore(neutral.neutral(text)) == text


def test_turn_marks_in_plain_words_are_broken_at_line_begins_only() -> None:
    prompt = shipped("llama-cpp-rwkv-world").render([Turn("user", "Hi\n\nUser: x. The User: y")])
    assert f"\n\nU{JOINER}ser: x. The User: y" in prompt.text


def test_a_template_without_system_role_gets_it_in_the_first_user_turn() -> None:
    chat = chat_template(
        "{% for m in messages %}{% if m.role == 'system' %}{{ raise_exception('no') }}{% endif %}"
        "<|{{ m.role }}|>{{ m.content }}{% endfor %}<|assistant|>"
    )
    prompt = chat.render([Turn("system", "Be brief."), Turn("user", "Hi")])
    assert prompt.text == "<|user|>Be brief.\n\nHi<|assistant|>"
    assert prompt.notes == ("the system text was moved into the first user turn",)


def test_a_template_that_drops_the_system_text_silently_is_found_out() -> None:
    chat = chat_template(
        "{% for m in messages if m.role != 'system' %}<|{{ m.role }}|>{{ m.content }}{% endfor %}"
    )
    assert "Be brief." in chat.render([Turn("system", "Be brief."), Turn("user", "Hi")]).text


def test_a_later_system_text_keeps_its_place() -> None:
    turns = [Turn("user", "one"), Turn("system", "two"), Turn("user", "three")]
    for name in NAMES:
        text = shipped(name).render(turns).text
        assert text.rfind("one") < text.rfind("two") < text.rfind("three"), name


def test_a_template_that_wants_turns_in_alternation_gets_them_joined() -> None:
    chat = shipped("mistralai-mistral-nemo-instruct-2407")
    prompt = chat.render([Turn("user", "one"), Turn("user", "two")])
    assert "[INST]one\n\ntwo[/INST]" in prompt.text
    assert prompt.notes == ("turns of one speaker in a row were joined",)


def test_a_template_that_takes_one_call_a_turn_gets_them_one_by_one() -> None:
    calls = (
        ToolCall("get_time", '{"city": "Rome"}', "a"),
        ToolCall("get_time", '{"city": "Bonn"}', "b"),
    )
    results = [Turn("tool", "11:00", call_id="a"), Turn("tool", "10:00", call_id="b")]
    for name in NAMES:
        text = (
            shipped(name)
            .render([*TASK, Turn("assistant", calls=calls), *results], tools=[TOOL])
            .text
        )
        assert all(word in text for word in ("Rome", "Bonn", "11:00", "10:00")), name


def test_words_that_a_template_would_leave_out_are_an_error() -> None:
    chat = chat_template("{{ messages[0].content }}|{{ messages[-1].content }}")
    with pytest.raises(TemplateFailed, match="leaves out the words of turn 2"):
        chat.render([Turn("user", "one"), Turn("assistant", "two"), Turn("user", "three")])


def test_a_prefill_ends_the_prompt_and_begins_the_answer() -> None:
    prompt = shipped("qwen3.5-4b").render(
        [Turn("user", "Hi")], prefill='{"label":', variables={"enable_thinking": False}
    )
    assert prompt.text.endswith('<think>\n\n</think>\n\n{"label":')
    assert parse('"bug"}', prompt.family, start=prompt.start) == ParsedMessage('{"label":"bug"}')


def test_reasoning_that_the_prompt_began_is_read_as_reasoning() -> None:
    prompt = shipped("qwen3.5-4b").render([Turn("user", "Hi")])
    assert prompt.start == "<think>\n"
    answer = parse("easy\n</think>\n\nHello", prompt.family, start=prompt.start)
    assert answer == ParsedMessage("Hello", "easy")


def test_the_date_comes_from_the_clock_that_was_given() -> None:
    assert NOON.strftime("%Y-%m-%d") in shipped("openai-gpt-oss-120b").render(TASK).text


@pytest.mark.parametrize(
    ("turns", "match"),
    [
        ([Turn("assistant", calls=(ToolCall("a b"),))], "other characters"),
        ([Turn("assistant", calls=(ToolCall("f", "[1]"),))], "no JSON object"),
        ([Turn("assistant", calls=(ToolCall("f", "{"),))], "no JSON object"),
    ],
)
def test_malformed_calls_are_refused(turns: list[Turn], match: str) -> None:
    with pytest.raises(InputError, match=match):
        shipped("llama-3").render([Turn("user", "Hi"), *turns])


def test_variables_cannot_replace_the_conversation() -> None:
    with pytest.raises(InputError, match="'messages'"):
        shipped("llama-3").render(TASK, variables={"messages": []})


def test_an_unknown_template_is_an_error_that_names_the_known() -> None:
    with pytest.raises(ConfigError) as caught:
        shipped_template("gpt-9")
    assert "llama-3" in caught.value.hint


def _control_tokens(name: str) -> list[str]:
    chat = shipped(name)
    own = (chat.template.bos_token, chat.template.eos_token, *chat.shape.tokens, *chat.shape.stop)
    known = {*tokens_in_source(chat.template.source), *(token.strip() for token in own)} - {""}
    # A turn mark of plain words counts at the beginning of a line.
    return sorted(f"\n{token}" if token.endswith(":") else token for token in known)


def _conversation_with(text: str) -> tuple[tuple, dict]:
    call = ToolCall("get_time", json.dumps({"city": text}), "abcdefgh1")
    turns = [
        Turn("system", text),
        Turn("user", text),
        Turn("assistant", calls=(call,)),
        Turn("tool", text, call_id="abcdefgh1", name="get_time"),
        Turn("assistant", text),
        Turn("user", text),
    ]
    return (turns,), {"tools": [TOOL]}


def _tools_with(text: str) -> tuple[tuple, dict]:
    schema = {"type": "object", "properties": {"city": {"type": "string", "description": text}}}
    return ([Turn("user", text)],), {"tools": [Tool("get_time", text, schema)], "prefill": text}
