"""Templates out of model files, which anybody may have written."""

import contextlib
import json
import random
import struct
from pathlib import Path

import pytest
from chat_template_cases import chat_template, shipped

from aihandler.backends.chat_templates import (
    ChatTemplate,
    Turn,
    load_template,
    read_gguf,
)
from aihandler.errors import ConfigError

NANO = Path(__file__).parent.parent / "data" / "models" / "nano_q8_0.gguf"
SOURCE = "{% for m in messages %}<|{{ m.role }}|>{{ m.content }}{% endfor %}<|assistant|>"


def test_the_template_of_a_gguf_model_renders() -> None:
    template = read_gguf(NANO)
    chat = ChatTemplate(template, now=_never, monotonic=lambda: 0.0)
    prompt = chat.render([Turn("user", "Hi <|end|>")])
    assert prompt.text == "<|user|>Hi <\u200d|end|><|end|><|assistant|>"
    assert prompt.stop == ("<|end|>",)
    assert "<|pad|>" in template.special_tokens


@pytest.mark.parametrize("order", ["<", ">"])
def test_both_byte_orders_are_read(tmp_path: Path, order: str) -> None:
    template = read_gguf(_file(tmp_path, _gguf(order)))
    assert (template.name, template.source) == ("tiny", SOURCE)
    assert (template.bos_token, template.eos_token) == ("<s>", "</s>")
    assert template.special_tokens == ("<s>", "</s>")


def test_a_file_that_ends_anywhere_in_its_header_is_refused(tmp_path: Path) -> None:
    whole = _gguf()
    for length in range(len(whole) - 1):
        with pytest.raises(ConfigError):
            read_gguf(_file(tmp_path, whole[:length]))


def test_damaged_headers_give_a_template_or_an_error_that_says_so(tmp_path: Path) -> None:
    chance = random.Random(3)
    for _ in range(700):
        damaged = bytearray(_gguf())
        for _ in range(chance.randint(1, 3)):
            damaged[chance.randrange(len(damaged))] = chance.choice((0, 1, 8, 9, 127, 255))
        # Any other error fails the test.
        with contextlib.suppress(ConfigError):
            read_gguf(_file(tmp_path, bytes(damaged)))


@pytest.mark.parametrize("huge", [2**31, 2**62, 2**64 - 1])
def test_lengths_beyond_the_file_are_refused_before_anything_is_read(
    tmp_path: Path, huge: int
) -> None:
    begin = b"GGUF" + struct.pack("<IQQ", 3, 0, 1)
    key = _text("tokenizer.chat_template")
    tokens = _text("tokenizer.ggml.tokens")
    other = _text("other")
    for entry in (
        struct.pack("<Q", huge),
        key + struct.pack("<IQ", 8, huge),
        tokens + struct.pack("<IIQ", 9, 8, huge),
        tokens + struct.pack("<IIQ", 9, 4, huge),
        other + struct.pack("<IIQ", 9, 8, huge),
        other + struct.pack("<IIQ", 9, 9, huge),
        other + struct.pack("<IQ", 8, huge),
    ):
        with pytest.raises(ConfigError):
            read_gguf(_file(tmp_path, begin + entry))
    with pytest.raises(ConfigError):
        read_gguf(_file(tmp_path, b"GGUF" + struct.pack("<IQQ", 3, 0, huge)))


@pytest.mark.parametrize("version", [0, 1, 4])
def test_unknown_versions_are_refused(tmp_path: Path, version: int) -> None:
    with pytest.raises(ConfigError, match=f"version {version}"):
        read_gguf(_file(tmp_path, b"GGUF" + struct.pack("<IQQ", version, 0, 0)))


def test_the_tokens_of_a_configuration_are_known(tmp_path: Path) -> None:
    config = {
        "chat_template": SOURCE,
        "bos_token": {"content": "<s>"},
        "eos_token": "</s>",
        "additional_special_tokens": ["<x1>", {"content": "<x2>"}],
        "added_tokens_decoder": {
            "1": {"content": "<x3>", "special": True},
            "2": {"content": "word", "special": False},
        },
    }
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(config))
    template = load_template(tmp_path)
    assert (template.bos_token, template.eos_token) == ("<s>", "</s>")
    assert template.special_tokens == ("<x1>", "<x2>", "<x3>")


def test_of_several_templates_the_one_for_tools_is_taken(tmp_path: Path) -> None:
    both = [{"name": "default", "template": "a"}, {"name": "tool_use", "template": SOURCE}]
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({"chat_template": both}))
    assert load_template(tmp_path / "tokenizer_config.json").source == SOURCE


def test_a_template_file_goes_before_the_configuration_beside_it(tmp_path: Path) -> None:
    (tmp_path / "chat_template.jinja").write_text(SOURCE)
    (tmp_path / "tokenizer_config.json").write_text('{"chat_template": "old", "eos_token": "</s>"}')
    template = load_template(tmp_path)
    assert (template.source, template.eos_token) == (SOURCE, "</s>")


def test_a_folder_with_one_model_is_that_model(tmp_path: Path) -> None:
    _file(tmp_path, _gguf())
    assert load_template(tmp_path).source == SOURCE


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("tokenizer_config.json", b"{"),
        ("tokenizer_config.json", b"[]"),
        ("tokenizer_config.json", b'{"chat_template": 5}'),
        ("tokenizer_config.json", b'{"chat_template": [{"name": "default"}]}'),
        ("template.jinja", b"\xff\xfe"),
        ("template.txt", b"x"),
        ("model.gguf", b""),
        ("model.gguf", b"GGML"),
    ],
)
def test_files_that_hold_no_template_are_named(tmp_path: Path, name: str, content: bytes) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=name) as caught:
        load_template(path)
    assert caught.value.hint


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    for name in ("a.gguf", "a.jinja", "a.json"):
        with pytest.raises(ConfigError, match=name):
            load_template(tmp_path / name)


def test_an_own_template_and_a_shipped_one_render_alike() -> None:
    turns = [Turn("user", "Hi")]
    own = chat_template(shipped("qwen3-coder").template.source)
    assert own.render(turns).text == shipped("qwen3-coder").render(turns).text


def _never() -> None:  # type: ignore[misc]
    raise AssertionError


def _file(folder: Path, content: bytes) -> Path:
    path = folder / "model.gguf"
    path.write_bytes(content)
    return path


def _text(text: str, order: str = "<") -> bytes:
    raw = text.encode()
    return struct.pack(f"{order}Q", len(raw)) + raw


def _gguf(order: str = "<") -> bytes:
    def pack(form: str, *values: object) -> bytes:
        return struct.pack(order + form, *values)

    def text(value: str) -> bytes:
        return _text(value, order)

    tokens = ["<s>", "</s>", "word"]
    entries = [
        text("general.alignment") + pack("II", 4, 32),
        text("general.flags") + pack("I?", 7, True),
        text("general.name") + pack("I", 8) + text("tiny"),
        text("tokenizer.ggml.scores") + pack("IIQ3f", 9, 6, 3, 0.0, 0.0, 0.0),
        text("tokenizer.ggml.merges") + pack("IIQ", 9, 8, 2) + text("a b") + text("c d"),
        text("tokenizer.ggml.tokens") + pack("IIQ", 9, 8, 3) + b"".join(map(text, tokens)),
        text("tokenizer.ggml.token_type") + pack("IIQ3i", 9, 5, 3, 3, 3, 1),
        text("tokenizer.ggml.bos_token_id") + pack("II", 4, 0),
        text("tokenizer.ggml.eos_token_id") + pack("II", 4, 1),
        text("tokenizer.chat_template") + pack("I", 8) + text(SOURCE),
    ]
    return b"GGUF" + pack("IQQ", 3, 0, len(entries)) + b"".join(entries) + b"\0"
